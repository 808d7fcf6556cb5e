//! Peers: viewers by whatever way they come, most of them by a websocket.

use std::collections::VecDeque;
use std::sync::Arc;

use gst_plugin_webrtc_signalling_protocol::OutgoingMessage;

use super::messages::{Refused, to_text};
use super::{Hub, State};
use crate::connector::Palate;
use crate::connector::switchboard::{Outbox, Seat, Switchboard, random_id};
use crate::webrtc::IceAddresses;

/// The most sockets at once.
const MAX_PEERS: usize = 256;

/// Refused messages in a row after which a peer is dropped.
const MAX_REFUSED_IN_A_ROW: u32 = 20;

/// How many ended sessions a peer is remembered for.
const MAX_REMEMBERED: usize = 64;

/// One connected peer.
pub(super) struct Peer {
    outbox: Outbox,
    /// Wants to hear of feeds that come and go.
    pub(super) listening: bool,
    /// Announced itself as our page: gets the extension messages.
    pub(super) extended: bool,
    /// Will tell what it counts of what it receives.
    pub(super) reports: bool,
    /// What it calls itself.
    pub(super) name: Option<String>,
    /// What it can take.
    pub(super) palate: Palate,
    /// STUN and TURN servers that the service it comes from named, beside the operator's.
    pub(super) servers: IceAddresses,
    /// Sessions that the feed ended lately. Messages for them crossed the news.
    ended: VecDeque<String>,
    refused_in_a_row: u32,
}

impl Peer {
    pub(super) fn remember_ended(&mut self, session_id: String) {
        if self.ended.len() == MAX_REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(session_id);
    }

    pub(super) fn knew(&self, session_id: &str) -> bool {
        self.ended.iter().any(|ended| ended == session_id)
    }
}

/// A peer's place in the hub: dropping it ends the peer's sessions.
struct Registered {
    hub: Arc<Hub>,
    peer_id: String,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.hub.lock().drop_peer(&self.peer_id);
    }
}

impl Hub {
    /// Takes in a new peer and welcomes it.
    pub(crate) fn connect(self: &Arc<Self>) -> Result<Seat, Refused> {
        let mut state = self.lock();
        if state.peers.len() >= MAX_PEERS {
            return Err(Refused::new(format!(
                "{MAX_PEERS} viewers are connected, which is the most there can be. Try again later."
            )));
        }
        let peer_id = random_id();
        let registered = Registered { hub: Arc::clone(self), peer_id: peer_id.clone() };
        let (outbox, seat) = Seat::new(peer_id.clone(), registered);
        let peer = Peer {
            outbox,
            listening: false,
            extended: false,
            reports: false,
            name: None,
            palate: Palate::default(),
            servers: IceAddresses::default(),
            ended: VecDeque::new(),
            refused_in_a_row: 0,
        };
        state.peers.insert(peer_id.clone(), peer);
        state.send(&peer_id, &OutgoingMessage::Welcome { peer_id: peer_id.clone() });
        Ok(seat)
    }

    /// A peer's sessions that begin from now on may use these servers as well.
    pub(super) fn set_servers(&self, peer_id: &str, servers: IceAddresses) {
        if let Some(peer) = self.lock().peers.get_mut(peer_id) {
            peer.servers = servers;
        }
    }

    pub(super) fn servers(&self, peer_id: &str) -> IceAddresses {
        self.lock().peers.get(peer_id).map(|peer| peer.servers.clone()).unwrap_or_default()
    }
}

impl Switchboard for Hub {
    fn join(self: Arc<Self>) -> Result<Seat, String> {
        self.connect().map_err(|refused| to_text(&OutgoingMessage::Error { details: refused.0 }))
    }

    fn receive(&self, peer_id: &str, text: &str) -> bool {
        Hub::receive(self, peer_id, text)
    }

    fn refuse(&self, peer_id: &str, sentence: &str) -> bool {
        self.lock().refuse(peer_id, Refused::new(sentence))
    }
}

impl State {
    /// Queues a message for a peer. One too slow to take it is dropped.
    pub(super) fn send(&mut self, peer_id: &str, message: &OutgoingMessage) {
        self.send_text(peer_id, to_text(message));
    }

    pub(super) fn send_text(&mut self, peer_id: &str, text: String) {
        let Some(peer) = self.peers.get(peer_id) else {
            return;
        };
        if !peer.outbox.send(text) {
            tracing::info!(peer = peer_id, "dropped a viewer that does not read its messages");
            self.drop_peer(peer_id);
        }
    }

    /// Queues a message that the next of its kind replaces: lost where there is no room.
    pub(super) fn send_if_room(&self, peer_id: &str, text: String) {
        if let Some(peer) = self.peers.get(peer_id) {
            peer.outbox.send(text);
        }
    }

    pub(super) fn broadcast(&mut self, text: &str, to: impl Fn(&Peer) -> bool) {
        let chosen = self.peers.iter().filter(|(_, peer)| to(peer));
        let ids: Vec<String> = chosen.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.send_text(&id, text.to_owned());
        }
    }

    pub(super) fn drop_peer(&mut self, peer_id: &str) {
        if self.peers.remove(peer_id).is_none() {
            return;
        }
        for session_id in self.sessions_where(|session| session.peer_id == peer_id) {
            self.leave_session(&session_id);
        }
    }

    /// Tells a peer what was wrong. False: it has been wrong too often.
    pub(super) fn refuse(&mut self, peer_id: &str, refused: Refused) -> bool {
        tracing::debug!(peer = peer_id, why = ?refused.0, "refused a message");
        self.send(peer_id, &OutgoingMessage::Error { details: refused.0 });
        self.peers.get_mut(peer_id).is_some_and(|peer| {
            peer.refused_in_a_row += 1;
            peer.refused_in_a_row < MAX_REFUSED_IN_A_ROW
        })
    }

    pub(super) fn forgive(&mut self, peer_id: &str) {
        if let Some(peer) = self.peers.get_mut(peer_id) {
            peer.refused_in_a_row = 0;
        }
    }
}
