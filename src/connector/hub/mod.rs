//! The exchange between feeds and viewers: who exists, who watches whom.
//!
//! ```text
//! peers ─► requests ─► sessions ◄─ feeds ◄─ signaller ◄─► webrtcsink, one per feed and codec
//! ```
//!
//! `feeds` is the feeds' side, `peers` the viewers', `sessions` what joins one of each, and
//! `requests` what a peer may ask for. All of it is one small state behind one lock. Nothing here waits or calls out while it holds the lock:
//! messages go into bounded queues and are carried on by others, so a feed's
//! `webrtcsink` may call in with its own locks held.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod assembly;
mod clock;
mod connector;
mod feeds;
mod guest;
mod messages;
mod peers;
mod requests;
mod sessions;
mod signaller;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use connector::HubConnector;
pub use messages::{FeedStatus, PictureClock};
pub use signaller::{HubFeed, HubSignaller};

pub(crate) use feeds::{DoorHandle, FeedEvents, FeedHandle, SessionEvent};
pub(crate) use guest::{Answered, Guest, GuestEvent, Stay};
pub(in crate::connector) use messages::is_short_enough;
pub(crate) use messages::{Refused, short, to_text};

use feeds::Feed;
use peers::Peer;
use sessions::Session;

/// Feeds that can be watched, viewers' sockets and the sessions between them.
///
/// Shared: the engine adds feeds and says how they are; a server of ours, or what speaks with
/// somebody else's, brings the viewers.
pub struct Hub {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In the order of their places, which is the order viewers see.
    feeds: Vec<Feed>,
    peers: HashMap<String, Peer>,
    sessions: HashMap<String, Session>,
    /// How many feeds and doors there ever were; the last one's serial.
    registrations: u64,
}

impl Hub {
    /// A hub with no feeds and no viewers.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { clock: Clock::new(), state: Mutex::default() })
    }

    /// The time that viewers are told, and that [`PictureClock`](super::PictureClock) is in.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not end every viewer: each change here is whole by itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Hub")
            .field("feeds", &state.feeds.len())
            .field("peers", &state.peers.len())
            .field("sessions", &state.sessions.len())
            .finish_non_exhaustive()
    }
}
