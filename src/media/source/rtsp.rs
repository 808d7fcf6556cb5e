//! An RTSP camera: the source element, set up for live pictures.

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
    media::{MediaError, element::make},
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
    /// A request that was refused with a password in it has been repeated.
    repeated: AtomicBool,
}

impl Findings {
    /// The camera said what it sends, and there was no video in it.
    pub(super) fn no_video(&self) -> bool {
        self.described.load(Ordering::Relaxed) && !self.has_video.load(Ordering::Relaxed)
    }
}

/// Builds the source element. Once the camera has described itself `answered` is called and pads appear.
pub(in crate::media) fn build(
    source: &RtspSource,
    answered: impl Fn() + Send + Sync + 'static,
) -> Result<(gst::Element, Arc<Findings>), MediaError> {
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
    watch_description(&element, findings.clone(), answered);
    repeat_once(&element, findings.clone());
    Ok((element, findings))
}

/// Takes the first video stream, leaves the rest, and remembers what was there.
fn watch_description(element: &gst::Element, found: Arc<Findings>, answered: impl Fn() + Send + Sync + 'static) {
    element.connect("select-stream", false, move |args| {
        let caps = args[2].get::<gst::Caps>().expect("select-stream should carry caps");
        if !found.described.swap(true, Ordering::Relaxed) {
            answered();
        }
        let is_video = caps.structure(0).is_some_and(|s| s.get::<&str>("media") == Ok("video"));
        let first = is_video && !found.has_video.swap(true, Ordering::Relaxed);
        Some(first.to_value())
    });
}

/// Lets a refused request with a password in it be repeated once per attempt.
///
/// `rtspsrc` repeats a request that was answered with 401 up to eight times,
/// the same password each time: enough for many a camera to lock its owner out.
/// One repetition is needed where every request wants a fresh nonce (RFC 2617,
/// section 3.2.1). The password joins a request after this signal, so one that
/// has it here was refused with it before.
fn repeat_once(element: &gst::Element, found: Arc<Findings>) {
    element.connect("before-send", false, move |args| {
        let request = args[1].get::<gst_rtsp::rtsp_message::RTSPMessage>().expect("before-send should carry a request");
        let was_refused = !found.described.load(Ordering::Relaxed) && !request.parse_auth_credentials().is_empty();
        let may_be_sent = !(was_refused && found.repeated.swap(true, Ordering::Relaxed));
        Some(may_be_sent.to_value())
    });
}
