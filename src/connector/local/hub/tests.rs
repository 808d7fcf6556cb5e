//! Viewers and feeds of the hub, without sockets and without GStreamer.

use serde_json::{Value, json};

use super::*;
use crate::connector::local::messages::{FeedStatus, PictureClock};

/// A connected peer that reads its own mail.
struct Viewer {
    hub: Arc<Hub>,
    connection: Connection,
}

impl Viewer {
    fn join(hub: &Arc<Hub>) -> Self {
        let mut viewer = Self { hub: Arc::clone(hub), connection: hub.connect().unwrap() };
        let welcome = viewer.next();
        assert_eq!(welcome, json!({ "type": "welcome", "peerId": viewer.id() }));
        viewer
    }

    /// Joins as the viewer page does.
    fn join_as_page(hub: &Arc<Hub>) -> Self {
        let mut viewer = Self::join(hub);
        viewer.say(&json!({ "type": "setPeerStatus", "roles": ["listener"], "meta": { "heliograph": 1 } }));
        assert_eq!(viewer.next()["type"], "peerStatusChanged");
        assert_eq!(viewer.next()["type"], "heliographFeeds");
        viewer
    }

    fn id(&self) -> String {
        self.connection.registered.peer_id.clone()
    }

    fn say(&self, message: &Value) -> bool {
        self.hub.receive(&self.id(), &message.to_string())
    }

    fn next(&mut self) -> Value {
        let text = self.connection.outbox.try_recv().expect("a message should have come");
        serde_json::from_str(&text).unwrap()
    }

    fn nothing_came(&mut self) {
        assert_eq!(self.connection.outbox.try_recv().ok(), None);
    }

    /// Expects an error message and gives its sentence.
    fn error(&mut self) -> String {
        let message = self.next();
        assert_eq!(message["type"], "error");
        message["details"].as_str().unwrap().to_owned()
    }

    /// Asks for a feed and gives the session's id.
    fn watch(&mut self, feed: &str) -> String {
        self.say(&json!({ "type": "startSession", "peerId": feed }));
        let started = self.next();
        assert_eq!((&started["type"], &started["peerId"]), (&json!("sessionStarted"), &json!(feed)));
        started["sessionId"].as_str().unwrap().to_owned()
    }

    fn answer(&self, session: &str) -> bool {
        self.say(&json!({ "type": "peer", "sessionId": session, "sdp": { "type": "answer", "sdp": "v=0" } }))
    }

    fn candidate(&self, session: &str) -> bool {
        self.say(&json!({ "type": "peer", "sessionId": session,
            "ice": { "candidate": "candidate:1", "sdpMLineIndex": 0 } }))
    }
}

/// A hub with one feed that is open.
fn hub_with_feed() -> (Arc<Hub>, FeedHandle, FeedEvents) {
    let hub = Hub::new();
    let (handle, events) = hub.register(0, "bow", "Bow camera");
    handle.set_open(true);
    (hub, handle, events)
}

#[test]
fn a_session_goes_from_request_to_end() {
    let (hub, feed, events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    let requested = SessionEvent::Requested { session_id: session.clone(), peer_id: viewer.id() };
    assert_eq!(events.next(), Some(requested));
    assert!(feed.may_begin(&session));
    assert_eq!(hub.session_count("bow"), 1);

    feed.send_offer(&session, "offer".to_owned());
    feed.send_candidate(&session, "candidate:2".to_owned(), 0);
    assert_eq!(
        viewer.next(),
        json!({ "type": "peer", "sessionId": session, "sdp": { "type": "offer", "sdp": "offer" } })
    );
    assert_eq!(viewer.next()["ice"], json!({ "candidate": "candidate:2", "sdpMLineIndex": 0 }));

    viewer.answer(&session);
    viewer.candidate(&session);
    let session_id = session.clone();
    assert_eq!(events.next(), Some(SessionEvent::Answer { session_id, sdp: "v=0".to_owned() }));
    assert!(matches!(events.next(), Some(SessionEvent::Candidate { line: 0, .. })));

    viewer.say(&json!({ "type": "endSession", "sessionId": session }));
    assert_eq!(events.next(), Some(SessionEvent::Ended { session_id: session }));
    assert_eq!(hub.session_count("bow"), 0);
    viewer.nothing_came();
}

#[test]
fn a_feed_is_told_how_many_watch_or_wait() {
    let hub = Hub::new();
    let (feed, _events) = hub.register(0, "bow", "Bow camera");
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = told.clone();
    feed.tell_demand(Box::new(move |viewers| kept.lock().unwrap().push(viewers)));
    let (mut first, mut second) = (Viewer::join(&hub), Viewer::join(&hub));
    let waits = first.watch("bow");
    second.watch("bow");
    first.say(&json!({ "type": "endSession", "sessionId": waits }));
    feed.set_open(true);
    let runs = first.watch("bow");
    feed.end_session(&runs);
    drop(second);
    assert_eq!(*told.lock().unwrap(), [0, 1, 2, 1, 2, 1, 0]);
}

#[test]
fn a_foreign_session_is_like_none() {
    let (hub, feed, _events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    feed.send_offer(&session, "offer".to_owned());

    let mut stranger = Viewer::join(&hub);
    stranger.answer(&session);
    let foreign = stranger.error();
    stranger.say(&json!({ "type": "endSession", "sessionId": session }));
    assert_eq!(stranger.error(), foreign);
    stranger.answer("made-up");
    assert_eq!(stranger.error(), foreign.replace(&session, "made-up"));
    assert_eq!(hub.session_count("bow"), 1);
}

#[test]
fn nobody_else_produces_or_offers() {
    let (hub, feed, _events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    viewer.say(&json!({ "type": "setPeerStatus", "roles": ["producer"], "meta": null }));
    assert!(viewer.error().contains("Only Heliograph's own feeds produce"));
    viewer.say(&json!({ "type": "setPeerStatus", "roles": ["consumer"], "meta": null }));
    assert!(viewer.error().contains("startSession"));
    viewer.say(&json!({ "type": "list" }));
    let producers = json!([{ "id": "bow", "meta": { "name": "Bow camera" } }]);
    assert_eq!(viewer.next(), json!({ "type": "list", "producers": producers }));

    viewer.say(&json!({ "type": "startSession", "peerId": "bow", "offer": "v=0" }));
    assert!(viewer.error().starts_with("The feed makes the offer."));
    let session = viewer.watch("bow");
    feed.send_offer(&session, "offer".to_owned());
    viewer.next();
    viewer.say(&json!({ "type": "peer", "sessionId": session, "sdp": { "type": "offer", "sdp": "v=0" } }));
    assert!(viewer.error().starts_with("The feed makes the offer."));
    viewer.say(&json!({ "type": "startSession", "peerId": viewer.id() }));
    assert!(viewer.error().starts_with("There is no feed"));
}

#[test]
fn answers_are_taken_once_and_only_after_an_offer() {
    let (hub, feed, events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    viewer.answer(&session);
    viewer.candidate(&session);
    assert_eq!(viewer.error(), viewer.error());

    feed.send_offer(&session, "offer".to_owned());
    viewer.next();
    viewer.answer(&session);
    viewer.nothing_came();
    viewer.answer(&session);
    assert!(viewer.error().contains("no offer that waits"));
    for _ in 0..256 {
        viewer.candidate(&session);
        events.next();
    }
    viewer.nothing_came();
    viewer.candidate(&session);
    assert!(viewer.error().contains("256 ICE candidates"));
}

#[test]
fn sessions_wait_until_the_feed_opens() {
    let hub = Hub::new();
    let (feed, events) = hub.register(0, "bow", "Bow camera");
    let mut first = Viewer::join(&hub);
    let mut second = Viewer::join(&hub);
    let mut third = Viewer::join(&hub);
    let session = first.watch("bow");
    second.watch("bow");
    let last = third.watch("bow");
    drop(second);
    assert_eq!(hub.session_count("bow"), 2);

    feed.set_open(true);
    feed.set_open(false);
    let requested = |session: &str, viewer: &Viewer| {
        Some(SessionEvent::Requested { session_id: session.to_owned(), peer_id: viewer.id() })
    };
    assert_eq!(events.next(), requested(&session, &first));
    // Closed again before the signaller came to it: it waits once more.
    assert!(!feed.may_begin(&session));
    assert_eq!(events.next(), requested(&last, &third));
    first.answer(&session);
    assert!(first.error().contains("no offer"));
    feed.set_open(true);
    assert_eq!(events.next(), requested(&session, &first));
    assert!(feed.may_begin(&session));
    // A viewer that left meanwhile does not begin.
    drop(third);
    assert!(!feed.may_begin(&last));
}

#[test]
fn waiting_sessions_and_sessions_per_viewer_are_limited() {
    let hub = Hub::new();
    let (feed, _events) = hub.register(0, "bow", "Bow camera");
    let mut viewers: Vec<Viewer> = (0..5).map(|_| Viewer::join(&hub)).collect();
    for viewer in &mut viewers[..4] {
        for _ in 0..16 {
            viewer.watch("bow");
        }
        viewer.say(&json!({ "type": "startSession", "peerId": "bow" }));
        assert!(viewer.error().contains("16 sessions"));
    }
    viewers[4].say(&json!({ "type": "startSession", "peerId": "bow" }));
    assert!(viewers[4].error().contains("64 viewers already wait"));
    feed.set_open(true);
    viewers[4].watch("bow");
}

#[test]
fn a_viewer_that_leaves_ends_its_sessions() {
    let (hub, _feed, events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    drop(viewer);
    assert!(matches!(events.next(), Some(SessionEvent::Requested { .. })));
    assert_eq!(events.next(), Some(SessionEvent::Ended { session_id: session }));
    assert_eq!(hub.session_count("bow"), 0);
}

#[test]
fn a_removed_feed_ends_its_sessions_and_late_messages_are_forgiven() {
    let (hub, _feed, events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    hub.remove_feed("bow");
    assert_eq!(viewer.next(), json!({ "type": "endSession", "sessionId": session }));
    assert!(matches!(events.next(), Some(SessionEvent::Requested { .. })));
    assert!(matches!(events.next(), Some(SessionEvent::Ended { .. })));
    assert_eq!(events.next(), None);
    // The npm client confirms the end, and candidates may be under way.
    viewer.say(&json!({ "type": "endSession", "sessionId": session }));
    viewer.candidate(&session);
    viewer.nothing_came();
}

#[test]
fn a_replaced_feed_has_no_say_any_more() {
    let (hub, old, old_events) = hub_with_feed();
    hub.register(1, "stern", "Stern");
    let mut page = Viewer::join_as_page(&hub);
    let (new, _events) = hub.register(0, "bow", "New bow camera");
    old.set_open(false);
    drop(old);
    assert_eq!(old_events.next(), None);
    while page.connection.outbox.try_recv().is_ok() {}
    let session = page.watch("bow");
    assert!(!new.may_begin(&session), "it is not open by the old one's doing");
    page.say(&json!({ "type": "list" }));
    assert_eq!(page.next()["producers"][0]["meta"]["name"], "New bow camera");
}

#[test]
fn listeners_hear_of_feeds_that_come_and_go() {
    let hub = Hub::new();
    let mut listener = Viewer::join(&hub);
    let mut other = Viewer::join(&hub);
    listener.say(&json!({ "type": "setPeerStatus", "roles": ["listener"], "meta": null }));
    let me = listener.next();
    assert_eq!((&me["peerId"], &me["roles"]), (&json!(listener.id()), &json!(["listener"])));

    let (feed, _events) = hub.register(0, "bow", "Bow camera");
    let meta = json!({ "name": "Bow camera" });
    let came = json!({ "type": "peerStatusChanged", "peerId": "bow", "roles": ["producer"], "meta": meta });
    assert_eq!(listener.next(), came);
    drop(feed);
    let gone = json!({ "type": "peerStatusChanged", "peerId": "bow", "roles": [], "meta": meta });
    assert_eq!(listener.next(), gone);
    other.nothing_came();
}

#[test]
fn extensions_go_to_our_page_only() {
    let (hub, feed, _events) = hub_with_feed();
    let mut page = Viewer::join_as_page(&hub);
    let mut npm = Viewer::join(&hub);
    npm.say(&json!({ "type": "setPeerStatus", "roles": ["listener"], "meta": null }));
    npm.next();

    let status = FeedStatus { state: "live".to_owned(), text: "Live.".to_owned(), stale_after_ms: 500 };
    hub.set_feed_status("bow", status.clone());
    hub.set_feed_status("bow", status);
    let line = json!({ "peerId": "bow", "name": "Bow camera", "state": "live", "text": "Live.", "staleAfterMs": 500 });
    assert_eq!(page.next(), json!({ "type": "heliographFeeds", "feeds": [line] }));
    page.nothing_came();

    page.say(&json!({ "type": "heliographTime", "client": 12.5 }));
    let time = page.next();
    assert_eq!(time["client"], 12.5);
    assert!((time["server"].as_f64().unwrap() - hub.clock().now_ms()).abs() < 1000.0);
    npm.say(&json!({ "type": "heliographTime", "client": 12.5 }));
    assert!(npm.error().contains("meta.heliograph"));

    let picture = PictureClock { rtp_timestamp: 7, clock_rate: 90_000, capture_time_ms: 1.5 };
    for viewer in [&mut page, &mut npm] {
        let session = viewer.watch("bow");
        feed.send_picture_clock(&session, picture);
    }
    assert_eq!(page.next()["rtpTimestamp"], 7);
    npm.nothing_came();
}

#[test]
fn a_peer_is_sent_away_after_twenty_refusals_in_a_row() {
    let hub = Hub::new();
    let viewer = Viewer::join(&hub);
    for _ in 0..19 {
        assert!(viewer.say(&json!("nonsense")));
    }
    assert!(viewer.say(&json!({ "type": "list" })), "one good message forgives all");
    for _ in 0..19 {
        assert!(viewer.say(&json!("nonsense")));
    }
    assert!(!viewer.say(&json!("nonsense")));
}

#[test]
fn a_peer_that_does_not_read_is_dropped() {
    let (hub, _feed, events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    viewer.watch("bow");
    for _ in 0..257 {
        viewer.say(&json!({ "type": "list" }));
    }
    assert_eq!(hub.session_count("bow"), 0);
    assert!(matches!(events.next(), Some(SessionEvent::Requested { .. })));
    assert!(matches!(events.next(), Some(SessionEvent::Ended { .. })));
    let dropped = viewer.connection.dropped.try_recv();
    assert_eq!(dropped, Err(tokio::sync::oneshot::error::TryRecvError::Closed));
}

#[test]
fn the_number_of_peers_is_limited() {
    let hub = Hub::new();
    let viewers: Vec<Viewer> = (0..256).map(|_| Viewer::join(&hub)).collect();
    assert!(hub.connect().is_err());
    drop(viewers);
    assert!(hub.connect().is_ok());
}
