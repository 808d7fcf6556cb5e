//! A feed in a room, without a server and without GStreamer.

use prost::Message;
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
        livekit::messages::{
            Participant, Permission, Reconnect, RequestResponse, SignalRequest, SignalResponse, VIDEO,
        },
    },
};

const OFFER: &str = "v=0\r\nm=video 9 X 96\r\na=msid:s t\r\n";
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

fn connector(values: &str) -> ConnectorSettings {
    let line = format!("one=livekit,address=ws://h/base,{values}");
    let config = ConnectorConfig::from_line(&line, FORMS).unwrap();
    ConnectorSettings::new(config, Arc::new(Secrets::with_store(SessionStore::default())))
}

impl<'a> Far<'a> {
    fn start(runtime: &'a Runtime) -> Self {
        let entered = runtime.enter();
        let hub = Hub::new();
        let feed = hub.register(0, "bow", "Bow");
        let (door, events) = feed.door(Codec::H264);
        door.set_open(true);
        let settings = connector("room=bridge,api_key=key,api_secret_env=PATH");
        let room = Room { codec: Codec::H264, host: "h:80".to_owned(), settings };
        let publisher = Publisher::new(room, hub, FeedId::from_name("bow"), "Bow".to_owned());
        let line = Line::default();
        let told = line.connect();
        Self { publisher, line, told, events, door, _feed: feed, _entered: entered }
    }

    /// Another connection; the address by which it comes.
    fn connect(&mut self, runtime: &Runtime) -> String {
        self.line.disconnect();
        self.told = self.line.connect();
        let url = "ws://h/base".parse().unwrap();
        let mut server = Server { url, ca: None, papers: Papers::Token(None), subprotocol: None };
        runtime.block_on(self.publisher.prepare(&mut server, &mut SetUp::default())).unwrap();
        self.publisher.opened(&self.line);
        server.url.to_string()
    }

    fn next(&mut self) -> Request {
        let Frame::Bytes(bytes) = self.told.blocking_recv().unwrap() else { panic!("only bytes should be said") };
        SignalRequest::decode(bytes.as_slice()).unwrap().request.unwrap()
    }

    fn say(&mut self, response: Response) -> Result<(), ConnectorFault> {
        let bytes = SignalResponse { response: Some(response) }.encode_to_vec();
        self.publisher.hear_bytes(&bytes, &self.line)
    }

    fn join(&mut self, can_publish: bool, subscriber_primary: bool) -> Result<(), ConnectorFault> {
        let permission = Some(Permission { can_publish });
        let participant = Some(Participant { sid: "PA".to_owned(), permission });
        self.say(Response::Join(Join { participant, subscriber_primary, ..Join::default() }))
    }

    fn answer(&mut self, sdp: &str) -> Result<(), ConnectorFault> {
        self.say(Response::Answer(Description { kind: "answer".to_owned(), sdp: sdp.to_owned() }))
    }

    /// In a room, with this offer of the feed's.
    fn offering(runtime: &'a Runtime, sdp: &str) -> Self {
        let mut far = Self::start(runtime);
        far.connect(runtime);
        far.join(true, false).unwrap();
        let Some(SessionEvent::Requested { session_id, .. }) = far.events.next() else { panic!("no session") };
        assert!(far.door.may_begin(&session_id));
        far.door.send_offer(&session_id, sdp.to_owned());
        far
    }

    /// From joining to the offer.
    fn offered(&mut self) -> String {
        self.join(true, false).unwrap();
        let Some(SessionEvent::Requested { session_id, .. }) = self.events.next() else { panic!("no session") };
        assert!(self.door.may_begin(&session_id));
        self.door.send_offer(&session_id, OFFER.to_owned());
        let Request::AddTrack(track) = self.next() else { panic!("the track should be told first") };
        assert_eq!((track.cid.as_str(), track.name.as_str(), track.kind), ("t", "Bow", VIDEO));
        self.answer(ANSWER).unwrap();
        assert!(!self.publisher.is_ready(), "an answer to nothing");
        self.say(Response::TrackPublished(TrackPublished { cid: track.cid, track: None })).unwrap();
        assert_eq!(self.next(), Request::Offer(Description { kind: "offer".to_owned(), sdp: OFFER.to_owned() }));
        session_id
    }

    fn published(runtime: &'a Runtime) -> (Self, String) {
        let mut far = Self::start(runtime);
        far.connect(runtime);
        let session = far.offered();
        far.answer(ANSWER).unwrap();
        let answer = SessionEvent::Answer { session_id: session.clone(), sdp: ANSWER.to_owned() };
        assert_eq!(far.events.next(), Some(answer));
        assert!(far.publisher.is_ready());
        (far, session)
    }
}

#[test]
fn a_feed_is_published_and_the_first_answer_counts() {
    let runtime = Runtime::new().unwrap();
    let (mut far, session) = Far::published(&runtime);
    far.answer("v=0\r\nm=video 0 X 96\r\n").unwrap();
    far.door.send_candidate(&session, "candidate:1".to_owned(), 0);
    assert_eq!(far.next(), trickle("candidate:1".to_owned(), 0));
    let candidate = r#"{"candidate":"candidate:2","sdpMid":"0","sdpMLineIndex":0}"#.to_owned();
    let said = super::super::messages::Trickle { candidate, target: PUBLISHER, is_final: false };
    far.say(Response::Trickle(said)).unwrap();
    assert!(matches!(far.events.next(), Some(SessionEvent::Candidate { line: 0, .. })));
    assert!(far.line.take_last_words().is_some());
}

#[test]
fn a_session_is_resumed_unless_this_machine_moved_or_the_server_forgot() {
    let runtime = Runtime::new().unwrap();
    let (mut far, _) = Far::published(&runtime);
    let address = far.connect(&runtime);
    assert_eq!(address, "ws://h/base/rtc?protocol=15&auto_subscribe=0&reconnect=1&sid=PA");
    assert!(!far.publisher.is_ready());
    far.say(Response::Reconnect(Reconnect::default())).unwrap();
    assert!(matches!(far.next(), Request::SyncState(_)));
    assert!(far.publisher.is_ready());
    // The server knows nothing of it any more.
    far.connect(&runtime);
    let leave = Leave { reason: 6, action: RECONNECT, ..Leave::default() };
    let fault = far.say(Response::Leave(leave)).unwrap_err();
    assert_eq!(fault.kind, Kind::Lost);
    assert!(!far.connect(&runtime).contains("reconnect"));
    let (mut far, _) = Far::published(&runtime);
    far.publisher.moved();
    assert!(!far.connect(&runtime).contains("reconnect"));
}

#[test]
fn picture_and_sound_are_offered_when_the_room_knows_both() {
    let runtime = Runtime::new().unwrap();
    let sdp = format!("{OFFER}m=audio 9 X 97\r\na=msid:s a\r\n");
    let mut far = Far::offering(&runtime, &sdp);
    let mut told = || match far.next() {
        Request::AddTrack(track) => (track.cid, track.kind, track.source),
        other => panic!("the tracks should be told first: {other:?}"),
    };
    assert_eq!([told(), told()], [("t".to_owned(), VIDEO, CAMERA), ("a".to_owned(), AUDIO, MICROPHONE)]);
    let published = |cid: &str| Response::TrackPublished(TrackPublished { cid: cid.to_owned(), track: None });
    far.say(published("t")).unwrap();
    assert!(far.told.try_recv().is_err(), "the sound is not known there yet");
    far.say(published("a")).unwrap();
    assert_eq!(far.next(), Request::Offer(Description { kind: "offer".to_owned(), sdp }));
}

#[test]
fn a_room_that_takes_no_sound_has_the_picture() {
    let runtime = Runtime::new().unwrap();
    let sdp = format!("v=0\r\nm=audio 9 X 97\r\na=msid:s a\r\n{}", OFFER.trim_start_matches("v=0\r\n"));
    let mut far = Far::offering(&runtime, &sdp);
    let (Request::AddTrack(first), Request::AddTrack(_)) = (far.next(), far.next()) else { panic!("two tracks") };
    assert_eq!(first.kind, VIDEO, "what is refused later is the sound");
    far.say(Response::TrackPublished(TrackPublished { cid: first.cid, track: None })).unwrap();
    let refusal = RequestResponse { reason: 2, message: "not allowed".to_owned() };
    far.say(Response::Request(refusal)).unwrap();
    assert_eq!(far.next(), Request::Offer(Description { kind: "offer".to_owned(), sdp }));
}

#[test]
fn a_token_that_the_server_gave_serves_to_come_back_and_no_longer() {
    let runtime = Runtime::new().unwrap();
    let (mut far, _) = Far::published(&runtime);
    let fault = || ConnectorFault::new(Kind::Refused, "", "");
    assert_eq!(far.publisher.refused(fault()).kind, Kind::Refused);
    let (mut far, _) = Far::published(&runtime);
    far.publisher.room.settings = connector("token_env=PATH");
    far.say(Response::RefreshToken("refreshed".to_owned())).unwrap();
    let papers = |far: &Far<'_>| match runtime.block_on(far.publisher.papers()).unwrap() {
        Papers::Token(Some(token)) => token.expose().to_owned(),
        _ => panic!("it should be a token"),
    };
    far.connect(&runtime);
    assert_eq!(papers(&far), "refreshed");
    // It has expired.
    assert_eq!(far.publisher.refused(fault()).kind, Kind::Lost, "the operator's own is tried at once");
    assert!(!far.connect(&runtime).contains("reconnect"));
    assert_eq!(papers(&far), std::env::var("PATH").unwrap());
    far.say(Response::RefreshToken("refreshed".to_owned())).unwrap();
    far.publisher.moved();
    assert_eq!(papers(&far), std::env::var("PATH").unwrap());
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for_forever() {
    let runtime = Runtime::new().unwrap();
    let mut far = Far::start(&runtime);
    far.connect(&runtime);
    far.offered();
    assert_eq!(far.publisher.tick(&far.line), Ok(()));
    far.publisher.since = Instant::now().checked_sub(ANSWER_WITHIN * 2).unwrap();
    let fault = far.publisher.tick(&far.line).unwrap_err();
    assert!(fault.to_string().contains("does not answer"), "{fault}");
    far.connect(&runtime);
    far.answer(ANSWER).unwrap();
    assert!(!far.publisher.is_ready(), "it came late");
}

#[test]
fn why_a_server_does_not_have_the_feed_is_said_in_words() {
    let runtime = Runtime::new().unwrap();
    for (reason, words) in [(2, "under the feed's name"), (4, "put the feed out"), (5, "was closed")] {
        let (mut far, _) = Far::published(&runtime);
        let fault = far.say(Response::Leave(Leave { reason, ..Leave::default() })).unwrap_err();
        assert!(fault.to_string().contains(words), "{fault}");
    }
    let mut far = Far::start(&runtime);
    far.connect(&runtime);
    let fault = far.join(false, false).unwrap_err();
    assert!(fault.to_string().contains("does not let the feed publish"), "{fault}");
    let fault = far.join(true, true).unwrap_err();
    assert!(fault.to_string().contains("canSubscribe: false"), "{fault}");
    far.connect(&runtime);
    far.offered();
    let fault = far.answer("v=0\r\nm=video 0 X 96\r\n").unwrap_err();
    assert!(fault.to_string().contains("takes no h264"), "{fault}");
    let mut far = Far::start(&runtime);
    far.connect(&runtime);
    far.join(true, false).unwrap();
    let response = RequestResponse { reason: 2, message: "not allowed".to_owned() };
    let fault = far.say(Response::Request(response)).unwrap_err();
    assert!(fault.to_string().contains("does not take the feed's track: not allowed"), "{fault}");
}

#[test]
fn the_servers_of_the_service_are_used_with_their_logins() {
    let turn = super::super::messages::Server {
        urls: ["turn:turn.ship:3478?transport=udp", "stun:stun.ship", "nonsense"].map(str::to_owned).to_vec(),
        username: "me".to_owned(),
        credential: "p@ss".to_owned(),
    };
    let addresses = addresses(&[turn]);
    assert_eq!(addresses.stun.as_deref(), Some("stun://stun.ship:3478"));
    assert_eq!(addresses.turn, ["turn://me:p%40ss@turn.ship:3478?transport=udp"]);
}

mod fuzz {
    use super::*;

    #[test]
    fn whatever_a_server_says_it_is_told_only_requests() {
        let runtime = Runtime::new().unwrap();
        crate::fuzz::conversations(
            &[
                "\x0a\x0a\x12\x08\x0a\x02PA\x5a\x02\x10\x01",
                "\x12\x0d\x0a\x06answer\x12\x03v=0",
                "\x22\x04\x0a\x02{}",
                "\x42\x04\x10\x02\x18\x01",
                "\x32\x03\x0a\x01t",
            ],
            1,
            |said| {
                let mut far = Far::start(&runtime);
                far.publisher.opened(&far.line);
                for (_, text) in said {
                    if let Err(fault) = far.publisher.hear_bytes(text.as_bytes(), &far.line) {
                        let is_short = fault.sentence.chars().count() < 300;
                        assert!(is_short && !fault.sentence.contains(char::is_control), "{}", fault.sentence);
                        far.publisher.opened(&far.line);
                    }
                    let _ = far.publisher.tick(&far.line);
                }
                while let Ok(words) = far.told.try_recv() {
                    let Frame::Bytes(bytes) = words else { panic!("only bytes should be said") };
                    assert!(SignalRequest::decode(bytes.as_slice()).unwrap().request.is_some());
                }
            },
        );
    }
}
