//! The receiver: it says that it is there, and answers what it is offered.
//!
//! Media need no signalling once they flow: a relay that goes then takes nothing with it, and a sender that goes
//! is noticed by the picture. Of a sender of ours, whose sessions have names, is then asked what became of it.

use std::{net::IpAddr, path::PathBuf, pin::pin, time::Duration};

use futures::{SinkExt, StreamExt};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_tungstenite::tungstenite::Message as Frame;
use url::Url;

use super::messages::{
    Candidate, Description, DescriptionKind, Heard, Mark, Message, OfferedFeed, Status, Word, parse, write,
};
use crate::{
    config::Password,
    connector::{
        client::{ConnectorFault, ConnectorFaultKind as Kind, Papers, Server, SetUp, Socket, address_gone},
        switchboard::random_id,
    },
    i18n::{gettext, gettext_f},
};

/// A `HELLO` that no sender heard is lost: it is said anew this often until one has answered.
const HELLO_EVERY: Duration = Duration::from_secs(2);
/// How long the next message may take to come: less than whoever waits for a picture has patience.
const PATIENCE: Duration = Duration::from_secs(6);
/// When a relay that is lost is looked for again, and one that does not let us in.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
const REFUSED_AGAIN_AFTER: Duration = Duration::from_secs(15);
/// A relay that is silent for this long is gone, whatever TCP thinks.
const SILENCE_LIMIT: Duration = Duration::from_secs(12);
/// The most that is repeated of what a sender says of itself.
const MAX_WORDS: usize = 80;

/// Where a robot's relay is.
#[derive(Clone, Debug)]
pub struct Relayed {
    /// `ws://` or `wss://`.
    pub url: Url,
    /// Certificates that vouch for it beside those that the system trusts, a PEM file.
    pub ca: Option<PathBuf>,
    /// What the relay asks for, if anything.
    pub token: Option<Password>,
    /// Which feed of a sender of ours is wanted; `None`: the first.
    pub feed: Option<String>,
    /// Where none is named: the one that was received before, as long as the sender has it.
    pub before: Option<String>,
}

/// What a sender says to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Its offer (SDP).
    Offer(String),
    /// One of its ICE candidates.
    Candidate {
        /// As in SDP, behind `a=`.
        candidate: String,
        /// The media section.
        line: u32,
    },
    /// What it has, as it is a sender of ours: the one that is received, then the others in its order. Said anew
    /// when one comes or goes.
    Feeds(Vec<OfferedFeed>),
    /// It is there and sends: who receives nothing may give up this session.
    Here,
}

/// What a sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Our answer (SDP).
    Answer(String),
    /// One of our ICE candidates.
    Candidate {
        /// As in SDP, behind `a=`.
        candidate: String,
        /// The media section.
        line: u32,
    },
    /// Nothing has come for a while.
    Missed,
    /// Nothing will come any more: the last reply.
    GiveUp,
}

/// Meets a sender at its relay, once; ends when nobody replies any more.
///
/// # Errors
/// The relay or the sender cannot be reached, does not keep to the protocol, or has ended the session.
pub async fn receive(
    relay: Relayed,
    offered: UnboundedSender<Offered>,
    mut replies: UnboundedReceiver<Reply>,
) -> Result<(), ConnectorFault> {
    let server = Server { url: relay.url, ca: relay.ca, papers: Papers::Token(relay.token), subprotocol: None };
    let mut set_up = SetUp::default();
    let mut dialled = server.dial(&mut set_up).await?;
    tracing::info!(relay = server.host(), set_up = set_up.words(), "The relay is reached.");
    let mut receiver = Receiver::new(relay.feed, relay.before);
    loop {
        let left = receiver.converse(&server, dialled, &offered, &mut replies).await?;
        if left == Left::ByUs {
            return Ok(());
        }
        if receiver.stage != Stage::Offered {
            let sentence = gettext_f("The relay at {host} hung up.", &[("host", &server.host())]);
            return Err(ConnectorFault::new(Kind::Lost, sentence, ""));
        }
        // Media go on without it. With a sender of ours there may be something to talk about later.
        let Some(again) = come_again(&server, &mut replies).await else { return Ok(()) };
        dialled = again;
    }
}

/// Another connection to the relay; `None` when nobody replies any more.
async fn come_again(server: &Server, replies: &mut UnboundedReceiver<Reply>) -> Option<Dialled> {
    let mut wait = AGAIN_AFTER;
    loop {
        let mut dialled = pin!(async move {
            sleep(wait).await;
            server.dial(&mut SetUp::default()).await
        });
        let dialled = loop {
            tokio::select! {
                dialled = &mut dialled => break dialled,
                // Nobody is there to be told.
                reply = replies.recv() => drop(reply?),
            }
        };
        wait = match dialled {
            Ok(dialled) => return Some(dialled),
            Err(fault) if fault.kind.is_lasting() => REFUSED_AGAIN_AFTER,
            Err(_) => AGAIN_AFTER,
        };
    }
}

/// A connection, and the address that this machine has in it.
type Dialled = (Socket, Option<IpAddr>);

/// Why a connection to the relay is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    ByUs,
    Lost,
}

impl Receiver {
    /// Speaks over a connection until it ends.
    async fn converse(
        &mut self,
        server: &Server,
        (mut socket, own): Dialled,
        offered: &UnboundedSender<Offered>,
        replies: &mut UnboundedReceiver<Reply>,
    ) -> Result<Left, ConnectorFault> {
        let mut hello = interval(HELLO_EVERY);
        hello.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut moved = pin!(address_gone(own));
        let (mut since, mut heard) = (Instant::now(), Instant::now());
        loop {
            let before = self.stage;
            let is_written = tokio::select! {
                frame = socket.next() => {
                    heard = Instant::now();
                    match frame {
                        Some(Ok(Frame::Text(text))) => match self.hear(&text) {
                            Ok(Heeded::Say(said)) => drop(offered.send(said)),
                            Ok(Heeded::Ask(feeds)) => {
                                if !feeds.is_empty() {
                                    let _ = offered.send(Offered::Feeds(feeds));
                                }
                                if socket.send(Frame::Text(self.wanted().into())).await.is_err() {
                                    return Ok(Left::Lost);
                                }
                            }
                            Ok(Heeded::Nothing) => {}
                            Err(Ended::Failed(words)) => return Err(refused(server, &words)),
                            Err(Ended::Over) => return Err(over(server)),
                        },
                        Some(Ok(Frame::Close(_)) | Err(_)) | None => return Ok(Left::Lost),
                        Some(Ok(_)) => {}
                    }
                    true
                }
                reply = replies.recv() => {
                    let Some(reply) = reply else { return Ok(Left::ByUs) };
                    let is_last = reply == Reply::GiveUp;
                    let is_written = match self.say(reply) {
                        Some(text) => socket.send(Frame::Text(text.into())).await.is_ok(),
                        None => true,
                    };
                    if is_last {
                        return Err(over(server));
                    }
                    is_written
                }
                _ = hello.tick() => {
                    if heard.elapsed() > SILENCE_LIMIT {
                        return Ok(Left::Lost);
                    }
                    let frame = match self.stage {
                        Stage::Alone => Frame::Text(write(&Message::Status(Status::Hello)).into()),
                        // Keeps the way open, where somebody between forgets those who are silent, and asks for
                        // a sign of life.
                        _ => Frame::Ping(Vec::new().into()),
                    };
                    socket.send(frame).await.is_ok()
                }
                () = &mut moved => return Ok(Left::Lost),
            };
            if !is_written {
                return Ok(Left::Lost);
            }
            if self.stage != before {
                since = Instant::now();
            }
            if since.elapsed() > PATIENCE {
                self.is_late(server)?;
            }
        }
    }
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nobody has answered yet.
    #[default]
    Alone,
    /// A sender has, and will make an offer.
    Met,
    /// It is one of ours, and was told what is wanted.
    Asked,
    /// The offer is there.
    Offered,
}

/// What a text leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heeded {
    /// Whoever receives is told this.
    Say(Offered),
    /// There is a sender of ours to be told what is wanted; these are its feeds, where it said so.
    Ask(Vec<OfferedFeed>),
    Nothing,
}

/// How a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// The sender has failed; in its own words.
    Failed(String),
    /// The sender has ended it.
    Over,
}

/// What has been heard in a session.
#[derive(Debug, Default)]
struct Receiver {
    /// By which a sender of ours knows it.
    id: String,
    /// What is wanted of such a one.
    feed: Option<String>,
    /// What is wanted again, if there is a choice.
    before: Option<String>,
    stage: Stage,
    /// The name of the session; a robot's own sender has none for it.
    session: Option<String>,
    /// What senders of ours have that have not what is wanted.
    others: Vec<String>,
    /// Something was heard that is no message.
    is_puzzled: bool,
}

impl Receiver {
    fn new(feed: Option<String>, before: Option<String>) -> Self {
        Self { id: random_id(), feed, before, ..Self::default() }
    }

    /// Takes a text, whatever it is; what is for others, or for nobody, is passed over.
    fn hear(&mut self, text: &str) -> Result<Heeded, Ended> {
        match parse(text) {
            Heard::Message(Message::Status(Status::Ok)) if self.stage == Stage::Alone => self.stage = Stage::Met,
            Heard::Message(Message::Sdp(description)) if description.kind == DescriptionKind::Offer => {
                return Ok(self.take(description));
            }
            Heard::Message(Message::Ice(Candidate { text: candidate, line, session }))
                if self.stage == Stage::Offered && session == self.session =>
            {
                return Ok(Heeded::Say(Offered::Candidate { candidate, line }));
            }
            Heard::Message(Message::Heliograph(word)) => return self.hear_of(word),
            // Once there is an offer, it is another receiver's trouble.
            Heard::Error(error) if self.stage != Stage::Offered => return Err(Ended::Failed(error)),
            Heard::Nothing => self.is_puzzled = true,
            Heard::Message(_) | Heard::Error(_) => {}
        }
        Ok(Heeded::Nothing)
    }

    /// Takes an offer, where it is for this receiver.
    fn take(&mut self, offer: Description) -> Heeded {
        let is_ours = match offer.heliograph {
            // The robot's own sender knows one receiver.
            None => self.stage == Stage::Met,
            Some(Mark::To(receiver)) => self.stage == Stage::Asked && receiver == self.id,
            Some(Mark::Feeds(feeds)) => return self.choose(feeds),
        };
        if !is_ours {
            return Heeded::Nothing;
        }
        (self.stage, self.session) = (Stage::Offered, offer.session);
        Heeded::Say(Offered::Offer(offer.sdp))
    }

    /// A sender of ours has these feeds.
    fn choose(&mut self, feeds: Vec<OfferedFeed>) -> Heeded {
        if !matches!(self.stage, Stage::Alone | Stage::Met) {
            return Heeded::Nothing;
        }
        let Some(first) = feeds.first() else { return Heeded::Nothing };
        let again = self.before.take().filter(|before| feeds.iter().any(|feed| feed.id == *before));
        // Of several senders, only one has the first feed that was heard of.
        self.feed.get_or_insert_with(|| again.unwrap_or_else(|| first.id.clone()));
        if let Some(feeds) = self.with_ours_first(&feeds) {
            self.stage = Stage::Asked;
            return Heeded::Ask(feeds);
        }
        // Another sender may have it; this one knows then at least that its offer was not for us.
        self.others = feeds.into_iter().map(|feed| feed.id).collect();
        Heeded::Ask(Vec::new())
    }

    /// A sender's feeds; `None` where it has not the one that is wanted: it is another's.
    fn with_ours_first(&self, feeds: &[OfferedFeed]) -> Option<Vec<OfferedFeed>> {
        let (mut ours, others): (Vec<_>, Vec<_>) =
            feeds.iter().cloned().partition(|feed| self.feed.as_ref() == Some(&feed.id));
        (!ours.is_empty()).then(|| {
            ours.extend(others);
            ours
        })
    }

    fn hear_of(&mut self, word: Word) -> Result<Heeded, Ended> {
        let is_ours = |session: &String| self.session.as_ref() == Some(session);
        match word {
            // It has just come: what was said before, it has not heard. To another receiver it says of which
            // session it speaks.
            Word::Here { session: None } if self.stage != Stage::Offered => {
                self.stage = Stage::Asked;
                Ok(Heeded::Ask(Vec::new()))
            }
            Word::Here { session } if self.session.is_some() && session.as_ref().is_none_or(is_ours) => {
                Ok(Heeded::Say(Offered::Here))
            }
            Word::Has { feeds } => {
                Ok(self.with_ours_first(&feeds).map_or(Heeded::Nothing, |feeds| Heeded::Say(Offered::Feeds(feeds))))
            }
            Word::Over { session } if is_ours(&session) => Err(Ended::Over),
            Word::Refused { receiver, reason } if receiver == self.id => Err(Ended::Failed(reason)),
            _ => Ok(Heeded::Nothing),
        }
    }

    /// The text that says what is wanted.
    fn wanted(&self) -> String {
        let feed = self.feed.clone().or_else(|| self.before.clone());
        write(&Message::Heliograph(Word::Wanted { receiver: self.id.clone(), feed }))
    }

    /// The text of a reply; `None` where only a sender of ours would understand it.
    fn say(&self, reply: Reply) -> Option<String> {
        let session = self.session.clone();
        Some(write(&match reply {
            Reply::Answer(sdp) => {
                Message::Sdp(Description { kind: DescriptionKind::Answer, sdp, session, heliograph: None })
            }
            Reply::Candidate { candidate, line } => Message::Ice(Candidate { text: candidate, line, session }),
            Reply::Missed => Message::Heliograph(Word::Missed { session: session? }),
            Reply::GiveUp => Message::Heliograph(Word::Over { session: session? }),
        }))
    }

    /// The next message is late.
    fn is_late(&self, server: &Server) -> Result<(), ConnectorFault> {
        let host = server.host();
        let host = [("host", host.as_str())];
        let (sentence, next) = match self.stage {
            Stage::Offered => return Ok(()),
            _ if !self.others.is_empty() => {
                let feed = self.feed.clone().unwrap_or_default();
                (
                    gettext_f("No feed “{feed}” is sent at {host}.", &[("feed", &feed), host[0]]),
                    // Translators: {feeds} are ids of feeds, with commas between.
                    gettext_f(
                        "These are: {feeds}. Name one behind a # in the address.",
                        &[("feeds", &self.others.join(", "))],
                    ),
                )
            }
            _ if self.is_puzzled => (
                gettext_f("What is said at {host} is not what a robot's relay says.", &host),
                gettext("Check the port, and that the robot's relay and sender run there."),
            ),
            Stage::Alone => (
                gettext_f("Nobody sends at the relay at {host}.", &host),
                gettext("Start the sender at the robot; Heliograph goes on looking for it."),
            ),
            Stage::Met | Stage::Asked => (
                gettext_f("The sender at {host} answers, and offers no picture.", &host),
                gettext("Check the robot's camera, and what its sender says."),
            ),
        };
        Err(ConnectorFault::new(Kind::Protocol, sentence, next))
    }
}

fn over(server: &Server) -> ConnectorFault {
    let sentence = gettext_f("The session with the sender at {host} has ended.", &[("host", &server.host())]);
    ConnectorFault::new(Kind::Lost, sentence, "")
}

fn refused(server: &Server, words: &str) -> ConnectorFault {
    let words: String = words.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
    let host = server.host();
    // Translators: {words} is what the sender said, in English.
    let sentence = gettext_f("The sender at {host} says: {words}", &[("host", &host), ("words", &words)]);
    ConnectorFault::new(Kind::Protocol, sentence, gettext("Check the robot's camera and its sender."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = r#"{"sdp":{"type":"offer","sdp":"v=0"}}"#;
    const CANDIDATE: &str = r#"{"ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#;

    fn named(text: &str, session: &str) -> String {
        text.replacen("}}", &format!(r#","session":"{session}"}}}}"#), 1)
    }

    fn offer() -> Heeded {
        Heeded::Say(Offered::Offer("v=0".to_owned()))
    }

    #[test]
    fn an_offer_is_taken_once_and_only_after_a_sender_has_answered() {
        let mut receiver = Receiver::default();
        assert_eq!(receiver.hear(OFFER), Ok(Heeded::Nothing), "that is for another receiver");
        assert_eq!(receiver.hear(r#"{"status":"OK"}"#), Ok(Heeded::Nothing));
        assert_eq!(receiver.hear(CANDIDATE), Ok(Heeded::Nothing));
        assert_eq!(receiver.hear(OFFER), Ok(offer()));
        assert!(matches!(receiver.hear(CANDIDATE), Ok(Heeded::Say(Offered::Candidate { .. }))));
        assert_eq!(receiver.hear(OFFER), Ok(Heeded::Nothing));
        assert_eq!(receiver.say(Reply::Answer("v=0".to_owned())), Some(OFFER.replace("offer", "answer")));
        for ours in [Reply::Missed, Reply::GiveUp] {
            assert_eq!(receiver.say(ours), None, "the robot's sender would end at it");
        }
    }

    #[test]
    fn a_session_that_has_a_name_is_told_apart_from_others() {
        let mut receiver = Receiver::default();
        receiver.hear(r#"{"status":"OK"}"#).unwrap();
        assert_eq!(receiver.hear(&named(OFFER, "bow-1")), Ok(offer()));
        for others in [CANDIDATE.to_owned(), named(CANDIDATE, "bow-2"), named(OFFER, "bow-2")] {
            assert_eq!(receiver.hear(&others), Ok(Heeded::Nothing), "{others}");
        }
        assert!(matches!(receiver.hear(&named(CANDIDATE, "bow-1")), Ok(Heeded::Say(_))));
        let reply = Reply::Candidate { candidate: "candidate:1".to_owned(), line: 0 };
        assert_eq!(receiver.say(reply), Some(named(CANDIDATE, "bow-1")));
    }

    #[test]
    fn a_sender_of_ours_says_what_became_of_a_session() {
        let mut receiver = Receiver::default();
        let word = |is: &str, session: &str| format!(r#"{{"heliograph":{{"is":"{is}"{session}}}}}"#);
        let (one, two) = (r#","session":"bow-1""#, r#","session":"bow-2""#);
        receiver.hear(r#"{"status":"OK"}"#).unwrap();
        receiver.hear(&named(OFFER, "bow-1")).unwrap();
        for here in ["", one] {
            assert_eq!(receiver.hear(&word("here", here)), Ok(Heeded::Say(Offered::Here)));
        }
        for others in [word("here", two), word("over", two), word("missed", one)] {
            assert_eq!(receiver.hear(&others), Ok(Heeded::Nothing), "{others}");
        }
        assert_eq!(receiver.say(Reply::Missed), Some(word("missed", one)));
        assert_eq!(receiver.hear(&word("over", one)), Err(Ended::Over));
    }

    fn marked(mark: &str) -> String {
        OFFER.replacen("}}", &format!(r#","heliograph":{mark}}}}}"#), 1)
    }

    const FEEDS: &str = r#"{"feeds":[{"id":"bow","name":"Bow"},{"id":"aft","name":"Aft"}]}"#;

    #[test]
    fn a_sender_of_ours_is_told_what_is_wanted_and_makes_an_offer_of_its_own() {
        for (feed, wanted) in [(None, "bow"), (Some("aft"), "aft")] {
            let mut receiver = Receiver::new(feed.map(str::to_owned), None);
            receiver.hear(r#"{"status":"OK"}"#).unwrap();
            assert!(matches!(receiver.hear(&marked(FEEDS)), Ok(Heeded::Ask(feeds)) if feeds.len() == 2));
            assert!(receiver.wanted().contains(&format!(r#""feed":"{wanted}""#)), "{}", receiver.wanted());
            // That of another receiver, which came at the same moment, and the robot's.
            for others in [marked(r#"{"to":"another"}"#), OFFER.to_owned(), marked(FEEDS)] {
                assert_eq!(receiver.hear(&others), Ok(Heeded::Nothing), "{others}");
            }
            let own = marked(&format!(r#"{{"to":"{}"}}"#, receiver.id));
            assert_eq!(receiver.hear(&own), Ok(offer()));
        }
    }

    #[test]
    fn what_was_received_before_is_received_again_and_told_of_first() {
        let ids = |feeds: &[OfferedFeed]| feeds.iter().map(|feed| feed.id.clone()).collect::<Vec<_>>();
        for (before, order) in [("aft", ["aft", "bow"]), ("mast", ["bow", "aft"])] {
            let mut receiver = Receiver::new(None, Some(before.to_owned()));
            assert!(receiver.wanted().contains(&format!(r#""feed":"{before}""#)), "what it asks who says only: here");
            receiver.hear(r#"{"status":"OK"}"#).unwrap();
            let Ok(Heeded::Ask(feeds)) = receiver.hear(&marked(FEEDS)) else { panic!("it was not heard") };
            assert_eq!(ids(&feeds), order);
            let has = |feeds: &str| format!(r#"{{"heliograph":{{"is":"has","feeds":{feeds}}}}}"#);
            let later =
                receiver.hear(&has(r#"[{"id":"mast","name":""},{"id":"bow","name":""},{"id":"aft","name":""}]"#));
            let Ok(Heeded::Say(Offered::Feeds(feeds))) = later else { panic!("{later:?}") };
            assert_eq!((feeds[0].id.as_str(), feeds.len()), (order[0], 3));
            let others = receiver.hear(&has(r#"[{"id":"stern","name":""}]"#));
            assert_eq!(others, Ok(Heeded::Nothing), "those are another sender's");
        }
    }

    #[test]
    fn a_sender_of_ours_that_has_just_come_is_told_at_once() {
        let mut receiver = Receiver::new(None, None);
        for _ in 0..2 {
            assert_eq!(receiver.hear(r#"{"heliograph":{"is":"here"}}"#), Ok(Heeded::Ask(Vec::new())));
        }
        let refused = format!(r#"{{"heliograph":{{"is":"refused","receiver":"{}","reason":"full"}}}}"#, receiver.id);
        assert_eq!(receiver.hear(&refused), Err(Ended::Failed("full".to_owned())));
    }

    #[test]
    fn a_feed_that_is_not_there_is_told_of_with_those_that_are() {
        let url = "ws://robot:8765".parse().unwrap();
        let server = Server { url, ca: None, papers: Papers::Token(None), subprotocol: None };
        let mut receiver = Receiver::new(Some("mast".to_owned()), None);
        receiver.hear(r#"{"status":"OK"}"#).unwrap();
        assert!(matches!(receiver.hear(&marked(FEEDS)), Ok(Heeded::Ask(_))));
        let said = receiver.is_late(&server).unwrap_err().to_string();
        assert!(said.contains("“mast”") && said.contains("bow, aft"), "{said}");
    }

    #[test]
    fn a_sender_that_failed_and_one_that_is_none_are_told_of() {
        let url = "ws://robot:8765".parse().unwrap();
        let server = Server { url, ca: None, papers: Papers::Token(None), subprotocol: None };
        let late = |receiver: &Receiver| receiver.is_late(&server).unwrap_err().to_string();
        let mut receiver = Receiver::default();
        assert_eq!(receiver.hear("\"ERROR no camera\""), Err(Ended::Failed("ERROR no camera".to_owned())));
        assert!(late(&receiver).starts_with("Nobody sends at the relay at robot:8765. Start"));
        receiver.hear("welcome").unwrap();
        assert!(late(&receiver).contains("not what a robot's relay says"));
        assert!(!refused(&server, &"\u{7}\n".repeat(9)).to_string().contains('\u{7}'));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn no_text_takes_a_receiver_back() {
        crate::fuzz::texts(
            &[
                r#"{"status":"OK"}"#,
                r#"{"sdp":{"type":"offer","sdp":"v=0","session":"1"}}"#,
                r#"{"sdp":{"type":"offer","sdp":"v=0","heliograph":{"feeds":[{"id":"bow","name":"Bow"}]}}}"#,
                r#"{"ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                r#"{"heliograph":{"is":"here"}}"#,
                "\"ERROR no camera\"",
            ],
            |text| {
                let mut understood = false;
                for stage in [Stage::Alone, Stage::Met, Stage::Asked, Stage::Offered] {
                    let mut receiver = Receiver { stage, ..Receiver::default() };
                    let heard = receiver.hear(text);
                    assert!(receiver.stage as u8 >= stage as u8, "from {stage:?} to {:?}", receiver.stage);
                    understood |= heard != Ok(Heeded::Nothing) || receiver.stage != stage;
                }
                understood
            },
        );
    }
}
