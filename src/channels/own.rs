//! Channels between a connector and its viewers, which its protocol has beside the feed's.

use std::{fmt, sync::Arc};

use super::{Line, Payload};

/// What a connector's protocol speaks of with each viewer.
#[derive(Clone)]
pub struct OwnChannels {
    /// Those that every session is offered. Without any, only viewers who make the offer can have channels.
    pub labels: &'static [&'static str],
    /// Takes each of them once it is open, and those that a viewer opens by itself; `None` leaves it alone.
    /// Called from any thread; it must not wait.
    pub take: Arc<dyn Fn(OpenChannel) -> Option<Hear> + Send + Sync>,
}

impl fmt::Debug for OwnChannels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnChannels").field(&self.labels).finish()
    }
}

/// Hears what a viewer says on a channel. Called from any thread; it must not wait.
pub type Hear = Box<dyn Fn(Payload) + Send + Sync>;

/// A channel that is open.
pub struct OpenChannel {
    /// Whose it is.
    pub session: String,
    /// Its name.
    pub label: String,
    /// By which the viewer is told something.
    pub line: Arc<dyn Line>,
}
