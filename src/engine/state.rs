//! What a feed is doing, in a form that can cross to a window, a log or a wire.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    i18n::{gettext, gettext_f},
    media::{MediaFault, Picture},
};

/// The state of a feed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum FeedState {
    /// Known, and not asked to stream yet.
    Idle,
    /// On the way to the camera.
    Connecting {
        /// What is late, if anything is.
        #[serde(default)]
        awaited: Awaited,
    },
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
    /// Nobody watches, so nothing runs; it starts when somebody does.
    Standby,
    /// Switched off by the operator.
    Stopped,
}

/// What a feed that connects has waited for longer than usual, in the order in which it comes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Awaited {
    /// Nothing is late.
    #[default]
    Nothing,
    /// The camera's description of what it sends.
    Answer,
    /// The first packet.
    Packets,
    /// The first picture, which has to be one that stands for itself.
    KeyFrame,
}

impl Awaited {
    fn sentence(self) -> String {
        match self {
            Self::Nothing => gettext("Connecting to the camera."),
            Self::Answer => gettext("Connecting to the camera: it has given no answer yet."),
            Self::Packets => gettext("The camera has answered, but sends no picture yet."),
            Self::KeyFrame => gettext("The camera sends, but no key frame yet: the picture starts with the next one."),
        }
    }
}

impl FeedState {
    /// The state's name: one of the words of the design.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting { .. } => "connecting",
            Self::Live { .. } => "live",
            Self::Stalled { .. } => "stalled",
            Self::Backoff { .. } => "backoff",
            Self::Failed { .. } => "failed",
            Self::Standby => "standby",
            Self::Stopped => "stopped",
        }
    }

    /// The state in words for people; of a trouble also what to do next.
    pub fn sentence(&self) -> String {
        match self {
            Self::Idle => gettext("Waiting to be started."),
            Self::Connecting { awaited } => awaited.sentence(),
            Self::Live { picture } => live(picture),
            Self::Stalled { fault } => fault.to_string(),
            Self::Backoff { fault, retry_in } | Self::Failed { fault, retry_in } => {
                format!("{fault}{}", again(*retry_in))
            }
            Self::Standby => gettext("Ready: starts when somebody watches."),
            Self::Stopped => gettext("Switched off."),
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

fn live(picture: &Picture) -> String {
    let (width, height) = (picture.width.to_string(), picture.height.to_string());
    gettext_f(
        "Live: {width}×{height}, {codec} from the camera.",
        &[("width", &width), ("height", &height), ("codec", &picture.codec)],
    )
}

/// When it is tried again; nothing where it is not.
fn again(wait: Duration) -> String {
    if wait == Duration::MAX {
        return String::new();
    }
    let decimals = usize::from(wait < Duration::from_secs(10));
    let seconds = format!("{:.decimals$}", wait.as_secs_f32());
    format!(" {}", gettext_f("Trying again in {seconds} s.", &[("seconds", &seconds)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FaultKind;

    #[test]
    fn a_trouble_says_what_to_do_and_when_it_is_tried_again() {
        let fault = MediaFault::new(FaultKind::Refused, "It broke.", "Mend it.");
        let backoff = |retry_in| FeedState::Backoff { fault: fault.clone(), retry_in }.sentence();
        assert_eq!(backoff(Duration::from_millis(640)), "It broke. Mend it. Trying again in 0.6 s.");
        assert_eq!(backoff(Duration::from_mins(1)), "It broke. Mend it. Trying again in 60 s.");
        assert_eq!(backoff(Duration::MAX), "It broke. Mend it.");
        assert_eq!(FeedState::Stalled { fault: fault.clone() }.sentence(), "It broke. Mend it.");
    }

    #[test]
    fn a_live_feed_says_what_it_gets() {
        let picture = Picture { width: 1280, height: 720, codec: "H.264".into(), ..Picture::default() };
        assert_eq!(FeedState::Live { picture }.sentence(), "Live: 1280×720, H.264 from the camera.");
    }
}
