//! An RTSP camera: the source element, set up for live pictures.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use gst::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    Transport,
    transport::is_encrypted,
    trust::{Trust, watch_certificates},
};
use crate::{
    config::{Credentials, Fingerprint, RtspConfig, SourceAddress},
    media::{CameraTap, IngestEvent, MediaError, audio::keep_together, element::make},
};

/// How long the camera may take to answer a request, in microseconds.
///
/// A camera on a bad link answers within a second or two; `rtspsrc` would wait 20.
const REQUEST_TIMEOUT_US: u64 = 4_000_000;

/// Room for the burst of a large key frame; the kernel's default holds less.
const UDP_BUFFER_BYTES: i32 = 2 * 1024 * 1024;

/// Requests that an attempt may make before the camera describes itself: a login takes
/// three or four, each of a few redirections two more.
const MOST_QUESTIONS: u32 = 16;

/// How long leaving may take: a camera that is gone will not confirm it.
const TEARDOWN_TIMEOUT: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// One attempt at one camera.
#[derive(Clone, Debug)]
pub struct RtspSource {
    /// Where the camera is.
    pub address: SourceAddress,
    /// How to log in, if at all.
    pub credentials: Option<Credentials>,
    /// Jitter buffer in milliseconds.
    pub latency_ms: u32,
    /// Whether packets later than the jitter buffer are dropped.
    pub drop_on_latency: bool,
    /// How media travels.
    pub transport: Transport,
    /// The operator wants no other transport.
    pub forced: bool,
    /// The only certificate an `rtsps` camera may show; `None` accepts the first.
    pub certificate: Option<Fingerprint>,
}

impl RtspSource {
    /// An attempt without a login, with the default settings.
    pub fn new(address: SourceAddress, transport: Transport) -> Self {
        let settings = RtspConfig::new(address.clone());
        Self {
            address,
            credentials: None,
            latency_ms: settings.latency_ms,
            drop_on_latency: settings.drop_on_latency,
            transport,
            forced: false,
            certificate: None,
        }
    }
}

/// What the source found out before any picture came.
#[derive(Debug, Default)]
pub(super) struct Findings {
    described: AtomicBool,
    has_video: AtomicBool,
    /// A request that was refused with a password in it has been repeated.
    repeated: AtomicBool,
    /// The camera pointed from an encrypted address to one that is not.
    downgraded: AtomicBool,
    /// Requests to the camera before it described itself.
    questions: AtomicU32,
    pub(super) trust: Trust,
}

impl Findings {
    /// The camera said what it sends, and there was no video in it.
    pub(super) fn no_video(&self) -> bool {
        self.described.load(Ordering::Relaxed) && !self.has_video.load(Ordering::Relaxed)
    }

    /// The camera wanted to go on without encryption, which was refused.
    pub(super) fn downgraded(&self) -> bool {
        self.downgraded.load(Ordering::Relaxed)
    }

    /// The camera pointed elsewhere until it was asked no more.
    pub(super) fn misled(&self) -> bool {
        !self.described.load(Ordering::Relaxed) && self.questions.load(Ordering::Relaxed) > MOST_QUESTIONS
    }
}

/// Builds the source element. Once the camera has described itself that is told, and pads appear.
pub(super) fn build(
    source: &RtspSource,
    sound: Option<CameraTap>,
    events: &UnboundedSender<IngestEvent>,
) -> Result<(gst::Element, Arc<Findings>), MediaError> {
    let element = make("rtspsrc")?;
    element.set_property("location", source.address.as_str());
    if let Some(credentials) = &source.credentials {
        element.set_property("user-id", &credentials.user);
        element.set_property("user-pw", credentials.password.expose());
    }
    element.set_property("latency", source.latency_ms);
    element.set_property("drop-on-latency", source.drop_on_latency);
    element.set_property("udp-buffer-size", UDP_BUFFER_BYTES);
    element.set_property("protocols", source.transport.lower());
    element.set_property("tcp-timeout", REQUEST_TIMEOUT_US);
    element.set_property("teardown-timeout", TEARDOWN_TIMEOUT.nseconds());
    // Without their times of arrival the camera's clock is not followed: one that is
    // 500 ppm fast would be two seconds ahead after an hour.
    element.set_property("tcp-timestamp", true);
    // The supervisor decides when to try again and over which transport;
    // two that decide would undo each other's work.
    element.set_property("timeout", 0_u64);
    element.set_property("udp-reconnect", false);
    if let Some(sound) = &sound {
        keep_together(&element, sound);
    }

    let findings = Arc::new(Findings { trust: Trust::new(source.certificate), ..Findings::default() });
    watch_description(&element, findings.clone(), sound, events.clone());
    watch_requests(&element, findings.clone(), is_encrypted(&source.address));
    if is_encrypted(&source.address) {
        let (found, events) = (findings.clone(), events.clone());
        watch_certificates(&element, move |certificate| {
            found.trust.accepts(certificate, |first| drop(events.send(IngestEvent::Certificate(first))))
        });
    }
    Ok((element, findings))
}

/// Takes the first video stream and, where it is wanted, the first of sound; leaves the rest,
/// and remembers what was there.
fn watch_description(
    element: &gst::Element,
    found: Arc<Findings>,
    sound: Option<CameraTap>,
    events: UnboundedSender<IngestEvent>,
) {
    element.connect("select-stream", false, move |args| {
        let caps = args[2].get::<gst::Caps>().expect("select-stream should carry caps");
        if !found.described.swap(true, Ordering::Relaxed) {
            let _ = events.send(IngestEvent::Answered);
        }
        let is_wanted = match caps.structure(0).and_then(|s| s.get::<&str>("media").ok()) {
            Some("video") => !found.has_video.swap(true, Ordering::Relaxed),
            Some("audio") => sound.as_ref().is_some_and(CameraTap::describe),
            _ => false,
        };
        Some(is_wanted.to_value())
    });
}

/// Looks at every request before it is sent, and before a password joins it.
fn watch_requests(element: &gst::Element, found: Arc<Findings>, encrypted: bool) {
    element.connect("before-send", false, move |args| {
        let element = args[0].get::<gst::Element>().expect("before-send should carry its element");
        let request = args[1].get::<gst_rtsp::rtsp_message::RTSPMessage>().expect("before-send should carry a request");
        let may_be_sent =
            (!encrypted || stays_encrypted(&element, &found)) && !was_repeated(&request, &found) && !is_misled(&found);
        Some(may_be_sent.to_value())
    });
}

/// Nothing is said to a camera that has not shown its certificate, nor to an address without
/// encryption that it points to: `rtspsrc` follows a redirection with the password. It stays
/// with TLS then (1.26), but nobody promises that it will.
fn stays_encrypted(element: &gst::Element, found: &Findings) -> bool {
    let location = element.property::<Option<String>>("location").unwrap_or_default();
    let downgraded = !location.starts_with("rtsps:");
    found.downgraded.fetch_or(downgraded, Ordering::Relaxed);
    !downgraded && found.trust.is_earned()
}

/// Whether a refused request with a password in it has been repeated once in this attempt.
///
/// `rtspsrc` repeats a request that was answered with 401 up to eight times,
/// the same password each time: enough for many a camera to lock its owner out.
/// One repetition is needed where every request wants a fresh nonce (RFC 2617,
/// section 3.2.1). The password joins a request after this signal, so one that
/// has it here was refused with it before.
fn was_repeated(request: &gst_rtsp::rtsp_message::RTSPMessage, found: &Findings) -> bool {
    let was_refused = !found.described.load(Ordering::Relaxed) && !request.parse_auth_credentials().is_empty();
    was_refused && found.repeated.swap(true, Ordering::Relaxed)
}

/// Whether the camera was asked so often what it sends that it cannot mean it: `rtspsrc`
/// follows redirections for ever, as fast as it can.
fn is_misled(found: &Findings) -> bool {
    !found.described.load(Ordering::Relaxed) && found.questions.fetch_add(1, Ordering::Relaxed) >= MOST_QUESTIONS
}
