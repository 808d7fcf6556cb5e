//! What a feed is doing, in a form that can cross to a window, a log or a wire.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::media::{MediaFault, Picture};

/// The state of a feed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum FeedState {
    /// Known, and not asked to stream yet.
    Idle,
    /// On the way to the camera.
    Connecting,
    /// Pictures are coming.
    Live {
        /// What the camera sends.
        picture: Picture,
    },
    /// Pictures were coming and have stopped; viewers stay connected.
    Stalled {
        /// Why, as far as known.
        fault: MediaFault,
    },
    /// Waiting to try again.
    Backoff {
        /// Why the last attempt failed.
        fault: MediaFault,
        /// How long this wait is in all.
        retry_in: Duration,
    },
    /// Trying again soon is pointless: somebody has to change something first.
    /// It is tried again now and then all the same.
    Failed {
        /// What has to be changed.
        fault: MediaFault,
        /// How long until the next, unhopeful attempt.
        retry_in: Duration,
    },
    /// Switched off by the operator.
    Stopped,
}

impl FeedState {
    /// The state's name: one of the words of the design.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Live { .. } => "live",
            Self::Stalled { .. } => "stalled",
            Self::Backoff { .. } => "backoff",
            Self::Failed { .. } => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// The state in one sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Idle => "Waiting to be started.".into(),
            Self::Connecting => "Connecting to the camera.".into(),
            Self::Live { picture } => {
                format!("Live: {}×{}, {} from the camera.", picture.width, picture.height, picture.codec)
            }
            Self::Stalled { fault } => format!("No picture from the camera: {}", fault.message),
            Self::Backoff { fault, retry_in } => {
                format!("{fault} Trying again in {:.1} s.", retry_in.as_secs_f32())
            }
            Self::Failed { fault, .. } => fault.to_string(),
            Self::Stopped => "Switched off.".into(),
        }
    }

    /// The trouble, if there is any.
    pub fn fault(&self) -> Option<&MediaFault> {
        match self {
            Self::Stalled { fault } | Self::Backoff { fault, .. } | Self::Failed { fault, .. } => Some(fault),
            _ => None,
        }
    }
}
