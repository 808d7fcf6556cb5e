//! Where a feed goes. Each connector is a signaller and its settings: the
//! media path in front of it is the same for all of them.
//!
//! May use `config` and `stats`; must not know `media`, `engine` or a screen.

mod answer;
pub mod local;

use std::time::Duration;

use gstrswebrtc::signaller::Signallable;

use crate::config::{FeedId, TransportConfig};

/// Takes how many viewers watch a feed or wait for it, whenever that changes. Called with a lock
/// held, so it must not wait and not call back.
pub type Demand = Box<dyn Fn(usize) + Send + Sync>;

/// A kind of destination that feeds can be opened at.
pub trait Connector: Send + Sync {
    /// Makes the feed known there, by its id and its name for people; `place` is
    /// where it stands among the operator's feeds. `demand` is told who wants to watch.
    fn open(&self, place: usize, feed: &FeedId, name: &str, demand: Demand) -> Box<dyn Connection>;

    /// How media travel from here to its viewers.
    fn transport(&self) -> TransportConfig;
}

/// One feed at one connector. Dropping it takes the feed away from there.
pub trait Connection: Send {
    /// What webrtcsink talks to.
    fn signaller(&self) -> Signallable;

    /// The stream has caps: sessions may be asked for. An offer before this panics inside webrtcsink.
    fn stream_ready(&self);

    /// Shows viewers how the feed is: the state's name and a sentence.
    fn show(&self, state: &str, sentence: &str);

    /// What the viewer of a session calls itself; `None` where it has told no name.
    fn viewer_name(&self, session: &str) -> Option<String>;

    /// Tells a session's viewer how old the frame with this RTP timestamp is now.
    fn picture_clock(&self, session: &str, rtp_timestamp: u32, clock_rate: u32, age: Duration);
}
