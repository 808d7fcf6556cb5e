//! Which decoders there can be: the table of software, and how hardware is named.
//!
//! Plugins for hardware name one element per device. The first has a plain name, as
//! `vah264dec`; the others carry their device in it, as `varenderD129h264dec`. So the
//! names are read instead of listed.

use super::InputCodec;

/// What a decoder is made of, the preferred first.
///
/// Hardware goes before software because it leaves the processor to encoders; the
/// boards' own interface goes before the general one where both are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    /// `nvv4l2decoder` and `nvjpegdec` of a Jetson.
    Jetson,
    /// NVDEC: plugin `nvcodec`.
    Nvdec,
    /// VA-API: plugin `va`.
    Va,
    /// V4L2 where the program keeps the state of the stream: plugin `v4l2codecs`.
    V4l2Stateless,
    /// V4L2 where the hardware keeps it: plugin `video4linux2`.
    V4l2,
    /// FFmpeg's, through plugin `libav`.
    Libav,
    /// Any other that runs on the processor.
    Software,
}

/// A decoder that runs on the processor.
pub(super) struct SoftwareRow {
    pub(super) codec: InputCodec,
    pub(super) element: &'static str,
    pub(super) family: Family,
    /// Frames that it holds back whatever it is told, as measured in `delay`.
    pub(super) held_frames: u32,
}

const fn row(codec: InputCodec, element: &'static str, family: Family, held_frames: u32) -> SoftwareRow {
    SoftwareRow { codec, element, family, held_frames }
}

/// All of them, the preferred of a codec first.
pub(super) const SOFTWARE: &[SoftwareRow] = &[
    // FFmpeg's decoders are the quickest by far, and the most forgiving of what cameras send.
    row(InputCodec::H264, "avdec_h264", Family::Libav, 0),
    // No interlaced pictures, nothing but 4:2:0.
    row(InputCodec::H264, "openh264dec", Family::Software, 1),
    row(InputCodec::H265, "avdec_h265", Family::Libav, 0),
    // 8 bits only.
    row(InputCodec::H265, "libde265dec", Family::Software, 2),
    row(InputCodec::Mjpeg, "jpegdec", Family::Software, 0),
    row(InputCodec::Mjpeg, "avdec_mjpeg", Family::Libav, 0),
    row(InputCodec::Vp8, "vp8dec", Family::Software, 0),
    row(InputCodec::Vp8, "avdec_vp8", Family::Libav, 0),
    row(InputCodec::Vp9, "vp9dec", Family::Software, 0),
    row(InputCodec::Vp9, "avdec_vp9", Family::Libav, 0),
    // Several times quicker than libaom.
    row(InputCodec::Av1, "dav1ddec", Family::Software, 0),
    row(InputCodec::Av1, "av1dec", Family::Software, 0),
];

/// The device within an element's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NamedDevice {
    /// The name carries none: the first, or the only one.
    First,
    /// CUDA's number of the card.
    Gpu(u32),
    /// The file name of a device node, as `renderD129` or `video11`.
    Node(String),
}

/// What the name of an element says of the hardware behind it; `None` for what is no
/// hardware decoder of this codec.
pub(super) fn hardware(codec: InputCodec, plugin: &str, element: &str) -> Option<(Family, NamedDevice)> {
    match (plugin, element) {
        ("nvvideo4linux2", "nvv4l2decoder") => Some((Family::Jetson, NamedDevice::First)),
        ("nvjpeg", "nvjpegdec") if codec == InputCodec::Mjpeg => Some((Family::Jetson, NamedDevice::First)),
        ("nvcodec", name) => Some((Family::Nvdec, nvdec_device(codec, name)?)),
        ("va", name) => Some((Family::Va, node_before_codec(codec, name, "va")?)),
        ("v4l2codecs", name) => Some((Family::V4l2Stateless, node_before_codec(codec, name, "v4l2sl")?)),
        ("video4linux2", name) => Some((Family::V4l2, node_before_codec(codec, name, "v4l2")?)),
        _ => None,
    }
}

/// `nvh264dec`, `nvh264device1dec`, and the stateless forms of before GStreamer 1.24
/// `nvh264sldec` and `nvh264sldevice1dec`.
fn nvdec_device(codec: InputCodec, name: &str) -> Option<NamedDevice> {
    let rest = name.strip_prefix("nv")?.strip_prefix(codec.word())?.strip_suffix("dec")?;
    match rest.strip_prefix("sl").unwrap_or(rest) {
        "" => Some(NamedDevice::First),
        device => device.strip_prefix("device")?.parse().ok().map(NamedDevice::Gpu),
    }
}

/// `vah264dec` and `varenderD129h264dec`, `v4l2h264dec` and `v4l2video11h264dec`.
fn node_before_codec(codec: InputCodec, name: &str, family: &str) -> Option<NamedDevice> {
    match name.strip_prefix(family)?.strip_suffix("dec")?.strip_suffix(codec.word())? {
        "" => Some(NamedDevice::First),
        node if node.starts_with("renderD") || node.starts_with("video") => Some(NamedDevice::Node(node.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_decoders_name_says_its_family_and_device() {
        use InputCodec::{Av1, H264, H265, Mjpeg};
        let node = |name: &str| NamedDevice::Node(name.into());
        let cases = [
            (H264, "nvcodec", "nvh264dec", Family::Nvdec, NamedDevice::First),
            (H264, "nvcodec", "nvh264sldec", Family::Nvdec, NamedDevice::First),
            (H264, "nvcodec", "nvh264device1dec", Family::Nvdec, NamedDevice::Gpu(1)),
            (H265, "nvcodec", "nvh265sldevice2dec", Family::Nvdec, NamedDevice::Gpu(2)),
            (Mjpeg, "nvcodec", "nvjpegdec", Family::Nvdec, NamedDevice::First),
            (Mjpeg, "nvjpeg", "nvjpegdec", Family::Jetson, NamedDevice::First),
            (H265, "nvvideo4linux2", "nvv4l2decoder", Family::Jetson, NamedDevice::First),
            (H264, "va", "vah264dec", Family::Va, NamedDevice::First),
            (Av1, "va", "varenderD129av1dec", Family::Va, node("renderD129")),
            (Mjpeg, "va", "vajpegdec", Family::Va, NamedDevice::First),
            (H264, "v4l2codecs", "v4l2slh264dec", Family::V4l2Stateless, NamedDevice::First),
            (H265, "v4l2codecs", "v4l2slvideo1h265dec", Family::V4l2Stateless, node("video1")),
            (H264, "video4linux2", "v4l2h264dec", Family::V4l2, NamedDevice::First),
            (Mjpeg, "video4linux2", "v4l2video11jpegdec", Family::V4l2, node("video11")),
        ];
        for (codec, plugin, element, family, device) in cases {
            assert_eq!(hardware(codec, plugin, element), Some((family, device)), "{element}");
        }
    }

    #[test]
    fn other_elements_are_no_hardware_decoders() {
        let others = [
            ("nvcodec", "nvh264enc"),
            ("nvcodec", "nvh265dec"),
            ("nvcodec", "nvh264deviceXdec"),
            ("va", "vapostproc"),
            ("va", "vah264enc"),
            ("video4linux2", "v4l2src"),
            ("libav", "avdec_h264"),
            ("nvjpeg", "nvjpegdec"),
        ];
        for (plugin, element) in others {
            assert_eq!(hardware(InputCodec::H264, plugin, element), None, "{element}");
        }
    }
}
