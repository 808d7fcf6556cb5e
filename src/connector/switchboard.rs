//! What the websockets of a server of ours are joined to: the hub, or a relay for others.

use std::{convert::Infallible, sync::Arc};

use tokio::sync::{mpsc, oneshot};

/// The most messages that wait for one socket; a peer that lets more pile up is dropped.
const MAX_OUTBOX: usize = 256;

/// Joins websockets, and carries text from one to others. Nothing here may wait.
pub(crate) trait Switchboard: Send + Sync {
    /// Takes in a new peer.
    ///
    /// # Errors
    /// There is no room. What to say, as its protocol says it.
    fn join(self: Arc<Self>) -> Result<Seat, String>;

    /// Takes one text message of a peer. False: close its socket.
    fn receive(&self, peer_id: &str, text: &str) -> bool;

    /// Refuses what cannot be a message at all, for this reason. False: close its socket.
    fn refuse(&self, peer_id: &str, sentence: &str) -> bool;
}

/// A socket's end of a peer.
pub(crate) struct Seat {
    /// What the peer is called here.
    pub(crate) peer_id: String,
    /// Keeps the peer at the switchboard: dropping it takes the peer away.
    pub(crate) place: Box<dyn Send>,
    /// What to write to the socket; ends after the last message for this peer.
    pub(crate) outbox: mpsc::Receiver<String>,
    /// Resolves when the switchboard has dropped the peer.
    pub(crate) dropped: oneshot::Receiver<Infallible>,
}

/// The switchboard's end of a peer. When it goes, the socket closes.
pub(crate) struct Outbox {
    messages: mpsc::Sender<String>,
    _present: oneshot::Sender<Infallible>,
}

/// An id that cannot be guessed.
pub(crate) fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

impl Seat {
    /// A peer's two ends.
    pub(crate) fn new(peer_id: String, place: impl Send + 'static) -> (Outbox, Self) {
        let (messages, outbox) = mpsc::channel(MAX_OUTBOX);
        let (present, dropped) = oneshot::channel();
        (Outbox { messages, _present: present }, Self { peer_id, place: Box::new(place), outbox, dropped })
    }
}

impl Outbox {
    /// Queues a message; false where there is no room for it.
    pub(crate) fn send(&self, text: String) -> bool {
        self.messages.try_send(text).is_ok()
    }
}
