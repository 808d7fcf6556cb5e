//! Agents: who decides what a feed is held to.
//!
//! An [`Agent`] is shown an [`Observation`] several times a second and answers a [`Decision`], or
//! nothing while it knows nothing. It touches no feed and has no clock: a crew ([`Crew`]) keeps the
//! agents of a feed in the order of their safety, lets one of them act, and keeps every decision
//! within the feed's bounds. Another agent is another implementation of the trait and a place in that order.

mod crew;
mod gcc;
mod manual;
mod picture;

use std::{
    collections::VecDeque,
    fmt::Debug,
    time::{Duration, Instant},
};

pub use crew::{Consulted, Crew, CrewState, Phase};
pub use gcc::{Gcc, counting};
pub use manual::Manual;

use super::{Assigned, Estimate, Share};
use crate::{
    config::{AgentConfig, Setpoint, SetpointChange, Size},
    stats::FeedSample,
};

/// Decides what a feed is held to.
pub trait Agent: Debug + Send {
    /// Its name in settings, messages and logs, and in `ChangedBy::Agent`.
    fn name(&self) -> &'static str;

    /// How long it has to watch before it may act.
    fn warm_up(&self) -> Duration {
        Duration::ZERO
    }

    /// Begins anew: what it saw was of another time.
    fn reset(&mut self) {}

    /// What it decides; `None` while it has nothing to go by. One that says nothing for
    /// [`Crew::SILENCE`] is relieved by the next safer one. Also asked while it only watches.
    fn decide(&mut self, seen: &Observation<'_>) -> Option<Decision>;
}

/// What an agent sees of its feed.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Now.
    pub now: Instant,
    /// What is known of the feed and its viewers, the newest last: of the last minute, and often nothing yet.
    pub samples: &'a VecDeque<FeedSample>,
    /// Everybody who watches.
    pub viewers: &'a [ViewerPath],
    /// What the feed is held to.
    pub setpoint: Setpoint,
    /// What a person would have it show: size and rate before any agent changed them.
    pub own: Setpoint,
    /// Within what it may decide.
    pub bounds: AgentConfig,
    /// What it may have of what there is for all feeds; `None` where it has to see for itself.
    pub share: Option<Share>,
    /// What an agent elsewhere asks for, in kbit/s.
    pub asked_kbps: Option<u32>,
    /// What the camera sends; `None` while it is not known.
    pub camera_size: Option<Size>,
    /// What the camera's stream takes in kbit/s, where viewers can take it as it is.
    pub camera_kbps: Option<f64>,
    /// Viewers get it as it is now: nothing but encoding it anew makes it smaller.
    pub passes_through: bool,
    /// A viewer that cannot keep up can be given the low rendition.
    pub has_low: bool,
}

impl Observation<'_> {
    /// What a wish comes to, within the feed's bounds and its share.
    pub fn hold(&self, wanted_kbps: u32) -> u32 {
        let wanted = self.bounds.clamp(wanted_kbps);
        self.share.map_or(wanted, |share| share.hold(wanted))
    }
}

/// A viewer, and what its connection carries.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewerPath {
    /// Its session.
    pub session: String,
    /// Which rendition it gets.
    pub gets: Assigned,
    /// It gets the main rendition whatever its connection carries.
    pub is_pinned: bool,
    /// Since when it gets this rendition.
    pub since: Instant,
    /// What its connection carries, for the rendition that it gets; `None` while nothing is known.
    pub estimate: Option<Estimate>,
}

/// What an agent would have the feed be held to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Nothing in it: it stays as it is.
    pub change: SetpointChange,
    /// What the bitrate would be without a share, in kbit/s; `None` where it does not look at the network.
    pub wants_kbps: Option<u32>,
    /// Why, in words for people, without figures: it is told whenever it differs.
    pub reason: String,
}

impl Decision {
    /// All stays as it is.
    pub fn stay(reason: String) -> Self {
        Self { change: SetpointChange::default(), wants_kbps: None, reason }
    }
}
