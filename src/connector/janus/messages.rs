//! What is said to a Janus server and heard from it, as JSON text: its core's messages, and inside them those of
//! the `VideoRoom` plugin.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::Password;

/// The plugin that we speak with.
pub(super) const PLUGIN: &str = "janus.plugin.videoroom";

/// What a room is called: servers have either numbers or words for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum RoomId {
    Number(u64),
    Word(String),
}

impl RoomId {
    /// As an operator writes it; a word that looks like a number stands in quotes.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim();
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match (text.parse(), quoted) {
            (Ok(number), _) => Self::Number(number),
            (_, Some(quoted)) => Self::Word(quoted.to_owned()),
            _ => Self::Word(text.to_owned()),
        }
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}

/// What the server says, as far as it concerns us.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "janus", rename_all = "lowercase")]
pub(super) enum Heard {
    /// A request has come in; its answer is an event, or there is none.
    Ack { transaction: String },
    /// What was asked for is there.
    Success {
        transaction: String,
        #[serde(default)]
        data: Option<Made>,
    },
    /// What was asked for cannot be.
    Error {
        #[serde(default)]
        transaction: Option<String>,
        error: Refusal,
    },
    /// The plugin says something.
    Event {
        sender: u64,
        #[serde(default)]
        transaction: Option<String>,
        plugindata: Plugin,
        #[serde(default)]
        jsep: Option<Jsep>,
    },
    /// A candidate of the server, where it tells them one by one.
    Trickle { sender: u64, candidate: Candidate },
    /// Media can flow.
    WebRtcUp { sender: u64 },
    /// Media cannot flow any more.
    HangUp {
        sender: u64,
        #[serde(default)]
        reason: String,
    },
    /// Whether media of a kind have come in lately.
    Media {
        sender: u64,
        /// `video` or `audio`.
        #[serde(rename = "type", default)]
        kind: Option<String>,
        #[serde(default)]
        receiving: bool,
    },
    /// Many packets are lost on the way there (`uplink`), or on the way here.
    SlowLink {
        sender: u64,
        #[serde(default)]
        uplink: bool,
        #[serde(default)]
        lost: u64,
    },
    /// A handle is gone.
    Detached { sender: u64 },
    /// A session is gone: nothing was said in it for too long.
    Timeout { session_id: u64 },
    /// What newer servers say, or what concerns others.
    #[serde(other)]
    Other,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Made {
    pub(super) id: u64,
}

/// Why something cannot be, by its number; the words are the server's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Refusal {
    pub(super) code: u32,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Plugin {
    pub(super) data: RoomEvent,
}

/// What happens in the room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct RoomEvent {
    /// `joined`, `event`, `destroyed`, `talking`, …
    pub(super) videoroom: String,
    pub(super) error_code: Option<u32>,
    pub(super) error: Option<String>,
    /// Our own leaving is told as `ok`, that of others by their id.
    pub(super) leaving: Option<Value>,
    /// Why, as `kicked`.
    pub(super) reason: Option<String>,
}

/// The server's answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Jsep {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) sdp: String,
}

/// One of the server's candidates; without text there are no more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Candidate {
    #[serde(rename = "candidate", default)]
    pub(super) text: Option<String>,
    #[serde(rename = "sdpMLineIndex", default)]
    pub(super) line: Option<u32>,
}

/// Reads a text, whatever it is; `None` where it is no message.
pub(super) fn parse(text: &str) -> Option<Heard> {
    serde_json::from_str(text).ok()
}

/// Writes what we say. The server's secret and our token stand in every message.
#[derive(Clone, Debug, Default)]
pub(super) struct Pen {
    pub(super) api_secret: Option<Password>,
    pub(super) token: Option<Password>,
}

/// To whom something is said there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) session: u64,
    pub(super) handle: u64,
}

impl Pen {
    pub(super) fn create(&self, transaction: &str) -> String {
        self.write("create", transaction, json!({}))
    }

    pub(super) fn claim(&self, transaction: &str, session: u64) -> String {
        self.write("claim", transaction, json!({ "session_id": session }))
    }

    pub(super) fn keep_alive(&self, transaction: &str, session: u64) -> String {
        self.write("keepalive", transaction, json!({ "session_id": session }))
    }

    /// Ends a session, and with it all that is published there.
    pub(super) fn destroy(&self, transaction: &str, session: u64) -> String {
        self.write("destroy", transaction, json!({ "session_id": session }))
    }

    pub(super) fn attach(&self, transaction: &str, session: u64) -> String {
        self.write("attach", transaction, json!({ "session_id": session, "plugin": PLUGIN }))
    }

    pub(super) fn detach(&self, transaction: &str, at: Place) -> String {
        self.write("detach", transaction, json!({ "session_id": at.session, "handle_id": at.handle }))
    }

    /// `body` is for the plugin.
    pub(super) fn message(&self, transaction: &str, at: Place, body: &Value, offer: Option<&str>) -> String {
        let mut rest = json!({ "session_id": at.session, "handle_id": at.handle, "body": body });
        if let Some(sdp) = offer {
            rest["jsep"] = json!({ "type": "offer", "sdp": sdp });
        }
        self.write("message", transaction, rest)
    }

    /// One of our candidates; an empty one says that there are no more.
    pub(super) fn trickle(&self, transaction: &str, at: Place, candidate: &str, line: u32) -> String {
        let candidate = match candidate {
            "" => json!({ "completed": true }),
            text => json!({ "candidate": text, "sdpMLineIndex": line }),
        };
        let rest = json!({ "session_id": at.session, "handle_id": at.handle, "candidate": candidate });
        self.write("trickle", transaction, rest)
    }

    fn write(&self, what: &str, transaction: &str, rest: Value) -> String {
        let mut fields = Map::new();
        fields.insert("janus".to_owned(), what.into());
        fields.insert("transaction".to_owned(), transaction.into());
        for (key, secret) in [("apisecret", &self.api_secret), ("token", &self.token)] {
            if let Some(secret) = secret {
                fields.insert(key.to_owned(), secret.expose().into());
            }
        }
        if let Value::Object(rest) = rest {
            fields.extend(rest);
        }
        Value::Object(fields).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_a_number_or_a_word() {
        assert_eq!(RoomId::read(" 1234 "), RoomId::Number(1234));
        assert_eq!(RoomId::read("bridge"), RoomId::Word("bridge".to_owned()));
        assert_eq!(RoomId::read("\"1234\""), RoomId::Word("1234".to_owned()));
        assert_eq!(json!(RoomId::read("\"1234\"")), json!("1234"));
        assert_eq!(json!(RoomId::read("1234")), json!(1234));
    }

    #[test]
    fn what_a_server_says_is_understood() {
        let joined = parse(
            r#"{"janus":"event","session_id":1,"sender":2,"transaction":"3","plugindata":{"plugin":"janus.plugin.videoroom","data":{"videoroom":"joined","room":1234,"id":5,"private_id":6,"publishers":[]}}}"#,
        );
        let Some(Heard::Event { sender: 2, plugindata, jsep: None, .. }) = joined else { panic!("{joined:?}") };
        assert_eq!(plugindata.data, RoomEvent { videoroom: "joined".to_owned(), ..RoomEvent::default() });
        let made = r#"{"janus":"success","transaction":"1","data":{"id":9007199254740991}}"#;
        let id = Some(Made { id: 9_007_199_254_740_991 });
        assert_eq!(parse(made), Some(Heard::Success { transaction: "1".to_owned(), data: id }));
        assert_eq!(
            parse(r#"{"janus":"hangup","session_id":1,"sender":2,"reason":"ICE failed"}"#),
            Some(Heard::HangUp { sender: 2, reason: "ICE failed".to_owned() })
        );
        assert_eq!(parse(r#"{"janus":"webrtcup","session_id":1,"sender":2}"#), Some(Heard::WebRtcUp { sender: 2 }));
        assert_eq!(parse(r#"{"janus":"server_info","name":"Janus"}"#), Some(Heard::Other));
        for none in ["", "x", "{}", "[]", "null", r#"{"janus":7}"#, r#"{"janus":"success"}"#] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn every_message_has_the_servers_secret_in_it() {
        let pen = Pen { api_secret: Some(Password::new("planted")), token: None };
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        assert_eq!(read(pen.create("1")), json!({ "janus": "create", "transaction": "1", "apisecret": "planted" }));
        let at = Place { session: 1, handle: 2 };
        assert_eq!(
            read(pen.trickle("3", at, "candidate:1", 0)),
            json!({
                "janus": "trickle", "transaction": "3", "apisecret": "planted", "session_id": 1, "handle_id": 2,
                "candidate": { "candidate": "candidate:1", "sdpMLineIndex": 0 },
            })
        );
        assert_eq!(read(pen.trickle("3", at, "", 0))["candidate"], json!({ "completed": true }));
        assert!(!format!("{pen:?}").contains("planted"));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_a_server_says_is_read_or_passed_over() {
        crate::fuzz::texts(
            &[
                r#"{"janus":"success","transaction":"1","data":{"id":1}}"#,
                r#"{"janus":"error","transaction":"1","error":{"code":458,"reason":"No such session"}}"#,
                r#"{"janus":"event","sender":2,"plugindata":{"data":{"videoroom":"event","error_code":426,"error":"No such room"}}}"#,
                r#"{"janus":"event","sender":2,"plugindata":{"data":{"videoroom":"event"}},"jsep":{"type":"answer","sdp":"v=0"}}"#,
                r#"{"janus":"trickle","sender":2,"candidate":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                r#"{"janus":"slowlink","sender":2,"uplink":true,"lost":20}"#,
            ],
            |text| parse(text).is_some(),
        );
    }
}
