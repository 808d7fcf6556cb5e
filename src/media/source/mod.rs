//! Where pictures come from.

pub mod demo_camera;
mod demo_sound;
mod devices;
mod file;
pub mod frame_mark;
mod reach;
mod received;
mod received_packets;
mod rtsp;
mod rtsp_fault;
mod secrets;
mod signalling;
mod test_picture;
mod transport;
mod trust;
mod v4l2;

use tokio::sync::mpsc::UnboundedSender;

use crate::config::{DeviceConfig, FileConfig, TestConfig};

use self::rtsp_fault::fault_from;
use super::{CameraTap, FeedClock, IngestEvent, MediaError, MediaFault};

pub use demo_camera::{DemoCamera, DemoCertificate, DemoSettings};
pub use demo_sound::DemoSound;
pub use devices::{DeviceState, VideoDevice, VideoMode, video_devices};
pub use reach::diagnose;
pub use received::ReceivedSource;
pub use rtsp::RtspSource;
pub use signalling::{FromSender, Signalling, ToSender};
pub use transport::{Route, Transport};

pub(super) use v4l2::open_device;

/// One attempt at one source of pictures.
#[derive(Clone, Debug)]
pub enum Source {
    /// A camera on the network.
    Rtsp(RtspSource),
    /// A sender that offers a session, whom one meets elsewhere.
    Received(ReceivedSource),
    /// A camera on this machine.
    Device(DeviceConfig),
    /// A file, played over and over.
    File(FileConfig),
    /// A test picture.
    Test(TestConfig),
}

/// A source that is being asked: its pads are there, or appear once it is known what it has.
pub(super) struct Opened {
    /// The element; its pads carry RTP, or what a camera makes.
    pub(super) element: gst::Element,
    /// What an error of this element means.
    pub(super) explain: Explain,
}

/// Puts an error of the pipeline in a person's words.
pub(super) type Explain = Box<dyn Fn(&gst::message::Error) -> MediaFault + Send + Sync>;

impl Source {
    /// Builds the source's element, asked for its sound where there is a tap for it. What the source
    /// has to tell before its first packet goes to `events`.
    ///
    /// # Errors
    /// An element is missing, or a device or file cannot be opened.
    pub(super) fn open(
        &self,
        clock: &FeedClock,
        sound: Option<CameraTap>,
        events: &UnboundedSender<IngestEvent>,
    ) -> Result<Opened, MediaFault> {
        let opened = match self {
            // A camera on the network answers later, and says so itself.
            Self::Rtsp(source) => return Ok(open_rtsp(source, sound, events)?),
            Self::Received(source) => return Ok(received::open(source, events)?),
            Self::Device(device) => v4l2::open(device)?,
            Self::File(file) => file::open(file, clock)?,
            Self::Test(test) => test_picture::open(test)?,
        };
        let _ = events.send(IngestEvent::Answered);
        Ok(opened)
    }
}

fn open_rtsp(
    source: &RtspSource,
    sound: Option<CameraTap>,
    events: &UnboundedSender<IngestEvent>,
) -> Result<Opened, MediaError> {
    let (element, findings) = rtsp::build(source, sound, events)?;
    let source = source.clone();
    Ok(Opened { element, explain: Box::new(move |error| fault_from(error, &source, &findings)) })
}
