//! What is said to a `LiveKit` server and heard from it, as protocol buffers: of its `livekit_rtc.proto` and
//! `livekit_models.proto` what a publisher needs. Fields and messages that are not here are passed over.

use prost::{Message, Oneof};
use serde::{Deserialize, Serialize};

/// What we say.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SignalRequest {
    #[prost(oneof = "Request", tags = "1, 3, 4, 8, 12, 14, 16")]
    pub(super) request: Option<Request>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Request {
    /// Of the connection that we publish by.
    #[prost(message, tag = "1")]
    Offer(Description),
    #[prost(message, tag = "3")]
    Trickle(Trickle),
    /// A track that the next offer will have.
    #[prost(message, tag = "4")]
    AddTrack(AddTrack),
    #[prost(message, tag = "8")]
    Leave(Leave),
    /// What a session that goes on has published.
    #[prost(message, tag = "12")]
    SyncState(SyncState),
    /// The same as the next one, for older servers: a time in milliseconds.
    #[prost(int64, tag = "14")]
    PingTime(i64),
    #[prost(message, tag = "16")]
    Ping(Ping),
}

/// What the server says.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SignalResponse {
    #[prost(oneof = "Response", tags = "1, 2, 4, 6, 8, 16, 17, 19, 22")]
    pub(super) response: Option<Response>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Response {
    /// We are in the room.
    #[prost(message, tag = "1")]
    Join(Join),
    #[prost(message, tag = "2")]
    Answer(Description),
    #[prost(message, tag = "4")]
    Trickle(Trickle),
    /// The track may be offered.
    #[prost(message, tag = "6")]
    TrackPublished(TrackPublished),
    #[prost(message, tag = "8")]
    Leave(Leave),
    /// By which to come back, once the other has expired.
    #[prost(string, tag = "16")]
    RefreshToken(String),
    #[prost(message, tag = "17")]
    TrackUnpublished(TrackUnpublished),
    /// We are in the room still.
    #[prost(message, tag = "19")]
    Reconnect(Reconnect),
    /// Something that was asked for cannot be.
    #[prost(message, tag = "22")]
    Request(RequestResponse),
}

/// An offer or an answer.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Description {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(string, tag = "2")]
    pub(super) sdp: String,
}

/// A candidate, as the JSON of a browser's `RTCIceCandidateInit`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Trickle {
    #[prost(string, tag = "1")]
    pub(super) candidate: String,
    /// 0 is the connection by which we publish.
    #[prost(int32, tag = "2")]
    pub(super) target: i32,
    #[prost(bool, tag = "3")]
    pub(super) is_final: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CandidateInit {
    pub(super) candidate: String,
    #[serde(default, rename = "sdpMLineIndex")]
    pub(super) line: Option<u32>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct AddTrack {
    /// The track's name in our offer.
    #[prost(string, tag = "1")]
    pub(super) cid: String,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(int32, tag = "3")]
    pub(super) kind: i32,
    #[prost(int32, tag = "8")]
    pub(super) source: i32,
}

/// `TrackType`.
pub(super) const AUDIO: i32 = 0;
pub(super) const VIDEO: i32 = 1;
/// `TrackSource`.
pub(super) const CAMERA: i32 = 1;
pub(super) const MICROPHONE: i32 = 2;
/// `SignalTarget`.
pub(super) const PUBLISHER: i32 = 0;

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Leave {
    /// What servers said before there were actions.
    #[prost(bool, tag = "1")]
    pub(super) can_reconnect: bool,
    #[prost(int32, tag = "2")]
    pub(super) reason: i32,
    #[prost(int32, tag = "3")]
    pub(super) action: i32,
}

/// `LeaveRequest.Action`.
pub(super) const RESUME: i32 = 1;
pub(super) const RECONNECT: i32 = 2;
/// `DisconnectReason`.
pub(super) const CLIENT_INITIATED: i32 = 1;

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct SyncState {
    #[prost(message, repeated, tag = "3")]
    pub(super) tracks: Vec<TrackPublished>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Ping {
    /// In milliseconds.
    #[prost(int64, tag = "1")]
    pub(super) timestamp: i64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Join {
    #[prost(message, optional, tag = "2")]
    pub(super) participant: Option<Participant>,
    #[prost(message, repeated, tag = "5")]
    pub(super) ice_servers: Vec<Server>,
    /// The server waits for a connection by which we would be sent to.
    #[prost(bool, tag = "6")]
    pub(super) subscriber_primary: bool,
    /// In seconds.
    #[prost(int32, tag = "11")]
    pub(super) ping_interval: i32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Participant {
    #[prost(string, tag = "1")]
    pub(super) sid: String,
    #[prost(message, optional, tag = "11")]
    pub(super) permission: Option<Permission>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Permission {
    #[prost(bool, tag = "2")]
    pub(super) can_publish: bool,
}

/// A STUN or TURN server. What is in it is in no log.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Server {
    #[prost(string, repeated, tag = "1")]
    pub(super) urls: Vec<String>,
    #[prost(string, tag = "2")]
    pub(super) username: String,
    #[prost(string, tag = "3")]
    pub(super) credential: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct TrackPublished {
    #[prost(string, tag = "1")]
    pub(super) cid: String,
    #[prost(message, optional, tag = "2")]
    pub(super) track: Option<Track>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Track {
    #[prost(string, tag = "1")]
    pub(super) sid: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct TrackUnpublished {
    #[prost(string, tag = "1")]
    pub(super) sid: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Reconnect {
    #[prost(message, repeated, tag = "1")]
    pub(super) ice_servers: Vec<Server>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct RequestResponse {
    /// `OK`, `NOT_FOUND`, `NOT_ALLOWED`, `LIMIT_EXCEEDED`.
    #[prost(int32, tag = "2")]
    pub(super) reason: i32,
    #[prost(string, tag = "3")]
    pub(super) message: String,
}

/// Reads a message, whatever it is; `None` where it is none, or says nothing that concerns us.
pub(super) fn parse(bytes: &[u8]) -> Option<Response> {
    SignalResponse::decode(bytes).ok()?.response
}

/// The bytes of a message.
pub(super) fn write(request: Request) -> Vec<u8> {
    SignalRequest { request: Some(request) }.encode_to_vec()
}

/// One of our candidates; an empty one says that there are no more.
pub(super) fn trickle(candidate: String, line: u32) -> Request {
    let is_final = candidate.is_empty();
    let init = CandidateInit { candidate, line: Some(line) };
    let candidate = serde_json::to_string(&init).expect("our messages should have only string keys");
    Request::Trickle(Trickle { candidate, target: PUBLISHER, is_final })
}

/// The tracks of an offer: the `TrackType`, and the name that it has there (RFC 8830).
pub(super) fn tracks_in(offer: &str) -> impl Iterator<Item = (i32, Option<&str>)> {
    offer.split("\nm=").skip(1).filter_map(|section| match section.split(' ').next()? {
        "video" => Some((VIDEO, track_of(section))),
        "audio" => Some((AUDIO, track_of(section))),
        _ => None,
    })
}

fn track_of(section: &str) -> Option<&str> {
    let after = |line: &'_ str| line.find("msid:").map(|at| at + "msid:".len());
    let ids = section.lines().find_map(|line| after(line).map(|at| &line[at..]))?;
    ids.split_ascii_whitespace().nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_protocol() {
        let offer = write(Request::Offer(Description { kind: "offer".to_owned(), sdp: "v=0".to_owned() }));
        assert_eq!(offer, b"\x0a\x0c\x0a\x05offer\x12\x03v=0");
        let leave = write(Request::Leave(Leave { reason: CLIENT_INITIATED, ..Leave::default() }));
        assert_eq!(leave, b"\x42\x02\x10\x01");
        let track = AddTrack { cid: "c".to_owned(), name: "Bow".to_owned(), kind: VIDEO, source: CAMERA };
        assert_eq!(write(Request::AddTrack(track)), b"\x22\x0c\x0a\x01c\x12\x03Bow\x18\x01\x40\x01");
        assert_eq!(
            trickle("candidate:1".to_owned(), 0),
            Request::Trickle(Trickle {
                candidate: r#"{"candidate":"candidate:1","sdpMLineIndex":0}"#.to_owned(),
                target: PUBLISHER,
                is_final: false,
            })
        );
    }

    #[test]
    fn what_is_not_known_here_is_passed_over() {
        // A room and other participants, an own one with more fields, and the interval of pings.
        let join = b"\x0a\x18\x0a\x04\x0a\x02RM\x12\x0a\x0a\x02PA\x12\x02me\x18\x01\x1a\x02\x0a\x00\x58\x05";
        let Some(Response::Join(join)) = parse(join) else { panic!("it should be a join") };
        assert_eq!(join.participant.map(|own| own.sid), Some("PA".to_owned()));
        assert_eq!(join.ping_interval, 5);
        // Who speaks now.
        assert_eq!(parse(b"\x52\x00"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"\xff"), None);
    }

    #[test]
    fn the_tracks_of_an_offer_are_found() {
        let tracks_in =
            |offer: &str| tracks_in(offer).map(|(kind, name)| (kind, name.map(str::to_owned))).collect::<Vec<_>>();
        let [sound, picture] = [(AUDIO, Some("a".to_owned())), (VIDEO, Some("t".to_owned()))];
        let audio = "v=0\r\nm=audio 9 X 97\r\na=msid:s a\r\n";
        let offer = format!("{audio}m=video 9 X 96\r\na=mid:1\r\na=msid:s t\r\n");
        assert_eq!(tracks_in(&offer), [sound.clone(), picture.clone()]);
        let offer = format!("{audio}m=video 9 X 96\r\na=ssrc:1 cname:c\r\na=ssrc:1 msid:s t\r\n");
        assert_eq!(tracks_in(&offer), [sound.clone(), picture]);
        assert_eq!(tracks_in(audio), [sound]);
        assert_eq!(tracks_in("v=0\r\nm=video 9 X 96\r\nm=application 9 X y\r\na=msid:s x\r\n"), [(VIDEO, None)]);
        assert_eq!(tracks_in("m=video"), []);
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_a_server_says_is_read_or_passed_over() {
        crate::fuzz::bytes(
            &[
                "\x0a\x0e\x12\x0a\x0a\x02PA\x12\x02me\x18\x01\x58\x05",
                "\x12\x0d\x0a\x06answer\x12\x03v=0",
                "\x22\x02\x0a\x00",
                "\x42\x04\x10\x02\x18\x01",
                "\x32\x07\x0a\x01c\x12\x02\x0a\x00",
            ],
            |bytes| parse(bytes).is_some(),
        );
    }

    #[test]
    fn tracks_are_found_in_whatever_is_offered_or_not() {
        const OFFER: &str = "v=0\r\nm=audio 9 X 97\r\na=msid:s a\r\nm=video 9 X 96\r\na=msid:s t\r\n";
        crate::fuzz::texts(&[OFFER], |offer| tracks_in(offer).filter(|(_, name)| name.is_some()).count() == 2);
    }
}
