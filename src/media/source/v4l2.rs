//! A camera on this machine, by V4L2.

use gst::prelude::*;

use super::Opened;
use crate::{
    config::{DeviceConfig, DeviceFormat, Size},
    i18n::{gettext, gettext_f},
    media::{
        FaultKind, MediaError, MediaFault,
        element::{add_and_link, caps_filter, make},
    },
};

/// The most that is taken of a camera that was not told its size: more than
/// this is more than most networks, and one processor, carry.
const USUAL: Size = Size { width: 1920, height: 1080 };
/// The most pictures a second that are taken where none are asked for.
const USUAL_FRAMERATE: u32 = 30;

/// Opens the device and asks for the best of what it offers.
pub(super) fn open(device: &DeviceConfig) -> Result<Opened, MediaFault> {
    let path = device.path.display().to_string();
    let source = open_device(&path)?;
    let pad = source.static_pad("src").expect("v4l2src should have a src pad");
    let mode = choose_mode(&pad.query_caps(None), device);
    let Some(mode) = mode else {
        let _ = source.set_state(gst::State::Null);
        return Err(no_such_mode(device, &path));
    };
    let bin = wrap(&source, &mode)?;
    Ok(Opened { element: bin.upcast(), explain: Box::new(move |error| fault_from(error, &path)) })
}

/// Opens the device; what it offers is only known once it is open.
pub(in crate::media) fn open_device(path: &str) -> Result<gst::Element, MediaFault> {
    let source = make("v4l2src")?;
    source.set_property("device", path);
    let bus = gst::Bus::new();
    source.set_bus(Some(&bus));
    if source.set_state(gst::State::Ready).is_ok() {
        return Ok(source);
    }
    let fault = bus.pop_filtered(&[gst::MessageType::Error]);
    let _ = source.set_state(gst::State::Null);
    Err(match fault.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => fault_from(error, path),
        _ => unusable(path),
    })
}

/// The device and a filter for the mode, as one element with one pad.
fn wrap(source: &gst::Element, mode: &gst::Caps) -> Result<gst::Bin, MediaError> {
    let bin = gst::Bin::with_name("device");
    let filter = caps_filter(mode)?;
    add_and_link(&bin, &[source, &filter])?;
    let end = filter.static_pad("src").expect("a capsfilter should have a src pad");
    bin.add_pad(&gst::GhostPad::with_target(&end)?)?;
    Ok(bin)
}

/// One thing a device can do.
#[derive(Clone, Debug, PartialEq)]
struct Mode {
    format: DeviceFormat,
    width: u32,
    height: u32,
    framerate: gst::Fraction,
    caps: gst::Caps,
}

impl Mode {
    fn pixels(&self) -> u32 {
        self.width * self.height
    }

    fn per_second(&self) -> f64 {
        f64::from(self.framerate.numer()) / f64::from(self.framerate.denom().max(1))
    }
}

/// The caps of the mode that suits best, if there is one.
///
/// Of the sizes the one asked for, else the largest that is usual; of the rates
/// the one asked for or the next above, else the fastest that is usual; of the
/// forms raw before Motion JPEG before H.264 where the rates are equal: what need
/// not be decoded has no delay and loses nothing.
fn choose_mode(offered: &gst::CapsRef, device: &DeviceConfig) -> Option<gst::Caps> {
    let asked_rate = f64::from(device.framerate.unwrap_or(USUAL_FRAMERATE));
    let mut modes: Vec<Mode> = offered.iter().flat_map(|fields| modes_of(fields, device)).collect();
    modes.retain(|mode| device.format == DeviceFormat::Automatic || mode.format == device.format);
    if let Some(size) = device.size {
        modes.retain(|mode| (mode.width, mode.height) == (size.width, size.height));
    }
    let usual = |mode: &Mode| mode.width <= USUAL.width && mode.height <= USUAL.height;
    if device.size.is_none() && modes.iter().any(usual) {
        modes.retain(usual);
    }
    let fast_enough = |mode: &Mode| mode.per_second() >= asked_rate.min(24.0);
    if modes.iter().any(fast_enough) {
        modes.retain(fast_enough);
    }
    let rank = |mode: &Mode| {
        let off = (mode.per_second() - asked_rate).abs();
        let form = match mode.format {
            DeviceFormat::Raw => 0,
            DeviceFormat::Mjpeg => 1,
            _ => 2,
        };
        (std::cmp::Reverse(mode.pixels()), (off * 100.0) as u64, form)
    };
    modes.into_iter().min_by_key(rank).map(|mode| mode.caps)
}

/// The modes in one caps structure: its size, where it has ranges the one asked for, at each of its rates.
fn modes_of(fields: &gst::StructureRef, device: &DeviceConfig) -> Vec<Mode> {
    let format = match fields.name().as_str() {
        "video/x-raw" => DeviceFormat::Raw,
        "image/jpeg" => DeviceFormat::Mjpeg,
        "video/x-h264" => DeviceFormat::H264,
        _ => return Vec::new(),
    };
    let wanted = device.size.unwrap_or(USUAL);
    let (Some(width), Some(height)) = (side(fields, "width", wanted.width), side(fields, "height", wanted.height))
    else {
        return Vec::new();
    };
    rates(fields, device.framerate.unwrap_or(USUAL_FRAMERATE))
        .into_iter()
        .map(|framerate| {
            let caps = gst::Caps::builder(fields.name().as_str())
                .field("width", width.cast_signed())
                .field("height", height.cast_signed())
                .field("framerate", framerate)
                .build();
            Mode { format, width, height, framerate, caps }
        })
        .collect()
}

/// A fixed side, or the nearest to `wanted` that a range has.
fn side(fields: &gst::StructureRef, name: &str, wanted: u32) -> Option<u32> {
    if let Ok(fixed) = fields.get::<i32>(name) {
        return fixed.try_into().ok();
    }
    let range = fields.get::<gst::IntRange<i32>>(name).ok()?;
    u32::try_from(wanted.cast_signed().clamp(range.min(), range.max())).ok()
}

/// Every rate of a structure; of a range the nearest to `wanted`.
fn rates(fields: &gst::StructureRef, wanted: u32) -> Vec<gst::Fraction> {
    if let Ok(fixed) = fields.get::<gst::Fraction>("framerate") {
        return vec![fixed];
    }
    if let Ok(list) = fields.get::<gst::List>("framerate") {
        return list.iter().filter_map(|rate| rate.get::<gst::Fraction>().ok()).collect();
    }
    let wanted = gst::Fraction::new(wanted.cast_signed(), 1);
    match fields.get::<gst::FractionRange>("framerate") {
        Ok(range) => vec![wanted.max(range.min()).min(range.max())],
        Err(_) => vec![wanted],
    }
}

fn fault_from(error: &gst::message::Error, path: &str) -> MediaFault {
    let device = [("device", path)];
    let reason = error.error();
    let (kind, message, hint) = if reason.matches(gst::ResourceError::NotFound) {
        (
            FaultKind::NotFound,
            gettext_f("There is no camera at {device}.", &device),
            gettext("Plug it in, or choose another in the feed's settings; Heliograph goes on looking for it."),
        )
    } else if reason.matches(gst::ResourceError::Busy) {
        (
            FaultKind::Busy,
            gettext_f("The camera at {device} is in use by another program.", &device),
            gettext("Close that program; `heliograph doctor` says which one it is."),
        )
    } else if reason.matches(gst::ResourceError::OpenReadWrite) || reason.matches(gst::ResourceError::OpenRead) {
        (
            FaultKind::Unauthorized,
            gettext_f("Heliograph may not open the camera at {device}.", &device),
            gettext("Add your user to the group “video”, and log in again."),
        )
    } else {
        (
            FaultKind::Other,
            gettext_f("The camera at {device} failed: {reason}", &[("device", path), ("reason", reason.message())]),
            gettext("Unplug it and plug it in again if this stays."),
        )
    };
    MediaFault::new(kind, message, hint).with_detail(error.debug().unwrap_or_default().as_str())
}

fn unusable(path: &str) -> MediaFault {
    MediaFault::new(
        FaultKind::Other,
        gettext_f("The camera at {device} cannot be opened.", &[("device", path)]),
        gettext("Run `heliograph doctor`, which looks into it."),
    )
}

fn no_such_mode(device: &DeviceConfig, path: &str) -> MediaFault {
    let size = device.size.map_or_else(|| gettext("any size"), |size| size.to_string());
    MediaFault::new(
        FaultKind::Rejected,
        gettext_f(
            // Translators: {format} is such as "mjpeg" or "auto", {size} such as "1280x720" or "any size".
            "The camera at {device} has no pictures of the form “{format}” in {size}.",
            &[("device", path), ("format", device.format.key()), ("size", &size)],
        ),
        gettext("Leave form and size on automatic, or see what it offers with `heliograph probe`."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a common webcam offers.
    const WEBCAM: &str = "video/x-raw, format=YUY2, width=1280, height=720, framerate={ 10/1, 5/1 }; \
        video/x-raw, format=YUY2, width=640, height=480, framerate={ 30/1, 15/1 }; \
        image/jpeg, width=1920, height=1080, framerate={ 30/1, 15/1 }; \
        image/jpeg, width=1280, height=720, framerate={ 60/1, 30/1 }; \
        video/x-h264, width=3840, height=2160, framerate=30/1";

    fn chosen(offered: &str, change: impl FnOnce(&mut DeviceConfig)) -> Option<String> {
        gst::init().unwrap();
        let mut device = DeviceConfig::new("/dev/video0");
        change(&mut device);
        let caps: gst::Caps = offered.parse().unwrap();
        let caps = choose_mode(&caps, &device)?;
        let fields = caps.structure(0)?;
        let rate = fields.get::<gst::Fraction>("framerate").unwrap();
        let (width, height) = (fields.get::<i32>("width").unwrap(), fields.get::<i32>("height").unwrap());
        Some(format!("{} {width}x{height}@{rate}", fields.name()))
    }

    #[test]
    fn a_webcam_is_taken_at_its_best() {
        assert_eq!(chosen(WEBCAM, |_| ()).unwrap(), "image/jpeg 1920x1080@30");
        let size = |text: &str| text.parse().ok();
        assert_eq!(chosen(WEBCAM, |d| d.size = size("1280x720")).unwrap(), "image/jpeg 1280x720@30");
        assert_eq!(chosen(WEBCAM, |d| d.size = size("640x480")).unwrap(), "video/x-raw 640x480@30");
        assert_eq!(chosen(WEBCAM, |d| d.format = DeviceFormat::Raw).unwrap(), "video/x-raw 640x480@30");
        assert_eq!(chosen(WEBCAM, |d| d.format = DeviceFormat::H264).unwrap(), "video/x-h264 3840x2160@30");
        let fast = chosen(WEBCAM, |d| {
            d.size = size("1280x720");
            d.framerate = Some(60);
        });
        assert_eq!(fast.unwrap(), "image/jpeg 1280x720@60");
        assert_eq!(chosen(WEBCAM, |d| d.size = size("800x600")), None);
        assert_eq!(chosen("audio/x-raw", |_| ()), None);
    }

    #[test]
    fn a_device_with_ranges_is_asked_for_what_was_wanted() {
        let offered = "video/x-raw, width=[2, 4096], height=[2, 4096], framerate=[1/1, 120/1]";
        assert_eq!(chosen(offered, |_| ()).unwrap(), "video/x-raw 1920x1080@30");
        let small = chosen(offered, |d| {
            d.size = "640x360".parse().ok();
            d.framerate = Some(15);
        });
        assert_eq!(small.unwrap(), "video/x-raw 640x360@15");
    }
}
