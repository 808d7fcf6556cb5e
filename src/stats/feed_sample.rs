//! What is known of a feed at one moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EstimateBasis, ViewerSample};
use crate::config::{Codec, InForce, RenditionRole, ShareState};

/// A feed at one moment: counters as they stand, and the rates that [`super::RateMaker`] made of them.
///
/// Counters begin anew where what they count does: another encoder, another session. Of a rate, `None`
/// says that it is not known, which is neither zero nor what it was before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FeedSample {
    /// When it was taken, in seconds since the Unix epoch.
    pub time: f64,
    /// Seconds since the sample before, by a clock that nobody sets; `None` for the first, and after
    /// a time in which none could be taken.
    pub interval: Option<f64>,
    /// What the feed is held to, and by whom; `None` where that is not known.
    pub in_force: Option<InForce>,
    /// Where it stands when bitrate is shared out among the feeds; `None` where that is not known.
    pub share_state: Option<ShareState>,
    /// Its share of the bitrate that there is for all feeds, in kbit/s; `None` where it has none.
    pub share_kbps: Option<u32>,
    /// Which way the camera's stream takes to the viewers; `None` before that is known.
    pub path: Option<SentPath>,
    /// What comes from the camera.
    pub camera: CameraSample,
    /// The renditions that are made now, in the codec that the operator set first; those that viewers
    /// get as the camera sends them are not.
    pub encodings: Vec<EncodingSample>,
    /// The viewers, in the order of their sessions' names.
    pub viewers: Vec<ViewerSample>,
    /// The feed over all its viewers.
    pub rates: FeedRates,
}

impl FeedSample {
    /// Whether nothing runs of which anything could be known: a record of it would be empty.
    pub fn is_off(&self) -> bool {
        self.camera.frames_received.is_none() && self.encodings.is_empty() && self.viewers.is_empty()
    }

    /// What is made for everybody who can take it; none where that is the camera's own stream.
    pub fn main(&self) -> Option<&EncodingSample> {
        self.encodings.iter().find(|encoding| encoding.rendition == RenditionRole::Main)
    }
}

/// Which way a camera's stream takes to the viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SentPath {
    /// As it is, neither decoded nor encoded anew.
    PassThrough,
    /// Through an encoder.
    Encoded,
}

impl SentPath {
    /// The word in files and messages.
    pub fn key(self) -> &'static str {
        match self {
            Self::PassThrough => "pass-through",
            Self::Encoded => "encoded",
        }
    }
}

/// What comes from the camera.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CameraSample {
    /// Encoded bytes that came since it was connected, with the headers of RTP where it sends that;
    /// `None` where there are none, as of a camera that sends raw pictures.
    pub bytes_received: Option<u64>,
    /// Pictures that came since it was connected, encoded or decoded.
    pub frames_received: Option<u64>,
    /// Its key frames; `None` where nobody counts them.
    pub key_frames: Option<KeyFrames>,
    /// kbit/s that come, of `bytes_received`.
    pub received_kbps: Option<f64>,
    /// Pictures a second that come.
    pub frames_per_second: Option<f64>,
}

/// What became of the requests for key frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KeyFrames {
    /// Requests that came: of viewers who join, and of those who lost packets.
    pub asked: u64,
    /// Requests that were handed on; the others were answered by the same key frame.
    pub passed: u64,
    /// Key frames that were made, those nobody asked for included.
    pub made: u64,
}

/// A rendition at work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EncodingSample {
    /// What it is to its feed.
    pub rendition: RenditionRole,
    /// The codec in which it is made.
    pub codec: Codec,
    /// Which of the feed's encoders makes it, counted from its start; another one counts from zero.
    pub number: u64,
    /// The element that encodes, such as `x264enc` (`encoderImplementation`, webrtc-stats 6.7).
    pub encoder: String,
    /// What it is asked for, in kbit/s (`targetBitrate`, webrtc-stats 6.7, there in bit/s).
    pub target_kbps: u32,
    /// Width of what it makes, in pixels; `None` before its first picture.
    pub frame_width: Option<u32>,
    /// Height of what it makes, in pixels; `None` before its first picture.
    pub frame_height: Option<u32>,
    /// Bytes that it made.
    pub bytes_encoded: u64,
    /// Pictures that were offered to it.
    pub frames_in: u64,
    /// Pictures that it made (`framesEncoded`, webrtc-stats 6.7).
    pub frames_encoded: u64,
    /// Pictures that were left out because it was still busy with earlier ones. Those that are left
    /// out to keep a framerate are not among them.
    pub frames_dropped: u64,
    /// Its key frames (`keyFramesEncoded`, webrtc-stats 6.7).
    pub key_frames: KeyFrames,
    /// Seconds from a picture's way in to its way out, added up over all pictures
    /// (`totalEncodeTime`, webrtc-stats 6.7).
    pub total_encode_time: f64,
    /// Seconds of pictures that wait in front of it; `None` where that is not known.
    pub queue_age: Option<f64>,
    /// What the counters become.
    pub rates: EncodingRates,
}

/// What the counters of a rendition become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EncodingRates {
    /// kbit/s that it really makes.
    pub encoded_kbps: Option<f64>,
    /// Pictures a second that are offered to it.
    pub frames_in_per_second: Option<f64>,
    /// Pictures a second that it makes (`framesPerSecond`, webrtc-stats 6.7).
    pub frames_per_second: Option<f64>,
    /// Pictures a second that are left out.
    pub frames_dropped_per_second: Option<f64>,
    /// Seconds that a picture takes through it, on average since the sample before; `None` while
    /// none came out.
    pub encode_time: Option<f64>,
}

/// A feed over all its viewers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FeedRates {
    /// Payload that is sent to all viewers together, in kbit/s. Zero while there are none.
    pub sent_kbps: Option<f64>,
    /// What arrives at all viewers together, in kbit/s, of those whose far end tells.
    pub goodput_kbps: Option<f64>,
    /// The lowest of the viewers' estimates, in kbit/s.
    pub estimate_kbps: Option<f64>,
    /// How that one is known.
    pub estimate_basis: Option<EstimateBasis>,
    /// Round trip to the farthest viewer, in seconds.
    pub round_trip_time: Option<f64>,
    /// The largest jitter, in seconds.
    pub jitter: Option<f64>,
    /// The largest part that was lost on the way to a viewer, 0 to 1.
    pub fraction_lost: Option<f64>,
    /// Pictures a second that are sent: the encoder's, or the camera's where they pass through.
    pub frames_per_second: Option<f64>,
}
