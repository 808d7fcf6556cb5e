//! The sender: it waits for receivers, and makes each of them an offer.

use std::sync::Arc;

use super::messages::{Candidate, Description, DescriptionKind, Heard, Message, Status, parse, write};
use crate::{
    config::FeedId,
    connector::{
        client::{ConnectorFault, Dialect, Guests, Line, Said},
        hub::{Guest, GuestEvent, Hub},
    },
};

/// The sender of a feed.
///
/// The robot's own receiver says `HELLO` anew when it was started anew, and nothing when it goes. A
/// receiver of ours names its session in all that it says. So a `HELLO` ends the session of a robot's
/// receiver, and not that of one of ours.
pub(super) struct Sender {
    hub: Arc<Hub>,
    feed: FeedId,
    guests: Guests,
    /// How many receivers there were.
    count: u64,
    /// The session of the newest receiver.
    newest: Option<String>,
    /// Sessions of receivers that name them.
    named: Vec<String>,
}

impl Sender {
    pub(super) fn new(hub: Arc<Hub>, feed: &FeedId) -> Self {
        Self { hub, feed: feed.clone(), guests: Guests::default(), count: 0, newest: None, named: Vec::new() }
    }

    fn begin(&mut self, line: &Line) {
        self.guests.retain(|session| self.named.iter().any(|named| named == session));
        self.count += 1;
        let session = format!("{}-{}", self.feed, self.count);
        line.say(write(&Message::Status(Status::Ok)));
        match Guest::watch(&self.hub, self.feed.as_str(), None, None) {
            Ok(guest) => {
                self.guests.admit(guest, &session, line, offer);
                self.newest = Some(session);
            }
            Err(sentence) => {
                tracing::warn!(feed = %self.feed, "A receiver at the relay cannot watch: {sentence}");
                // In the form in which the robot's own programs tell of an error: a JSON string.
                line.say(serde_json::Value::String(format!("ERROR {sentence}")).to_string());
            }
        }
    }

    /// Gives a session what its receiver says; one that names none means the newest.
    fn tell(&mut self, session: Option<String>, said: Said) {
        if let Some(session) = session.clone().filter(|session| !self.named.contains(session)) {
            self.named.push(session);
        }
        if let Some(session) = session.or(self.newest.clone()) {
            self.guests.hear(&session, said);
        }
    }
}

impl Dialect for Sender {
    fn opened(&mut self, _: &Line) {}

    fn hear(&mut self, text: &str, line: &Line) -> Result<(), ConnectorFault> {
        match parse(text) {
            Heard::Message(Message::Status(Status::Hello)) => self.begin(line),
            Heard::Message(Message::Sdp(Description { kind: DescriptionKind::Answer, sdp, session })) => {
                self.tell(session, Said::Answer(sdp));
            }
            Heard::Message(Message::Ice(Candidate { text: candidate, line, session })) => {
                self.tell(session, Said::Candidate { candidate, line });
            }
            Heard::Error(error) => tracing::warn!(feed = %self.feed, "The receiver at the relay says: {error}"),
            // Another sender at the same relay, and what nobody knows.
            Heard::Message(_) | Heard::Nothing => {}
        }
        Ok(())
    }

    /// The relay takes in nobody by name: who is connected is there.
    fn is_ready(&self) -> bool {
        true
    }
}

/// What the relay is told of an event of a session.
fn offer(session: &str, event: GuestEvent) -> Option<String> {
    let session = Some(session.to_owned());
    let message = match event {
        GuestEvent::Offer(sdp) => Message::Sdp(Description { kind: DescriptionKind::Offer, sdp, session }),
        GuestEvent::Candidate { candidate, line } => Message::Ice(Candidate { text: candidate, line, session }),
        // Receivers offer nothing. That a session ends has no word: they see that nothing comes any more.
        GuestEvent::Answer(_) | GuestEvent::Ended => return None,
    };
    Some(write(&message))
}

#[cfg(test)]
mod fuzz {
    use tokio::runtime::Runtime;

    use super::*;
    use crate::connector::{Announcement, Connector, hub::HubConnector};

    #[test]
    fn whatever_is_said_the_sender_says_only_messages() {
        let runtime = Runtime::new().unwrap();
        let _entered = runtime.enter();
        let hub = Hub::new();
        let feed = FeedId::from_name("bow");
        let bow = Announcement { place: 0, id: &feed, name: "Bow", demand: Box::new(|_| ()), tell: Arc::new(|_| ()) };
        let _at_hub = HubConnector::without_data(hub.clone()).open(bow);
        crate::fuzz::conversations(
            &[
                r#"{"status":"HELLO"}"#,
                r#"{"sdp":{"type":"answer","sdp":"v=0","session":"bow-1"}}"#,
                r#"{"ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                "\"ERROR no display\"",
            ],
            1,
            |said| {
                let (mut sender, line) = (Sender::new(hub.clone(), &feed), Line::default());
                let mut told = line.connect();
                for (_, text) in said {
                    assert_eq!(sender.hear(text, &line), Ok(()), "nobody at a relay may end the sender: {text}");
                }
                while let Ok(text) = told.try_recv() {
                    assert_ne!(parse(&text), Heard::Nothing, "{text}");
                }
            },
        );
    }
}
