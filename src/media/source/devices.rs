//! The cameras of this machine (V4L2), by name and by what they can send.
//!
//! Names, drivers and links come from the kernel's `/sys` and from `/dev`, which need no udev
//! and open nothing. What a camera can send is asked of the element that will play it,
//! `v4l2src`, so the list offers nothing that the feed then cannot have. Asking opens the
//! device, in a thread of its own with a time limit: some drivers keep whoever opens waiting.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use gst::prelude::*;
use rustix::{fs::OFlags, io::Errno};
use serde::{Deserialize, Serialize};

use crate::{
    config::{DeviceFormat, Size},
    processes::{Holder, holders},
};

/// How long a device may take to say what it can: one on a slow USB hub needs half a second.
const DEVICE_LIMIT: Duration = Duration::from_secs(2);

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoDevice {
    /// Its node, such as `/dev/video0`, which another camera may have after the next start.
    pub path: PathBuf,
    /// Links that stay with the camera (`/dev/v4l/by-id`) or with its socket (`/dev/v4l/by-path`).
    pub links: Vec<PathBuf>,
    /// What it calls itself; the node's name where it has none.
    pub name: String,
    /// The kernel's driver.
    pub driver: Option<String>,
    /// Where it is plugged in, such as `usb 1-2:1.0`.
    pub bus: Option<String>,
    /// Whether it can be used, and for what.
    pub state: DeviceState,
    /// Other processes that have it open, as far as they can be seen.
    pub holders: Vec<Holder>,
}

/// Whether a camera can be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "detail")]
pub enum DeviceState {
    /// It can, in these ways, the largest pictures first.
    Ready(Vec<VideoMode>),
    /// This user may not open it.
    NotPermitted,
    /// Another program has it for itself.
    Busy,
    /// The kernel knows it, but it has no node here: most likely a container without it.
    NoNode,
    /// It did not say in time what it can.
    NoAnswer,
    /// It cannot be used for another reason, in the system's words.
    Broken(String),
}

/// One form and size in which a camera sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoMode {
    /// The form.
    pub format: DeviceFormat,
    /// The largest picture of it, where the device takes any size up to that one.
    pub size: Size,
    /// Pictures per second, the most first.
    pub framerates: Vec<f64>,
}

/// Where the system shows its devices; elsewhere in tests.
struct Places {
    sys: PathBuf,
    dev: PathBuf,
    proc: PathBuf,
}

/// What the question to a device gave.
enum Answer {
    State(DeviceState),
    /// It is no camera: a codec, an output, or a camera's node for other data.
    NoCamera,
}

/// The cameras of this machine, in the order of their numbers. Takes up to two seconds,
/// however many there are; GStreamer has been started before.
pub fn video_devices() -> Vec<VideoDevice> {
    let places = Places { sys: "/sys".into(), dev: "/dev".into(), proc: "/proc".into() };
    list(&places, ask)
}

/// Every node's device, asked all at once.
fn list(places: &Places, ask: fn(&Path) -> Answer) -> Vec<VideoDevice> {
    let asked = places.nodes().into_iter().map(|node| {
        let (tell, hear) = mpsc::channel();
        let path = places.dev.join(&node);
        // Nobody waits for the thread: a driver may never let it go.
        thread::spawn(move || tell.send(ask(&path)));
        (node, hear)
    });
    let asked: Vec<_> = asked.collect();
    let deadline = std::time::Instant::now() + DEVICE_LIMIT;
    let answered = asked.into_iter().map(|(node, hear)| {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        (node, hear.recv_timeout(left).unwrap_or(Answer::State(DeviceState::NoAnswer)))
    });
    answered.filter_map(|(node, answer)| places.device(&node, answer)).collect()
}

impl Places {
    /// The names `video0`, `video1`… that the kernel or `/dev` knows, by number.
    fn nodes(&self) -> Vec<String> {
        let folders = [self.sys.join("class/video4linux"), self.dev.clone()];
        let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let mut nodes: Vec<_> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| Some((name.strip_prefix("video")?.parse::<u32>().ok()?, name)))
            .collect();
        nodes.sort();
        nodes.dedup();
        nodes.into_iter().map(|(_, name)| name).collect()
    }

    fn device(&self, node: &str, answer: Answer) -> Option<VideoDevice> {
        let Answer::State(state) = answer else { return None };
        let path = self.dev.join(node);
        let class = self.sys.join("class/video4linux").join(node);
        let name = fs::read_to_string(class.join("name")).map(|name| name.trim().to_owned());
        let target = path.canonicalize().unwrap_or_else(|_| path.clone());
        Some(VideoDevice {
            links: self.links_to(&target),
            name: name.ok().filter(|name| !name.is_empty()).unwrap_or_else(|| node.to_owned()),
            driver: link_name(&class.join("device/driver")),
            bus: bus(&class.join("device")),
            state,
            holders: holders(&self.proc, |open| open == target),
            path,
        })
    }

    /// udev's links to a node, where udev is.
    fn links_to(&self, target: &Path) -> Vec<PathBuf> {
        let folders = ["by-id", "by-path"].map(|folder| self.dev.join("v4l").join(folder));
        let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let mut links: Vec<_> = entries
            .map(|entry| entry.path())
            .filter(|link| link.canonicalize().is_ok_and(|leads| leads == target))
            .collect();
        links.sort();
        links
    }
}

/// The last part of what a link leads to.
fn link_name(link: &Path) -> Option<String> {
    Some(link.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned())
}

/// Where a device is plugged in: the kind of bus and the place on it.
fn bus(device: &Path) -> Option<String> {
    Some(format!("{} {}", link_name(&device.join("subsystem"))?, link_name(device)?))
}

/// Opens the device and asks what it can send.
fn ask(path: &Path) -> Answer {
    match open(path) {
        Ok(()) => ask_element(path),
        Err(error) => Answer::State(state_from(&error)),
    }
}

/// Opens it once, for the system's own reason where that fails; `v4l2src` tells only that it did.
fn open(path: &Path) -> io::Result<()> {
    if !path.metadata()?.file_type().is_char_device() {
        return Err(Errno::NODEV.into());
    }
    let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(without_waiting).open(path).map(drop)
}

fn state_from(error: &io::Error) -> DeviceState {
    match error.kind() {
        io::ErrorKind::NotFound => DeviceState::NoNode,
        io::ErrorKind::PermissionDenied => DeviceState::NotPermitted,
        io::ErrorKind::ResourceBusy => DeviceState::Busy,
        _ => DeviceState::Broken(error.to_string()),
    }
}

fn ask_element(path: &Path) -> Answer {
    let Ok(source) = gst::ElementFactory::make("v4l2src").build() else {
        let reason = "the GStreamer element “v4l2src” is not installed";
        return Answer::State(DeviceState::Broken(reason.into()));
    };
    source.set_property("device", path.display().to_string());
    let bus = gst::Bus::new();
    source.set_bus(Some(&bus));
    let opened = source.set_state(gst::State::Ready);
    let caps = source.static_pad("src").map(|pad| pad.query_caps(None));
    let _ = source.set_state(gst::State::Null);
    match (opened, caps) {
        (Ok(_), Some(caps)) => Answer::State(DeviceState::Ready(modes(&caps))),
        _ => refusal(&bus),
    }
}

/// Why `v4l2src` did not open a device that can be opened.
fn refusal(bus: &gst::Bus) -> Answer {
    let message = bus.pop_filtered(&[gst::MessageType::Error]);
    let error = message.as_ref().and_then(|message| match message.view() {
        gst::MessageView::Error(error) => Some(error.error()),
        _ => None,
    });
    match error {
        // Its word for a node that is there and is not for taking pictures.
        Some(error) if error.matches(gst::ResourceError::NotFound) => Answer::NoCamera,
        Some(error) => Answer::State(DeviceState::Broken(error.message().to_owned())),
        None => Answer::State(DeviceState::Broken("it does not open".into())),
    }
}

/// What the caps of a device offer, the largest pictures first, each form and size once:
/// a device often names a size again for every layout of its colours.
fn modes(caps: &gst::CapsRef) -> Vec<VideoMode> {
    let mut modes: Vec<VideoMode> = Vec::new();
    for mode in caps.iter().filter_map(mode) {
        match modes.iter_mut().find(|other| other.format == mode.format && other.size == mode.size) {
            Some(other) => other.framerates.extend(mode.framerates),
            None => modes.push(mode),
        }
    }
    for mode in &mut modes {
        mode.framerates.sort_by(|a, b| b.total_cmp(a));
        mode.framerates.dedup();
    }
    modes.sort_by_key(|mode| std::cmp::Reverse((mode.size.width * mode.size.height, mode.size.width)));
    modes
}

fn mode(structure: &gst::StructureRef) -> Option<VideoMode> {
    let format = match structure.name().as_str() {
        "video/x-raw" => DeviceFormat::Raw,
        "image/jpeg" => DeviceFormat::Mjpeg,
        "video/x-h264" => DeviceFormat::H264,
        _ => return None,
    };
    let even = |field| Some(most(structure, field)? & !1);
    let size = Size::new(even("width")?, even("height")?).ok()?;
    Some(VideoMode { format, size, framerates: framerates(structure) })
}

/// A whole number, or the largest of those offered.
fn most(structure: &gst::StructureRef, field: &str) -> Option<u32> {
    let fixed = structure.get::<i32>(field).ok();
    let range = || structure.get::<gst::IntRange<i32>>(field).ok().map(|range| range.max());
    let list = || structure.get::<gst::List>(field).ok()?.iter().filter_map(|value| value.get::<i32>().ok()).max();
    fixed.or_else(range).or_else(list).and_then(|most| u32::try_from(most).ok())
}

fn framerates(structure: &gst::StructureRef) -> Vec<f64> {
    let per_second = |rate: gst::Fraction| f64::from(rate.numer()) / f64::from(rate.denom());
    let fixed = structure.get::<gst::Fraction>("framerate").map(|rate| vec![per_second(rate)]);
    let range = |_| structure.get::<gst::FractionRange>("framerate").map(|range| vec![per_second(range.max())]);
    let list = |_| {
        let list = structure.get::<gst::List>("framerate")?;
        Ok::<_, gst::structure::GetError<_>>(list.iter().filter_map(|rate| rate.get().ok()).map(per_second).collect())
    };
    fixed.or_else(range).or_else(list).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine with a USB camera at video2, whose node for other data is video3, and video10 that hangs.
    fn machine() -> (tempfile::TempDir, Places) {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let socket = at("sys/devices/usb1/1-2/1-2:1.0");
        for folder in ["sys/class/video4linux", "sys/bus/usb", "sys/bus/usb/drivers/uvcvideo", "dev/v4l/by-id"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for (node, name) in [("video10", ""), ("video2", "HD Pro Webcam"), ("video3", "HD Pro Webcam"), ("vbi0", "Tv")]
        {
            let class = at("sys/class/video4linux").join(node);
            fs::create_dir_all(&class).unwrap();
            fs::write(class.join("name"), format!("{name}\n")).unwrap();
            fs::write(at("dev").join(node), "").unwrap();
        }
        fs::create_dir_all(&socket).unwrap();
        symlink(at("sys/bus/usb"), socket.join("subsystem")).unwrap();
        symlink(at("sys/bus/usb/drivers/uvcvideo"), socket.join("driver")).unwrap();
        symlink(&socket, at("sys/class/video4linux/video2/device")).unwrap();
        symlink("../../video2", at("dev/v4l/by-id/usb-HD_Pro_Webcam-video-index0")).unwrap();
        let holder = at("proc/4000412/fd");
        fs::create_dir_all(&holder).unwrap();
        fs::write(at("proc/4000412/comm"), "cheese\n").unwrap();
        symlink(at("dev/video2").canonicalize().unwrap(), holder.join("7")).unwrap();
        let places = Places { sys: at("sys"), dev: at("dev"), proc: at("proc") };
        (root, places)
    }

    fn fake_ask(path: &Path) -> Answer {
        match path.file_name().unwrap().to_str().unwrap() {
            "video2" => Answer::State(DeviceState::Ready(Vec::new())),
            "video3" => Answer::NoCamera,
            _ => loop {
                thread::park();
            },
        }
    }

    #[test]
    fn cameras_are_listed_by_name_and_none_is_waited_for() {
        let (_root, places) = machine();
        let devices = list(&places, fake_ask);
        assert_eq!(devices.len(), 2, "{devices:?}");
        let [camera, hanging] = &devices[..] else { panic!("{devices:?}") };
        assert_eq!((camera.name.as_str(), &camera.path), ("HD Pro Webcam", &places.dev.join("video2")));
        assert_eq!((camera.driver.as_deref(), camera.bus.as_deref()), (Some("uvcvideo"), Some("usb 1-2:1.0")));
        assert_eq!(camera.links, [places.dev.join("v4l/by-id/usb-HD_Pro_Webcam-video-index0")]);
        assert_eq!(crate::processes::names(&camera.holders), "cheese (4000412)");
        assert_eq!((hanging.name.as_str(), &hanging.state), ("video10", &DeviceState::NoAnswer));
    }

    #[test]
    fn a_node_that_cannot_be_opened_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let state = |path: &Path| match ask(path) {
            Answer::State(state) => state,
            Answer::NoCamera => panic!("{} should be refused", path.display()),
        };
        assert_eq!(state(&folder.path().join("video0")), DeviceState::NoNode);
        let file = folder.path().join("video1");
        fs::write(&file, "").unwrap();
        assert!(matches!(state(&file), DeviceState::Broken(_)));
        assert_eq!(state_from(&Errno::BUSY.into()), DeviceState::Busy);
        assert_eq!(state_from(&Errno::ACCESS.into()), DeviceState::NotPermitted);
    }

    #[test]
    fn a_device_that_takes_no_pictures_is_no_camera() {
        gst::init().unwrap();
        // A character device everywhere, and never a camera.
        assert!(!matches!(ask(Path::new("/dev/null")), Answer::State(DeviceState::Ready(_))));
    }

    #[test]
    fn modes_are_read_from_what_v4l2src_offers() {
        gst::init().unwrap();
        let rates = |rates: &[i32]| gst::List::new(rates.iter().map(|rate| gst::Fraction::new(*rate, 1)));
        let raw = |layout: &str| {
            gst::Structure::builder("video/x-raw")
                .field("format", layout)
                .field("width", 640)
                .field("height", 480)
                .field("framerate", rates(&[15, 30]))
                .build()
        };
        let jpeg = gst::Structure::builder("image/jpeg")
            .field("width", gst::IntRange::new(32, 1920))
            .field("height", gst::IntRange::new(32, 1080))
            .field("framerate", gst::FractionRange::new(gst::Fraction::new(1, 1), gst::Fraction::new(60, 2)))
            .build();
        let bayer = gst::Structure::builder("video/x-bayer").field("width", 640).field("height", 480).build();
        let caps: gst::Caps = [raw("YUY2"), raw("NV12"), jpeg, bayer].into_iter().collect();
        let expected = [
            (DeviceFormat::Mjpeg, Size { width: 1920, height: 1080 }, vec![30.0]),
            (DeviceFormat::Raw, Size { width: 640, height: 480 }, vec![30.0, 15.0]),
        ];
        let expected = expected.map(|(format, size, framerates)| VideoMode { format, size, framerates });
        assert_eq!(modes(&caps), expected);
    }

    #[test]
    fn this_machine_is_listed_without_a_panic() {
        gst::init().unwrap();
        let devices = video_devices();
        if devices.is_empty() {
            println!("not run: no camera device found on this machine");
        }
        assert!(devices.iter().all(|device| device.path.starts_with("/dev")), "{devices:?}");
    }
}
