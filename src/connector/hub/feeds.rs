//! Feeds: what there is to watch, and their end of the hub.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use gst_plugin_webrtc_signalling_protocol::{
    OutgoingMessage, PeerMessage, PeerMessageInner, PeerRole, PeerStatus, SdpMessage,
};

use super::messages::{Extension, FeedLine, FeedStatus, PictureClock, Refused, to_text};
use super::sessions::{Phase, Session};
use super::{Hub, State};
use crate::config::Codec;
use crate::connector::{Demand, Menu, Palate, Viewers, Wanted};
use crate::webrtc::IceAddresses;

/// The most sessions that wait for one feed to become ready.
const MAX_WAITING: usize = 64;

/// The most events that wait for one signaller.
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
    /// What it can be had in.
    pub(super) menu: Menu,
    /// How many may watch it at a time.
    viewers: Viewers,
    /// The ways in, the newest last.
    doors: Vec<Door>,
    /// Sessions for whose codec no door is open, oldest first.
    waiting: VecDeque<String>,
    /// Who is told what is wanted of it.
    demand: Option<Demand>,
}

/// A way to a feed in one codec: a signaller's end of the hub.
struct Door {
    serial: u64,
    codec: Codec,
    /// Sessions may be asked for.
    open: bool,
    events: EventSender,
}

/// What a door's signaller hears of its sessions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SessionEvent {
    /// A peer wants to watch: make an offer, or answer its own, which is not parsed.
    Requested { session_id: String, peer_id: String, offer: Option<String> },
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

    /// Takes a session in: at a door of its codec, or among those that wait for one.
    pub(super) fn take_in(&mut self, session_id: &str, session: &mut Session) -> Result<(), Refused> {
        if let Some(door) = self.doors.iter().rev().find(|door| door.codec == session.codec && door.open) {
            door.events.offer(session.request(session_id))?;
            session.early(session_id).for_each(|candidate| door.events.push(candidate));
            (session.door, session.phase) = (Some(door.serial), Phase::Requested);
            return Ok(());
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(Refused::new(format!(
                "{MAX_WAITING} viewers already wait for “{}” to start. Try again later.",
                self.name
            )));
        }
        self.waiting.push_back(session_id.to_owned());
        (session.door, session.phase) = (None, Phase::Waiting);
        Ok(())
    }

    /// Forgets a session that its peer left.
    pub(super) fn release(&mut self, session_id: &str, session: &Session) {
        self.waiting.retain(|waiting| waiting != session_id);
        if let Some(door) = session.door.and_then(|serial| self.door(serial)) {
            door.events.push(SessionEvent::Ended { session_id: session_id.to_owned() });
        }
    }

    /// Whether somebody may watch while others have these sessions of it.
    pub(super) fn admits_beside(&self, others: usize) -> Result<(), Refused> {
        match self.viewers {
            Viewers::One if others > 0 => Err(Refused::new(format!(
                "“{}” can be sent to one viewer here, and is. Try again when that one has left.",
                self.name
            ))),
            Viewers::One | Viewers::Many => Ok(()),
        }
    }

    /// Hands on what a session's peer caused.
    pub(super) fn tell(&self, session: &Session, event: SessionEvent) -> Result<(), Refused> {
        let door = session.door.and_then(|serial| self.door(serial));
        door.map_or(Ok(()), |door| door.events.offer(event))
    }

    fn door(&self, serial: u64) -> Option<&Door> {
        self.doors.iter().find(|door| door.serial == serial)
    }

    pub(super) fn has_open(&self, codec: Codec) -> bool {
        self.doors.iter().any(|door| door.codec == codec && door.open)
    }

    /// Why a viewer cannot have it, for a person.
    pub(super) fn unable(&self, viewer: &Palate) -> String {
        let list =
            |codecs: &mut dyn Iterator<Item = &Codec>| codecs.map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let offered = list(&mut self.menu.codecs.iter());
        let takes = viewer.takes.as_ref().map(|takes| list(&mut takes.difference(&viewer.refused)));
        let what = match takes.as_deref() {
            _ if offered.is_empty() => return format!("“{}” cannot be encoded here at present.", self.name),
            _ if viewer.wants_single_units => {
                return format!(
                    "“{}” can be had as {offered}, and this viewer takes H.264 only with each NAL unit in a packet of \
                     its own, in which a key frame has no room. Offer it with “packetization-mode=1” (RFC 6184).",
                    self.name
                );
            }
            Some("") => "none of the codecs that Heliograph sends".to_owned(),
            Some(takes) => format!("only {takes}"),
            None => "none of these".to_owned(),
        };
        format!("“{}” can be had as {offered}, and this viewer decodes {what}. Try another browser.", self.name)
    }

    fn line(&self) -> FeedLine {
        FeedLine {
            peer_id: self.id.clone(),
            name: self.name.clone(),
            state: self.status.state.clone(),
            text: self.status.text.clone(),
            stale_after_ms: self.status.stale_after_ms,
            codec: self.menu.codecs.first().map(ToString::to_string),
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
    pub(crate) fn register(self: &Arc<Self>, place: usize, id: &str, name: &str) -> FeedHandle {
        let mut state = self.lock();
        let serial = state.next_serial();
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
            menu: Menu { codecs: vec![Codec::default()], is_forced: false },
            viewers: Viewers::default(),
            doors: Vec::new(),
            waiting: VecDeque::new(),
            demand: None,
        };
        let announcement = feed.status_changed(vec![PeerRole::Producer]);
        let index = state.feeds.partition_point(|other| other.place <= place);
        state.feeds.insert(index, feed);
        state.broadcast(&announcement, |peer| peer.listening);
        state.broadcast_feeds();
        drop(state);
        FeedHandle { hub: Arc::clone(self), serial }
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

    /// How a feed is, in the words that viewers are told; `None` where there is none with this id.
    pub(crate) fn feed_status(&self, id: &str) -> Option<FeedStatus> {
        self.lock().feeds.iter().find(|feed| feed.id == id).map(|feed| feed.status.clone())
    }

    /// Id and name of each feed, in their order.
    pub(crate) fn feed_names(&self) -> Vec<(String, String)> {
        self.lock().feeds.iter().map(|feed| (feed.id.clone(), feed.name.clone())).collect()
    }

    /// Why a viewer that makes this offer cannot have a feed, for a person; `None` where it can, or where there is
    /// none with this id.
    pub(crate) fn unable(&self, id: &str, offer: &str) -> Option<String> {
        let state = self.lock();
        let feed = state.feeds.iter().find(|feed| feed.id == id)?;
        let palate = Palate::default().of(Some(offer));
        feed.menu.choose(&palate).is_none().then(|| feed.unable(&palate))
    }

    /// How many sessions a feed has, those that wait for it included.
    pub fn session_count(&self, id: &str) -> usize {
        let state = self.lock();
        let feed = state.feeds.iter().find(|feed| feed.id == id);
        feed.map_or(0, |feed| state.sessions.values().filter(|session| session.feed == feed.serial).count())
    }
}

impl State {
    fn next_serial(&mut self) -> u64 {
        self.registrations += 1;
        self.registrations
    }

    pub(super) fn remove_feed(&mut self, serial: u64) {
        for session_id in self.sessions_where(|session| session.feed == serial) {
            self.release(&session_id);
            self.close_session(&session_id);
        }
        let Some(place) = self.feeds.iter().position(|feed| feed.serial == serial) else {
            return;
        };
        let feed = self.feeds.remove(place);
        self.broadcast(&feed.status_changed(Vec::new()), |peer| peer.listening);
        self.broadcast_feeds();
    }

    /// Tells a session's door that it is over. Telling a peer may have dropped it, and all its
    /// sessions with it: of one that is not there nothing is told.
    fn release(&mut self, session_id: &str) {
        if let Some(session) = self.sessions.get(session_id)
            && let Some(feed) = self.feeds.iter_mut().find(|feed| feed.serial == session.feed)
        {
            feed.release(session_id, session);
        }
    }

    fn remove_door(&mut self, serial: u64) {
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.door(serial).is_some()) else { return };
        let feed_serial = feed.serial;
        for session_id in self.sessions_where(|session| session.door == Some(serial)) {
            self.release(&session_id);
            // Who has no offer yet does not notice.
            if self.sessions.get(&session_id).is_some_and(|session| session.phase == Phase::Requested) {
                self.take_in_anew(&session_id);
            } else {
                self.close_session(&session_id);
            }
        }
        if let Some(feed) = self.feed(feed_serial) {
            feed.doors.retain(|door| door.serial != serial);
        }
    }

    /// Shuts this door and has a session find another, or wait.
    fn take_in_anew(&mut self, session_id: &str) {
        let Some(session) = self.sessions.get_mut(session_id) else { return };
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.serial == session.feed) else { return };
        if let Some(door) = feed.doors.iter_mut().find(|door| Some(door.serial) == session.door) {
            door.open = false;
        }
        if feed.take_in(session_id, session).is_err() {
            self.close_session(session_id);
        }
    }

    pub(super) fn feed(&mut self, serial: u64) -> Option<&mut Feed> {
        self.feeds.iter_mut().find(|feed| feed.serial == serial)
    }

    /// What is wanted of a feed has changed.
    pub(super) fn tell_demand(&self, serial: u64) {
        let feed = self.feeds.iter().find(|feed| feed.serial == serial);
        let Some(demand) = feed.and_then(|feed| feed.demand.as_ref()) else { return };
        let mut wanted = Wanted::new();
        for session in self.sessions.values().filter(|session| session.feed == serial) {
            for codec in [Some(session.codec), session.next].into_iter().flatten() {
                *wanted.entry(codec).or_default() += 1;
            }
        }
        demand(wanted);
    }

    fn broadcast_feeds(&mut self) {
        self.broadcast(&self.feeds_text(), |peer| peer.extended);
    }

    pub(super) fn feeds_text(&self) -> String {
        to_text(&Extension::Feeds { feeds: self.feeds.iter().map(Feed::line).collect() })
    }
}

/// Whoever registered a feed. Dropping it takes the feed away.
pub(crate) struct FeedHandle {
    hub: Arc<Hub>,
    serial: u64,
}

impl FeedHandle {
    /// Tells what is wanted of the feed, now and whenever that changes.
    pub(crate) fn tell_demand(&self, demand: Demand) {
        let mut state = self.hub.lock();
        if let Some(feed) = state.feed(self.serial) {
            feed.demand = Some(demand);
            state.tell_demand(self.serial);
        }
    }

    /// So many may watch it at a time from now on; who does already is left alone.
    pub(crate) fn set_viewers(&self, viewers: Viewers) {
        if let Some(feed) = self.hub.lock().feed(self.serial) {
            feed.viewers = viewers;
        }
    }

    /// Has the feed in these codecs from now on.
    pub(crate) fn set_menu(&self, menu: Menu) {
        let mut state = self.hub.lock();
        let Some(feed) = state.feed(self.serial) else { return };
        if feed.menu == menu {
            return;
        }
        feed.menu = menu;
        for session_id in state.sessions_where(|session| session.feed == self.serial) {
            state.review(&session_id);
        }
        state.tell_demand(self.serial);
        state.broadcast_feeds();
    }

    /// A way in for sessions of this codec, which is shut at first.
    pub(crate) fn door(&self, codec: Codec) -> (DoorHandle, FeedEvents) {
        let (events, receiver) = event_queue();
        let mut state = self.hub.lock();
        let serial = state.next_serial();
        if let Some(feed) = state.feed(self.serial) {
            feed.doors.push(Door { serial, codec, open: false, events });
        }
        drop(state);
        (DoorHandle { hub: Arc::clone(&self.hub), feed: self.serial, serial, codec }, receiver)
    }

    /// Asks our page to come again in place of these sessions, which go on until then.
    pub(crate) fn renew(&self, sessions: &[String]) {
        let mut state = self.hub.lock();
        for session_id in sessions {
            state.renew(self.serial, session_id);
        }
    }

    /// Ends sessions whose peers were asked to come again so long ago.
    pub(crate) fn end_stragglers(&self, after: Duration) {
        let mut state = self.hub.lock();
        let is_late = |session: &Session| {
            session.feed == self.serial && session.asked_at.is_some_and(|asked| asked.elapsed() >= after)
        };
        for session_id in state.sessions_where(is_late) {
            state.release(&session_id);
            state.close_session(&session_id);
        }
    }
}

impl Drop for FeedHandle {
    fn drop(&mut self) {
        self.hub.lock().remove_feed(self.serial);
    }
}

/// A signaller's hold on its door. Dropping it shuts the door for good.
pub(crate) struct DoorHandle {
    hub: Arc<Hub>,
    feed: u64,
    serial: u64,
    codec: Codec,
}

impl DoorHandle {
    /// Lets sessions through, those that wait first; or keeps new ones waiting.
    /// Sessions that run are left alone.
    pub(crate) fn set_open(&self, open: bool) {
        let mut guard = self.hub.lock();
        let state = &mut *guard;
        let Some(feed) = state.feeds.iter_mut().find(|feed| feed.serial == self.feed) else { return };
        let Some(door) = feed.doors.iter_mut().find(|door| door.serial == self.serial) else { return };
        door.open = open;
        if !open {
            return;
        }
        let is_of_codec = |session: Option<&Session>| session.is_some_and(|session| session.codec == self.codec);
        let sessions = &mut state.sessions;
        let (through, waiting) =
            feed.waiting.drain(..).partition::<Vec<_>, _>(|session_id| is_of_codec(sessions.get(session_id)));
        feed.waiting = waiting.into();
        for session_id in through {
            let Some(session) = sessions.get_mut(&session_id) else { continue };
            (session.door, session.phase) = (Some(self.serial), Phase::Requested);
            door.events.push(session.request(&session_id));
            session.early(&session_id).for_each(|candidate| door.events.push(candidate));
        }
        for session_id in state.sessions_where(|session| session.feed == self.feed && session.next == Some(self.codec))
        {
            state.ask_again(&session_id);
        }
    }

    /// The STUN and TURN servers that a peer brought.
    pub(crate) fn servers(&self, peer_id: &str) -> IceAddresses {
        self.hub.servers(peer_id)
    }

    /// Whether a requested session may be handed to webrtcsink now. One whose peer
    /// left meanwhile may not; one whose door was shut meanwhile waits once more.
    pub(crate) fn may_begin(&self, session_id: &str) -> bool {
        let mut guard = self.hub.lock();
        let state = &mut *guard;
        let Some(session) = state.sessions.get_mut(session_id).filter(|session| session.door == Some(self.serial))
        else {
            return false;
        };
        let Some(feed) = state.feeds.iter_mut().find(|feed| feed.serial == self.feed) else { return false };
        let is_open = feed.door(self.serial).is_some_and(|door| door.open);
        if !is_open {
            (session.door, session.phase) = (None, Phase::Waiting);
            feed.waiting.push_front(session_id.to_owned());
        }
        is_open
    }

    /// Sends a session's offer to its peer.
    pub(crate) fn send_offer(&self, session_id: &str, sdp: String) {
        self.send(session_id, PeerMessageInner::Sdp(SdpMessage::Offer { sdp }));
    }

    /// Sends a session's peer the answer to its offer.
    pub(crate) fn send_answer(&self, session_id: &str, sdp: String) {
        self.send(session_id, PeerMessageInner::Sdp(SdpMessage::Answer { sdp }));
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
        if session.door == Some(self.serial) && extended {
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
        if state.sessions.get(session_id).is_some_and(|session| session.door == Some(self.serial)) {
            state.close_session(session_id);
        }
    }

    /// Ends a session whose peer does not take the picture in this codec; it is offered another
    /// when it asks again.
    pub(crate) fn refused(&self, session_id: &str) {
        let mut guard = self.hub.lock();
        let state = &mut *guard;
        let Some(session) = state.sessions.get(session_id) else { return };
        if let Some(peer) = state.peers.get_mut(&session.peer_id) {
            peer.palate.refused.insert(self.codec);
        }
        drop(guard);
        self.end_session(session_id);
    }

    fn send(&self, session_id: &str, peer_message: PeerMessageInner) {
        let mut state = self.hub.lock();
        let Some(session) = state.sessions.get_mut(session_id) else {
            return;
        };
        if session.door != Some(self.serial) {
            return;
        }
        match peer_message {
            PeerMessageInner::Sdp(SdpMessage::Offer { .. }) => session.phase = Phase::Offered,
            PeerMessageInner::Sdp(SdpMessage::Answer { .. }) => session.phase = Phase::Answered,
            PeerMessageInner::Ice { .. } => {}
        }
        let peer_id = session.peer_id.clone();
        let message = PeerMessage { session_id: session_id.to_owned(), peer_message };
        state.send(&peer_id, &OutgoingMessage::Peer(message));
    }
}

impl DoorHandle {
    /// Shuts the door for good, though somebody may still hold it.
    pub(crate) fn remove(&self) {
        self.hub.lock().remove_door(self.serial);
    }
}

impl Drop for DoorHandle {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The hub's end of a door's queue.
pub(super) struct EventSender {
    sender: mpsc::Sender<SessionEvent>,
    queued: Arc<AtomicUsize>,
}

/// The signaller's end of a door's queue.
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

    /// Queues what must not be lost. Of these there are never many more than
    /// sessions: requests that waited, with a few candidates each, and one end for each that began.
    fn push(&self, event: SessionEvent) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        // Fails only when the signaller is gone, and then nobody wants it.
        let _ = self.sender.send(event);
    }
}

impl FeedEvents {
    /// How many wait.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Waits for the next event. None: the door was shut for good.
    pub(crate) fn next(&self) -> Option<SessionEvent> {
        let event = self.receiver.recv().ok()?;
        self.queued.fetch_sub(1, Ordering::Relaxed);
        Some(event)
    }
}
