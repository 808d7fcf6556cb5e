//! What goes over the `control` channel, as JSON text.
//!
//! The Director's messages are objects with one key, which names the request. Ours are replies in an
//! envelope, which has the API key in it: it is put on last, and what is in it is in no log.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    config::Password,
    connector::hub::{short, to_text},
};

/// The longest message that is read, in bytes. An offer has a tenth of it.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// What the Director asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Request {
    /// Somebody wants to see the feed: an offer will follow.
    #[serde(rename = "streamStartRequest")]
    Start(Start),
    /// The offer, which is to be answered.
    #[serde(rename = "sdpRequest")]
    Offer(Offered),
    /// Nobody wants to see the feed any more, or one viewer does not.
    #[serde(rename = "streamStopRequest")]
    Stop(Stop),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    pub(super) uuid: String,
    pub(super) feed_uuid: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Offered {
    pub(super) uuid: String,
    pub(super) sdp: String,
    #[serde(default)]
    pub(super) candidates: Vec<Candidate>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Candidate {
    #[serde(rename = "candidate")]
    pub(super) text: String,
    #[serde(rename = "sdpMLineIndex", default)]
    pub(super) line: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stop {
    pub(super) feed_uuid: String,
    /// Which play, by the uuid of its start or offer; without one, all of the feed.
    #[serde(default)]
    pub(super) uuid: Option<String>,
}

/// What we reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Reply {
    #[serde(rename = "streamStartResponse")]
    Start(Response),
    #[serde(rename = "sdpResponse")]
    Answer(Response),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response {
    pub(super) success: bool,
    /// That of the request.
    pub(super) uuid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feed_uuid: Option<String>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sdp: Option<String>,
    /// Why there was no success: a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// What a text of the Director says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A request.
    Request(Request),
    /// An offer that cannot be read, and is waited for an answer to.
    BadOffer { uuid: String },
    /// Nothing that is known here; why, for a log.
    Nothing(String),
}

/// Reads a text, whatever it is.
pub(super) fn parse(text: &str) -> Heard {
    if text.len() > MAX_MESSAGE_BYTES {
        return Heard::Nothing(format!("it has {} bytes; at most {MAX_MESSAGE_BYTES} are read", text.len()));
    }
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return Heard::Nothing("it is no JSON object".to_owned());
    };
    let Some((name, content)) = fields.iter().next().filter(|_| fields.len() == 1) else {
        return Heard::Nothing("it does not have one key".to_owned());
    };
    let uuid = content.get("uuid").and_then(Value::as_str).map(str::to_owned);
    let name = short(name);
    match (serde_json::from_value(Value::Object(fields)), uuid) {
        (Ok(request), _) => Heard::Request(request),
        (Err(_), Some(uuid)) if name == "sdpRequest" => Heard::BadOffer { uuid },
        (Err(error), _) => Heard::Nothing(format!("{name:?}: {}", short(&error.to_string()))),
    }
}

/// A reply, to go into an envelope.
pub(super) fn payload(reply: &Reply) -> String {
    to_text(reply)
}

/// The envelope, addressed with the API key.
pub(super) fn envelope(payload: &str, key: &Password) -> String {
    let payload: Value = serde_json::from_str(payload).expect("what was written here should be JSON");
    json!({ "message": { "to": format!("director.api_{}", key.expose()), "payload": payload } }).to_string()
}

/// The answer of the Director to the attach.
#[derive(Debug, Deserialize)]
pub(super) struct Attached {
    pub(super) sdp: String,
    /// A list of objects; what else it may be is nothing to us.
    #[serde(default)]
    candidates: Value,
}

impl Attached {
    /// The candidates that the answer has beside its SDP.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &str> {
        let entries = self.candidates.as_array().map(Vec::as_slice).unwrap_or_default();
        entries.iter().filter_map(|entry| entry.get("candidate")?.as_str()).filter(|candidate| !candidate.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_the_director() {
        let start = r#"{"streamStartRequest":{"uuid":"1","feedUuid":"bow","more":true}}"#;
        let expected = Start { uuid: "1".to_owned(), feed_uuid: "bow".to_owned() };
        assert_eq!(parse(start), Heard::Request(Request::Start(expected)));
        let offer = r#"{"sdpRequest":{"uuid":"2","sdp":"v=0","candidates":[{"candidate":"candidate:1","sdpMLineIndex":0,"sdpMid":"0"}]}}"#;
        let candidates = vec![Candidate { text: "candidate:1".to_owned(), line: Some(0) }];
        let expected = Offered { uuid: "2".to_owned(), sdp: "v=0".to_owned(), candidates };
        assert_eq!(parse(offer), Heard::Request(Request::Offer(expected)));
        let stop = r#"{"streamStopRequest":{"feedUuid":"bow"}}"#;
        let expected = Stop { feed_uuid: "bow".to_owned(), uuid: None };
        assert_eq!(parse(stop), Heard::Request(Request::Stop(expected)));
    }

    #[test]
    fn what_is_no_request_is_said_why() {
        for (text, why) in [
            ("", "no JSON object"),
            ("[]", "no JSON object"),
            ("{}", "one key"),
            (r#"{"a":1,"b":2}"#, "one key"),
            (r#"{"streamPauseRequest":{}}"#, "streamPauseRequest"),
            (r#"{"streamStartRequest":{"uuid":"1"}}"#, "feedUuid"),
        ] {
            let Heard::Nothing(said) = parse(text) else { panic!("{text} is a request") };
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(matches!(parse(&" ".repeat(70_000)), Heard::Nothing(said) if said.contains("at most 65536")));
        let bad = r#"{"sdpRequest":{"uuid":"2","sdp":7}}"#;
        assert_eq!(parse(bad), Heard::BadOffer { uuid: "2".to_owned() });
    }

    #[test]
    fn a_reply_is_addressed_with_the_key() {
        let response =
            Response { success: true, uuid: "1".to_owned(), feed_uuid: Some("bow".to_owned()), ..Response::default() };
        let payload = payload(&Reply::Start(response));
        assert_eq!(payload, r#"{"streamStartResponse":{"success":true,"uuid":"1","feedUuid":"bow"}}"#);
        let envelope: Value = serde_json::from_str(&envelope(&payload, &Password::new("k"))).unwrap();
        assert_eq!(envelope["message"]["to"], "director.api_k");
        assert_eq!(envelope["message"]["payload"]["streamStartResponse"]["uuid"], "1");
    }

    #[test]
    fn candidates_beside_the_answer_are_taken_whatever_else_is_there() {
        let read = |text: &str| {
            let attached: Attached = serde_json::from_str(text).unwrap();
            attached.candidates().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            read(r#"{"sdp":"v=0","candidates":[{"candidate":"candidate:1"},7,{"candidate":""}]}"#),
            ["candidate:1"]
        );
        assert_eq!(read(r#"{"sdp":"v=0","candidates":""}"#), [""; 0]);
        assert_eq!(read(r#"{"sdp":"v=0","id":1}"#), [""; 0]);
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_the_director_says_is_read_or_said_why_not_in_a_short_sentence() {
        crate::fuzz::texts(
            &[
                r#"{"streamStartRequest":{"uuid":"1","feedUuid":"bow"}}"#,
                r#"{"sdpRequest":{"uuid":"2","sdp":"v=0","candidates":[{"candidate":"candidate:1","sdpMLineIndex":0}]}}"#,
                r#"{"streamStopRequest":{"feedUuid":"bow","uuid":"1"}}"#,
                // The answer to the attach.
                r#"{"sdp":"v=0\r\nm=application 9 X y\r\n","candidates":[{"candidate":"candidate:1 x"}]}"#,
            ],
            |text| match parse(text) {
                _ if serde_json::from_str::<Attached>(text)
                    .is_ok_and(|attached| attached.candidates().all(|candidate| !candidate.is_empty())) =>
                {
                    true
                }
                Heard::Request(_) => true,
                Heard::BadOffer { .. } => false,
                Heard::Nothing(why) => {
                    assert!(why.len() < 1000, "{why}");
                    false
                }
            },
        );
    }
}
