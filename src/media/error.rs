//! What can go wrong with media, in a person's words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A pipeline could not be built.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// GStreamer itself did not start.
    #[error("GStreamer did not start: {0}")]
    Init(gst::glib::Error),
    /// A plugin that Heliograph links in did not register.
    #[error("the built-in plugin {plugin} did not register: {reason}")]
    Plugin {
        /// The plugin's name.
        plugin: &'static str,
        /// What GStreamer said.
        reason: String,
    },
    /// An element is not installed.
    #[error(
        "the GStreamer element “{factory}” is not installed; install the package that has it: {}",
        package_of(factory)
    )]
    MissingElement {
        /// The element's factory name.
        factory: String,
    },
    /// No encoder for what the operator asked for.
    #[error("there is no encoder “{name}” for {codec}; leave the encoder on automatic, or choose one of: {known}")]
    UnknownEncoder {
        /// The encoder asked for.
        name: String,
        /// The codec's name.
        codec: String,
        /// Encoders that would do.
        known: String,
    },
    /// Elements that should fit did not.
    #[error("a media pipeline could not be put together: {0}")]
    Build(#[from] gst::glib::BoolError),
    /// A pipeline refused to start.
    #[error("a media pipeline did not start: {0}")]
    State(#[from] gst::StateChangeError),
}

/// The Debian package of an element, as far as Heliograph uses it.
fn package_of(factory: &str) -> &'static str {
    match factory {
        "x264enc" => "gstreamer1.0-plugins-ugly",
        name if name.starts_with("avdec_") => "gstreamer1.0-libav",
        "nicesrc" | "nicesink" => "gstreamer1.0-nice",
        "webrtcbin" | "dtlsdec" | "dtlsenc" | "srtpenc" | "srtpdec" | "h264parse" | "h265parse" | "openh264enc" => {
            "gstreamer1.0-plugins-bad"
        }
        "appsrc" | "appsink" | "videoconvert" | "videoscale" | "videorate" | "clockoverlay" | "videotestsrc" => {
            "gstreamer1.0-plugins-base"
        }
        _ => "gstreamer1.0-plugins-good",
    }
}

/// The kinds of trouble a feed can have; each has its own sentence and next step.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The camera's name does not resolve.
    HostNotFound,
    /// Nothing listens at the camera's port.
    Refused,
    /// The camera does not answer.
    Unreachable,
    /// User or password is wrong, or missing.
    Unauthorized,
    /// The camera has no such stream.
    NotFound,
    /// Something answers, but not RTSP.
    NotRtsp,
    /// The stream has no video.
    NoVideo,
    /// The video's codec cannot be decoded.
    UndecodableCodec,
    /// The camera refuses every transport we can offer.
    NoTransport,
    /// The camera closed the stream.
    Closed,
    /// The stream is there but nothing arrives any more.
    Silent,
    /// A plugin is missing.
    MissingPlugin,
    /// A password could not be read from where the operator said it is.
    Password,
    /// Anything else.
    Other,
}

/// One trouble of a feed: what happened, what to do, and the technical detail.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MediaFault {
    /// Which kind of trouble.
    pub kind: FaultKind,
    /// What happened, to what: one sentence.
    pub message: String,
    /// What the operator can do next: one sentence.
    pub hint: String,
    /// For the log and “Details”; free of credentials.
    pub detail: String,
}

impl MediaFault {
    /// A fault with an empty detail.
    pub fn new(kind: FaultKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into(), detail: String::new() }
    }

    /// The same fault with technical detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl fmt::Display for MediaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message, self.hint)
    }
}

impl From<MediaError> for MediaFault {
    fn from(error: MediaError) -> Self {
        let kind = match error {
            MediaError::MissingElement { .. } | MediaError::Plugin { .. } => FaultKind::MissingPlugin,
            _ => FaultKind::Other,
        };
        Self::new(kind, format!("{error}."), "")
    }
}
