//! Where a feed goes. Each connector is a signaller and its settings: the
//! media path in front of it is the same for all of them.
//!
//! A feed has a door at a destination for each codec in demand there, and behind each door a
//! webrtcsink of its own, for one sends one codec. Which codecs can be had, a [`Menu`] says; who
//! gets which, the destination finds out from its viewers.
//!
//! May use `config`, `channels` and `stats`; must not know `media`, `engine` or a screen.

mod ahoy;
pub mod bigfootbot;
pub mod client;
mod fields;
pub mod hub;
mod janus;
mod livekit;
pub mod local;
mod menu;
mod needs;
mod sdp;
mod switchboard;
pub mod webrtcsink;
pub mod whip;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gstrswebrtc::signaller::Signallable;

pub use self::{
    client::{ConnectorFault, ConnectorFaultKind, ConnectorState, SetUp, Step},
    menu::{Codecs, Menu, Palate},
    needs::{Needs, Sound, Viewers},
};
use crate::{
    channels::{OwnChannels, WhoWatches},
    config::{Codec, ConnectorForm, ConnectorSettings, FeedId, TransportConfig, file::Forms},
};
pub(crate) use switchboard::random_id;

/// The kinds of connectors that an operator can add. Adding one means a folder, and a line here.
static KINDS: [&Kind; 6] =
    [&webrtcsink::KIND, &whip::KIND, &janus::KIND, &livekit::KIND, &ahoy::KIND, &bigfootbot::KIND];

/// What there is to say about each of them.
pub static FORMS: Forms = &{
    let mut forms = [&KINDS[0].form; KINDS.len()];
    let mut place = 0;
    while place < KINDS.len() {
        forms[place] = &KINDS[place].form;
        place += 1;
    }
    forms
};

/// A kind of connector that an operator can add.
struct Kind {
    /// What there is to say about it.
    form: ConnectorForm,
    /// Makes a connector of checked settings; `None` where something that is required is missing.
    open: fn(&ConnectorSettings) -> Option<Arc<dyn Connector>>,
}

/// Makes the connector that these settings describe; `None` where they are not complete.
pub fn open(settings: &ConnectorSettings) -> Option<Arc<dyn Connector>> {
    let kind = KINDS.iter().find(|kind| kind.form.kind == settings.kind)?;
    (kind.open)(settings)
}

/// How many viewers watch or wait, by the codec that they get or are to get.
pub type Wanted = BTreeMap<Codec, usize>;

/// Takes what is wanted of a feed, whenever that changes. Called with a lock held, so it must not
/// wait and not call back.
pub type Demand = Box<dyn Fn(Wanted) + Send + Sync>;

/// Takes how a feed is at a connector, whenever that changes. Called from any thread; it must not wait.
pub type TellState = Arc<dyn Fn(ConnectorState) + Send + Sync>;

/// A feed that is to be made known somewhere.
pub struct Announcement<'a> {
    /// Where it stands among the operator's feeds.
    pub place: usize,
    /// Its id.
    pub id: &'a FeedId,
    /// Its name for people.
    pub name: &'a str,
    /// How many may watch it there at a time, as its connector needs it.
    pub viewers: Viewers,
    /// Is told who wants to watch.
    pub demand: Demand,
    /// Is told how it is there.
    pub tell: TellState,
}

#[cfg(test)]
impl<'a> Announcement<'a> {
    /// A feed of which nobody hears more.
    fn of(id: &'a FeedId, name: &'a str) -> Self {
        Self { place: 0, id, name, viewers: Viewers::Many, demand: Box::new(|_| ()), tell: Arc::new(|_| ()) }
    }
}

/// A destination that feeds can be opened at.
pub trait Connector: Send + Sync {
    /// Makes the feed known there. Must be called within a tokio runtime.
    fn open(&self, feed: Announcement<'_>) -> Box<dyn Connection>;

    /// Whether a feed is to be opened there.
    fn is_for(&self, _feed: &FeedId) -> bool {
        true
    }

    /// How media travel from here to its viewers.
    fn transport(&self) -> TransportConfig;

    /// What has to be true of a feed that is opened there. Asked once for each, before it is.
    fn needs(&self) -> Needs {
        Needs::default()
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

    /// These sessions lack what one that begins now would have. Viewers who can change over without
    /// losing the picture are asked to; the others keep what they have.
    fn renew(&self, sessions: &[String]) {
        let _ = sessions;
    }

    /// Shows viewers how the feed is: the state's name and a sentence.
    fn show(&self, state: &str, sentence: &str);

    /// The viewer of a session has told what it received, or there is nothing that it could tell of.
    fn heard(&self, _session: &str) {}

    /// What the viewer of a session calls itself; `None` where it has told no name.
    fn viewer_name(&self, session: &str) -> Option<String>;
}

/// A way to a feed in one codec. Dropping it ends the sessions that came through it.
pub trait Door: Send {
    /// What webrtcsink talks to.
    fn signaller(&self) -> Signallable;

    /// The stream has caps: sessions may be asked for. An offer before this panics inside webrtcsink.
    fn stream_ready(&self);

    /// Tells who watches, later and elsewhere; `None` where a destination takes none of the feed's data channels.
    fn who_watches(&self) -> Option<WhoWatches>;

    /// The channels that its protocol has with viewers, beside the feed's.
    fn own_channels(&self) -> Option<OwnChannels> {
        None
    }

    /// Tells a session's viewer how old the frame with this RTP timestamp is now.
    fn picture_clock(&self, session: &str, rtp_timestamp: u32, clock_rate: u32, age: Duration);
}
