//! A feed's end of the hub, as `webrtcsink` wants it: a `Signallable` object for each codec.
//!
//! The hub's events are emitted as signals by a thread of the signaller's own.
//! `webrtcsink` calls its signaller with its locks held and takes the same locks
//! in its handlers, so a signal must never be emitted from within such a call.
//!
//! This signaller never emits `error`: `webrtcsink` makes a fatal element error
//! of it, and every viewer of the feed would be gone for the fault of one.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gst::glib;
use gst::glib::prelude::*;
use gst::subclass::prelude::*;
use gst_webrtc::gst_sdp::SDPMessage;
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use gstrswebrtc::signaller::Signallable;

use super::messages::PictureClock;
use super::{FeedEvents, FeedHandle, Hub, SessionEvent, assembly::wait_assembled};
use crate::config::Codec;
use crate::connector::{Demand, Menu, Viewers, sdp::harmless};

glib::wrapper! {
    /// The producer of one feed in one codec. Made by [`HubFeed::door`]; give it to
    /// `BaseWebRTCSink::with_signaller`. When the last reference goes, its sessions end.
    pub struct HubSignaller(ObjectSubclass<imp::HubSignaller>) @implements Signallable;
}

/// A feed at the hub. Dropping it takes the feed away, unless it was replaced or removed before.
pub struct HubFeed {
    id: String,
    handle: FeedHandle,
}

impl Hub {
    /// Adds a feed that viewers see at once and can ask for. Replaces a feed of
    /// the same id, whose sessions end.
    ///
    /// `id` stands in addresses and messages, `name` on screens; viewers see feeds
    /// in the order of `place`, those of the same place as they were added.
    pub fn add_feed(self: &Arc<Self>, place: usize, id: &str, name: &str) -> HubFeed {
        HubFeed { id: id.to_owned(), handle: self.register(place, id, name) }
    }
}

impl HubFeed {
    /// Opens a way in for viewers of this codec.
    pub fn door(&self, codec: Codec) -> HubSignaller {
        let (handle, events) = self.handle.door(codec);
        let signaller: HubSignaller = glib::Object::new();
        signaller.imp().attach(handle);
        signaller.tell_servers();
        signaller.emit_events(&self.id, events);
        signaller
    }

    /// So many may watch it at a time from now on; any number at first.
    pub fn set_viewers(&self, viewers: Viewers) {
        self.handle.set_viewers(viewers);
    }

    /// Has the feed in these codecs from now on; it is H.264 alone at first.
    pub fn set_menu(&self, menu: Menu) {
        self.handle.set_menu(menu);
    }

    /// Asks our page to come again in place of these sessions, which go on until then.
    pub fn renew(&self, sessions: &[String]) {
        self.handle.renew(sessions);
    }

    /// Ends sessions whose peers were asked to come again so long ago.
    pub fn end_stragglers(&self, after: Duration) {
        self.handle.end_stragglers(after);
    }

    /// Tells how many sessions run or wait, by codec, now and whenever that changes.
    pub fn tell_demand(&self, demand: Demand) {
        self.handle.tell_demand(demand);
    }
}

impl fmt::Debug for HubFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HubFeed").field(&self.id).finish()
    }
}

impl HubSignaller {
    /// Says whether the stream has caps, so that an offer can be made.
    ///
    /// Sessions asked for are handed to `webrtcsink` while this is true *and*
    /// `webrtcsink` has started the signaller; before that they wait. Going
    /// back to false leaves running sessions alone.
    pub fn set_ready(&self, ready: bool) {
        self.imp().set_ready(ready);
    }

    /// Ends its sessions for good, though `webrtcsink` may hold it for a while.
    ///
    /// Waits while `webrtcsink` puts one together, for some milliseconds as a rule.
    pub fn leave(&self) {
        self.imp().handle().remove();
        self.imp().assemblies().wait();
    }

    /// Tells a session's viewer when a picture it receives was captured.
    ///
    /// Only our own page is told, and only if it keeps up with its messages.
    pub fn send_picture_clock(&self, session_id: &str, picture: PictureClock) {
        self.imp().handle().send_picture_clock(session_id, picture);
    }

    /// Tells each session's webrtcbin, before it looks for ways, of the servers that its peer brought.
    fn tell_servers(&self) {
        self.connect("webrtcbin-ready", false, |args| {
            let (signaller, peer_id) = (args[0].get::<Self>().ok()?, args[1].get::<&str>().ok()?);
            let webrtcbin = args[2].get().ok()?;
            signaller.imp().handle().servers(peer_id).tell(&webrtcbin);
            signaller.imp().assemblies().begin(&webrtcbin);
            None
        });
    }

    /// Ends a session at `webrtcsink`; one that is being put together, when it is.
    fn end_session(&self, session_id: String) {
        let Some(webrtcbin) = self.imp().assemblies().end(&session_id) else {
            self.emit_by_name::<bool>("session-ended", &[&session_id]);
            return;
        };
        let signaller = self.downgrade();
        let end = move || {
            wait_assembled(&webrtcbin);
            if let Some(signaller) = signaller.upgrade() {
                signaller.emit_by_name::<bool>("session-ended", &[&session_id]);
            }
        };
        let started = thread::Builder::new().name("hub-ends".to_owned()).spawn(end);
        if let Err(error) = started {
            tracing::error!(%error, "no thread could be started: a session lasts until its connection fails");
        }
    }

    /// Starts the thread that turns the hub's events into signals, until the door is shut for good.
    fn emit_events(&self, id: &str, events: FeedEvents) {
        // Weak: the object's end shuts the door, and that ends the thread.
        let signaller = self.downgrade();
        let emit = move || {
            while let Some(event) = events.next() {
                let Some(signaller) = signaller.upgrade() else {
                    return;
                };
                signaller.emit(event);
            }
        };
        let started = thread::Builder::new().name("hub-signals".to_owned()).spawn(emit);
        if let Err(error) = started {
            tracing::error!(feed = id, %error, "no thread could be started: the feed has no viewers");
        }
    }

    fn emit(&self, event: SessionEvent) {
        match event {
            SessionEvent::Requested { session_id, peer_id, offer } => {
                if self.imp().handle().may_begin(&session_id) {
                    self.emit_request(&session_id, &peer_id, offer.as_deref());
                }
            }
            SessionEvent::Answer { session_id, sdp } => self.emit_answer(&session_id, &sdp),
            SessionEvent::Candidate { session_id, candidate, line } => {
                let no_mid = None::<String>;
                self.emit_by_name::<()>("handle-ice", &[&session_id, &line, &no_mid, &candidate]);
            }
            SessionEvent::Ended { session_id } => self.end_session(session_id),
        }
    }

    /// An offer of which nothing can be read ends its own session and nothing else.
    fn emit_request(&self, session_id: &str, peer_id: &str, offer: Option<&str>) {
        let read = |offer| SDPMessage::parse_buffer(harmless(offer).as_bytes()).ok().filter(|sdp| sdp.medias_len() > 0);
        let offer = match offer.map(read) {
            None => None,
            Some(Some(sdp)) => Some(WebRTCSessionDescription::new(WebRTCSDPType::Offer, sdp)),
            Some(None) => {
                tracing::warn!(session = session_id, "a viewer's offer is no SDP; its session ends");
                return self.imp().handle().end_session(session_id);
            }
        };
        self.emit_by_name::<()>("session-requested", &[&session_id, &peer_id, &offer]);
    }

    /// An answer that is no SDP, or takes no picture, ends its own session and nothing else.
    ///
    /// GStreamer's parser skips what it does not know, down to nothing; an
    /// answer with no media section is what is left then.
    fn emit_answer(&self, session_id: &str, sdp: &str) {
        let sdp = SDPMessage::parse_buffer(harmless(sdp).as_bytes()).ok();
        if sdp.as_ref().is_some_and(refuses_picture) {
            tracing::info!(session = session_id, "a viewer does not take this codec; it may ask for another");
            self.imp().handle().refused(session_id);
            self.end_session(session_id.to_owned());
        } else if let Some(sdp) = sdp.filter(|sdp| sdp.medias_len() > 0) {
            let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, sdp);
            self.imp().assemblies().answered(session_id);
            self.emit_by_name::<()>("session-description", &[&session_id, &answer]);
        } else {
            tracing::warn!(session = session_id, "a viewer's answer is no SDP; its session ends");
            self.imp().handle().end_session(session_id);
            self.end_session(session_id.to_owned());
        }
    }
}

/// A media section with port 0 is refused (RFC 8829, section 5.3.1).
fn refuses_picture(answer: &SDPMessage) -> bool {
    answer.medias().any(|media| media.media() == Some("video") && media.port() == 0)
}

mod imp {
    use std::sync::{Mutex, OnceLock, PoisonError};

    use gst::glib;
    use gst::glib::prelude::*;
    use gst::subclass::prelude::*;
    use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
    use gstrswebrtc::signaller::{Signallable, SignallableImpl};

    use crate::connector::hub::{DoorHandle, assembly::Assemblies};

    #[derive(Default)]
    pub struct HubSignaller {
        handle: OnceLock<DoorHandle>,
        gates: Mutex<Gates>,
        assemblies: Assemblies,
    }

    /// Sessions pass while both are open.
    #[derive(Clone, Copy, Default)]
    struct Gates {
        /// The stream has caps.
        ready: bool,
        /// `webrtcsink` is playing and knows its codecs.
        started: bool,
    }

    impl HubSignaller {
        pub(super) fn attach(&self, handle: DoorHandle) {
            let fresh = self.handle.set(handle).is_ok();
            debug_assert!(fresh, "a signaller should be attached once");
        }

        pub(super) fn handle(&self) -> &DoorHandle {
            self.handle.get().expect("a signaller should come from HubFeed::door")
        }

        pub(super) fn assemblies(&self) -> &Assemblies {
            &self.assemblies
        }

        pub(super) fn set_ready(&self, ready: bool) {
            self.set_gates(|gates| gates.ready = ready);
        }

        fn set_gates(&self, change: impl FnOnce(&mut Gates)) {
            // Held while the hub is told, so that two changes arrive in order.
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut gates);
            self.handle().set_open(gates.ready && gates.started);
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for HubSignaller {
        const NAME: &'static str = "HlgHubSignaller";
        type Type = super::HubSignaller;
        type Interfaces = (Signallable,);
    }

    impl ObjectImpl for HubSignaller {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: OnceLock<[glib::ParamSpec; 1]> = OnceLock::new();
            // The interface asks for it; false: webrtcsink may change SDP as it needs to.
            PROPERTIES.get_or_init(|| [glib::ParamSpecBoolean::builder("manual-sdp-munging").read_only().build()])
        }

        fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
            false.into()
        }
    }

    impl SignallableImpl for HubSignaller {
        fn start(&self) {
            self.set_gates(|gates| gates.started = true);
        }

        fn stop(&self) {
            self.set_gates(|gates| gates.started = false);
        }

        fn send_sdp(&self, session_id: &str, description: &WebRTCSessionDescription) {
            let is_answer = description.type_() == WebRTCSDPType::Answer;
            match description.sdp().as_text() {
                Ok(sdp) if is_answer => {
                    self.assemblies.answered(session_id);
                    self.handle().send_answer(session_id, sdp);
                }
                Ok(sdp) => self.handle().send_offer(session_id, sdp),
                Err(error) => {
                    tracing::error!(session = session_id, %error, "the offer or answer cannot be written");
                    self.handle().end_session(session_id);
                }
            }
        }

        fn add_ice(&self, session_id: &str, candidate: &str, line: u32, _mid: Option<String>) {
            self.handle().send_candidate(session_id, candidate.to_owned(), line);
        }

        fn end_session(&self, session_id: &str) {
            let _ = self.assemblies.end(session_id);
            self.handle().end_session(session_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use gst::glib::closure;
    use gstrswebrtc::signaller::SignallableExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::connector::switchboard::Seat;

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n";

    /// What `webrtcsink` would hear, in order.
    fn heard(signaller: &HubSignaller) -> mpsc::Receiver<String> {
        let (say, heard) = mpsc::sync_channel(16);
        // The test may have ended, and the signaller goes on a moment longer.
        let line = move |text: String| drop(say.send(text));
        let on = |signal: &str, handler: glib::RustClosure| {
            signaller.connect_closure(signal, false, handler);
        };
        let said = line.clone();
        on(
            "session-requested",
            closure!(move |_: HubSignaller, session: &str, _: &str, _: Option<WebRTCSessionDescription>| {
                said(format!("requested {session}"));
            }),
        );
        let said = line.clone();
        on(
            "session-description",
            closure!(move |_: HubSignaller, session: &str, answer: &WebRTCSessionDescription| {
                said(format!("{} {session}", answer.type_().to_str()));
            }),
        );
        let said = line.clone();
        on(
            "handle-ice",
            closure!(move |_: HubSignaller, session: &str, line: u32, _: Option<String>, candidate: &str| {
                said(format!("ice {line} {candidate} {session}"));
            }),
        );
        on(
            "session-ended",
            closure!(move |_: HubSignaller, session: &str| -> bool {
                line(format!("ended {session}"));
                false
            }),
        );
        heard
    }

    fn say(hub: &Hub, viewer: &Seat, message: &Value) {
        assert!(hub.receive(&viewer.peer_id, &message.to_string()));
    }

    fn next(viewer: &mut Seat) -> Value {
        serde_json::from_str(&viewer.outbox.blocking_recv().unwrap()).unwrap()
    }

    fn watch(hub: &Hub, viewer: &mut Seat) -> String {
        say(hub, viewer, &json!({ "type": "startSession", "peerId": "bow" }));
        loop {
            let message = next(viewer);
            if message["type"] == "sessionStarted" {
                return message["sessionId"].as_str().unwrap().to_owned();
            }
        }
    }

    fn wait(heard: &mpsc::Receiver<String>) -> String {
        heard.recv_timeout(Duration::from_secs(5)).expect("a signal should have come")
    }

    fn offer() -> WebRTCSessionDescription {
        let sdp = SDPMessage::parse_buffer(SDP.as_bytes()).unwrap();
        WebRTCSessionDescription::new(WebRTCSDPType::Offer, sdp)
    }

    #[test]
    fn sessions_wait_for_both_gates_and_then_flow_both_ways() {
        gst::init().unwrap();
        let hub = Hub::new();
        let feed = hub.add_feed(0, "bow", "Bow camera");
        let signaller = feed.door(Codec::H264);
        assert!(!signaller.property::<bool>("manual-sdp-munging"));
        let heard = heard(&signaller);
        let mut viewer = hub.connect().unwrap();
        let session = watch(&hub, &mut viewer);

        signaller.set_ready(true);
        assert!(heard.recv_timeout(Duration::from_millis(50)).is_err());
        signaller.start();
        assert_eq!(wait(&heard), format!("requested {session}"));

        signaller.send_sdp(&session, &offer());
        assert_eq!(next(&mut viewer)["sdp"], json!({ "type": "offer", "sdp": SDP }));
        signaller.add_ice(&session, "candidate:1", 0, None);
        assert_eq!(next(&mut viewer)["ice"]["candidate"], "candidate:1");

        let answer = json!({ "type": "peer", "sessionId": session, "sdp": { "type": "answer", "sdp": SDP } });
        say(&hub, &viewer, &answer);
        assert_eq!(wait(&heard), format!("answer {session}"));
        let ice = json!({ "candidate": "candidate:2", "sdpMLineIndex": 0 });
        say(&hub, &viewer, &json!({ "type": "peer", "sessionId": session, "ice": ice }));
        assert_eq!(wait(&heard), format!("ice 0 candidate:2 {session}"));

        // Readiness that goes and comes leaves the session alone.
        signaller.set_ready(false);
        signaller.set_ready(true);
        assert_eq!(hub.session_count("bow"), 1);

        SignallableExt::end_session(&signaller, &session);
        assert_eq!(next(&mut viewer), json!({ "type": "endSession", "sessionId": session }));
        let again = watch(&hub, &mut viewer);
        assert_eq!(wait(&heard), format!("requested {again}"));
        drop(viewer);
        assert_eq!(wait(&heard), format!("ended {again}"));
    }

    #[test]
    fn an_answer_that_is_no_sdp_ends_its_session_only() {
        gst::init().unwrap();
        let hub = Hub::new();
        let feed = hub.add_feed(0, "bow", "Bow camera");
        let signaller = feed.door(Codec::H264);
        let heard = heard(&signaller);
        signaller.set_ready(true);
        signaller.start();
        let mut viewer = hub.connect().unwrap();
        let other = watch(&hub, &mut viewer);
        let session = watch(&hub, &mut viewer);
        assert_eq!(wait(&heard), format!("requested {other}"));
        assert_eq!(wait(&heard), format!("requested {session}"));
        signaller.send_sdp(&session, &offer());
        next(&mut viewer);

        let nonsense = json!({ "type": "answer", "sdp": "nonsense" });
        say(&hub, &viewer, &json!({ "type": "peer", "sessionId": session, "sdp": nonsense }));
        assert_eq!(wait(&heard), format!("ended {session}"));
        assert_eq!(next(&mut viewer)["type"], "endSession");
        assert_eq!(hub.session_count("bow"), 1);
    }

    #[test]
    fn the_feed_goes_with_its_signaller() {
        gst::init().unwrap();
        let hub = Hub::new();
        let feed = hub.add_feed(0, "bow", "Bow camera");
        let signaller = feed.door(Codec::H264);
        let mut viewer = hub.connect().unwrap();
        let session = watch(&hub, &mut viewer);
        let weak = signaller.downgrade();
        drop(signaller);
        assert!(weak.upgrade().is_none());
        // Nobody has offered anything yet: it waits for the next.
        assert_eq!(hub.session_count("bow"), 1);
        drop(feed);
        assert_eq!(next(&mut viewer), json!({ "type": "endSession", "sessionId": session }));
    }
}
