//! What is around every message.

use gio::glib;
use serde::Serialize;
use serde_json::Value;

/// A message with its sender. What it says is JSON within JSON: a text that is JSON again.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Who says it: a name, `_` and eight hexadecimal digits, as its clients are called.
    pub id: String,
    /// Free text; programs that are no agents name themselves here.
    pub source: String,
    /// What is said.
    pub msg: Value,
}

#[derive(Serialize)]
struct Written<'a> {
    timestamp: String,
    id: &'a str,
    msg: String,
    source: &'a str,
}

impl Envelope {
    /// Reads a message. Where the envelope is missing or broken the whole is what is said; `None`
    /// where it is no JSON.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let whole: Value = serde_json::from_slice(payload).ok()?;
        let text = |key: &str| whole.get(key).and_then(Value::as_str).map(str::to_owned);
        let known = ["timestamp", "id", "msg"].iter().all(|key| whole.get(key).is_some());
        if !known {
            return Some(Self { id: "unknown".into(), source: "unknown".into(), msg: whole });
        }
        let msg = match &whole["msg"] {
            Value::String(inner) => serde_json::from_str(inner).unwrap_or_else(|_| Value::String(inner.clone())),
            other => other.clone(),
        };
        Some(Self { id: text("id").unwrap_or_default(), source: text("source").unwrap_or_default(), msg })
    }

    /// A message from this sender, as it is sent now.
    pub fn write(id: &str, msg: &Value) -> Vec<u8> {
        // A text within is sent as it is: an estimate is "2148000", not "\"2148000\"".
        let msg = msg.as_str().map_or_else(|| msg.to_string(), str::to_owned);
        let written = Written { timestamp: timestamp(), id, msg, source: "" };
        serde_json::to_vec(&written).expect("texts should be JSON")
    }

    /// The sender's name, without the digits that tell its clients apart.
    pub fn sender(&self) -> &str {
        match self.id.rsplit_once('_') {
            Some((name, digits)) if digits.len() == 8 && digits.chars().all(|c| c.is_ascii_hexdigit()) => name,
            _ => &self.id,
        }
    }
}

/// Local time to the millisecond, such as `2024-06-26-12_05_33_123`.
fn timestamp() -> String {
    let now = glib::DateTime::now_local();
    let Ok(now) = now else { return String::new() };
    let day = now.format("%Y-%m-%d-%H_%M_%S").map_or_else(|_| String::new(), |text| text.to_string());
    format!("{day}_{:03}", now.microsecond() / 1000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_envelope_is_json_within_json_both_ways() {
        let payload = Envelope::write("connector_bow_9f3a01bc", &json!({ "bow": { "on": "bow/actions" } }));
        let raw: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(raw["msg"], r#"{"bow":{"on":"bow/actions"}}"#);
        assert_eq!(raw["source"], "");
        let time = raw["timestamp"].as_str().unwrap();
        assert!(time.len() == 23 && time.split(['-', '_']).count() == 7, "{time}");
        let read = Envelope::read(&payload).unwrap();
        assert_eq!((read.msg["bow"]["on"].as_str(), read.sender()), (Some("bow/actions"), "connector_bow"));
        let estimate: Value = serde_json::from_slice(&Envelope::write("x", &json!("2148000"))).unwrap();
        assert_eq!(estimate["msg"], "2148000");
    }

    #[test]
    fn other_shapes_are_taken_as_they_are() {
        for payload in [
            r#"{"bitrate":1}"#,
            r#"{"timestamp":"","id":"a","msg":{"bitrate":1}}"#,
            r#"{"timestamp":"","id":"a","msg":"{\"bitrate\":1}"}"#,
        ] {
            assert_eq!(Envelope::read(payload.as_bytes()).unwrap().msg, json!({ "bitrate": 1 }), "{payload}");
        }
        assert_eq!(Envelope::read(b"bitrate=1"), None);
        let id = |id: &str| Envelope { id: id.into(), source: String::new(), msg: Value::Null };
        assert_eq!(id("video1_9f3a01bc").sender(), "video1");
        assert_eq!(id("video_1").sender(), "video_1");
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    /// Without numbers that are not whole: the last digits of long ones may be others after reading.
    fn whole(value: &Value) -> Value {
        match value {
            Value::Number(number) if number.is_f64() => Value::Null,
            Value::Array(values) => values.iter().map(whole).collect(),
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), whole(value))).collect(),
            other => other.clone(),
        }
    }

    #[test]
    fn what_is_said_is_written_and_read_the_same() {
        crate::fuzz::bytes(
            &[
                r#"{"timestamp":"2024-06-26-12_05_33_123","id":"agent_0123abcd","msg":"{\"bitrate\": 2000}","source":""}"#,
                r#"{"timestamp":"","id":"agent","msg":"on","source":"x"}"#,
                r#"{"bitrate":2000}"#,
                "2148000",
            ],
            |payload| {
                let Some(envelope) = Envelope::read(payload) else { return false };
                assert!(envelope.id.starts_with(envelope.sender()));
                // A text that is JSON itself is not told from that JSON.
                if !envelope.msg.is_string() {
                    let again =
                        Envelope::read(&Envelope::write(&envelope.id, &envelope.msg)).expect("it should be read");
                    assert_eq!((again.id, whole(&again.msg)), (envelope.id, whole(&envelope.msg)));
                }
                true
            },
        );
    }
}
