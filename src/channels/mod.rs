//! Data channels: messages between a feed's viewers and programs, beside the picture.
//!
//! ```text
//! viewer ◄─► webrtcbin ◄─► Line ─┐                ┌─► Unix socket ◄─► a program of this machine
//! viewer ◄─► webrtcbin ◄─► Line ─┴─► Exchange ◄───┴─► whoever subscribes: MQTT, window
//! ```
//!
//! An [`Exchange`] is a feed's; it knows who may send, and how long and how often. Messages pass
//! through it on the thread that brings them: a feed's worker that builds a pipeline must not hold
//! a robot's steering up.
//!
//! Nothing here queues without bound, in either direction. A viewer that does not read is left
//! out, and so is a program: to both, a message that is too old is worse than none.
//!
//! May use `config`; knows no GStreamer, which hands its channels in as [`Line`]s.

mod allowance;
mod exchange;
mod flight;
mod framing;
mod message;
mod own;
mod socket;

use std::sync::Arc;

pub use exchange::{ChannelCounts, Exchange, Line};
pub use flight::Flight;
pub use framing::{Frame, FrameError};
pub use message::{DataMessage, Payload, SendError};
pub use own::{Hear, OpenChannel, OwnChannels};
pub use socket::{Socket, SocketError, usual_place};

/// Tells who watches in a session.
pub type WhoWatches = Arc<dyn Fn(&str) -> Watcher + Send + Sync>;

/// Who watches, as far as data channels go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watcher {
    /// What it calls itself.
    pub name: Option<String>,
    /// It tells what it counts, as our page does, and needs a channel for that.
    pub reports: bool,
}
