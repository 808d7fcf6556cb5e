//! Feeds: what there is to watch, and their end of the hub.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use gst_plugin_webrtc_signalling_protocol::{
    OutgoingMessage, PeerMessage, PeerMessageInner, PeerRole, PeerStatus, SdpMessage,
};

use super::sessions::Phase;
use super::{Hub, State};
use crate::connector::Demand;
use crate::connector::local::messages::{Extension, FeedLine, FeedStatus, PictureClock, Refused, to_text};

/// The most sessions that wait for one feed to become ready.
const MAX_WAITING: usize = 64;

/// The most events that wait for one feed's signaller.
const MAX_EVENTS: usize = 1024;

/// A feed that can be watched.
pub(super) struct Feed {
    pub(super) id: String,
    /// Which registration this is: a feed that was replaced under its id says nothing any more.
    pub(super) serial: u64,
    /// Where viewers see it among the others.
    place: usize,
    name: String,
    status: FeedStatus,
    open: bool,
    /// Sessions asked for while the feed was not open, oldest first.
    waiting: VecDeque<(String, String)>,
    /// Who is told how many sessions there are.
    demand: Option<Demand>,
    pub(super) events: EventSender,
}

/// What a feed's signaller hears of its sessions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SessionEvent {
    /// A peer wants to watch: make an offer.
    Requested { session_id: String, peer_id: String },
    /// The peer's answer to the offer, not parsed.
    Answer { session_id: String, sdp: String },
    /// An ICE candidate of the peer, for the media section with this index.
    Candidate { session_id: String, candidate: String, line: u32 },
    /// The peer is gone.
    Ended { session_id: String },
}

impl Feed {
    pub(super) fn meta(&self) -> serde_json::Value {
        serde_json::json!({ "name": self.name })
    }

    /// Asks for an offer, now or when the feed opens.
    pub(super) fn request(&mut self, session_id: &str, peer_id: &str) -> Result<Phase, Refused> {
        let (session_id, peer_id) = (session_id.to_owned(), peer_id.to_owned());
        if self.open {
            self.events.offer(SessionEvent::Requested { session_id, peer_id })?;
            return Ok(Phase::Requested);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(Refused::new(format!(
                "{MAX_WAITING} viewers already wait for “{}” to start. Try again later.",
                self.name
            )));
        }
        self.waiting.push_back((session_id, peer_id));
        Ok(Phase::Waiting)
    }

    /// Forgets a session that its peer left.
    pub(super) fn release(&mut self, session_id: &str, phase: Phase) {
        if phase == Phase::Waiting {
            self.waiting.retain(|(waiting, _)| waiting != session_id);
        } else {
            self.events.push(SessionEvent::Ended { session_id: session_id.to_owned() });
        }
    }

    fn line(&self) -> FeedLine {
        FeedLine {
            peer_id: self.id.clone(),
            name: self.name.clone(),
            state: self.status.state.clone(),
            text: self.status.text.clone(),
            stale_after_ms: self.status.stale_after_ms,
        }
    }

    /// The feed as listeners hear of it: a producer while it is there, nothing after.
    fn status_changed(&self, roles: Vec<PeerRole>) -> String {
        let status = PeerStatus { roles, meta: Some(self.meta()), peer_id: Some(self.id.clone()) };
        to_text(&OutgoingMessage::PeerStatusChanged(status))
    }
}

impl Hub {
    /// Registers a feed under its id, instead of one that is already there, among
    /// the others by its place.
    pub(crate) fn register(self: &Arc<Self>, place: usize, id: &str, name: &str) -> (FeedHandle, FeedEvents) {
        let (events, receiver) = event_queue();
        let mut state = self.lock();
        state.registrations += 1;
        let serial = state.registrations;
        let replaced = state.feeds.iter().find(|feed| feed.id == id).map(|feed| feed.serial);
        if let Some(replaced) = replaced {
            state.remove_feed(replaced);
        }
        let feed = Feed {
            id: id.to_owned(),
            serial,
            place,
            name: name.to_owned(),
            status: FeedStatus::default(),
            open: false,
            waiting: VecDeque::new(),
            demand: None,
            events,
        };
        let announcement = feed.status_changed(vec![PeerRole::Producer]);
        let index = state.feeds.partition_point(|other| other.place <= place);
        state.feeds.insert(index, feed);
        state.broadcast(&announcement, |peer| peer.listening);
        state.broadcast_feeds();
        drop(state);
        (FeedHandle { hub: Arc::clone(self), serial }, receiver)
    }

    /// Takes a feed away and ends its sessions. No feed with this id: nothing happens.
    pub fn remove_feed(&self, id: &str) {
        let mut state = self.lock();
        if let Some(serial) = state.feeds.iter().find(|feed| feed.id == id).map(|feed| feed.serial) {
            state.remove_feed(serial);
        }
    }

    /// Tells viewers how a feed is. No feed with this id: nothing happens.
    pub fn set_feed_status(&self, id: &str, status: FeedStatus) {
        let mut state = self.lock();
        let Some(feed) = state.feeds.iter_mut().find(|feed| feed.id == id) else {
            return;
        };
        if feed.status != status {
            feed.status = status;
            state.broadcast_feeds();
        }
    }

    /// How many sessions a feed has, those that wait for it included.
    pub fn session_count(&self, id: &str) -> usize {
        let state = self.lock();
        let feed = state.feeds.iter().find(|feed| feed.id == id);
        feed.map_or(0, |feed| state.sessions_of(feed.serial))
    }
}

impl State {
    pub(super) fn remove_feed(&mut self, serial: u64) {
        for session_id in self.sessions_where(|session| session.feed == serial) {
            // Telling one peer may have dropped it, and all its sessions with it.
            let Some(phase) = self.sessions.get(&session_id).map(|session| session.phase) else {
                continue;
            };
            if let Some(feed) = self.feed(serial) {
                feed.release(&session_id, phase);
            }
            self.close_session(&session_id);
        }
        let Some(place) = self.feeds.iter().position(|feed| feed.serial == serial) else {
            return;
        };
        let feed = self.feeds.remove(place);
        self.broadcast(&feed.status_changed(Vec::new()), |peer| peer.listening);
        self.broadcast_feeds();
    }

    fn feed(&mut self, serial: u64) -> Option<&mut Feed> {
        self.feeds.iter_mut().find(|feed| feed.serial == serial)
    }

    fn sessions_of(&self, serial: u64) -> usize {
        self.sessions.values().filter(|session| session.feed == serial).count()
    }

    /// A session of this feed came or went.
    pub(super) fn tell_demand(&self, serial: u64) {
        let feed = self.feeds.iter().find(|feed| feed.serial == serial);
        if let Some(demand) = feed.and_then(|feed| feed.demand.as_ref()) {
            demand(self.sessions_of(serial));
        }
    }

    fn broadcast_feeds(&mut self) {
        self.broadcast(&self.feeds_text(), |peer| peer.extended);
    }

    pub(super) fn feeds_text(&self) -> String {
        to_text(&Extension::Feeds { feeds: self.feeds.iter().map(Feed::line).collect() })
    }
}

/// A signaller's hold on its feed. Dropping it takes the feed away.
pub(crate) struct FeedHandle {
    hub: Arc<Hub>,
    serial: u64,
}

impl FeedHandle {
    /// Lets sessions through, those that wait first; or keeps new ones waiting.
    /// Sessions that run are left alone.
    pub(crate) fn set_open(&self, open: bool) {
        let mut state = self.hub.lock();
        let Some(feed) = state.feed(self.serial) else {
            return;
        };
        feed.open = open;
        if !open {
            return;
        }
        let waiting = std::mem::take(&mut feed.waiting);
        for (session_id, peer_id) in &waiting {
            let (session_id, peer_id) = (session_id.clone(), peer_id.clone());
            feed.events.push(SessionEvent::Requested { session_id, peer_id });
        }
        for (session_id, _) in waiting {
            if let Some(session) = state.sessions.get_mut(&session_id) {
                session.phase = Phase::Requested;
            }
        }
    }

    /// Tells how many sessions there are, now and whenever one comes or goes.
    pub(crate) fn tell_demand(&self, demand: Demand) {
        let mut state = self.hub.lock();
        if let Some(feed) = state.feed(self.serial) {
            feed.demand = Some(demand);
            state.tell_demand(self.serial);
        }
    }

    /// Whether a requested session may be handed to the feed now. One whose peer
    /// left meanwhile may not; one whose feed closed meanwhile waits once more.
    pub(crate) fn may_begin(&self, session_id: &str) -> bool {
        let mut guard = self.hub.lock();
        let state = &mut *guard;
        let Some(session) = state.sessions.get_mut(session_id) else {
            return false;
        };
        let feed = state.feeds.iter_mut().find(|feed| feed.serial == self.serial);
        let Some(feed) = feed else { return false };
        if !feed.open {
            session.phase = Phase::Waiting;
            feed.waiting.push_front((session_id.to_owned(), session.peer_id.clone()));
        }
        feed.open
    }

    /// Sends a session's offer to its peer.
    pub(crate) fn send_offer(&self, session_id: &str, sdp: String) {
        self.send(session_id, PeerMessageInner::Sdp(SdpMessage::Offer { sdp }));
    }

    /// Sends an ICE candidate of the feed to a session's peer.
    pub(crate) fn send_candidate(&self, session_id: &str, candidate: String, line: u32) {
        self.send(session_id, PeerMessageInner::Ice { candidate, sdp_m_line_index: line });
    }

    /// Tells a session's peer when a picture was captured, if it is our page.
    pub(crate) fn send_picture_clock(&self, session_id: &str, picture: PictureClock) {
        let state = self.hub.lock();
        let Some(session) = state.sessions.get(session_id) else {
            return;
        };
        let extended = state.peers.get(&session.peer_id).is_some_and(|peer| peer.extended);
        if session.feed == self.serial && extended {
            let message = Extension::Picture {
                session_id: session_id.to_owned(),
                rtp_timestamp: picture.rtp_timestamp,
                clock_rate: picture.clock_rate,
                capture_time: picture.capture_time_ms,
            };
            state.send_if_room(&session.peer_id, to_text(&message));
        }
    }

    /// Ends a session from the feed's side. One that is not there: nothing happens.
    pub(crate) fn end_session(&self, session_id: &str) {
        let mut state = self.hub.lock();
        if state.sessions.get(session_id).is_some_and(|session| session.feed == self.serial) {
            state.close_session(session_id);
        }
    }

    fn send(&self, session_id: &str, peer_message: PeerMessageInner) {
        let mut state = self.hub.lock();
        let Some(session) = state.sessions.get_mut(session_id) else {
            return;
        };
        if session.feed != self.serial {
            return;
        }
        if matches!(peer_message, PeerMessageInner::Sdp(_)) {
            session.phase = Phase::Offered;
        }
        let peer_id = session.peer_id.clone();
        let message = PeerMessage { session_id: session_id.to_owned(), peer_message };
        state.send(&peer_id, &OutgoingMessage::Peer(message));
    }
}

impl Drop for FeedHandle {
    fn drop(&mut self) {
        self.hub.lock().remove_feed(self.serial);
    }
}

/// The hub's end of a feed's queue.
pub(super) struct EventSender {
    sender: mpsc::Sender<SessionEvent>,
    queued: Arc<AtomicUsize>,
}

/// The signaller's end of a feed's queue.
pub(crate) struct FeedEvents {
    receiver: mpsc::Receiver<SessionEvent>,
    queued: Arc<AtomicUsize>,
}

fn event_queue() -> (EventSender, FeedEvents) {
    let (sender, receiver) = mpsc::channel();
    let queued = Arc::new(AtomicUsize::new(0));
    (EventSender { sender, queued: Arc::clone(&queued) }, FeedEvents { receiver, queued })
}

impl EventSender {
    /// Queues what a peer caused, unless the feed is too far behind.
    pub(super) fn offer(&self, event: SessionEvent) -> Result<(), Refused> {
        if self.queued.load(Ordering::Relaxed) >= MAX_EVENTS {
            return Err(Refused::new("The feed is too busy for this. Try again in a moment."));
        }
        self.push(event);
        Ok(())
    }

    /// Queues what must not be lost. Of these there are never more than
    /// sessions: requests that waited, and one end for each that began.
    fn push(&self, event: SessionEvent) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        // Fails only when the signaller is gone, and then nobody wants it.
        let _ = self.sender.send(event);
    }
}

impl FeedEvents {
    /// Waits for the next event. None: the feed was removed.
    pub(crate) fn next(&self) -> Option<SessionEvent> {
        let event = self.receiver.recv().ok()?;
        self.queued.fetch_sub(1, Ordering::Relaxed);
        Some(event)
    }
}
