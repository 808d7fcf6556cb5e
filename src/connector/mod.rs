//! Where a feed goes. Each connector is a signaller and its settings: the
//! media path in front of it is the same for all of them.
//!
//! A feed has a door at a destination for each codec in demand there, and behind each door a
//! webrtcsink of its own, for one sends one codec. Which codecs can be had, a [`Menu`] says; who
//! gets which, the destination finds out from its viewers.
//!
//! May use `config`, `channels` and `stats`; must not know `media`, `engine` or a screen.

mod answer;
pub mod hub;
pub mod local;
mod menu;

use std::{collections::BTreeMap, time::Duration};

use gstrswebrtc::signaller::Signallable;

pub use self::menu::{Codecs, Menu, Palate};
use crate::{
    channels::ViewerNames,
    config::{Codec, FeedId, TransportConfig},
};

/// How many viewers watch or wait, by the codec that they get or are to get.
pub type Wanted = BTreeMap<Codec, usize>;

/// Takes what is wanted of a feed, whenever that changes. Called with a lock held, so it must not
/// wait and not call back.
pub type Demand = Box<dyn Fn(Wanted) + Send + Sync>;

/// A kind of destination that feeds can be opened at.
pub trait Connector: Send + Sync {
    /// Makes the feed known there, by its id and its name for people; `place` is
    /// where it stands among the operator's feeds. `demand` is told who wants to watch.
    fn open(&self, place: usize, feed: &FeedId, name: &str, demand: Demand) -> Box<dyn Connection>;

    /// Whether a feed is to be opened there.
    fn is_for(&self, _feed: &FeedId) -> bool {
        true
    }

    /// How media travel from here to its viewers.
    fn transport(&self) -> TransportConfig;

    /// Which codecs can be sent there. A feed of another has a rendition made for it.
    fn codecs(&self) -> &[Codec] {
        Codec::ALL
    }
}

/// One feed at one connector. Dropping it takes the feed away from there.
pub trait Connection: Send {
    /// The feed can be had in these codecs from now on. Who has another than it would get now is
    /// asked to come again, as soon as there is a door that is ready.
    fn set_menu(&self, menu: Menu);

    /// Opens a door for viewers of this codec.
    fn door(&self, codec: Codec) -> Box<dyn Door>;

    /// Ends the sessions of those who were asked to come again so long ago and have not gone.
    fn end_stragglers(&self, after: Duration);

    /// Shows viewers how the feed is: the state's name and a sentence.
    fn show(&self, state: &str, sentence: &str);

    /// What the viewer of a session calls itself; `None` where it has told no name.
    fn viewer_name(&self, session: &str) -> Option<String>;
}

/// A way to a feed in one codec. Dropping it ends the sessions that came through it.
pub trait Door: Send {
    /// What webrtcsink talks to.
    fn signaller(&self) -> Signallable;

    /// The stream has caps: sessions may be asked for. An offer before this panics inside webrtcsink.
    fn stream_ready(&self);

    /// Tells what viewers call themselves, later and elsewhere; `None` where a destination takes no data
    /// channels.
    fn viewer_names(&self) -> Option<ViewerNames>;

    /// Tells a session's viewer how old the frame with this RTP timestamp is now.
    fn picture_clock(&self, session: &str, rtp_timestamp: u32, clock_rate: u32, age: Duration);
}
