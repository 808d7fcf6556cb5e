//! What goes over a viewer's websocket, as JSON text.
//!
//! The common messages are those of `gst-plugin-webrtc-signalling-protocol`.
//! Ours begin with `heliograph` and go only to peers that announced themselves
//! with `setPeerStatus.meta.heliograph = 1`: the npm client raises an error
//! for any type it does not know.

use gst_plugin_webrtc_signalling_protocol::IncomingMessage;
use serde::{Deserialize, Serialize};

/// The longest message a peer may send, in bytes. An SDP answer has a tenth of it.
pub(super) const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// What is left of a message beside its SDP.
const ENVELOPE_BYTES: usize = 1024;

/// Whether an offer or an answer is short enough for a message.
pub(in crate::connector) fn is_short_enough(sdp: &str) -> bool {
    to_text(&sdp).len() + ENVELOPE_BYTES <= MAX_MESSAGE_BYTES
}

/// What a feed is doing, in the words that the viewer page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedStatus {
    /// One of `idle`, `connecting`, `live`, `stalled`, `backoff`, `failed`, `stopped`.
    pub state: String,
    /// The same as one sentence for a person.
    pub text: String,
    /// The age in milliseconds from which a picture of this feed counts as stale.
    pub stale_after_ms: u32,
}

impl Default for FeedStatus {
    /// A feed of which nothing has been said yet.
    fn default() -> Self {
        Self { state: "idle".to_owned(), text: "Waiting to start.".to_owned(), stale_after_ms: 300 }
    }
}

/// Ties a picture's RTP timestamp to the time it was captured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureClock {
    /// The RTP timestamp of the picture as this session's viewer receives it.
    pub rtp_timestamp: u32,
    /// Ticks of the timestamp per second; 90000 for video (RFC 3551, section 4.4).
    pub clock_rate: u32,
    /// When the picture was captured, in milliseconds of the hub's [`Clock`](super::Clock).
    pub capture_time_ms: f64,
}

/// One feed in a `heliographFeeds` message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedLine {
    pub(super) peer_id: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) text: String,
    pub(super) stale_after_ms: u32,
    /// The name of the codec that viewers get who can take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) codec: Option<String>,
}

/// Messages of ours to the viewer page.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum Extension {
    /// The answer to a question for the time; the page's own time comes back with it.
    #[serde(rename = "heliographTime")]
    Time { client: f64, server: f64 },
    /// All feeds and what they are doing.
    #[serde(rename = "heliographFeeds")]
    Feeds { feeds: Vec<FeedLine> },
    /// See [`PictureClock`].
    #[serde(rename = "heliographPicture", rename_all = "camelCase")]
    Picture { session_id: String, rtp_timestamp: u32, clock_rate: u32, capture_time: f64 },
    /// The feed of a session is to be had in another codec: begin another session, and end this one
    /// when that shows something.
    #[serde(rename = "heliographRejoin", rename_all = "camelCase")]
    Rejoin { session_id: String },
    /// There is nothing of this feed that the page can decode, in a sentence for a person.
    #[serde(rename = "heliographUnable", rename_all = "camelCase")]
    Unable { peer_id: String, text: String },
}

/// What a peer asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// A message of the common protocol.
    Common(IncomingMessage),
    /// `heliographTime`: what time is it? `client` is echoed.
    Time { client: f64 },
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum ExtensionRequest {
    #[serde(rename = "heliographTime")]
    Time { client: f64 },
}

/// Why a message, or what it asks for, was refused: a sentence for the peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(in crate::connector) String);

impl Refused {
    pub(in crate::connector) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// Reads one message of a peer.
pub(super) fn parse(text: &str) -> Result<Request, Refused> {
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(Refused::new(format!(
            "The message has {} bytes; at most {MAX_MESSAGE_BYTES} are read.",
            text.len()
        )));
    }
    let value: serde_json::Value = serde_json::from_str(text).map_err(|_| Refused::new("The message is not JSON."))?;
    let Some(kind) = value.get("type").and_then(serde_json::Value::as_str).map(short) else {
        return Err(Refused::new("The message has no “type”."));
    };
    match kind.as_str() {
        "heliographTime" => serde_json::from_value(value)
            .map(|ExtensionRequest::Time { client }| Request::Time { client })
            .map_err(|error| malformed(&kind, &error)),
        "setPeerStatus" | "startSession" | "endSession" | "peer" | "list" | "listConsumers" => {
            serde_json::from_value(value).map(Request::Common).map_err(|error| malformed(&kind, &error))
        }
        _ => Err(Refused::new(format!("This server knows no message “{kind}”."))),
    }
}

fn malformed(kind: &str, error: &serde_json::Error) -> Refused {
    Refused::new(format!("The message “{kind}” cannot be read: {}.", short(&error.to_string())))
}

/// Enough of a peer's text to recognise it; answers do not grow with the question.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 80;
    let mut shown = text.chars().filter(|c| !c.is_control());
    let start: String = shown.by_ref().take(MOST).collect();
    if shown.next().is_some() { start + "…" } else { start }
}

/// The JSON text of a message of ours.
pub(crate) fn to_text(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("our messages should have only string keys")
}

#[cfg(test)]
mod tests {
    use gst_plugin_webrtc_signalling_protocol::{PeerMessageInner, PeerRole};

    use super::*;

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().0
    }

    #[test]
    fn reads_what_the_npm_client_sends() {
        let status = r#"{"type":"setPeerStatus","roles":["listener"],"meta":null}"#;
        let Request::Common(IncomingMessage::SetPeerStatus(status)) = parse(status).unwrap() else {
            panic!("not a status");
        };
        assert_eq!(status.roles, [PeerRole::Listener]);

        let ice = r#"{"type":"peer","sessionId":"s","ice":{"candidate":"candidate:1","sdpMid":"0",
            "sdpMLineIndex":0,"usernameFragment":"u"}}"#;
        let Request::Common(IncomingMessage::Peer(peer)) = parse(ice).unwrap() else {
            panic!("not a peer message");
        };
        assert!(matches!(peer.peer_message, PeerMessageInner::Ice { sdp_m_line_index: 0, .. }));
    }

    #[test]
    fn says_what_is_wrong_with_a_message() {
        assert_eq!(refused("hello"), "The message is not JSON.");
        assert_eq!(refused(r#"{"kind":"list"}"#), "The message has no “type”.");
        assert_eq!(refused(r#"{"type":"shout"}"#), "This server knows no message “shout”.");
        // Internal to the crate's own server.
        assert_eq!(refused(r#"{"type":"newPeer"}"#), "This server knows no message “newPeer”.");
        assert!(refused(r#"{"type":"startSession"}"#).contains("peerId"));
        assert!(refused(&" ".repeat(MAX_MESSAGE_BYTES + 1)).contains("at most 65536"));
        assert!(refused(&"[".repeat(50_000)).contains("not JSON"));
    }

    #[test]
    fn answers_stay_short_whatever_was_asked() {
        let long = format!(r#"{{"type":"{}"}}"#, "é".repeat(30_000));
        assert!(refused(&long).len() < 300);
    }

    #[test]
    fn writes_extension_messages_as_the_page_reads_them() {
        let picture =
            Extension::Picture { session_id: "s".to_owned(), rtp_timestamp: 7, clock_rate: 90_000, capture_time: 1.5 };
        assert_eq!(
            to_text(&picture),
            r#"{"type":"heliographPicture","sessionId":"s","rtpTimestamp":7,"clockRate":90000,"captureTime":1.5}"#
        );
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_a_peer_says_is_read_or_refused_in_a_short_sentence() {
        crate::fuzz::texts(
            &[
                r#"{"type":"heliographTime","client":12.5}"#,
                r#"{"type":"setPeerStatus","roles":["listener"],"meta":{"name":"pilot","codecs":["H264"]}}"#,
                r#"{"type":"startSession","peerId":"bow"}"#,
                r#"{"type":"peer","sessionId":"1","sdp":{"type":"answer","sdp":"v=0"}}"#,
                r#"{"type":"peer","sessionId":"1","ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                r#"{"type":"list"}"#,
            ],
            |text| {
                let Err(refused) = parse(text) else { return true };
                assert!(refused.0.len() < 500, "{refused}");
                false
            },
        );
    }
}
