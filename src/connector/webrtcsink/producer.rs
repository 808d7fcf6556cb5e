//! One feed as a producer at a signalling server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gst_plugin_webrtc_signalling_protocol::{
    EndSessionMessage, IncomingMessage, OutgoingMessage, PeerMessage, PeerMessageInner, PeerRole, PeerStatus,
    SdpMessage,
};
use serde_json::json;

use super::RESUME;
use crate::{
    config::FeedId,
    connector::{
        client::{ConnectorFault, ConnectorFaultKind, Dialect, Guests, Line, Said},
        hub::{Guest, GuestEvent, Hub, short, to_text},
        switchboard::random_id,
    },
    i18n::gettext_f,
    webrtc::IceAddresses,
};

/// How soon viewers tell what they receive where there is a way to them: they do many times a second.
const HEARD_WITHIN: Duration = Duration::from_millis(800);

/// What is said about a feed. The server's words are those that our own server writes, and the other
/// way round.
pub(super) struct Producer {
    hub: Arc<Hub>,
    feed: FeedId,
    name: String,
    guests: Guests,
    is_ready: bool,
    /// By which our relay knows it again when it comes back.
    resume: String,
    /// When the connection was made, as long as nobody has looked since who is still there.
    opened_at: Option<Instant>,
}

impl Producer {
    pub(super) fn new(hub: Arc<Hub>, feed: &FeedId, name: &str) -> Self {
        Self {
            hub,
            feed: feed.clone(),
            name: name.to_owned(),
            guests: Guests::default(),
            is_ready: false,
            resume: random_id(),
            opened_at: None,
        }
    }

    /// Somebody wants to watch, by an offer of its own or by the feed's.
    fn begin(&mut self, session: &str, offer: Option<String>, line: &Line) {
        let guest = match offer {
            Some(offer) => Guest::begin(&self.hub, self.feed.as_str(), None, offer, IceAddresses::default()),
            None => Guest::watch(&self.hub, self.feed.as_str(), None, None),
        };
        match guest {
            Ok(guest) => self.guests.admit(guest, session, line, |session, event| Some(write(session, event))),
            Err(sentence) => {
                tracing::info!(feed = %self.feed, "Somebody at the signalling server cannot watch: {sentence}");
                line.say(end(session));
            }
        }
    }
}

impl Dialect for Producer {
    fn opened(&mut self, line: &Line) {
        // A producer by the listener's role as well hears of itself: the server has taken it in.
        let status = PeerStatus {
            roles: vec![PeerRole::Producer, PeerRole::Listener],
            meta: Some(json!({ "name": self.name, "feed": self.feed, RESUME: self.resume })),
            peer_id: None,
        };
        self.is_ready = false;
        self.opened_at = Some(Instant::now());
        line.say(to_text(&IncomingMessage::SetPeerStatus(status)));
    }

    fn hear(&mut self, text: &str, line: &Line) -> Result<(), ConnectorFault> {
        // A server may be newer than this, and say more.
        let Ok(message) = serde_json::from_str(text) else { return Ok(()) };
        match message {
            OutgoingMessage::PeerStatusChanged(_) => self.is_ready = true,
            OutgoingMessage::StartSession { session_id, offer, .. } => self.begin(&session_id, offer, line),
            OutgoingMessage::EndSession(ended) => self.guests.end(&ended.session_id),
            OutgoingMessage::Peer(PeerMessage { session_id, peer_message }) => {
                let said = match peer_message {
                    PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => Said::Answer(sdp),
                    PeerMessageInner::Ice { candidate, sdp_m_line_index: line } => Said::Candidate { candidate, line },
                    PeerMessageInner::Sdp(SdpMessage::Offer { .. }) => return Ok(()),
                };
                if !self.guests.hear(&session_id, said) {
                    line.say(end(&session_id));
                }
            }
            OutgoingMessage::Error { details } if !self.is_ready => {
                let details = short(&details);
                return Err(ConnectorFault::new(
                    ConnectorFaultKind::Refused,
                    // Translators: {reason} is what the server said.
                    gettext_f("The signalling server does not take the feed: {reason}", &[("reason", &details)]),
                    "",
                ));
            }
            OutgoingMessage::Error { details } => {
                tracing::debug!(feed = %self.feed, "the signalling server says: {}", short(&details));
            }
            OutgoingMessage::Welcome { .. }
            | OutgoingMessage::SessionStarted { .. }
            | OutgoingMessage::List { .. }
            | OutgoingMessage::ListConsumers { .. } => {}
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// What was lost may have been more than the way to the server. Who has heard nothing of the feed since
    /// is told to come again.
    fn tick(&mut self, _: &Line) -> Result<(), ConnectorFault> {
        if self.opened_at.take_if(|at| at.elapsed() >= HEARD_WITHIN).is_some() {
            self.guests.end_silent(HEARD_WITHIN);
        }
        Ok(())
    }
}

/// What the server is told of an event of a session.
fn write(session: &str, event: GuestEvent) -> String {
    let peer_message = match event {
        GuestEvent::Offer(sdp) => PeerMessageInner::Sdp(SdpMessage::Offer { sdp }),
        GuestEvent::Answer(sdp) => PeerMessageInner::Sdp(SdpMessage::Answer { sdp }),
        GuestEvent::Candidate { candidate, line } => PeerMessageInner::Ice { candidate, sdp_m_line_index: line },
        GuestEvent::Ended => return end(session),
    };
    to_text(&IncomingMessage::Peer(PeerMessage { session_id: session.to_owned(), peer_message }))
}

fn end(session: &str) -> String {
    to_text(&IncomingMessage::EndSession(EndSessionMessage { session_id: session.to_owned() }))
}

#[cfg(test)]
mod fuzz {
    use tokio::runtime::Runtime;

    use super::*;
    use crate::connector::{Announcement, Connector, hub::HubConnector};

    #[test]
    fn whatever_a_server_says_it_is_told_only_messages() {
        let runtime = Runtime::new().unwrap();
        let _entered = runtime.enter();
        let hub = Hub::new();
        let feed = FeedId::from_name("bow");
        let bow = Announcement::of(&feed, "Bow");
        let _at_hub = HubConnector::new(hub.clone()).open(bow);
        crate::fuzz::conversations(
            &[
                r#"{"type":"peerStatusChanged","roles":["producer"],"meta":null,"peerId":"p"}"#,
                r#"{"type":"startSession","peerId":"p","sessionId":"s","offer":null}"#,
                r#"{"type":"startSession","peerId":"p","sessionId":"t","offer":"v=0\r\nm=video 9 X 96\r\n"}"#,
                r#"{"type":"peer","sessionId":"s","sdp":{"type":"answer","sdp":"v=0"}}"#,
                r#"{"type":"peer","sessionId":"s","ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                r#"{"type":"endSession","sessionId":"s"}"#,
                r#"{"type":"error","details":"no"}"#,
            ],
            1,
            |said| {
                let (mut producer, line) = (Producer::new(hub.clone(), &feed, "Bow"), Line::default());
                let mut told = line.connect();
                producer.opened(&line);
                for (_, text) in said {
                    if let Err(fault) = producer.hear(text, &line) {
                        let is_short = fault.sentence.chars().count() < 300;
                        assert!(is_short && !fault.sentence.contains(char::is_control), "{}", fault.sentence);
                        break;
                    }
                }
                while let Ok(words) = told.try_recv() {
                    let text = words.into_text().unwrap();
                    assert!(serde_json::from_str::<IncomingMessage>(&text).is_ok(), "{text}");
                }
            },
        );
    }
}
