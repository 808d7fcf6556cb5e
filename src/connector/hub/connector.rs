//! A feed at a connector whose viewers come to a hub, as the engine sees it.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use gst::glib::prelude::*;
use gstrswebrtc::signaller::Signallable;

use super::{FeedStatus, Hub, HubFeed, HubSignaller, PictureClock};
use crate::{
    channels::{OwnChannels, WhoWatches},
    config::{Codec, FeedId, TransportConfig},
    connector::{Announcement, Connection, Connector, Door, Menu},
};

/// The age from which a picture on the viewer page counts as stale, in milliseconds.
const STALE_AFTER_MS: u32 = 1000;

/// Opens feeds at a hub.
#[derive(Debug)]
pub struct HubConnector {
    hub: Arc<Hub>,
    takes_data: bool,
    own: Option<OwnChannels>,
    transport: Mutex<TransportConfig>,
}

impl HubConnector {
    /// A connector to this hub's viewers.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub, takes_data: true, own: None, transport: Mutex::default() }
    }

    /// The same, for viewers that know nothing of data channels.
    pub fn without_data(hub: Arc<Hub>) -> Self {
        Self { takes_data: false, ..Self::new(hub) }
    }

    /// The same, for viewers that the protocol has channels of its own with.
    pub fn with_own_channels(hub: Arc<Hub>, own: OwnChannels) -> Self {
        Self { own: Some(own), ..Self::without_data(hub) }
    }

    /// Where its viewers come.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Feeds that are opened from now on send like this.
    pub fn set_transport(&self, transport: TransportConfig) {
        *self.lock() = transport;
    }

    fn lock(&self) -> MutexGuard<'_, TransportConfig> {
        self.transport.lock().expect("no holder of this lock should panic")
    }
}

impl Connector for HubConnector {
    fn open(&self, feed: Announcement<'_>) -> Box<dyn Connection> {
        let entry = self.hub.add_feed(feed.place, feed.id.as_str(), feed.name);
        entry.set_viewers(feed.viewers);
        entry.tell_demand(feed.demand);
        let (hub, takes_data, own) = (self.hub.clone(), self.takes_data, self.own.clone());
        Box::new(HubConnection { hub, feed: feed.id.clone(), takes_data, own, entry })
    }

    fn transport(&self) -> TransportConfig {
        self.lock().clone()
    }
}

struct HubConnection {
    hub: Arc<Hub>,
    feed: FeedId,
    takes_data: bool,
    own: Option<OwnChannels>,
    entry: HubFeed,
}

impl Connection for HubConnection {
    fn set_menu(&self, menu: Menu) {
        self.entry.set_menu(menu);
    }

    fn door(&self, codec: Codec) -> Box<dyn Door> {
        let (hub, own) = (self.hub.clone(), self.own.clone());
        Box::new(HubDoor { hub, takes_data: self.takes_data, own, signaller: self.entry.door(codec) })
    }

    fn end_stragglers(&self, after: Duration) {
        self.entry.end_stragglers(after);
    }

    fn renew(&self, sessions: &[String]) {
        self.entry.renew(sessions);
    }

    fn show(&self, state: &str, sentence: &str) {
        let status = FeedStatus { state: state.to_owned(), text: sentence.to_owned(), stale_after_ms: STALE_AFTER_MS };
        self.hub.set_feed_status(self.feed.as_str(), status);
    }

    fn heard(&self, session: &str) {
        self.hub.heard(session);
    }

    fn viewer_name(&self, session: &str) -> Option<String> {
        self.hub.viewer_name(session)
    }
}

struct HubDoor {
    hub: Arc<Hub>,
    takes_data: bool,
    own: Option<OwnChannels>,
    signaller: HubSignaller,
}

impl Door for HubDoor {
    fn signaller(&self) -> Signallable {
        self.signaller.clone().upcast()
    }

    fn stream_ready(&self) {
        self.signaller.set_ready(true);
    }

    fn who_watches(&self) -> Option<WhoWatches> {
        let hub = self.hub.clone();
        self.takes_data.then(|| -> WhoWatches { Arc::new(move |session| hub.watcher(session)) })
    }

    fn own_channels(&self) -> Option<OwnChannels> {
        self.own.clone()
    }

    fn picture_clock(&self, session: &str, rtp_timestamp: u32, clock_rate: u32, age: Duration) {
        let capture_time_ms = self.hub.clock().now_ms() - age.as_secs_f64() * 1000.0;
        self.signaller.send_picture_clock(session, PictureClock { rtp_timestamp, clock_rate, capture_time_ms });
    }
}

impl Drop for HubDoor {
    fn drop(&mut self) {
        self.signaller.leave();
    }
}
