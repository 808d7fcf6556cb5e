//! What a probe found, as programs read it.
//!
//! The form is stable: fields may be added, and [`VERSION`] grows when one changes its
//! meaning or goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BFrames, Chroma, KeyFrames, announced::Announced};
use crate::{config::Fingerprint, media::source::Transport};

/// The version of the report's form.
pub const VERSION: u32 = 1;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// [`VERSION`].
    pub version: u32,
    /// What was looked at, without secrets.
    pub source: String,
    /// How the camera was reached; `None` for what is on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// What the source says that it sends.
    pub streams: Vec<Announced>,
    /// What its video really is.
    pub video: Option<Video>,
    /// What a device offers; of it, Heliograph chose what `video` tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<DeviceMode>,
    /// Whether viewers could take the video as it is.
    pub pass_through_candidate: bool,
    /// What Heliograph would do with it, and what could be better: sentences for people.
    pub advice: Vec<String>,
    /// Why the look ended before its time: a sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<String>,
}

/// How a camera was reached. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// What the server calls itself; `None` where it does not, or could not be asked.
    pub server: Option<String>,
    /// The kinds of login it offers, such as `Digest`; empty where it asks for none,
    /// `None` where it could not be asked.
    pub login: Option<Vec<String>>,
    /// How its media travelled in the end.
    pub transport: Transport,
    /// The certificate by which an `rtsps` camera is recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Fingerprint>,
    /// What was tried before, and what came of it: sentences for people.
    pub failed: Vec<String>,
    /// Until the TCP connection stood.
    pub connect_ms: Option<f64>,
    /// Until DESCRIBE was answered, were it by a request for a login.
    pub answer_ms: Option<f64>,
    /// From the start of the attempt that worked until the streams were described.
    pub description_ms: Option<f64>,
    /// From there too, until the first packet of video.
    pub first_packet_ms: Option<f64>,
    /// From there too, until the first picture was decoded.
    pub first_picture_ms: Option<f64>,
    /// How its packets came.
    pub packets: Option<Packets>,
}

/// How packets came, as the jitter buffer counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Packets {
    /// That arrived in time.
    pub received: u64,
    /// That never came.
    pub lost: u64,
    /// That came too late to be used.
    pub late: u64,
    /// How unevenly they came on average, in milliseconds.
    pub jitter_ms: f64,
}

/// What the video really is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Video {
    /// Its codec as people call it.
    pub codec: String,
    /// The profile, as the standard calls it.
    pub profile: Option<String>,
    /// The level, as the standard writes it.
    pub level: Option<String>,
    /// Width of the decoded picture in pixels.
    pub width: u32,
    /// Height of the decoded picture in pixels.
    pub height: u32,
    /// Frames a second that came, by their timestamps.
    pub framerate: Option<f64>,
    /// Frames a second that are announced.
    pub announced_framerate: Option<f64>,
    /// kbit/s that came.
    pub bitrate_kbps: Option<f64>,
    /// Key frames, and how far they are apart.
    pub key_frames: KeyFrames,
    /// Whether frames refer to later ones.
    pub b_frames: BFrames,
    /// Whether pictures are, or may be, made of two fields.
    pub interlaced: bool,
    /// How colour is sampled; `None` where it is none of the usual ways.
    pub chroma: Option<Chroma>,
    /// Bits of a sample.
    pub bit_depth: u32,
    /// Frames that were looked at.
    pub frames: u64,
    /// Seconds of video that were looked at.
    pub seconds: f64,
    /// The element that decoded it; `None` for pictures that are not compressed.
    pub decoder: Option<String>,
}

/// One way in which a device sends pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceMode {
    /// How pictures are sent: a raw format such as `YUY2`, or a codec.
    pub format: String,
    /// Their width in pixels.
    pub width: u32,
    /// Their height in pixels.
    pub height: u32,
    /// Frames a second, fastest first; empty where the device does not say.
    pub framerates: Vec<f64>,
}

/// A time as the report has it: milliseconds, to the tenth.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A figure as the report has it: more places than these were not measured.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
