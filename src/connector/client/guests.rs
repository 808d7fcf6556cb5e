//! The viewers of a feed at a service elsewhere.

use std::{collections::HashMap, time::Duration};

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::{Instant, sleep_until},
};

use super::{Frame, Line};
use crate::connector::hub::{Guest, GuestEvent, Stay};

/// Who has not answered an offer by then has gone, or has not heard it: its session would wait for ever.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Guests by the name that the service has for their sessions.
#[derive(Default)]
pub(in crate::connector) struct Guests(HashMap<String, Present>);

/// A guest that is there; it is sent away in this order.
struct Present {
    said: UnboundedSender<Said>,
    /// Where a feed is for one viewer, the next may come as soon as this one was sent away.
    _stay: Stay,
}

/// What a viewer elsewhere says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::connector) enum Said {
    /// Its answer (SDP).
    Answer(String),
    /// One of its ICE candidates, for the media section with this index.
    Candidate {
        /// As in SDP, behind `a=`.
        candidate: String,
        /// The media section.
        line: u32,
    },
    /// Its connector asks: has it told what it receives for so long?
    Silent(Duration),
}

impl Guests {
    /// Passes on what a viewer and its feed say; `write` makes what the service is told of an event.
    pub(in crate::connector) fn admit<W: Into<Frame> + Send + 'static>(
        &mut self,
        mut guest: Guest,
        session: &str,
        line: &Line,
        write: impl Fn(&str, GuestEvent) -> Option<W> + Send + 'static,
    ) {
        let (sender, mut said) = unbounded_channel();
        let stay = guest.stay();
        let (name, line) = (session.to_owned(), line.clone());
        tokio::spawn(async move {
            let mut answer_by = None;
            loop {
                tokio::select! {
                    event = guest.next() => {
                        let event = event.unwrap_or(GuestEvent::Ended);
                        let is_end = event == GuestEvent::Ended;
                        if matches!(event, GuestEvent::Offer(_)) {
                            answer_by = Some(Instant::now() + ANSWER_WITHIN);
                        }
                        // Whoever was sent away has nothing more to say.
                        if is_end && said.is_closed() {
                            return;
                        }
                        if let Some(text) = write(&name, event) {
                            line.say(text);
                        }
                        if is_end {
                            return;
                        }
                    }
                    said = said.recv() => match said {
                        Some(Said::Answer(sdp)) => {
                            answer_by = None;
                            guest.answer(sdp);
                        }
                        Some(Said::Candidate { candidate, line }) => guest.candidate(candidate, line),
                        Some(Said::Silent(limit)) if guest.silence().is_some_and(|silence| silence > limit) => {
                            tracing::info!(session = %name, "This viewer receives nothing any more.");
                            if let Some(text) = write(&name, GuestEvent::Ended) {
                                line.say(text);
                            }
                            return;
                        }
                        Some(Said::Silent(_)) => {}
                        None => return,
                    },
                    () = sleep_until(answer_by.unwrap_or_else(Instant::now)), if answer_by.is_some() => {
                        tracing::info!(session = %name, "This viewer has not answered the offer.");
                        if let Some(text) = write(&name, GuestEvent::Ended) {
                            line.say(text);
                        }
                        return;
                    }
                }
            }
        });
        self.0.insert(session.to_owned(), Present { said: sender, _stay: stay });
    }

    /// Gives a feed what one of its guests says; false where there is no such guest.
    pub(in crate::connector) fn hear(&mut self, session: &str, said: Said) -> bool {
        self.0.retain(|_, guest| !guest.said.is_closed());
        self.0.get(session).is_some_and(|guest| guest.said.send(said).is_ok())
    }

    /// Whether there is such a guest.
    pub(in crate::connector) fn has(&self, session: &str) -> bool {
        self.0.get(session).is_some_and(|guest| !guest.said.is_closed())
    }

    /// A viewer is gone.
    pub(in crate::connector) fn end(&mut self, session: &str) {
        self.0.remove(session);
    }

    /// Ends those who have told nothing for so long of what they receive, and tells them.
    pub(in crate::connector) fn end_silent(&self, limit: Duration) {
        for guest in self.0.values() {
            let _ = guest.said.send(Said::Silent(limit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Codec,
        connector::hub::{Hub, SessionEvent},
    };

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_an_offer_is_not_waited_for() {
        let hub = Hub::new();
        let feed = hub.register(0, "bow", "Bow");
        let (door, events) = feed.door(Codec::H264);
        door.set_open(true);
        let line = Line::default();
        let mut told = line.connect();
        let mut guests = Guests::default();
        for name in ["answers", "silent"] {
            let guest = Guest::watch(&hub, "bow", None, None).unwrap();
            guests.admit(guest, name, &line, |session, event| Some(format!("{session}: {event:?}")));
            let Some(SessionEvent::Requested { session_id, .. }) = events.next() else { panic!("no session") };
            assert!(door.may_begin(&session_id));
            door.send_offer(&session_id, "v=0\r\n".to_owned());
            assert!(told.recv().await.unwrap().into_text().unwrap().contains("Offer"));
        }
        assert!(guests.hear("answers", Said::Answer("v=0\r\nm=video 9 X 96\r\n".to_owned())));
        let ended = told.recv().await.unwrap().into_text();
        assert_eq!(ended.as_deref(), Some("silent: Ended"));
        assert_eq!((guests.has("answers"), guests.has("silent")), (true, false));
    }
}
