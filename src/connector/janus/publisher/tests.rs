//! A feed in a room, without a server and without GStreamer.

use serde_json::Value;
use tokio::{
    runtime::{EnterGuard, Runtime},
    sync::mpsc::UnboundedReceiver,
};

use super::*;
use crate::{
    config::{Codec, ConnectorConfig, ConnectorSettings, Secrets, SessionStore},
    connector::{
        FORMS,
        client::Frame,
        hub::{DoorHandle, FeedEvents, FeedHandle, SessionEvent},
        janus::messages::RoomId,
    },
};

const HANGUP: &str = r#"{"janus":"hangup","session_id":1,"sender":2,"reason":"ICE failed"}"#;
const ANSWER: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";

/// The server's end of a connection, played by a test.
struct Far<'a> {
    publisher: Publisher,
    line: Line,
    told: UnboundedReceiver<Frame>,
    events: FeedEvents,
    door: DoorHandle,
    _feed: FeedHandle,
    _entered: EnterGuard<'a>,
}

impl<'a> Far<'a> {
    fn start(runtime: &'a Runtime) -> Self {
        let entered = runtime.enter();
        let hub = Hub::new();
        let feed = hub.register(0, "bow", "Bow");
        let (door, events) = feed.door(Codec::H264);
        door.set_open(true);
        let config = ConnectorConfig::from_line("one=janus,address=ws://h,room=1234", FORMS).unwrap();
        let settings = ConnectorSettings::new(config, Arc::new(Secrets::with_store(SessionStore::default())));
        let room = Room { id: RoomId::Number(1234), codec: Codec::H264, host: "h:80".to_owned(), settings };
        let publisher = Publisher::new(room, hub, FeedId::from_name("bow"), "Bow".to_owned());
        let line = Line::default();
        let told = line.connect();
        Self { publisher, line, told, events, door, _feed: feed, _entered: entered }
    }

    /// Another connection.
    fn reconnect(&mut self) {
        self.line.disconnect();
        self.told = self.line.connect();
        self.publisher.opened(&self.line);
    }

    /// What is said next, which has to be this.
    fn next(&mut self, what: &str) -> Value {
        let text = self.told.blocking_recv().expect("something should be said").into_text().unwrap();
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(message["janus"], what, "{message}");
        message
    }

    fn say(&mut self, text: &str) -> Result<(), ConnectorFault> {
        self.publisher.hear(text, &self.line)
    }

    fn grant(&mut self, what: &str, id: u64) {
        let transaction = self.next(what)["transaction"].as_str().unwrap().to_owned();
        self.say(&format!(r#"{{"janus":"success","transaction":"{transaction}","data":{{"id":{id}}}}}"#)).unwrap();
    }

    fn happen(&mut self, handle: u64, data: &str, jsep: &str) -> Result<(), ConnectorFault> {
        self.say(&format!(
            r#"{{"janus":"event","session_id":1,"sender":{handle},"plugindata":{{"plugin":"janus.plugin.videoroom","data":{data}}}{jsep}}}"#
        ))
    }

    fn answer(&mut self, handle: u64, sdp: &str) -> Result<(), ConnectorFault> {
        let jsep = json!({ "type": "answer", "sdp": sdp });
        self.happen(handle, r#"{"videoroom":"event","configured":"ok"}"#, &format!(r#","jsep":{jsep}"#))
    }

    /// From the handle to the offer; comes back with the name of the feed's session.
    fn offered(&mut self, handle: u64) -> String {
        self.grant("attach", handle);
        let join = self.next("message");
        assert_eq!(join["body"], json!({ "request": "join", "ptype": "publisher", "room": 1234, "display": "Bow" }));
        self.happen(handle, r#"{"videoroom":"joined","room":1234,"id":7,"publishers":[]}"#, "").unwrap();
        let Some(SessionEvent::Requested { session_id, .. }) = self.events.next() else { panic!("no session") };
        assert!(self.door.may_begin(&session_id));
        self.door.send_offer(&session_id, "v=0".to_owned());
        let publish = self.next("message");
        assert_eq!(publish["body"], json!({ "request": "publish", "videocodec": "h264" }));
        assert_eq!(publish["jsep"], json!({ "type": "offer", "sdp": "v=0" }));
        session_id
    }

    /// Published as the handle 2 of the session 1.
    fn published(runtime: &'a Runtime) -> (Self, String) {
        let mut server = Self::start(runtime);
        server.publisher.opened(&server.line);
        server.grant("create", 1);
        let session = server.offered(2);
        server.answer(2, ANSWER).unwrap();
        server.is_answered(&session);
        server.say(r#"{"janus":"webrtcup","session_id":1,"sender":2}"#).unwrap();
        (server, session)
    }

    fn is_answered(&mut self, session: &str) {
        let answer = SessionEvent::Answer { session_id: session.to_owned(), sdp: ANSWER.to_owned() };
        assert_eq!(self.events.next(), Some(answer));
        assert!(self.publisher.is_ready());
    }

    fn is_over(&mut self, session: &str) {
        assert_eq!(self.events.next(), Some(SessionEvent::Ended { session_id: session.to_owned() }));
    }
}

#[test]
fn a_quiet_sound_is_no_lost_way() {
    let runtime = Runtime::new().unwrap();
    let (mut server, _) = Far::published(&runtime);
    let mut media = |kind: &str, receiving: bool| {
        server.say(&format!(r#"{{"janus":"media","session_id":1,"sender":2,{kind}"receiving":{receiving}}}"#)).unwrap();
        server.publisher.deaf_since.is_some()
    };
    assert!(!media(r#""type":"audio","mid":"1","#, false));
    assert!(media(r#""type":"video","mid":"0","#, false));
    assert!(media(r#""type":"audio","mid":"1","#, true), "there is no picture still");
    assert!(!media(r#""type":"video","mid":"0","#, true));
    assert!(media("", false), "of an older server");
}

#[test]
fn a_feed_is_published_and_its_candidates_are_told() {
    let runtime = Runtime::new().unwrap();
    let (mut server, session) = Far::published(&runtime);
    server.door.send_candidate(&session, "candidate:1".to_owned(), 0);
    let trickle = server.next("trickle");
    assert_eq!(trickle["candidate"], json!({ "candidate": "candidate:1", "sdpMLineIndex": 0 }));
    assert_eq!((&trickle["session_id"], &trickle["handle_id"]), (&json!(1), &json!(2)));
    server.say(r#"{"janus":"trickle","sender":2,"candidate":{"candidate":"candidate:2","sdpMLineIndex":0}}"#).unwrap();
    server.say(r#"{"janus":"trickle","sender":2,"candidate":{"completed":true}}"#).unwrap();
    assert!(matches!(server.events.next(), Some(SessionEvent::Candidate { line: 0, .. })));
    assert!(
        server.line.take_last_words().is_some_and(|words| words.into_text().unwrap().contains(r#""janus":"destroy""#))
    );
}

#[test]
fn the_first_answer_counts_and_an_answer_to_nothing_does_not() {
    let runtime = Runtime::new().unwrap();
    let mut server = Far::start(&runtime);
    server.publisher.opened(&server.line);
    server.answer(2, ANSWER).unwrap();
    server.grant("create", 1);
    server.answer(2, ANSWER).unwrap();
    assert!(!server.publisher.is_ready());
    let session = server.offered(2);
    server.answer(3, ANSWER).unwrap();
    assert!(!server.publisher.is_ready(), "an answer to another handle");
    server.answer(2, ANSWER).unwrap();
    server.is_answered(&session);
    server.answer(2, "v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n").unwrap();
    server.door.send_candidate(&session, "candidate:1".to_owned(), 0);
    server.next("trickle");
    assert!(server.publisher.is_ready());
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for_forever() {
    let runtime = Runtime::new().unwrap();
    let mut server = Far::start(&runtime);
    server.publisher.opened(&server.line);
    server.grant("create", 1);
    server.offered(2);
    assert_eq!(server.publisher.tick(&server.line), Ok(()));
    let Stage::Publish(offered) = &mut server.publisher.stage else { panic!("it should be offered") };
    *offered = Arc::new(OnceLock::from(Instant::now().checked_sub(ANSWER_WITHIN * 2).unwrap()));
    let fault = server.publisher.tick(&server.line).unwrap_err();
    assert!(fault.to_string().contains("does not answer"), "{fault}");
    // It comes late, over another connection: what it was for is no more.
    server.reconnect();
    server.answer(2, ANSWER).unwrap();
    assert!(!server.publisher.is_ready());
}

#[test]
fn a_session_is_claimed_and_goes_on_where_the_server_knows_it() {
    let runtime = Runtime::new().unwrap();
    let (mut server, session) = Far::published(&runtime);
    server.reconnect();
    assert!(!server.publisher.is_ready());
    assert_eq!(server.next("claim")["session_id"], 1);
    server.reconnect();
    server.grant("claim", 1);
    assert!(server.publisher.is_ready());
    server.door.send_candidate(&session, "candidate:1".to_owned(), 0);
    server.next("trickle");
}

#[test]
fn a_session_that_the_server_has_forgotten_is_made_anew() {
    let runtime = Runtime::new().unwrap();
    let (mut server, session) = Far::published(&runtime);
    server.reconnect();
    let transaction = server.next("claim")["transaction"].as_str().unwrap().to_owned();
    let error = r#""error":{"code":458,"reason":"No such session 1"}"#;
    server.say(&format!(r#"{{"janus":"error","transaction":"{transaction}",{error}}}"#)).unwrap();
    server.is_over(&session);
    server.grant("create", 11);
    let session = server.offered(12);
    server.answer(12, ANSWER).unwrap();
    server.is_answered(&session);
}

#[test]
fn what_was_good_is_begun_anew_at_once_and_what_was_not_waits_its_turn() {
    let runtime = Runtime::new().unwrap();
    let (mut server, session) = Far::published(&runtime);
    let fault = server.say(HANGUP).unwrap_err();
    assert_eq!(fault.to_string(), "h:80 receives the feed no more: ICE failed.");
    let Stage::Up { good_from, .. } = &mut server.publisher.stage else { panic!("it should be up") };
    *good_from = Instant::now();
    server.say(HANGUP).unwrap();
    server.is_over(&session);
    assert_eq!(server.next("detach")["handle_id"], 2);
    server.offered(3);
    // The old handle's last words are not for the new one.
    server.say(HANGUP).unwrap();
    server.say(r#"{"janus":"detached","session_id":1,"sender":2}"#).unwrap();
}

#[test]
fn what_a_server_means_by_its_refusal_is_said_in_words() {
    let runtime = Runtime::new().unwrap();
    for (code, words) in [
        (426, "There is no room 1234 at h:80. Check the room"),
        (433, "The room 1234 at h:80 does not let us in. Check its PIN"),
        (432, "The room 1234 at h:80 is full."),
        (499, "h:80 says: why (499)."),
    ] {
        let mut server = Far::start(&runtime);
        server.publisher.opened(&server.line);
        server.grant("create", 1);
        server.grant("attach", 2);
        let data = format!(r#"{{"videoroom":"event","error_code":{code},"error":"why"}}"#);
        let fault = server.happen(2, &data, "").unwrap_err();
        assert!(fault.to_string().contains(words), "{fault}");
    }
    let mut server = Far::start(&runtime);
    server.publisher.opened(&server.line);
    let transaction = server.next("create")["transaction"].as_str().unwrap().to_owned();
    let error = r#""error":{"code":403,"reason":"Unauthorized request (wrong or missing secret/token)"}"#;
    let fault = server.say(&format!(r#"{{"janus":"error","transaction":"{transaction}",{error}}}"#)).unwrap_err();
    assert_eq!(fault.to_string(), "h:80 does not let us in. Check the API secret and the token.");
    assert_eq!(fault.kind, Kind::Refused);
}

#[test]
fn a_room_that_takes_another_codec_is_told_of_in_words() {
    let runtime = Runtime::new().unwrap();
    let mut server = Far::start(&runtime);
    server.publisher.opened(&server.line);
    server.grant("create", 1);
    server.offered(2);
    let fault = server.answer(2, "v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n").unwrap_err();
    assert!(fault.to_string().contains("takes no h264"), "{fault}");
}

#[test]
fn who_is_put_out_of_a_room_or_loses_it_is_told() {
    let runtime = Runtime::new().unwrap();
    for (data, words) in [
        (r#"{"videoroom":"event","room":1234,"leaving":"ok","reason":"kicked"}"#, "put the feed out"),
        (r#"{"videoroom":"destroyed","room":1234}"#, "was closed"),
    ] {
        let (mut server, _) = Far::published(&runtime);
        server.happen(2, r#"{"videoroom":"event","room":1234,"leaving":9}"#, "").unwrap();
        let fault = server.happen(2, data, "").unwrap_err();
        assert!(fault.to_string().contains(words), "{fault}");
    }
}

#[test]
fn a_session_that_the_feed_ends_is_begun_anew() {
    let runtime = Runtime::new().unwrap();
    let (mut server, session) = Far::published(&runtime);
    let Stage::Up { good_from, .. } = &mut server.publisher.stage else { panic!("it should be up") };
    *good_from = Instant::now();
    server.door.end_session(&session);
    server.grant("detach", 0);
    server.offered(3);
}

mod fuzz {
    use super::*;

    #[test]
    fn whatever_a_server_says_it_is_told_only_requests() {
        let runtime = Runtime::new().unwrap();
        crate::fuzz::conversations(
            &[
                r#"{"janus":"success","transaction":"1","data":{"id":1}}"#,
                r#"{"janus":"success","transaction":"3","data":{"id":2}}"#,
                r#"{"janus":"event","sender":2,"plugindata":{"data":{"videoroom":"joined"}}}"#,
                r#"{"janus":"event","sender":2,"plugindata":{"data":{}},"jsep":{"type":"answer","sdp":"v=0"}}"#,
                r#"{"janus":"webrtcup","sender":2}"#,
                r#"{"janus":"hangup","sender":2,"reason":"no"}"#,
                r#"{"janus":"timeout","session_id":1}"#,
                r#"{"janus":"error","transaction":"1","error":{"code":458,"reason":"No such session"}}"#,
            ],
            1,
            |said| {
                let mut server = Far::start(&runtime);
                server.publisher.opened(&server.line);
                for (_, text) in said {
                    if let Err(fault) = server.say(text) {
                        let is_short = fault.sentence.chars().count() < 300;
                        assert!(is_short && !fault.sentence.contains(char::is_control), "{}", fault.sentence);
                        server.reconnect();
                    }
                    let _ = server.publisher.tick(&server.line);
                }
                while let Ok(words) = server.told.try_recv() {
                    let text = words.into_text().unwrap();
                    let message: Value = serde_json::from_str(&text).unwrap();
                    assert!(message["janus"].is_string() && message["transaction"].is_string(), "{text}");
                }
            },
        );
    }
}
