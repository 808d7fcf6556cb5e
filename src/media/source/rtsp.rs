//! An RTSP camera: the source element, and what its errors mean.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use gst::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    config::{Credentials, SourceAddress},
    media::{FaultKind, MediaError, MediaFault, element::make},
};

/// How long the camera may take to answer a request, in microseconds.
///
/// A camera on a bad link answers within a second or two; `rtspsrc` would wait 20.
const REQUEST_TIMEOUT_US: u64 = 4_000_000;

/// Room for the burst of a large key frame; the kernel's default holds less.
const UDP_BUFFER_BYTES: i32 = 2 * 1024 * 1024;

/// How long leaving may take: a camera that is gone will not confirm it.
const TEARDOWN_TIMEOUT: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// How media travels from the camera.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RTP over UDP: no head-of-line blocking, but firewalls may eat it.
    Udp,
    /// RTP inside the RTSP connection.
    Tcp,
}

impl Transport {
    /// What to try when this one brought nothing.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Udp => Self::Tcp,
            Self::Tcp => Self::Udp,
        }
    }

    /// RTSP's word for it (RFC 2326, section 12.39).
    pub(super) fn lower(self) -> gst_rtsp::RTSPLowerTrans {
        match self {
            Self::Udp => gst_rtsp::RTSPLowerTrans::UDP,
            Self::Tcp => gst_rtsp::RTSPLowerTrans::TCP,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// One attempt at one camera.
#[derive(Clone, Debug)]
pub struct RtspSource {
    /// Where the camera is.
    pub address: SourceAddress,
    /// How to log in, if at all.
    pub credentials: Option<Credentials>,
    /// Jitter buffer in milliseconds.
    pub latency_ms: u32,
    /// How media travels.
    pub transport: Transport,
}

/// What the source found out before any picture came.
#[derive(Debug, Default)]
pub(in crate::media) struct Findings {
    described: AtomicBool,
    has_video: AtomicBool,
}

/// Builds the source element; its pads appear once the camera has described itself.
pub(in crate::media) fn build(source: &RtspSource) -> Result<(gst::Element, Arc<Findings>), MediaError> {
    let element = make("rtspsrc")?;
    element.set_property("location", source.address.as_str());
    if let Some(credentials) = &source.credentials {
        element.set_property("user-id", &credentials.user);
        element.set_property("user-pw", credentials.password.expose());
    }
    element.set_property("latency", source.latency_ms);
    element.set_property("drop-on-latency", true);
    element.set_property("udp-buffer-size", UDP_BUFFER_BYTES);
    element.set_property("protocols", source.transport.lower());
    element.set_property("tcp-timeout", REQUEST_TIMEOUT_US);
    element.set_property("teardown-timeout", TEARDOWN_TIMEOUT.nseconds());
    // The supervisor decides when to try again and over which transport;
    // two that decide would undo each other's work.
    element.set_property("timeout", 0_u64);
    element.set_property("udp-reconnect", false);

    let findings = Arc::new(Findings::default());
    watch_description(&element, &findings);
    Ok((element, findings))
}

/// Takes the first video stream, leaves the rest, and remembers what was there.
fn watch_description(element: &gst::Element, findings: &Arc<Findings>) {
    let found = findings.clone();
    element.connect("select-stream", false, move |args| {
        let caps = args[2].get::<gst::Caps>().expect("select-stream should carry caps");
        found.described.store(true, Ordering::Relaxed);
        let is_video = caps.structure(0).is_some_and(|s| s.get::<&str>("media") == Ok("video"));
        let first = is_video && !found.has_video.swap(true, Ordering::Relaxed);
        Some(first.to_value())
    });
}

/// What an error of the pipeline means for this camera.
pub(in crate::media) fn fault_from(
    error: &gst::message::Error,
    source: &RtspSource,
    findings: &Findings,
) -> MediaFault {
    let camera = &source.address;
    let kind = kind_of(&error.error(), findings);
    let (message, hint) = match kind {
        FaultKind::Unauthorized if source.credentials.is_some() => (
            format!("The camera at {camera} refuses this user and password."),
            "Check both in the camera's settings; trying again is slow on purpose, so that the camera does not lock you out.",
        ),
        FaultKind::Unauthorized => {
            (format!("The camera at {camera} asks for a user and a password."), "Enter both in the feed's settings.")
        }
        FaultKind::NotFound => (
            format!("The camera at {} has no stream “{}”.", camera.host(), camera.path()),
            "Look up the stream's path in the camera's manual and correct the address.",
        ),
        FaultKind::NoVideo => {
            (format!("The stream at {camera} has no video in it."), "Choose another stream of the camera.")
        }
        FaultKind::NoTransport => (
            format!("The camera at {camera} does not send over {}.", source.transport),
            "Heliograph tries the other transport by itself.",
        ),
        FaultKind::MissingPlugin => (
            format!("A GStreamer plugin that the stream at {camera} needs is not installed."),
            "Install the GStreamer “good”, “bad” and “libav” plugin packages of your distribution.",
        ),
        FaultKind::NotRtsp => (
            format!("What answers at {} does not speak RTSP.", camera.host()),
            "Check the port: cameras usually serve RTSP at 554 or 8554.",
        ),
        _ => (
            format!("The connection to the camera at {camera} failed."),
            "Heliograph keeps trying; check the camera's power and cable.",
        ),
    };
    MediaFault::new(kind, message, hint).with_detail(detail_of(error, source))
}

fn kind_of(error: &gst::glib::Error, findings: &Findings) -> FaultKind {
    let nothing_selected = findings.described.load(Ordering::Relaxed) && !findings.has_video.load(Ordering::Relaxed);
    if nothing_selected {
        return FaultKind::NoVideo;
    }
    match error.kind::<gst::ResourceError>() {
        Some(gst::ResourceError::NotAuthorized) => FaultKind::Unauthorized,
        Some(gst::ResourceError::NotFound) => FaultKind::NotFound,
        Some(gst::ResourceError::Settings) => FaultKind::NoTransport,
        _ if error.matches(gst::CoreError::MissingPlugin) || error.matches(gst::StreamError::CodecNotFound) => {
            FaultKind::MissingPlugin
        }
        _ => FaultKind::Other,
    }
}

/// GStreamer's own words, without the password should they ever hold it.
fn detail_of(error: &gst::message::Error, source: &RtspSource) -> String {
    let mut detail = error.error().to_string();
    if let Some(debug) = error.debug() {
        detail.push_str(" — ");
        detail.push_str(&debug);
    }
    if let Some(credentials) = &source.credentials
        && !credentials.password.expose().is_empty()
    {
        detail = detail.replace(credentials.password.expose(), "…");
    }
    detail
}
