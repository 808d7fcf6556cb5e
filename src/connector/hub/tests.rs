//! Viewers and feeds of the hub, without sockets and without GStreamer.

use serde_json::{Value, json};

use super::*;
use crate::{
    config::Codec,
    connector::{
        Menu, Viewers, Wanted,
        hub::{FeedStatus, PictureClock},
        switchboard::Seat,
    },
    webrtc::IceAddresses,
};

/// A connected peer that reads its own mail.
struct Viewer {
    hub: Arc<Hub>,
    seat: Seat,
}

impl Viewer {
    fn join(hub: &Arc<Hub>) -> Self {
        let mut viewer = Self { hub: Arc::clone(hub), seat: hub.connect().unwrap() };
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
        self.seat.peer_id.clone()
    }

    fn say(&self, message: &Value) -> bool {
        self.hub.receive(&self.id(), &message.to_string())
    }

    fn next(&mut self) -> Value {
        let text = self.seat.outbox.try_recv().expect("a message should have come");
        serde_json::from_str(&text).unwrap()
    }

    fn nothing_came(&mut self) {
        assert_eq!(self.seat.outbox.try_recv().ok(), None);
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

/// A feed with one door.
struct Fed {
    entry: FeedHandle,
    door: DoorHandle,
}

/// Adds a feed with a door that is shut.
fn register(hub: &Arc<Hub>, place: usize, id: &str, name: &str) -> (Fed, FeedEvents) {
    let entry = hub.register(place, id, name);
    let (door, events) = entry.door(Codec::H264);
    (Fed { entry, door }, events)
}

/// A hub with one feed that is open.
fn hub_with_feed() -> (Arc<Hub>, Fed, FeedEvents) {
    let hub = Hub::new();
    let (feed, events) = register(&hub, 0, "bow", "Bow camera");
    feed.door.set_open(true);
    (hub, feed, events)
}

#[test]
fn a_session_goes_from_request_to_end() {
    let (hub, feed, events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    let requested = SessionEvent::Requested { session_id: session.clone(), peer_id: viewer.id(), offer: None };
    assert_eq!(events.next(), Some(requested));
    assert!(feed.door.may_begin(&session));
    assert_eq!(hub.session_count("bow"), 1);

    feed.door.send_offer(&session, "offer".to_owned());
    feed.door.send_candidate(&session, "candidate:2".to_owned(), 0);
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
    let (feed, _events) = register(&hub, 0, "bow", "Bow camera");
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = told.clone();
    feed.entry.tell_demand(Box::new(move |wanted| kept.lock().unwrap().push(wanted.values().sum::<usize>())));
    let (mut first, mut second) = (Viewer::join(&hub), Viewer::join(&hub));
    let waits = first.watch("bow");
    second.watch("bow");
    first.say(&json!({ "type": "endSession", "sessionId": waits }));
    feed.door.set_open(true);
    let runs = first.watch("bow");
    feed.door.end_session(&runs);
    drop(second);
    assert_eq!(*told.lock().unwrap(), [0, 1, 2, 1, 2, 1, 0]);
}

#[test]
fn a_foreign_session_is_like_none() {
    let (hub, feed, _events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    feed.door.send_offer(&session, "offer".to_owned());

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
fn nobody_else_produces_or_offers_in_mid_session() {
    let (hub, feed, _events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    viewer.say(&json!({ "type": "setPeerStatus", "roles": ["producer"], "meta": null }));
    assert!(viewer.error().contains("Only Heliograph's own feeds produce"));
    viewer.say(&json!({ "type": "setPeerStatus", "roles": ["consumer"], "meta": null }));
    assert!(viewer.error().contains("startSession"));
    viewer.say(&json!({ "type": "list" }));
    let producers = json!([{ "id": "bow", "meta": { "name": "Bow camera" } }]);
    assert_eq!(viewer.next(), json!({ "type": "list", "producers": producers }));

    let session = viewer.watch("bow");
    feed.door.send_offer(&session, "offer".to_owned());
    viewer.next();
    viewer.say(&json!({ "type": "peer", "sessionId": session, "sdp": { "type": "offer", "sdp": "v=0" } }));
    assert!(viewer.error().starts_with("An offer comes once"));
    viewer.say(&json!({ "type": "startSession", "peerId": viewer.id() }));
    assert!(viewer.error().starts_with("There is no feed"));
}

#[test]
fn a_viewer_that_makes_the_offer_gets_an_answer_in_a_codec_that_it_offers() {
    let (hub, feed, events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let vp8 = "v=0\r\nm=video 9 X 96\r\na=rtpmap:96 VP8/90000\r\n";
    viewer.say(&json!({ "type": "startSession", "peerId": "bow", "offer": vp8 }));
    assert!(viewer.error().contains("decodes only VP8"));

    let offer = vp8.replace("VP8", "H264");
    viewer.say(&json!({ "type": "startSession", "peerId": "bow", "offer": offer }));
    let session = viewer.next()["sessionId"].as_str().unwrap().to_owned();
    let requested = SessionEvent::Requested { session_id: session.clone(), peer_id: viewer.id(), offer: Some(offer) };
    assert_eq!(events.next(), Some(requested));
    assert!(feed.door.may_begin(&session));
    // Its candidates come before the answer.
    viewer.candidate(&session);
    assert!(matches!(events.next(), Some(SessionEvent::Candidate { .. })));
    viewer.answer(&session);
    assert!(viewer.error().contains("no offer that waits"));
    feed.door.send_answer(&session, "answer".to_owned());
    assert_eq!(viewer.next()["sdp"], json!({ "type": "answer", "sdp": "answer" }));
    viewer.candidate(&session);
    assert!(matches!(events.next(), Some(SessionEvent::Candidate { .. })));
}

#[test]
fn candidates_of_an_offer_wait_with_it() {
    let hub = Hub::new();
    let (feed, events) = register(&hub, 0, "bow", "Bow camera");
    let mut viewer = Viewer::join(&hub);
    let offer = "v=0\r\nm=video 9 X 96\r\na=rtpmap:96 H264/90000\r\n";
    viewer.say(&json!({ "type": "startSession", "peerId": "bow", "offer": offer }));
    let session = viewer.next()["sessionId"].as_str().unwrap().to_owned();
    for _ in 0..40 {
        viewer.candidate(&session);
    }
    viewer.nothing_came();
    feed.door.set_open(true);
    assert!(matches!(events.next(), Some(SessionEvent::Requested { .. })));
    assert_eq!(events.queued(), 32, "as many as a peer needs, and no more");
    assert!(matches!(events.next(), Some(SessionEvent::Candidate { line: 0, .. })));
}

#[test]
fn answers_are_taken_once_and_only_after_an_offer() {
    let (hub, feed, events) = hub_with_feed();
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    viewer.answer(&session);
    viewer.candidate(&session);
    assert_eq!(viewer.error(), viewer.error());

    feed.door.send_offer(&session, "offer".to_owned());
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
    let (feed, events) = register(&hub, 0, "bow", "Bow camera");
    let mut first = Viewer::join(&hub);
    let mut second = Viewer::join(&hub);
    let mut third = Viewer::join(&hub);
    let session = first.watch("bow");
    second.watch("bow");
    let last = third.watch("bow");
    drop(second);
    assert_eq!(hub.session_count("bow"), 2);

    feed.door.set_open(true);
    feed.door.set_open(false);
    let requested = |session: &str, viewer: &Viewer| {
        Some(SessionEvent::Requested { session_id: session.to_owned(), peer_id: viewer.id(), offer: None })
    };
    assert_eq!(events.next(), requested(&session, &first));
    // Closed again before the signaller came to it: it waits once more.
    assert!(!feed.door.may_begin(&session));
    assert_eq!(events.next(), requested(&last, &third));
    first.answer(&session);
    assert!(first.error().contains("no offer"));
    feed.door.set_open(true);
    assert_eq!(events.next(), requested(&session, &first));
    assert!(feed.door.may_begin(&session));
    // A viewer that left meanwhile does not begin.
    drop(third);
    assert!(!feed.door.may_begin(&last));
}

#[test]
fn waiting_sessions_and_sessions_per_viewer_are_limited() {
    let hub = Hub::new();
    let (feed, _events) = register(&hub, 0, "bow", "Bow camera");
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
    feed.door.set_open(true);
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
    let _stern = register(&hub, 1, "stern", "Stern");
    let mut page = Viewer::join_as_page(&hub);
    let (new, _events) = register(&hub, 0, "bow", "New bow camera");
    old.door.set_open(false);
    drop(old);
    assert_eq!(old_events.next(), None);
    while page.seat.outbox.try_recv().is_ok() {}
    let session = page.watch("bow");
    assert!(!new.door.may_begin(&session), "it is not open by the old one's doing");
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

    let (feed, _events) = register(&hub, 0, "bow", "Bow camera");
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
    let line = json!({ "peerId": "bow", "name": "Bow camera", "state": "live", "text": "Live.", "staleAfterMs": 500,
        "codec": "H.264" });
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
        feed.door.send_picture_clock(&session, picture);
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
    let dropped = viewer.seat.dropped.try_recv();
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

/// Has the feed in these codecs, and one open door of each.
fn doors(feed: &Fed, codecs: &[Codec]) -> Vec<(DoorHandle, FeedEvents)> {
    feed.entry.set_menu(Menu { codecs: codecs.to_vec(), is_forced: false });
    let open = |codec: &Codec| {
        let (door, events) = feed.entry.door(*codec);
        door.set_open(true);
        (door, events)
    };
    codecs.iter().map(open).collect()
}

/// Says what it can take, as our page or as a foreign client that knows of it.
fn says(viewer: &mut Viewer, meta: &Value) {
    viewer.say(&json!({ "type": "setPeerStatus", "roles": [], "meta": meta }));
    while viewer.seat.outbox.try_recv().is_ok() {}
}

fn demand(feed: &Fed) -> Arc<Mutex<Wanted>> {
    let told = Arc::new(Mutex::new(Wanted::new()));
    let kept = told.clone();
    feed.entry.tell_demand(Box::new(move |wanted| *kept.lock().unwrap() = wanted));
    told
}

#[test]
fn a_viewer_gets_the_first_codec_that_it_says_it_takes() {
    let hub = Hub::new();
    let (feed, _) = register(&hub, 0, "bow", "Bow camera");
    let open = doors(&feed, &[Codec::H265, Codec::H264, Codec::Vp8]);
    let asks = |meta: &Value| {
        let mut viewer = Viewer::join(&hub);
        says(&mut viewer, meta);
        viewer.watch("bow");
        let served = open.iter().position(|(_, events)| events.queued() > 0);
        drop(viewer);
        for (_, events) in &open {
            while events.queued() > 0 {
                events.next();
            }
        }
        served
    };
    assert_eq!(asks(&json!({ "codecs": ["VP8", "H264/42e01f", "H265"] })), Some(0));
    assert_eq!(asks(&json!({ "codecs": ["VP8", "H264/42e01f"] })), Some(1));
    assert_eq!(asks(&json!({ "codecs": ["VP8", "H264/640c1f", "flexfec-03"] })), Some(2), "H.264 in another profile");
    assert_eq!(asks(&Value::Null), Some(1), "who says nothing gets what everybody takes");
}

#[test]
fn who_says_what_it_takes_after_it_has_asked_is_given_that() {
    let hub = Hub::new();
    let (feed, _) = register(&hub, 0, "bow", "Bow camera");
    let told = demand(&feed);
    let open = doors(&feed, &[Codec::H265, Codec::H264]);
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    assert!(open[1].0.may_begin(&session));
    says(&mut viewer, &json!({ "codecs": ["H265", "H264"] }));
    assert!(open[0].0.may_begin(&session) && !open[1].0.may_begin(&session));
    assert_eq!(*told.lock().unwrap(), Wanted::from([(Codec::H265, 1)]));
    // What the first door still has to offer comes too late.
    open[1].0.send_offer(&session, "late".to_owned());
    viewer.nothing_came();
}

#[test]
fn who_takes_nothing_of_a_feed_hears_it_in_a_sentence() {
    let (hub, _feed, _events) = hub_with_feed();
    let mut npm = Viewer::join(&hub);
    says(&mut npm, &json!({ "codecs": ["VP8"] }));
    npm.say(&json!({ "type": "startSession", "peerId": "bow" }));
    let sentence = npm.error();
    assert_eq!(sentence, "“Bow camera” can be had as H.264, and this viewer decodes only VP8. Try another browser.");
    let mut page = Viewer::join(&hub);
    says(&mut page, &json!({ "heliograph": 1, "codecs": ["VP8"] }));
    page.say(&json!({ "type": "startSession", "peerId": "bow" }));
    assert_eq!(page.next(), json!({ "type": "heliographUnable", "peerId": "bow", "text": sentence }));
}

#[test]
fn an_answer_without_a_picture_gets_another_codec_next_time() {
    let hub = Hub::new();
    let (feed, _) = register(&hub, 0, "bow", "Bow camera");
    let open = doors(&feed, &[Codec::H264, Codec::Vp8]);
    let mut viewer = Viewer::join(&hub);
    let session = viewer.watch("bow");
    open[0].0.refused(&session);
    assert_eq!(viewer.next(), json!({ "type": "endSession", "sessionId": session }));
    let next = viewer.watch("bow");
    assert!(open[1].0.may_begin(&next) && !open[0].0.may_begin(&next));
}

#[test]
fn a_codec_is_in_demand_while_somebody_waits_for_it_or_watches() {
    let hub = Hub::new();
    let (feed, _) = register(&hub, 0, "bow", "Bow camera");
    let told = demand(&feed);
    feed.entry.set_menu(Menu { codecs: vec![Codec::H264, Codec::Vp8], is_forced: false });
    let mut viewer = Viewer::join(&hub);
    says(&mut viewer, &json!({ "codecs": ["VP8"] }));
    let session = viewer.watch("bow");
    assert_eq!(*told.lock().unwrap(), Wanted::from([(Codec::Vp8, 1)]));
    let (door, events) = feed.entry.door(Codec::Vp8);
    door.set_open(true);
    let requested = SessionEvent::Requested { session_id: session.clone(), peer_id: viewer.id(), offer: None };
    assert_eq!(events.next(), Some(requested));
    // Gone before it offered anything: the viewer waits for the next, and does not notice.
    drop(door);
    viewer.nothing_came();
    assert_eq!(*told.lock().unwrap(), Wanted::from([(Codec::Vp8, 1)]));
    // It cannot be made: whoever waits and can take nothing else is sent away.
    feed.entry.set_menu(Menu { codecs: vec![Codec::H264], is_forced: false });
    assert_eq!(viewer.next(), json!({ "type": "endSession", "sessionId": session }));
    assert_eq!(*told.lock().unwrap(), Wanted::new());
}

#[test]
fn another_codec_asks_our_page_to_come_again_and_sends_others_away() {
    let (hub, feed, _events) = hub_with_feed();
    let told = demand(&feed);
    let mut page = Viewer::join(&hub);
    says(&mut page, &json!({ "heliograph": 1, "codecs": ["H264", "VP8"] }));
    let mut npm = Viewer::join(&hub);
    let (old, foreign) = (page.watch("bow"), npm.watch("bow"));
    for (viewer, session) in [(&mut page, &old), (&mut npm, &foreign)] {
        feed.door.send_offer(session, "offer".to_owned());
        viewer.next();
    }
    feed.entry.set_menu(Menu { codecs: vec![Codec::Vp8, Codec::H264], is_forced: false });
    assert_eq!(page.next()["feeds"][0]["codec"], "VP8");
    page.nothing_came();
    assert_eq!(*told.lock().unwrap(), Wanted::from([(Codec::H264, 2), (Codec::Vp8, 2)]));

    let (door, _) = feed.entry.door(Codec::Vp8);
    door.set_open(true);
    assert_eq!(page.next(), json!({ "type": "heliographRejoin", "sessionId": old }));
    assert_eq!(npm.next(), json!({ "type": "endSession", "sessionId": foreign }));
    let new = page.watch("bow");
    assert!(door.may_begin(&new));
    page.say(&json!({ "type": "endSession", "sessionId": old }));
    assert_eq!(*told.lock().unwrap(), Wanted::from([(Codec::Vp8, 1)]));
    page.nothing_came();
}

#[test]
fn our_page_is_asked_to_come_again_for_what_its_session_lacks_and_others_are_left_alone() {
    let (hub, feed, _events) = hub_with_feed();
    let (mut page, mut npm) = (Viewer::join_as_page(&hub), Viewer::join(&hub));
    let sessions = [page.watch("bow"), npm.watch("bow")];
    for session in &sessions {
        feed.door.send_offer(session, "offer".to_owned());
    }
    page.next();
    npm.next();
    feed.entry.renew(&["gone".to_owned(), sessions[0].clone(), sessions[1].clone()]);
    assert_eq!(page.next(), json!({ "type": "heliographRejoin", "sessionId": sessions[0] }));
    npm.nothing_came();
    feed.entry.end_stragglers(std::time::Duration::ZERO);
    page.nothing_came();
}

#[test]
fn who_does_not_come_again_is_sent_away_in_the_end() {
    let (hub, feed, _events) = hub_with_feed();
    let mut page = Viewer::join_as_page(&hub);
    let session = page.watch("bow");
    feed.door.send_offer(&session, "offer".to_owned());
    let _doors = doors(&feed, &[Codec::Vp8, Codec::H264]);
    while page.seat.outbox.try_recv().is_ok() {}
    feed.entry.end_stragglers(std::time::Duration::from_mins(1));
    page.nothing_came();
    feed.entry.end_stragglers(std::time::Duration::ZERO);
    assert_eq!(page.next(), json!({ "type": "endSession", "sessionId": session }));
}

mod fuzz {
    use super::*;

    #[test]
    fn whatever_peers_say_a_viewer_watches_as_before() {
        crate::fuzz::conversations(
            &[
                r#"{"type":"setPeerStatus","roles":["listener"],"meta":{"heliograph":1,"codecs":["H264"]}}"#,
                r#"{"type":"startSession","peerId":"bow"}"#,
                r#"{"type":"startSession","peerId":"bow","offer":"v=0\r\nm=video 9 X 96\r\na=rtpmap:96 H264/90000\r\na=ice-ufrag:x\r\na=fingerprint:sha-256 00\r\n"}"#,
                r#"{"type":"peer","sessionId":"SESSION","sdp":{"type":"answer","sdp":"v=0"}}"#,
                r#"{"type":"peer","sessionId":"SESSION","sdp":{"type":"offer","sdp":"v=0"}}"#,
                r#"{"type":"peer","sessionId":"SESSION","ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                r#"{"type":"endSession","sessionId":"SESSION"}"#,
                r#"{"type":"list"}"#,
                r#"{"type":"listConsumers"}"#,
            ],
            2,
            |said| {
                let (hub, _feed, _events) = hub_with_feed();
                let mut viewer = Viewer::join(&hub);
                let session = viewer.watch("bow");
                let strangers = [Viewer::join(&hub), Viewer::join(&hub)];
                for (speaker, text) in said {
                    hub.receive(&strangers[*speaker].id(), &text.replace("SESSION", &session));
                }
                assert!(viewer.candidate(&session), "the viewer is still there");
                while let Ok(text) = viewer.seat.outbox.try_recv() {
                    assert!(!text.contains("endSession"), "its session goes on: {text}");
                }
            },
        );
    }
}

#[test]
fn a_feed_for_one_viewer_refuses_a_second_until_the_first_has_left() {
    let hub = Hub::new();
    let (feed, _) = register(&hub, 0, "bow", "Bow camera");
    let (_others, _) = register(&hub, 1, "aft", "Aft camera");
    feed.entry.set_viewers(Viewers::One);
    let (mut first, mut second) = (Viewer::join(&hub), Viewer::join(&hub));
    first.watch("bow");
    second.say(&json!({ "type": "startSession", "peerId": "bow" }));
    let sentence = second.error();
    assert!(
        sentence.contains("“Bow camera” can be sent to one viewer") && sentence.contains("Try again"),
        "{sentence}"
    );
    assert_eq!(hub.session_count("bow"), 1);
    second.watch("aft");
    first.watch("bow");
    drop(first);
    second.watch("bow");
}

#[test]
fn a_guest_that_is_sent_away_is_gone_at_once() {
    let hub = Hub::new();
    let (feed, _) = register(&hub, 0, "bow", "Bow camera");
    feed.entry.set_viewers(Viewers::One);
    let guest = Guest::watch(&hub, "bow", None, None).unwrap();
    assert!(Guest::watch(&hub, "bow", None, None).is_err());
    drop(guest.stay());
    // Whoever speaks for it has not noticed.
    assert!(Guest::watch(&hub, "bow", None, None).is_ok());
    drop(guest);
}

#[test]
fn a_guest_that_makes_the_offer_may_bring_servers_of_its_own() {
    let (hub, _feed, events) = hub_with_feed();
    let offer = "v=0\r\nm=video 9 X 96\r\na=rtpmap:96 H264/90000\r\n".to_owned();
    let through = |host: &str| IceAddresses { stun: Some(format!("stun://{host}:443")), turn: Vec::new() };
    let begin = |host| Guest::begin(&hub, "bow", None, offer.clone(), through(host)).unwrap();
    let guests = ["one", "other"].map(|host| (host, begin(host)));
    for (host, _) in &guests {
        let Some(SessionEvent::Requested { peer_id, .. }) = events.next() else { panic!("{host} should be asked for") };
        assert_eq!(hub.servers(&peer_id).stun, through(host).stun);
    }
}
