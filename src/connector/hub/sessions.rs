//! Sessions: one feed, one peer, and what may pass between them.

use std::time::{Duration, Instant};

use gst_plugin_webrtc_signalling_protocol::{
    EndSessionMessage, OutgoingMessage, PeerMessage, PeerMessageInner, SdpMessage, StartSessionMessage,
};

use super::messages::{Extension, Refused, short, to_text};
use super::{Hub, SessionEvent, State};
use crate::channels::Watcher;
use crate::config::Codec;
use crate::connector::switchboard::random_id;

/// The most sessions of one peer.
const MAX_SESSIONS_PER_PEER: usize = 16;

/// The most ICE candidates a peer may name in one session; browsers name a handful per interface.
const MAX_CANDIDATES: u32 = 256;

/// The most of them that are kept until the feed has heard of the session.
const MAX_EARLY: usize = 32;

/// A peer watching a feed.
pub(super) struct Session {
    /// The feed's registration.
    pub(super) feed: u64,
    pub(super) peer_id: String,
    /// What it watches in.
    pub(super) codec: Codec,
    /// The door it came through; `None` while it waits for one.
    pub(super) door: Option<u64>,
    pub(super) phase: Phase,
    /// What its peer would get if it came now, where that is something else.
    pub(super) next: Option<Codec>,
    /// When its peer was asked to come again.
    pub(super) asked_at: Option<Instant>,
    /// When its peer told last what it had received; `None` where it never has.
    heard_at: Option<Instant>,
    candidates: u32,
    /// Those of a peer that offers, with their media sections, until its offer is in the feed's hands.
    early: Vec<(String, u32)>,
    /// What its peer offers, where it does: the feed answers.
    pub(super) offer: Option<String>,
}

/// How far a session has come. An answer is taken once per offer and nothing
/// is taken before one: what is behind the feed need not expect surprises.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No door is open for it yet.
    Waiting,
    /// The feed has been asked for an offer, or has one of the peer.
    Requested,
    /// The peer has the offer.
    Offered,
    /// One has the other's answer.
    Answered,
}

impl Hub {
    /// The peer of a session is there: it has told what it received.
    pub(crate) fn heard(&self, session_id: &str) {
        if let Some(session) = self.lock().sessions.get_mut(session_id) {
            session.heard_at = Some(Instant::now());
        }
    }

    /// For how long the peer of a session has told nothing; `None` where it never has.
    pub(super) fn silence(&self, session_id: &str) -> Option<Duration> {
        Some(self.lock().sessions.get(session_id)?.heard_at?.elapsed())
    }

    /// What the peer of a session calls itself.
    pub(crate) fn viewer_name(&self, session_id: &str) -> Option<String> {
        let state = self.lock();
        let session = state.sessions.get(session_id)?;
        state.peers.get(&session.peer_id)?.name.clone()
    }

    /// Who watches in a session.
    pub(super) fn watcher(&self, session_id: &str) -> Watcher {
        let state = self.lock();
        let peer = state.sessions.get(session_id).and_then(|session| state.peers.get(&session.peer_id));
        peer.map_or_else(Watcher::default, |peer| Watcher { name: peer.name.clone(), reports: peer.reports })
    }
}

impl State {
    pub(super) fn start_session(&mut self, peer_id: &str, wanted: StartSessionMessage) -> Result<(), Refused> {
        if self.sessions_where(|session| session.peer_id == peer_id).len() >= MAX_SESSIONS_PER_PEER {
            return Err(Refused::new(format!("A viewer can have {MAX_SESSIONS_PER_PEER} sessions. End one first.")));
        }
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id == wanted.peer_id) else {
            return Err(Refused::new(format!(
                "There is no feed “{}” here. “list” tells which there are.",
                short(&wanted.peer_id)
            )));
        };
        let Some(peer) = self.peers.get(peer_id) else { return Ok(()) };
        let palate = peer.palate.of(wanted.offer.as_deref());
        let Some(codec) = feed.menu.choose(&palate) else {
            let sentence = feed.unable(&palate);
            if !peer.extended {
                return Err(Refused::new(sentence));
            }
            self.send_text(peer_id, to_text(&Extension::Unable { peer_id: wanted.peer_id, text: sentence }));
            return Ok(());
        };
        let session_id = random_id();
        let serial = feed.serial;
        // Our page begins another session before it ends the one that is to be replaced.
        let is_others = |session: &&Session| session.feed == serial && session.peer_id != peer_id;
        feed.admits_beside(self.sessions.values().filter(is_others).count())?;
        let mut session = Session {
            feed: serial,
            peer_id: peer_id.to_owned(),
            codec,
            door: None,
            phase: Phase::Waiting,
            next: None,
            asked_at: None,
            heard_at: None,
            candidates: 0,
            early: Vec::new(),
            offer: wanted.offer,
        };
        feed.take_in(&session_id, &mut session)?;
        self.sessions.insert(session_id.clone(), session);
        self.tell_demand(serial);
        let started = OutgoingMessage::SessionStarted { peer_id: wanted.peer_id, session_id };
        self.send(peer_id, &started);
        Ok(())
    }

    /// Carries an answer or a candidate to the feed.
    pub(super) fn forward(&mut self, peer_id: &str, message: PeerMessage) -> Result<(), Refused> {
        let PeerMessage { session_id, peer_message } = message;
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return self.unless_just_ended(peer_id, &session_id);
        };
        if session.peer_id != peer_id {
            return Err(not_yours(&session_id));
        }
        let Some(event) = session.admit(session_id, peer_message)? else { return Ok(()) };
        let is_answer = matches!(event, SessionEvent::Answer { .. });
        let Some(feed) = self.feeds.iter().find(|feed| feed.serial == session.feed) else {
            return Ok(());
        };
        feed.tell(session, event)?;
        if is_answer {
            session.phase = Phase::Answered;
        }
        Ok(())
    }

    /// Ends a session because its peer asks for it.
    pub(super) fn end_own_session(&mut self, peer_id: &str, session_id: &str) -> Result<(), Refused> {
        match self.sessions.get(session_id) {
            Some(session) if session.peer_id == peer_id => {
                self.leave_session(session_id);
                Ok(())
            }
            Some(_) => Err(not_yours(session_id)),
            // The npm client confirms every end it is told of.
            None => self.unless_just_ended(peer_id, session_id),
        }
    }

    /// Takes a session's peer away; the feed is told.
    pub(super) fn leave_session(&mut self, session_id: &str) {
        let Some(session) = self.sessions.remove(session_id) else {
            return;
        };
        if let Some(feed) = self.feeds.iter_mut().find(|feed| feed.serial == session.feed) {
            feed.release(session_id, &session);
        }
        self.tell_demand(session.feed);
    }

    /// Looks what a session's peer would get if it came now.
    pub(super) fn review(&mut self, session_id: &str) {
        let Some(session) = self.sessions.get_mut(session_id) else { return };
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.serial == session.feed) else { return };
        let Some(peer) = self.peers.get(&session.peer_id) else { return };
        let best = feed.menu.choose(&peer.palate.of(session.offer.as_deref()));
        if !matches!(session.phase, Phase::Waiting | Phase::Requested) {
            // Who runs and would get nothing keeps what it has.
            session.next = best.filter(|best| *best != session.codec);
            session.asked_at = session.asked_at.filter(|_| session.next.is_some());
            return self.ask_again(session_id);
        }
        // Without an offer a peer does not notice.
        if best != Some(session.codec) {
            feed.release(session_id, session);
        }
        let Some(codec) = best else { return self.close_session(session_id) };
        if codec != session.codec {
            session.codec = codec;
            if feed.take_in(session_id, session).is_err() {
                self.close_session(session_id);
            }
        }
    }

    /// Asks a session's peer to come again where a better door is open: our page begins another
    /// session before it ends this one. Others are sent away, and may come again.
    pub(super) fn ask_again(&mut self, session_id: &str) {
        let Some(session) = self.sessions.get_mut(session_id) else { return };
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.serial == session.feed) else { return };
        let is_ready = session.next.is_some_and(|next| feed.has_open(next)) && session.asked_at.is_none();
        if !is_ready {
            return;
        }
        session.asked_at = Some(Instant::now());
        let peer_id = session.peer_id.clone();
        if self.peers.get(&peer_id).is_some_and(|peer| peer.extended) {
            self.send_text(&peer_id, to_text(&Extension::Rejoin { session_id: session_id.to_owned() }));
        } else {
            feed.release(session_id, session);
            self.close_session(session_id);
        }
    }

    /// Asks a session's peer to come again for what only a new session has. Who does not know how keeps
    /// what it has.
    pub(super) fn renew(&mut self, feed: u64, session_id: &str) {
        let Some(session) = self.sessions.get(session_id).filter(|session| session.feed == feed) else { return };
        let peer_id = session.peer_id.clone();
        if self.peers.get(&peer_id).is_some_and(|peer| peer.extended) {
            self.send_text(&peer_id, to_text(&Extension::Rejoin { session_id: session_id.to_owned() }));
        }
    }

    /// Takes a session's feed away; the peer is told.
    pub(super) fn close_session(&mut self, session_id: &str) {
        let Some(session) = self.sessions.remove(session_id) else {
            return;
        };
        self.tell_demand(session.feed);
        if let Some(peer) = self.peers.get_mut(&session.peer_id) {
            peer.remember_ended(session_id.to_owned());
        }
        let ended = EndSessionMessage { session_id: session_id.to_owned() };
        self.send(&session.peer_id, &OutgoingMessage::EndSession(ended));
    }

    pub(super) fn sessions_where(&self, chosen: impl Fn(&Session) -> bool) -> Vec<String> {
        let sessions = self.sessions.iter().filter(|(_, session)| chosen(session));
        sessions.map(|(id, _)| id.clone()).collect()
    }

    fn unless_just_ended(&self, peer_id: &str, session_id: &str) -> Result<(), Refused> {
        match self.peers.get(peer_id) {
            Some(peer) if !peer.knew(session_id) => Err(not_yours(session_id)),
            _ => Ok(()),
        }
    }
}

impl Session {
    /// What a door is asked for on its behalf.
    pub(super) fn request(&self, session_id: &str) -> SessionEvent {
        let (peer_id, offer) = (self.peer_id.clone(), self.offer.clone());
        SessionEvent::Requested { session_id: session_id.to_owned(), peer_id, offer }
    }

    /// What its peer said before the door was asked.
    pub(super) fn early(&self, session_id: &str) -> impl Iterator<Item = SessionEvent> {
        self.early.iter().map(|(candidate, line)| SessionEvent::Candidate {
            session_id: session_id.to_owned(),
            candidate: candidate.clone(),
            line: *line,
        })
    }

    /// What a peer's message means for the feed, if it may pass; `None` where it has to wait for a door.
    fn admit(&mut self, session_id: String, message: PeerMessageInner) -> Result<Option<SessionEvent>, Refused> {
        let expected = match message {
            PeerMessageInner::Sdp(SdpMessage::Offer { .. }) => return Err(no_second_offer()),
            PeerMessageInner::Sdp(SdpMessage::Answer { .. }) => self.phase == Phase::Offered,
            // Who offers names its candidates at once.
            PeerMessageInner::Ice { .. } => {
                self.offer.is_some() || matches!(self.phase, Phase::Offered | Phase::Answered)
            }
        };
        if !expected {
            return Err(Refused::new("The session has no offer that waits for this message."));
        }
        match message {
            PeerMessageInner::Sdp(SdpMessage::Offer { sdp } | SdpMessage::Answer { sdp }) => {
                Ok(Some(SessionEvent::Answer { session_id, sdp }))
            }
            PeerMessageInner::Ice { candidate, sdp_m_line_index: line } => {
                self.candidates += 1;
                if self.candidates > MAX_CANDIDATES {
                    return Err(Refused::new(format!(
                        "A session can have {MAX_CANDIDATES} ICE candidates of a viewer."
                    )));
                }
                // One that is asked for may have to wait once more.
                if matches!(self.phase, Phase::Waiting | Phase::Requested) && self.early.len() < MAX_EARLY {
                    self.early.push((candidate.clone(), line));
                }
                let has_door = self.phase != Phase::Waiting;
                Ok(has_door.then_some(SessionEvent::Candidate { session_id, candidate, line }))
            }
        }
    }
}

fn no_second_offer() -> Refused {
    Refused::new(
        "An offer comes once, with “startSession”. Send that with yours, or without one and wait for the feed's.",
    )
}

/// The same for another peer's session as for none: ids cannot be tried out.
fn not_yours(session_id: &str) -> Refused {
    Refused::new(format!("You have no session “{}”.", short(session_id)))
}
