//! What goes into the engine and what comes out: plain data, no object of GLib in it.

use serde::{Deserialize, Serialize};

use super::FeedState;
use crate::config::FeedId;

/// What can be asked of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum FeedCommand {
    /// Connect to the camera and stream.
    Start,
    /// Hang up and end all sessions.
    Stop,
    /// Encode at this bitrate from now on.
    SetBitrate {
        /// kbit/s.
        kbps: u32,
    },
}

/// What happens to a feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum FeedEvent {
    /// The feed is in another state.
    State(FeedState),
    /// This many viewers are connected now.
    Viewers {
        /// Over all connectors.
        count: usize,
    },
    /// Statistics of the last second.
    Stats(FeedStats),
}

/// A second of a feed, over all its viewers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedStats {
    /// Sent to all viewers together, kbit/s.
    pub sent_kbps: f64,
    /// Round trip to the farthest viewer, in seconds; `None` while nobody has told.
    pub round_trip: Option<f64>,
}

/// What the engine tells its faces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EngineEvent {
    /// A feed was added.
    Added {
        /// Which.
        feed: FeedId,
    },
    /// A feed was removed.
    Removed {
        /// Which.
        feed: FeedId,
    },
    /// Something happened to a feed.
    Feed {
        /// Which.
        feed: FeedId,
        /// What.
        event: FeedEvent,
    },
}
