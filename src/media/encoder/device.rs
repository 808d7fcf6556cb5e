//! Which device an element is for.
//!
//! Plugins for hardware register one element per device. The first has the plain name, as
//! `vah264enc`; the others carry their device in it, as `varenderD129h264enc`.

use std::path::{Path, PathBuf};

use gst::prelude::*;

use super::DeviceFamily;
use crate::media::Device;

/// What an element's name says of its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NamedDevice {
    /// Nothing: the first, or the only one.
    First,
    /// CUDA's number of the card.
    Gpu(u32),
    /// The file name of a device node, as `renderD129` or `video11`.
    Node(String),
}

/// The device in the name of an element, if the element is that of a row or its form for a
/// further device.
pub(super) fn named_device(family: DeviceFamily, row: &str, element: &str) -> Option<NamedDevice> {
    if row == element {
        return Some(NamedDevice::First);
    }
    match family {
        DeviceFamily::Software | DeviceFamily::Jetson => None,
        // nvh264enc, nvh264device1enc
        DeviceFamily::Nvidia => {
            let device = element.strip_prefix(row.strip_suffix("enc")?)?.strip_prefix("device")?;
            device.strip_suffix("enc")?.parse().ok().map(NamedDevice::Gpu)
        }
        // vah264enc, varenderD129h264enc
        DeviceFamily::Va => node(element, "va", row, "renderD"),
        // v4l2h264enc, v4l2video11h264enc
        DeviceFamily::V4l2 => node(element, "v4l2", row, "video"),
    }
}

fn node(element: &str, plugin: &str, row: &str, kind: &str) -> Option<NamedDevice> {
    let node = element.strip_prefix(plugin)?.strip_suffix(row.strip_prefix(plugin)?)?;
    let number = node.strip_prefix(kind)?;
    number.parse::<u32>().ok().map(|_| NamedDevice::Node(node.into()))
}

/// The device: what the element itself says, or else what its name says.
pub(super) fn device(family: DeviceFamily, named: &NamedDevice, factory: &gst::ElementFactory) -> Device {
    match family {
        DeviceFamily::Software => Device::Software,
        DeviceFamily::Jetson => Device::Jetson,
        DeviceFamily::Nvidia => Device::Nvidia { gpu: gpu(named, own_word(factory, "cuda-device-id").as_deref()) },
        DeviceFamily::Va => {
            Device::Va { node: node_path(named, own_word(factory, "device-path"), "/dev/dri", "renderD128") }
        }
        DeviceFamily::V4l2 => Device::V4l2 { node: node_path(named, own_word(factory, "device"), "/dev", "video0") },
    }
}

fn gpu(named: &NamedDevice, own_word: Option<&str>) -> u32 {
    match (own_word.and_then(|word| word.parse().ok()), named) {
        (Some(gpu), _) => gpu,
        (None, NamedDevice::Gpu(gpu)) => *gpu,
        (None, _) => 0,
    }
}

fn node_path(named: &NamedDevice, own_word: Option<String>, folder: &str, first: &str) -> PathBuf {
    match (own_word, named) {
        (Some(path), _) => path.into(),
        (None, NamedDevice::Node(node)) => Path::new(folder).join(node),
        (None, _) => Path::new(folder).join(first),
    }
}

/// What a new element says of its device. Making an element opens nothing; that happens on its
/// way to READY.
fn own_word(factory: &gst::ElementFactory, property: &str) -> Option<String> {
    let element = factory.create().build().ok()?;
    element.find_property(property)?;
    let word = element.property_value(property).transform::<String>().ok()?;
    word.get::<Option<String>>().ok()?.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_elements_name_says_its_device() {
        use DeviceFamily::{Jetson, Nvidia, Software, V4l2, Va};
        let node = |name: &str| Some(NamedDevice::Node(name.into()));
        let cases = [
            (Software, "x264enc", "x264enc", Some(NamedDevice::First)),
            (Nvidia, "nvh264enc", "nvh264enc", Some(NamedDevice::First)),
            (Nvidia, "nvh264enc", "nvh264device1enc", Some(NamedDevice::Gpu(1))),
            (Nvidia, "nvcudah265enc", "nvcudah265device12enc", Some(NamedDevice::Gpu(12))),
            (Va, "vah264enc", "varenderD129h264enc", node("renderD129")),
            (Va, "vah264lpenc", "varenderD129h264lpenc", node("renderD129")),
            (V4l2, "v4l2h264enc", "v4l2video11h264enc", node("video11")),
            (Jetson, "nvv4l2h264enc", "nvv4l2h264enc", Some(NamedDevice::First)),
            // Of another row, or of no encoder.
            (Nvidia, "nvh264enc", "nvcudah264device1enc", None),
            (Nvidia, "nvh264enc", "nvh264deviceXenc", None),
            (Nvidia, "nvh264enc", "nvh264device1dec", None),
            (Va, "vah264enc", "varenderD129h264lpenc", None),
            (Va, "vah264enc", "varenderD129h265enc", None),
            (Va, "vah264enc", "varenderDxh264enc", None),
            (V4l2, "v4l2h264enc", "v4l2h265enc", None),
            (Software, "x264enc", "x264device1enc", None),
        ];
        for (family, row, element, expected) in cases {
            assert_eq!(named_device(family, row, element), expected, "{element} as {row}");
        }
    }

    #[test]
    fn what_an_element_says_of_itself_counts_most() {
        assert_eq!(gpu(&NamedDevice::First, Some("3")), 3);
        assert_eq!(gpu(&NamedDevice::Gpu(1), None), 1);
        assert_eq!(gpu(&NamedDevice::First, None), 0);
        let second = NamedDevice::Node("renderD129".into());
        let path = |named, word: Option<&str>| node_path(named, word.map(Into::into), "/dev/dri", "renderD128");
        assert_eq!(path(&second, None), Path::new("/dev/dri/renderD129"));
        assert_eq!(path(&second, Some("/dev/dri/renderD130")), Path::new("/dev/dri/renderD130"));
        assert_eq!(path(&NamedDevice::First, None), Path::new("/dev/dri/renderD128"));
    }
}
