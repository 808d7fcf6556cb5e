//! The receiver: it says that it is there, and answers what it is offered.
//!
//! One connection is one session. Media need no signalling once they flow: a relay that goes then takes nothing
//! with it, and a sender that goes is noticed by the picture.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_tungstenite::tungstenite::Message as Frame;
use url::Url;

use super::messages::{Candidate, Description, DescriptionKind, Heard, Message, Status, parse, write};
use crate::{
    config::Password,
    connector::client::{ConnectorFault, ConnectorFaultKind as Kind, Papers, Server, SetUp},
    i18n::{gettext, gettext_f},
};

/// A `HELLO` that no sender heard is lost: it is said anew this often until one has answered.
const HELLO_EVERY: Duration = Duration::from_secs(2);
/// How long the next message may take to come: less than whoever waits for a picture has patience.
const PATIENCE: Duration = Duration::from_secs(6);
/// The most that is repeated of what a sender says of itself.
const MAX_WORDS: usize = 80;

/// Where a robot's relay is.
#[derive(Clone, Debug)]
pub struct Relayed {
    /// `ws://` or `wss://`.
    pub url: Url,
    /// What the relay asks for, if anything.
    pub token: Option<Password>,
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
}

/// Meets a sender at its relay, once; ends when nobody replies any more.
///
/// # Errors
/// The relay or the sender cannot be reached, or does not keep to the protocol.
pub async fn receive(
    relay: Relayed,
    offered: UnboundedSender<Offered>,
    mut replies: UnboundedReceiver<Reply>,
) -> Result<(), ConnectorFault> {
    let server = Server { url: relay.url, ca: None, papers: Papers::Token(relay.token) };
    let (mut socket, _) = server.dial(&mut SetUp::default()).await?;
    let mut receiver = Receiver::default();
    let mut hello = interval(HELLO_EVERY);
    hello.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since = Instant::now();
    loop {
        let before = receiver.stage;
        let lost = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Frame::Text(text))) => {
                    if let Some(said) = receiver.hear(&text).map_err(|words| refused(&server, &words))? {
                        let _ = offered.send(said);
                    }
                    false
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => true,
                Some(Ok(_)) => false,
            },
            reply = replies.recv() => {
                let Some(reply) = reply else { return Ok(()) };
                socket.send(Frame::Text(receiver.say(reply).into())).await.is_err()
            }
            _ = hello.tick() => match receiver.stage {
                Stage::Alone => {
                    let text = write(&Message::Status(Status::Hello));
                    socket.send(Frame::Text(text.into())).await.is_err()
                }
                // Keeps the way open, where somebody between forgets those who are silent.
                _ => socket.send(Frame::Ping(Vec::new().into())).await.is_err(),
            },
        };
        if lost && receiver.stage != Stage::Offered {
            let sentence = gettext_f("The relay at {host} hung up.", &[("host", &server.host())]);
            return Err(ConnectorFault::new(Kind::Lost, sentence, ""));
        }
        if lost {
            while replies.recv().await.is_some() {}
            return Ok(());
        }
        if receiver.stage != before {
            since = Instant::now();
        }
        if since.elapsed() > PATIENCE {
            receiver.is_late(&server)?;
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
    /// The offer is there.
    Offered,
}

/// What has been heard in a session.
#[derive(Debug, Default)]
struct Receiver {
    stage: Stage,
    /// The name of the session; a robot's own sender has none for it.
    session: Option<String>,
    /// Something was heard that is no message.
    is_puzzled: bool,
}

impl Receiver {
    /// Takes a text, whatever it is; what is for others, or for nobody, is passed over.
    ///
    /// # Errors
    /// The sender has failed; in its own words.
    fn hear(&mut self, text: &str) -> Result<Option<Offered>, String> {
        match parse(text) {
            Heard::Message(Message::Status(Status::Ok)) if self.stage == Stage::Alone => self.stage = Stage::Met,
            Heard::Message(Message::Sdp(Description { kind: DescriptionKind::Offer, sdp, session }))
                if self.stage == Stage::Met =>
            {
                self.stage = Stage::Offered;
                self.session = session;
                return Ok(Some(Offered::Offer(sdp)));
            }
            Heard::Message(Message::Ice(Candidate { text: candidate, line, session }))
                if self.stage == Stage::Offered && session == self.session =>
            {
                return Ok(Some(Offered::Candidate { candidate, line }));
            }
            // Once there is an offer, it is another receiver's trouble.
            Heard::Error(error) if self.stage != Stage::Offered => return Err(error),
            Heard::Nothing => self.is_puzzled = true,
            Heard::Message(_) | Heard::Error(_) => {}
        }
        Ok(None)
    }

    fn say(&self, reply: Reply) -> String {
        let session = self.session.clone();
        write(&match reply {
            Reply::Answer(sdp) => Message::Sdp(Description { kind: DescriptionKind::Answer, sdp, session }),
            Reply::Candidate { candidate, line } => Message::Ice(Candidate { text: candidate, line, session }),
        })
    }

    /// The next message is late.
    fn is_late(&self, server: &Server) -> Result<(), ConnectorFault> {
        let host = server.host();
        let host = [("host", host.as_str())];
        let (sentence, next) = match self.stage {
            Stage::Offered => return Ok(()),
            _ if self.is_puzzled => (
                gettext_f("What is said at {host} is not what a robot's relay says.", &host),
                gettext("Check the port, and that the robot's relay and sender run there."),
            ),
            Stage::Alone => (
                gettext_f("Nobody sends at the relay at {host}.", &host),
                gettext("Start the sender at the robot; Heliograph goes on looking for it."),
            ),
            Stage::Met => (
                gettext_f("The sender at {host} answers, and offers no picture.", &host),
                gettext("Check the robot's camera, and what its sender says."),
            ),
        };
        Err(ConnectorFault::new(Kind::Protocol, sentence, next))
    }
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

    fn offer() -> Offered {
        Offered::Offer("v=0".to_owned())
    }

    #[test]
    fn an_offer_is_taken_once_and_only_after_a_sender_has_answered() {
        let mut receiver = Receiver::default();
        assert_eq!(receiver.hear(OFFER), Ok(None), "that is for another receiver");
        assert_eq!(receiver.hear(r#"{"status":"OK"}"#), Ok(None));
        assert_eq!(receiver.hear(CANDIDATE), Ok(None));
        assert_eq!(receiver.hear(OFFER), Ok(Some(offer())));
        assert!(matches!(receiver.hear(CANDIDATE), Ok(Some(Offered::Candidate { .. }))));
        assert_eq!(receiver.hear(OFFER), Ok(None));
        assert_eq!(receiver.say(Reply::Answer("v=0".to_owned())), OFFER.replace("offer", "answer"));
    }

    #[test]
    fn a_session_that_has_a_name_is_told_apart_from_others() {
        let mut receiver = Receiver::default();
        receiver.hear(r#"{"status":"OK"}"#).unwrap();
        assert_eq!(receiver.hear(&named(OFFER, "bow-1")), Ok(Some(offer())));
        for others in [CANDIDATE.to_owned(), named(CANDIDATE, "bow-2"), named(OFFER, "bow-2")] {
            assert_eq!(receiver.hear(&others), Ok(None), "{others}");
        }
        assert!(matches!(receiver.hear(&named(CANDIDATE, "bow-1")), Ok(Some(_))));
        let reply = Reply::Candidate { candidate: "candidate:1".to_owned(), line: 0 };
        assert_eq!(receiver.say(reply), named(CANDIDATE, "bow-1"));
    }

    #[test]
    fn a_sender_that_failed_and_one_that_is_none_are_told_of() {
        let url = "ws://robot:8765".parse().unwrap();
        let server = Server { url, ca: None, papers: Papers::Token(None) };
        let late = |receiver: &Receiver| receiver.is_late(&server).unwrap_err().to_string();
        let mut receiver = Receiver::default();
        assert_eq!(receiver.hear("\"ERROR no camera\""), Err("ERROR no camera".to_owned()));
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
                r#"{"ice":{"candidate":"candidate:1","sdpMLineIndex":0}}"#,
                "\"ERROR no camera\"",
            ],
            |text| {
                let mut understood = false;
                for stage in [Stage::Alone, Stage::Met, Stage::Offered] {
                    let mut receiver = Receiver { stage, ..Receiver::default() };
                    let heard = receiver.hear(text);
                    assert!(receiver.stage as u8 >= stage as u8, "from {stage:?} to {:?}", receiver.stage);
                    understood |= heard != Ok(None) || receiver.stage != stage;
                }
                understood
            },
        );
    }
}
