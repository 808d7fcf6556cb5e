//! The sender: it waits for receivers, and makes each of them an offer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::messages::{
    Candidate, Description, DescriptionKind, Heard, Mark, Message, OfferedFeed, Status, Word, parse, write,
};
use crate::connector::{
    client::{ConnectorFault, Dialect, Guests, Line, Said},
    hub::{Guest, GuestEvent, Hub},
    switchboard::random_id,
};

/// Receivers of ours wait less for an offer, and come again with another name then.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);

/// The sender of all feeds of a connector.
///
/// The robot's own receiver says `HELLO` anew when it was started anew, and nothing when it goes. It is
/// offered the first feed, and takes any offer that it hears: so there is one session of this kind, and a
/// `HELLO` begins it anew. A receiver of ours begins in the same way, sees by the offer's mark with whom it
/// speaks, and asks for a session of its own; in that, whatever is said has the session's name.
pub(super) struct Sender {
    hub: Arc<Hub>,
    guests: Guests,
    plain: Option<Plain>,
    /// Receivers of ours that have no offer yet.
    waiting: Vec<Waiting>,
    /// Those that every receiver has heard of.
    told: Vec<OfferedFeed>,
    /// The last who came was a receiver of ours: such words may be said.
    is_among_ours: bool,
}

/// The session of the robot's receiver, or of one that has not said yet whose it is.
struct Plain {
    session: String,
    /// Its offer was made: whoever speaks now may have heard it.
    is_offered: Arc<AtomicBool>,
    /// It was answered: it is the robot's.
    is_answered: bool,
}

/// A receiver of ours that waits for its offer, perhaps until the camera is there.
struct Waiting {
    receiver: String,
    session: String,
    is_offered: Arc<AtomicBool>,
    since: Instant,
}

impl Waiting {
    fn is_offered(&self) -> bool {
        self.is_offered.load(Ordering::Relaxed)
    }
}

impl Sender {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            guests: Guests::default(),
            plain: None,
            waiting: Vec::new(),
            told: Vec::new(),
            is_among_ours: false,
        }
    }

    /// Somebody came, and may be anybody.
    fn greet(&mut self, line: &Line) {
        self.end_plain();
        let feeds = self.feeds();
        let Some(first) = feeds.first().map(|feed| feed.id.clone()) else { return };
        // Those who came before know no more than they did.
        if self.told.is_empty() {
            self.told.clone_from(&feeds);
        }
        line.say(write(&Message::Status(Status::Ok)));
        match Guest::watch(&self.hub, &first, None, None) {
            Ok(guest) => {
                let session = name_of(&first);
                let is_offered = self.admit(guest, &session, Mark::Feeds(feeds), line);
                self.plain = Some(Plain { session, is_offered, is_answered: false });
            }
            Err(sentence) => {
                tracing::warn!(feed = %first, "A receiver at the relay cannot watch: {sentence}");
                // In the form in which the robot's own programs tell of an error: a JSON string.
                line.say(serde_json::Value::String(format!("ERROR {sentence}")).to_string());
            }
        }
    }

    /// Takes a guest in, whose offer has this mark; answers whether the offer was made, then and later. What is
    /// said to a receiver of ours has the session's name.
    fn admit(&mut self, guest: Guest, session: &str, mark: Mark, line: &Line) -> Arc<AtomicBool> {
        let is_offered = Arc::new(AtomicBool::new(false));
        let says = is_offered.clone();
        self.guests.admit(guest, session, line, move |session, event| {
            if matches!(event, GuestEvent::Offer(_)) {
                says.store(true, Ordering::Relaxed);
            }
            let named = matches!(mark, Mark::To(_)).then(|| session.to_owned());
            words_for(named, event, &mark)
        });
        is_offered
    }

    fn feeds(&self) -> Vec<OfferedFeed> {
        self.hub.feed_names().into_iter().map(|(id, name)| OfferedFeed { id, name }).collect()
    }

    /// A receiver of ours wants a feed.
    fn begin(&mut self, receiver: String, feed: Option<&str>, line: &Line) {
        self.is_among_ours = true;
        self.waiting.retain(|waiting| !waiting.is_offered());
        if self.waiting.iter().any(|waiting| waiting.receiver == receiver) {
            return;
        }
        // It was this one's that nobody has answered. One without an offer belongs to another, who came just now
        // and would wait for it in vain.
        if self.plain.as_ref().is_some_and(|plain| plain.is_offered.load(Ordering::Relaxed) && !plain.is_answered) {
            self.end_plain();
        }
        let feeds = self.hub.feed_names();
        let is_meant = |id: &String| feed.is_none_or(|feed| feed == id);
        // Another sender at the relay may have it.
        let Some(feed) = feeds.into_iter().map(|(id, _)| id).find(is_meant) else { return };
        match Guest::watch(&self.hub, &feed, None, None) {
            Ok(guest) => {
                let session = name_of(&feed);
                let is_offered = self.admit(guest, &session, Mark::To(receiver.clone()), line);
                self.waiting.push(Waiting { receiver, session, is_offered, since: Instant::now() });
            }
            Err(sentence) => {
                tracing::warn!(%feed, "A receiver at the relay cannot watch: {sentence}");
                say(line, Word::Refused { receiver, reason: sentence.to_string() });
            }
        }
    }

    fn end_plain(&mut self) {
        if let Some(plain) = self.plain.take() {
            self.guests.end(&plain.session);
        }
    }

    /// Who has given up leaves no session behind: when the camera comes, nobody would answer its offer.
    fn end_given_up(&mut self) {
        let is_over = |waiting: &Waiting| waiting.since.elapsed() > GIVEN_UP_AFTER;
        for gone in self.waiting.extract_if(.., |waiting| waiting.is_offered() || is_over(waiting)) {
            if !gone.is_offered() {
                self.guests.end(&gone.session);
            }
        }
    }

    /// Gives a session what its receiver says; one that names none is the robot's.
    fn tell(&mut self, session: Option<String>, said: Said, line: &Line) {
        match (session, &mut self.plain) {
            (Some(session), _) => {
                if !self.guests.hear(&session, said) {
                    self.end_unknown(session, line);
                }
            }
            (None, Some(plain)) => {
                (plain.is_answered, self.is_among_ours) = (true, false);
                self.guests.hear(&plain.session, said);
            }
            (None, None) => {}
        }
    }

    fn hear_of(&mut self, word: Word, line: &Line) {
        match word {
            Word::Wanted { receiver, feed } => self.begin(receiver, feed.as_deref(), line),
            Word::Missed { session } if !self.guests.has(&session) => self.end_unknown(session, line),
            // Without a picture from the camera there is nothing to miss.
            Word::Missed { session } if self.has_picture(&session) => say(line, Word::Here { session: Some(session) }),
            Word::Over { session } => self.guests.end(&session),
            // Those of other senders.
            Word::Missed { .. } | Word::Here { .. } | Word::Has { .. } | Word::Refused { .. } => {}
        }
    }

    /// A session that ended meanwhile, or was begun before this sender was started anew; others' are theirs.
    fn end_unknown(&self, session: String, line: &Line) {
        if self.hub.feed_status(feed_of(&session)).is_some() {
            say(line, Word::Over { session });
        }
    }

    fn has_picture(&self, session: &str) -> bool {
        self.hub.feed_status(feed_of(session)).is_some_and(|status| status.state == "live")
    }
}

impl Dialect for Sender {
    /// After another address, or a long time without a way, sessions have none to go on by: receivers of ours
    /// need not wait to see that.
    fn opened(&mut self, line: &Line) {
        if self.is_among_ours {
            say(line, Word::Here { session: None });
        }
    }

    fn hear(&mut self, text: &str, line: &Line) -> Result<(), ConnectorFault> {
        match parse(text) {
            Heard::Message(Message::Status(Status::Hello)) => self.greet(line),
            Heard::Message(Message::Sdp(Description { kind: DescriptionKind::Answer, sdp, session, .. })) => {
                self.tell(session, Said::Answer(sdp), line);
            }
            Heard::Message(Message::Ice(Candidate { text: candidate, line: section, session })) => {
                self.tell(session, Said::Candidate { candidate, line: section }, line);
            }
            Heard::Message(Message::Heliograph(word)) => self.hear_of(word, line),
            Heard::Error(error) => tracing::warn!("The receiver at the relay says: {error}"),
            // Another sender at the same relay, and what nobody knows.
            Heard::Message(_) | Heard::Nothing => {}
        }
        Ok(())
    }

    /// Who shows all that there is hears of what came since.
    fn tick(&mut self, line: &Line) -> Result<(), ConnectorFault> {
        self.end_given_up();
        if self.is_among_ours {
            let feeds = self.feeds();
            if feeds != self.told {
                self.told.clone_from(&feeds);
                say(line, Word::Has { feeds });
            }
        }
        Ok(())
    }

    /// The relay takes in nobody by name: who is connected is there.
    fn is_ready(&self) -> bool {
        true
    }
}

/// A name for another session of a feed; this sender had none of the same before it was started anew.
fn name_of(feed: &str) -> String {
    format!("{feed}-{}", random_id())
}

/// The feed of a session of ours.
fn feed_of(session: &str) -> &str {
    session.rsplit_once('-').map_or("", |(feed, _)| feed)
}

/// What the relay is told of an event of a session. That the robot's ends has no word: it sees that nothing
/// comes any more.
fn words_for(session: Option<String>, event: GuestEvent, mark: &Mark) -> Option<String> {
    let kind = DescriptionKind::Offer;
    let message = match event {
        GuestEvent::Offer(sdp) => Message::Sdp(Description { kind, sdp, session, heliograph: Some(mark.clone()) }),
        GuestEvent::Candidate { candidate, line } => Message::Ice(Candidate { text: candidate, line, session }),
        GuestEvent::Ended => Message::Heliograph(Word::Over { session: session? }),
        // Receivers offer nothing.
        GuestEvent::Answer(_) => return None,
    };
    Some(write(&message))
}

fn say(line: &Line, word: Word) {
    line.say(write(&Message::Heliograph(word)));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        sync::mpsc::UnboundedReceiver,
        time::{sleep, timeout},
    };

    use super::*;
    use crate::{
        config::Codec,
        connector::{
            client::Frame,
            hub::{FeedEvents, SessionEvent},
        },
    };

    const HELLO: &str = r#"{"status":"HELLO"}"#;
    const WANTED: &str = r#"{"heliograph":{"is":"wanted","receiver":"r","feed":"bow"}}"#;

    /// The next session that a viewer asked for.
    async fn asked_for(events: &FeedEvents) -> String {
        timeout(Duration::from_secs(5), async {
            loop {
                match events.next() {
                    Some(SessionEvent::Requested { session_id, .. }) => return session_id,
                    _ => sleep(Duration::from_millis(2)).await,
                }
            }
        })
        .await
        .expect("a session should have been asked for")
    }

    /// Whose the next offer is that the relay is told of.
    async fn offered(told: &mut UnboundedReceiver<Frame>) -> Mark {
        loop {
            let text = timeout(Duration::from_secs(5), told.recv()).await.expect("an offer should come").unwrap();
            if let Heard::Message(Message::Sdp(Description { heliograph: Some(mark), .. })) =
                parse(&text.into_text().unwrap())
            {
                return mark;
            }
        }
    }

    #[tokio::test]
    async fn receivers_of_ours_and_nobody_else_hear_of_feeds_that_come_later() {
        let hub = Hub::new();
        let bow = hub.register(0, "bow", "Bow");
        let (mut sender, line) = (Sender::new(hub.clone()), Line::default());
        let mut told = line.connect();
        sender.hear(HELLO, &line).unwrap();
        let _aft = hub.register(1, "aft", "Aft");
        sender.tick(&line).unwrap();
        sender.hear(HELLO, &line).unwrap();
        for _ in 0..2 {
            assert_eq!(told.try_recv().ok().and_then(Frame::into_text).as_deref(), Some(r#"{"status":"OK"}"#));
        }
        assert!(told.try_recv().is_err(), "it may be the robot's, which ends at a word it does not know");

        sender.hear(WANTED, &line).unwrap();
        for _ in 0..2 {
            sender.tick(&line).unwrap();
        }
        let feeds = r#"[{"id":"bow","name":"Bow"},{"id":"aft","name":"Aft"}]"#;
        let text = told.try_recv().unwrap().into_text().unwrap();
        assert_eq!(text, format!(r#"{{"heliograph":{{"is":"has","feeds":{feeds}}}}}"#));
        assert!(told.try_recv().is_err(), "once");
        drop(bow);
        sender.tick(&line).unwrap();
        assert!(told.try_recv().unwrap().into_text().unwrap().contains("has"));
    }

    #[tokio::test]
    async fn who_waits_for_a_camera_waits_once_and_not_for_ever() {
        let hub = Hub::new();
        let _feed = hub.register(0, "bow", "Bow");
        let (mut sender, line) = (Sender::new(hub.clone()), Line::default());
        let _told = line.connect();
        for _ in 0..3 {
            sender.hear(WANTED, &line).unwrap();
        }
        assert_eq!(hub.session_count("bow"), 1, "its word was said again because somebody came");
        sender.hear(&WANTED.replace(r#""r""#, r#""again""#), &line).unwrap();
        assert_eq!(hub.session_count("bow"), 2);
        sender.waiting[0].since = Instant::now().checked_sub(GIVEN_UP_AFTER * 2).unwrap();
        sender.tick(&line).unwrap();
        assert_eq!(hub.session_count("bow"), 1);
    }

    #[tokio::test]
    async fn of_two_who_come_at_once_the_second_has_its_offer_though_the_first_has_asked() {
        let hub = Hub::new();
        let feed = hub.register(0, "bow", "Bow");
        let (door, events) = feed.door(Codec::H264);
        door.set_open(true);
        let (mut sender, line) = (Sender::new(hub), Line::default());
        let mut told = line.connect();
        sender.hear(HELLO, &line).unwrap();
        door.send_offer(&asked_for(&events).await, "v=0".to_owned());
        assert!(matches!(offered(&mut told).await, Mark::Feeds(_)));

        sender.hear(HELLO, &line).unwrap();
        let second = asked_for(&events).await;
        sender.hear(WANTED, &line).unwrap();
        door.send_offer(&asked_for(&events).await, "v=0".to_owned());
        assert_eq!(offered(&mut told).await, Mark::To("r".to_owned()));
        door.send_offer(&second, "v=0".to_owned());
        assert!(matches!(offered(&mut told).await, Mark::Feeds(_)), "it waits for this, and says no more HELLO");

        // It is asked for what it wants, and nobody's offer is left.
        sender.hear(WANTED, &line).unwrap();
        assert!(sender.plain.is_none());
    }
}

#[cfg(test)]
mod fuzz {
    use tokio::runtime::Runtime;

    use super::*;
    use crate::{
        config::FeedId,
        connector::{Announcement, Connector, hub::HubConnector},
    };

    #[test]
    fn whatever_is_said_the_sender_says_only_messages() {
        let runtime = Runtime::new().unwrap();
        let _entered = runtime.enter();
        let hub = Hub::new();
        let feed = FeedId::from_name("bow");
        let bow = Announcement::of(&feed, "Bow");
        let _at_hub = HubConnector::without_data(hub.clone()).open(bow);
        crate::fuzz::conversations(
            &[
                r#"{"status":"HELLO"}"#,
                r#"{"sdp":{"type":"answer","sdp":"v=0","session":"bow-1"}}"#,
                r#"{"ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                r#"{"heliograph":{"is":"wanted","receiver":"r","feed":"bow"}}"#,
                r#"{"heliograph":{"is":"missed","session":"bow-1"}}"#,
                r#"{"heliograph":{"is":"over","session":"bow-1"}}"#,
                "\"ERROR no display\"",
            ],
            1,
            |said| {
                let (mut sender, line) = (Sender::new(hub.clone()), Line::default());
                let mut told = line.connect();
                for (_, text) in said {
                    assert_eq!(sender.hear(text, &line), Ok(()), "nobody at a relay may end the sender: {text}");
                }
                while let Ok(words) = told.try_recv() {
                    let text = words.into_text().unwrap();
                    assert_ne!(parse(&text), Heard::Nothing, "{text}");
                }
            },
        );
    }
}
