//! What can go wrong with media, in a person's words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::i18n::{gettext, gettext_f};

/// A pipeline could not be built. `Display` says what happened and what to do next.
#[derive(Debug)]
pub enum MediaError {
    /// GStreamer itself did not start.
    Init(gst::glib::Error),
    /// A plugin that Heliograph links in did not register.
    Plugin {
        /// The plugin's name.
        plugin: &'static str,
        /// What GStreamer said.
        reason: String,
    },
    /// An element is not installed.
    MissingElement {
        /// The element's factory name.
        factory: String,
    },
    /// No encoder for what the operator asked for.
    UnknownEncoder {
        /// The encoder asked for.
        name: String,
        /// The codec's name.
        codec: String,
        /// Encoders that would do.
        known: String,
    },
    /// No decoder for what the operator asked for.
    UnknownDecoder {
        /// The decoder asked for.
        name: String,
        /// The codec's name.
        codec: String,
        /// Decoders that would do; empty where there are none.
        known: String,
    },
    /// Elements that should fit did not.
    Build(gst::glib::BoolError),
    /// A pipeline refused to start.
    State(gst::StateChangeError),
}

impl MediaError {
    /// What happened, to what: one sentence.
    fn message(&self) -> String {
        match self {
            Self::Init(reason) => gettext_f("GStreamer did not start: {reason}.", &[("reason", &reason.to_string())]),
            Self::Plugin { plugin, reason } => gettext_f(
                "Heliograph's own GStreamer plugin “{plugin}” cannot be used: {reason}.",
                &[("plugin", plugin), ("reason", reason)],
            ),
            Self::MissingElement { factory } => {
                gettext_f("The GStreamer element “{element}” is not installed.", &[("element", factory)])
            }
            Self::UnknownEncoder { name, codec, .. } => {
                gettext_f("There is no encoder “{name}” for {codec}.", &[("name", name), ("codec", codec)])
            }
            Self::UnknownDecoder { name, codec, .. } => {
                gettext_f("There is no decoder “{name}” for {codec}.", &[("name", name), ("codec", codec)])
            }
            Self::Build(reason) => gettext_f(
                "A media pipeline could not be put together: {reason}.",
                &[("reason", reason.message.trim_end_matches('.'))],
            ),
            Self::State(_) => gettext("A media pipeline did not start."),
        }
    }

    /// What to do next: one sentence.
    fn hint(&self) -> String {
        match self {
            Self::Init(_) => gettext("Install GStreamer 1.24 or newer with its “base” plugins."),
            Self::Plugin { .. } => gettext("Install GStreamer 1.24 or newer, and report this if it stays."),
            Self::MissingElement { factory } => gettext_f(
                "Install the package {package}, or what your distribution calls it, and start Heliograph again.",
                &[("package", package_of(factory))],
            ),
            Self::UnknownEncoder { known, .. } => {
                gettext_f("Leave the encoder on automatic, or choose one of: {known}.", &[("known", known)])
            }
            Self::UnknownDecoder { known, .. } if known.is_empty() => {
                gettext("Leave the decoder on automatic, and let the camera send another codec.")
            }
            Self::UnknownDecoder { known, .. } => {
                gettext_f("Leave the decoder on automatic, or choose one of: {known}.", &[("known", known)])
            }
            Self::Build(_) | Self::State(_) => {
                gettext("Restart the feed, and report this with the program's log if it stays.")
            }
        }
    }
}

impl fmt::Display for MediaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message(), self.hint())
    }
}

impl std::error::Error for MediaError {}

impl From<gst::glib::BoolError> for MediaError {
    fn from(error: gst::glib::BoolError) -> Self {
        Self::Build(error)
    }
}

impl From<gst::StateChangeError> for MediaError {
    fn from(error: gst::StateChangeError) -> Self {
        Self::State(error)
    }
}

/// The Debian package of an element, as far as Heliograph uses it.
fn package_of(factory: &str) -> &'static str {
    match factory {
        "x264enc" => "gstreamer1.0-plugins-ugly",
        name if name.starts_with("avdec_") => "gstreamer1.0-libav",
        "nicesrc" | "nicesink" => "gstreamer1.0-nice",
        "glsinkbin" => "gstreamer1.0-gl",
        "webrtcbin" | "dtlssrtpenc" | "dtlsdec" | "dtlsenc" | "srtpenc" | "srtpdec" | "h264parse" | "h265parse"
        | "openh264enc" | "openh264dec" | "libde265dec" | "jpegparse" | "vp9parse" | "av1parse" | "av1dec" => {
            "gstreamer1.0-plugins-bad"
        }
        "appsrc" | "appsink" | "videoconvert" | "videoscale" | "videorate" | "clockoverlay" | "videotestsrc"
        | "audioconvert" | "audioresample" | "audiotestsrc" | "opusenc" => "gstreamer1.0-plugins-base",
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
    /// The camera answered with another error of its own.
    Rejected,
    /// Something answers, but not RTSP.
    NotRtsp,
    /// The stream has no video.
    NoVideo,
    /// The video cannot be decoded.
    UndecodableCodec,
    /// The camera refuses every transport we can offer.
    NoTransport,
    /// The camera points to other addresses without end.
    Redirected,
    /// The camera's description of its stream has no stream in it, or cannot be read.
    NoDescription,
    /// Another program uses the camera.
    Busy,
    /// What the operator set cannot be had together.
    Contradiction,
    /// The camera shows another certificate than the one it is known by.
    Certificate,
    /// There is no encryption where it was asked for, or none that is still safe.
    NoTls,
    /// There is encryption where it was not asked for.
    Tls,
    /// The machine has no room for another encoder.
    NoRoom,
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
        let space = if self.hint.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}", self.message, self.hint)
    }
}

impl From<MediaError> for MediaFault {
    fn from(error: MediaError) -> Self {
        let kind = match error {
            MediaError::MissingElement { .. } | MediaError::Plugin { .. } => FaultKind::MissingPlugin,
            _ => FaultKind::Other,
        };
        Self::new(kind, error.message(), error.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_names_its_package() {
        let fault = MediaFault::from(MediaError::MissingElement { factory: "avdec_h264".into() });
        assert_eq!(fault.kind, FaultKind::MissingPlugin);
        let told = fault.to_string();
        assert!(told.contains("“avdec_h264”") && told.contains("gstreamer1.0-libav"), "{told}");
    }

    #[test]
    fn a_fault_without_a_next_step_ends_with_its_sentence() {
        assert_eq!(MediaFault::new(FaultKind::Other, "It broke.", "").to_string(), "It broke.");
    }
}
