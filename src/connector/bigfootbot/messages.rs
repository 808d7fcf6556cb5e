//! What goes over the relay, as JSON text.
//!
//! The robot's own programs end at anything beyond these messages; what is ours stands in fields that
//! they do not look at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A message of either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Message {
    /// Of the receiver, when it comes; and of the sender, in answer to that.
    Status(Status),
    /// The sender's offer, the receiver's answer.
    Sdp(Description),
    /// A candidate of either.
    Ice(Candidate),
    /// Ours: between two Heliographs, which know each other by an offer's mark.
    Heliograph(Word),
}

/// Who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    /// A receiver came.
    Hello,
    /// The sender has heard it, and begins.
    Ok,
}

/// An offer or an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    #[serde(rename = "type")]
    pub(super) kind: DescriptionKind,
    pub(super) sdp: String,
    /// Ours: which session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<String>,
    /// Ours: whom an offer is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) heliograph: Option<Mark>,
}

/// By which a receiver of ours knows an offer of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    /// For a receiver of the robot's. One of ours says which of these feeds it wants, and is made another offer.
    Feeds(Vec<OfferedFeed>),
    /// For this receiver of ours and nobody else.
    To(String),
}

/// A feed that can be had of a sender of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferedFeed {
    /// Its id, by which it is asked for.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DescriptionKind {
    Offer,
    Answer,
}

/// An ICE candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Candidate {
    #[serde(rename = "candidate")]
    pub(super) text: String,
    #[serde(rename = "sdpMLineIndex")]
    pub(super) line: u32,
    /// Ours: which session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<String>,
}

/// What two Heliographs say to each other beside the robot's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub(super) enum Word {
    /// Of a receiver: it wants this feed, or the first, in a session of its own.
    Wanted {
        receiver: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        feed: Option<String>,
    },
    /// Of a sender: a feed came or went, and these are there now.
    Has { feeds: Vec<OfferedFeed> },
    /// Of a sender: why this receiver cannot have it.
    Refused { receiver: String, reason: String },
    /// Of a receiver: nothing comes any more.
    Missed { session: String },
    /// Of a sender: it is at the relay and sends this session, or all that it ever began.
    Here {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
    },
    /// Of either: this session has ended.
    Over { session: String },
}

/// What a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A message of the table.
    Message(Message),
    /// The other side has failed.
    Error(String),
    /// Nothing that is known here.
    Nothing,
}

/// Reads a text, whatever it is.
pub(super) fn parse(text: &str) -> Heard {
    if let Ok(message) = serde_json::from_str(text) {
        return Heard::Message(message);
    }
    match serde_json::from_str::<String>(text) {
        Ok(error) if error.starts_with("ERROR") => Heard::Error(error),
        _ => Heard::Nothing,
    }
}

/// The JSON text of a message.
pub(super) fn write(message: &Message) -> String {
    serde_json::to_string(message).expect("our messages should have only string keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_robot() {
        for (text, message) in [
            (r#"{"status":"HELLO"}"#, Message::Status(Status::Hello)),
            (r#"{"status":"OK"}"#, Message::Status(Status::Ok)),
            (
                r#"{"sdp":{"type":"offer","sdp":"v=0"}}"#,
                Message::Sdp(Description {
                    kind: DescriptionKind::Offer,
                    sdp: "v=0".to_owned(),
                    session: None,
                    heliograph: None,
                }),
            ),
            (
                r#"{"sdp":{"type":"offer","sdp":"v=0","heliograph":{"feeds":[{"id":"bow","name":"Bow"}]}}}"#,
                Message::Sdp(Description {
                    kind: DescriptionKind::Offer,
                    sdp: "v=0".to_owned(),
                    session: None,
                    heliograph: Some(Mark::Feeds(vec![OfferedFeed { id: "bow".to_owned(), name: "Bow".to_owned() }])),
                }),
            ),
            (
                r#"{"heliograph":{"is":"wanted","receiver":"r","feed":"aft"}}"#,
                Message::Heliograph(Word::Wanted { receiver: "r".to_owned(), feed: Some("aft".to_owned()) }),
            ),
            (
                r#"{"ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                Message::Ice(Candidate { text: "candidate:1".to_owned(), line: 0, session: None }),
            ),
            (
                r#"{"heliograph":{"is":"missed","session":"bow-1"}}"#,
                Message::Heliograph(Word::Missed { session: "bow-1".to_owned() }),
            ),
            (
                r#"{"heliograph":{"is":"has","feeds":[{"id":"bow","name":"Bow"}]}}"#,
                Message::Heliograph(Word::Has {
                    feeds: vec![OfferedFeed { id: "bow".to_owned(), name: "Bow".to_owned() }],
                }),
            ),
            (r#"{"heliograph":{"is":"here"}}"#, Message::Heliograph(Word::Here { session: None })),
        ] {
            assert_eq!(parse(text), Heard::Message(message.clone()), "{text}");
            assert_eq!(write(&message), text);
        }
        assert_eq!(parse("\"ERROR no camera\""), Heard::Error("ERROR no camera".to_owned()));
        for unknown in ["", "x", "{}", "[]", "null", "\"hello\"", r#"{"status":"WHAT"}"#, r#"{"sdp":{}}"#] {
            assert_eq!(parse(unknown), Heard::Nothing, "{unknown}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn what_is_read_is_written_the_same() {
        crate::fuzz::texts(
            &[
                r#"{"status":"HELLO"}"#,
                r#"{"sdp":{"type":"offer","sdp":"v=0","session":"1","heliograph":{"to":"r"}}}"#,
                r#"{"sdp":{"type":"offer","sdp":"v=0","heliograph":{"feeds":[{"id":"bow","name":"Bow"}]}}}"#,
                r#"{"ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                r#"{"heliograph":{"is":"over","session":"bow-1"}}"#,
                "\"ERROR no camera\"",
            ],
            |text| {
                let heard = parse(text);
                if let Heard::Message(message) = &heard {
                    assert_eq!(parse(&write(message)), heard);
                }
                heard != Heard::Nothing
            },
        );
    }
}
