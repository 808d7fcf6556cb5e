//! The sender: it waits for receivers, and makes each of them an offer.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
};

use super::messages::{Candidate, Description, DescriptionKind, Heard, Message, Status, Word, parse, write};
use crate::{
    config::FeedId,
    connector::{
        client::{ConnectorFault, Dialect, Guests, Line, Said},
        hub::{Guest, GuestEvent, Hub},
        switchboard::random_id,
    },
};

/// The sender of a feed.
///
/// The robot's own receiver says `HELLO` anew when it was started anew, and nothing when it goes. A
/// receiver of ours names its session in all that it says, and is told more of it. So a `HELLO` ends the
/// session of a robot's receiver, and not that of one of ours.
pub(super) struct Sender {
    hub: Arc<Hub>,
    feed: FeedId,
    guests: Guests,
    /// The session of the newest receiver.
    newest: Option<String>,
    /// Sessions of receivers that name them.
    named: Named,
}

/// Shared with the guests, who tell only receivers of ours that a session has ended.
type Named = Arc<Mutex<HashSet<String>>>;

impl Sender {
    pub(super) fn new(hub: Arc<Hub>, feed: &FeedId) -> Self {
        Self { hub, feed: feed.clone(), guests: Guests::default(), newest: None, named: Named::default() }
    }

    fn begin(&mut self, line: &Line) {
        let mut named = lock(&self.named);
        named.retain(|session| self.guests.has(session));
        self.guests.retain(|session| named.contains(session));
        drop(named);
        // No other sender, and not this one before it was started anew, had the same name for one.
        let session = format!("{}-{}", self.feed, random_id());
        line.say(write(&Message::Status(Status::Ok)));
        match Guest::watch(&self.hub, self.feed.as_str(), None, None) {
            Ok(guest) => {
                let named = self.named.clone();
                self.guests.admit(guest, &session, line, move |session, event| told(session, event, &named));
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
    fn tell(&mut self, session: Option<String>, said: Said, line: &Line) {
        match session {
            Some(session) if self.guests.has(&session) => {
                self.guests.hear(&session, said);
                lock(&self.named).insert(session);
            }
            Some(session) => self.end_unknown(session, line),
            None => {
                if let Some(newest) = &self.newest {
                    self.guests.hear(newest, said);
                }
            }
        }
    }

    fn hear_of(&mut self, word: Word, line: &Line) {
        match word {
            Word::Missed { session } if !self.guests.has(&session) => self.end_unknown(session, line),
            // Without a picture from the camera there is nothing to miss.
            Word::Missed { session } if self.has_picture() => say(line, Word::Here { session: Some(session) }),
            Word::Over { session } => {
                self.guests.end(&session);
                lock(&self.named).remove(&session);
            }
            // Those of other senders.
            Word::Missed { .. } | Word::Here { .. } => {}
        }
    }

    /// A session that ended meanwhile, or was begun before this sender was started anew; others' are theirs.
    fn end_unknown(&self, session: String, line: &Line) {
        if session.rsplit_once('-').is_some_and(|(feed, _)| feed == self.feed.as_str()) {
            say(line, Word::Over { session });
        }
    }

    fn has_picture(&self) -> bool {
        self.hub.feed_status(self.feed.as_str()).is_some_and(|status| status.state == "live")
    }
}

impl Dialect for Sender {
    /// After another address, or a long time without a way, sessions have none to go on by: receivers of ours
    /// need not wait to see that.
    fn opened(&mut self, line: &Line) {
        if !lock(&self.named).is_empty() && self.has_picture() {
            say(line, Word::Here { session: None });
        }
    }

    fn hear(&mut self, text: &str, line: &Line) -> Result<(), ConnectorFault> {
        match parse(text) {
            Heard::Message(Message::Status(Status::Hello)) => self.begin(line),
            Heard::Message(Message::Sdp(Description { kind: DescriptionKind::Answer, sdp, session })) => {
                self.tell(session, Said::Answer(sdp), line);
            }
            Heard::Message(Message::Ice(Candidate { text: candidate, line: section, session })) => {
                self.tell(session, Said::Candidate { candidate, line: section }, line);
            }
            Heard::Message(Message::Heliograph(word)) => self.hear_of(word, line),
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
fn told(session: &str, event: GuestEvent, named: &Named) -> Option<String> {
    let name = Some(session.to_owned());
    let message = match event {
        GuestEvent::Offer(sdp) => Message::Sdp(Description { kind: DescriptionKind::Offer, sdp, session: name }),
        GuestEvent::Candidate { candidate, line } => Message::Ice(Candidate { text: candidate, line, session: name }),
        GuestEvent::Ended if lock(named).contains(session) => {
            Message::Heliograph(Word::Over { session: session.to_owned() })
        }
        // Receivers offer nothing. For the end of a session the robot has no word: that nothing comes is seen.
        GuestEvent::Answer(_) | GuestEvent::Ended => return None,
    };
    Some(write(&message))
}

fn say(line: &Line, word: Word) {
    line.say(write(&Message::Heliograph(word)));
}

fn lock(named: &Named) -> MutexGuard<'_, HashSet<String>> {
    named.lock().expect("no holder of this lock should panic")
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
                r#"{"heliograph":{"is":"missed","session":"bow-1"}}"#,
                r#"{"heliograph":{"is":"over","session":"bow-1"}}"#,
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
