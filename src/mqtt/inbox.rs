//! What every request has to pass before it is obeyed.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};

use super::Incoming;
use crate::i18n::{gettext, gettext_f};

/// The largest request in bytes: no command needs more.
pub const LARGEST_REQUEST: usize = 8 * 1024;
/// How many answers are remembered, for requests that come twice.
const REMEMBERED: usize = 4096;
/// The longest `id`.
const LONGEST_ID: usize = 128;

/// A request that may be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its `id`, if it has one: a text or a number.
    pub id: Option<Value>,
    /// All that it says, without `id` and `v`.
    pub body: Map<String, Value>,
}

/// Why a request is not obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind, for programs.
    pub kind: RefusalKind,
    /// What is wrong, and what would be right; never what was sent.
    pub sentence: String,
}

/// The kind of a refusal: a word in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// It is longer than any request.
    TooLarge,
    /// It is no JSON object, or not of a version that is known here.
    Malformed,
    /// No such command, or not with these values.
    Unknown,
    /// What it is for is not there.
    NotFound,
    /// The settings or the sender's role do not allow it.
    NotAllowed,
    /// It cannot be done now.
    Failed,
    /// Its `id` was that of another request.
    IdTaken,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(kind: RefusalKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }
}

/// Reads requests, counts what cannot be read, and knows those that were there before.
#[derive(Debug, Default)]
pub struct Inbox {
    answered: HashMap<Key, Answered>,
    order: VecDeque<Key>,
    refused: u64,
}

/// Where a request came from and what it calls itself: two senders may count alike.
type Key = (String, Option<String>, String);

#[derive(Debug)]
struct Answered {
    payload: Vec<u8>,
    answer: Vec<u8>,
}

/// What is to be done with a message.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// It is new.
    Obey(Request),
    /// It was there before; this was the answer.
    Again(Vec<u8>),
    /// It is not obeyed; its `id`, where it could be read.
    Refuse(Option<Value>, Refusal),
}

impl Inbox {
    /// Looks at a message.
    pub fn look(&mut self, message: &Incoming, version: u64) -> Verdict {
        let verdict = match read(&message.payload, version) {
            Err((id, refusal)) => Verdict::Refuse(id, refusal),
            Ok(request) => match request.id.as_ref().and_then(|id| self.answered.get(&key(message, id))) {
                None => Verdict::Obey(request),
                Some(before) if before.payload == message.payload => Verdict::Again(before.answer.clone()),
                Some(_) => {
                    let why = gettext("this `id` was that of another request; give each request an `id` of its own");
                    Verdict::Refuse(request.id, Refusal::new(RefusalKind::IdTaken, why))
                }
            },
        };
        if matches!(verdict, Verdict::Refuse(..)) {
            self.refused += 1;
        }
        verdict
    }

    /// Remembers the answer to a request, should it come again.
    pub fn remember(&mut self, message: &Incoming, id: &Value, answer: &[u8]) {
        let key = key(message, id);
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.answered.remove(&oldest);
        }
        let before = Answered { payload: message.payload.clone(), answer: answer.to_vec() };
        if self.answered.insert(key.clone(), before).is_none() {
            self.order.push_back(key);
        }
    }

    /// Counts a refusal that was found out later.
    pub fn count_refusal(&mut self) {
        self.refused += 1;
    }

    /// How many messages were not obeyed.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

fn key(message: &Incoming, id: &Value) -> Key {
    (message.topic.clone(), message.response_topic.clone(), id.to_string())
}

/// Nothing of what was sent is repeated: nobody knows what it is.
fn read(payload: &[u8], version: u64) -> Result<Request, (Option<Value>, Refusal)> {
    let malformed = |why: String| Refusal::new(RefusalKind::Malformed, why);
    if payload.len() > LARGEST_REQUEST {
        let most = (LARGEST_REQUEST / 1024).to_string();
        let why = gettext_f("a request has at most {most} KiB", &[("most", &most)]);
        return Err((None, Refusal::new(RefusalKind::TooLarge, why)));
    }
    let value: Value = serde_json::from_slice(payload).map_err(|error| {
        let place = error.column().to_string();
        (
            None,
            malformed(gettext_f(
                "a request is a JSON object; this is none from character {place} on",
                &[("place", &place)],
            )),
        )
    })?;
    let Value::Object(mut body) = value else {
        return Err((None, malformed(gettext("a request is a JSON object, such as {\"command\": \"start\"}"))));
    };
    let id = match body.remove("id") {
        None | Some(Value::Null) => None,
        Some(id @ (Value::String(_) | Value::Number(_))) if id.to_string().len() <= LONGEST_ID => Some(id),
        Some(_) => return Err((None, malformed(gettext("`id` is a number, or a text of at most 120 characters")))),
    };
    match body.remove("v") {
        None => Ok(Request { id, body }),
        Some(found) if found.as_u64().is_some_and(|found| found == version) => Ok(Request { id, body }),
        Some(_) => {
            let ours = version.to_string();
            Err((
                id,
                malformed(gettext_f(
                    "messages have the version {ours} here; leave `v` out or write that",
                    &[("ours", &ours)],
                )),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: &str) -> Incoming {
        Incoming { topic: "t".into(), payload: payload.into(), ..Incoming::default() }
    }

    fn refused(inbox: &mut Inbox, payload: &str) -> RefusalKind {
        match inbox.look(&message(payload), 1) {
            Verdict::Refuse(_, refusal) => {
                assert!(!refusal.sentence.contains("planted"), "{refusal:?}");
                refusal.kind
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_request_is_refused_and_counted_and_not_repeated() {
        let mut inbox = Inbox::default();
        for bad in [
            "",
            "planted",
            "[\"planted\"]",
            "{\"planted\"",
            "{\"id\":[\"planted\"]}",
            "{\"v\":2}",
            "{\"v\":\"planted\"}",
        ] {
            assert_eq!(refused(&mut inbox, bad), RefusalKind::Malformed, "{bad}");
        }
        let long = format!("{{\"command\":\"{}\"}}", "planted".repeat(2000));
        assert_eq!(refused(&mut inbox, &long), RefusalKind::TooLarge);
        assert_eq!(inbox.refused(), 8);
    }

    #[test]
    fn the_same_request_is_obeyed_once_and_answered_twice() {
        let mut inbox = Inbox::default();
        let first = message(r#"{"id":7,"v":1,"command":"start"}"#);
        let Verdict::Obey(request) = inbox.look(&first, 1) else { panic!("it should be obeyed") };
        assert_eq!(Value::Object(request.body), serde_json::json!({ "command": "start" }));
        inbox.remember(&first, &7.into(), b"done");
        assert_eq!(inbox.look(&first, 1), Verdict::Again(b"done".to_vec()));
        assert_eq!(refused(&mut inbox, r#"{"id":7,"v":1,"command":"stop"}"#), RefusalKind::IdTaken);
        let other = Incoming { response_topic: Some("r".into()), ..first };
        assert!(matches!(inbox.look(&other, 1), Verdict::Obey(_)));
    }

    #[test]
    fn memory_of_requests_is_bounded() {
        let mut inbox = Inbox::default();
        for id in 0..2 * REMEMBERED {
            inbox.remember(&message("{}"), &id.into(), b"");
        }
        assert_eq!((inbox.answered.len(), inbox.order.len()), (REMEMBERED, REMEMBERED));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_comes_is_obeyed_or_refused_and_counted() {
        crate::fuzz::bytes(
            &[
                r#"{"v":1,"id":7,"command":"start"}"#,
                r#"{"id":"a","command":"apply","change":{"bitrate_kbps":700,"size":"640x360"}}"#,
                r#"{"command":"set-element","role":"encoder","name":"tune","value":4}"#,
                r#"{"command":"send-data","channel":"steer","session":null,"payload":{"binary":[0,255]}}"#,
            ],
            |payload| {
                let mut inbox = Inbox::default();
                let message = Incoming { payload: payload.to_vec(), ..Incoming::default() };
                match inbox.look(&message, 1) {
                    Verdict::Obey(request) => {
                        let Some(id) = request.id else { return true };
                        inbox.remember(&message, &id, b"done");
                        assert_eq!(inbox.look(&message, 1), Verdict::Again(b"done".to_vec()));
                        assert_eq!(inbox.refused(), 0);
                        true
                    }
                    Verdict::Again(_) => panic!("nothing came before"),
                    Verdict::Refuse(..) => {
                        assert_eq!(inbox.refused(), 1);
                        false
                    }
                }
            },
        );
    }
}
