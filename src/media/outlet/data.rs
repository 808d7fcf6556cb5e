//! Data channels of every session: those of the feed, for our page the one on which it reports, and those that a
//! connector's protocol has.
//!
//! They are made before the offer, so that every viewer has them at once; one that does not want
//! them leaves them closed. Where there would be none, a session has no SCTP, which costs memory and time.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use tokio::sync::mpsc::UnboundedSender;

use super::{OutletEvent, session::session_of};
use crate::{
    channels::{Exchange, Flight, Hear, Line, OpenChannel, OwnChannels, Payload, WhoWatches},
    config::{DataChannelConfig, Delivery},
    stats::ViewerReport,
    webrtc::keep_sctp,
};

/// On which our page tells what its browser counts, once a second. What is late is of no use.
const REPORTS: &str = "heliograph-stats";
/// Reports that are taken of one session, at least so long apart.
const REPORTS_APART: gst::ClockTime = gst::ClockTime::from_mseconds(200);
/// Channels that a viewer opens by itself, at most; and the longest message that a connector hears on one, which is
/// what every browser can send.
const MOST_OPENED: usize = 16;
const LONGEST_HEARD: usize = 64 * 1024;

/// What an outlet's sessions exchange with the rest of the feed.
#[derive(Clone)]
pub struct DataPlan {
    /// The feed's channels.
    pub exchange: Arc<Exchange>,
    /// Tells who they are with; `None` where nobody is to have them.
    pub who: Option<WhoWatches>,
    /// The connector's.
    pub own: Option<OwnChannels>,
}

impl std::fmt::Debug for DataPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DataPlan").field(&self.exchange).field(&self.own).finish()
    }
}

/// The sessions of one outlet that have channels; when it goes, they leave.
#[derive(Clone, Debug)]
pub(super) struct Channels {
    plan: DataPlan,
    sessions: Arc<Mutex<Vec<String>>>,
}

impl Channels {
    /// Gives every session its channels.
    pub(super) fn install(sink: &BaseWebRTCSink, plan: DataPlan, events: UnboundedSender<OutletEvent>) -> Self {
        let channels = Self { plan, sessions: Arc::default() };
        let joining = channels.clone();
        sink.connect("consumer-added", false, move |args| {
            let peer = args[2].get::<gst::Element>().ok()?;
            joining.join(&session_of(&peer)?, &peer, &events);
            None
        });
        let leaving = channels.clone();
        sink.connect("consumer-removed", false, move |args| {
            let peer = args[2].get::<gst::Element>().ok()?;
            leaving.leave(&session_of(&peer)?);
            None
        });
        channels
    }

    /// All sessions leave.
    pub(super) fn clear(&self) {
        let sessions = std::mem::take(&mut *self.lock());
        for session in sessions {
            self.plan.exchange.leave(&session);
        }
    }

    fn join(&self, session: &str, peer: &gst::Element, events: &UnboundedSender<OutletEvent>) {
        let DataPlan { exchange, who, own } = &self.plan;
        let watcher = who.as_ref().map(|who| who(session));
        let (has_feeds, reports) = (watcher.is_some(), watcher.as_ref().is_some_and(|watcher| watcher.reports));
        if let Some(watcher) = watcher {
            self.lock().push(session.to_owned());
            exchange.join(session, watcher.name);
        }
        let of_feed = if has_feeds { exchange.channels() } else { &[] };
        if of_feed.is_empty() && !reports && own.is_none() {
            return;
        }
        keep_sctp();
        let flight = watch_flight(peer);
        for config in of_feed {
            if let Some(channel) = create(peer, config.label.as_str(), &options(config)) {
                carry(&channel, session, config, exchange, &flight);
            }
        }
        if let Some(own) = own {
            open_own(peer, session, own, &flight);
        }
        let options = gst::Structure::builder("options").field("ordered", false).field("max-retransmits", 0);
        if reports && let Some(channel) = create(peer, REPORTS, &options.build()) {
            self.take_reports(&channel, session, events.clone());
        }
    }

    fn leave(&self, session: &str) {
        self.lock().retain(|other| other != session);
        self.plan.exchange.leave(session);
    }

    fn take_reports(&self, channel: &WebRTCDataChannel, session: &str, events: UnboundedSender<OutletEvent>) {
        let (session, exchange) = (session.to_owned(), Arc::downgrade(&self.plan.exchange));
        let next = AtomicU64::new(0);
        channel.connect_on_message_string(move |_, text| {
            let now = gst::get_timestamp();
            let is_early = now.nseconds() < next.load(Ordering::Relaxed);
            let report = text.filter(|_| !is_early).and_then(ViewerReport::read);
            if let Some(report) = report {
                next.store((now + REPORTS_APART).nseconds(), Ordering::Relaxed);
                let _ = events.send(OutletEvent::Report { session: session.clone(), report: Box::new(report) });
            } else if let Some(exchange) = exchange.upgrade() {
                exchange.refuse_report();
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.sessions.lock().expect("no holder of this lock should panic")
    }
}

/// How webrtcbin is told (W3C `RTCDataChannelInit`).
///
/// What may get lost is never sent again, whatever the operator allows: `sctpenc` hands the number
/// of times and the lifetime on in the wrong order of bytes, which makes 150 ms a month, and only
/// zero stays what it is (seen with GStreamer 1.26).
fn options(config: &DataChannelConfig) -> gst::Structure {
    let options = gst::Structure::builder("options").field("ordered", config.ordered);
    match config.delivery {
        Delivery::Reliable => options.build(),
        Delivery::Retransmits(_) | Delivery::LifetimeMs(_) => options.field("max-retransmits", 0).build(),
    }
}

/// `None` where GStreamer has no SCTP: the picture goes on without.
fn create(peer: &gst::Element, label: &str, options: &gst::Structure) -> Option<WebRTCDataChannel> {
    let channel = peer.emit_by_name::<Option<WebRTCDataChannel>>("create-data-channel", &[&label, options]);
    if channel.is_none() {
        tracing::warn!(channel = label, "There are no data channels: GStreamer's SCTP plugin is missing (sctpenc).");
    }
    channel
}

/// Joins a channel to the exchange while it is open.
fn carry(
    channel: &WebRTCDataChannel,
    session: &str,
    config: &DataChannelConfig,
    exchange: &Arc<Exchange>,
    flight: &SharedFlight,
) {
    // Weak: an exchange holds open channels.
    let told = |exchange: &Arc<Exchange>| (Arc::downgrade(exchange), session.to_owned(), config.clone());
    let (to, of, config) = told(exchange);
    let flight = flight.clone();
    channel.connect_on_open(move |channel| {
        if let Some(exchange) = to.upgrade() {
            exchange.open(&of, &config, Arc::new(Channel { channel: channel.clone(), flight: flight.clone() }));
        }
    });
    let (from, of, config) = told(exchange);
    channel.connect_on_close(move |_| {
        if let Some(exchange) = from.upgrade() {
            exchange.close(&of, &config.label);
        }
    });
    let (to, of, config) = told(exchange);
    channel.connect_on_message_string(move |_, text| {
        if let Some(exchange) = to.upgrade() {
            exchange.receive(&of, &config, Payload::Text(text.unwrap_or_default().to_owned()));
        }
    });
    let (to, of, config) = told(exchange);
    channel.connect_on_message_data(move |_, data| {
        if let Some(exchange) = to.upgrade() {
            exchange.receive(&of, &config, Payload::Binary(data.map(|data| data.to_vec()).unwrap_or_default()));
        }
    });
}

/// Gives a session the connector's channels, and the connector those that the viewer opens by itself.
fn open_own(peer: &gst::Element, session: &str, own: &OwnChannels, flight: &SharedFlight) {
    for label in own.labels {
        if let Some(channel) = create(peer, label, &gst::Structure::new_empty("options")) {
            OwnChannel::hear(&channel, session, own, flight);
        }
    }
    let (session, own, flight) = (session.to_owned(), own.clone(), flight.clone());
    let opened = AtomicUsize::new(0);
    peer.connect("on-data-channel", false, move |args| {
        let channel = args[1].get::<WebRTCDataChannel>().ok()?;
        if opened.fetch_add(1, Ordering::Relaxed) < MOST_OPENED {
            OwnChannel::hear(&channel, &session, &own, &flight);
        }
        None
    });
}

/// A channel of a connector's protocol.
struct OwnChannel {
    session: String,
    own: OwnChannels,
    flight: SharedFlight,
    /// Who hears it, once it is open.
    hear: OnceLock<Option<Hear>>,
}

impl OwnChannel {
    fn hear(channel: &WebRTCDataChannel, session: &str, own: &OwnChannels, flight: &SharedFlight) {
        let (session, own, flight) = (session.to_owned(), own.clone(), flight.clone());
        let this = Arc::new(Self { session, own, flight, hear: OnceLock::new() });
        if channel.ready_state() == WebRTCDataChannelState::Open {
            this.opened(channel);
        }
        let opens = this.clone();
        channel.connect_on_open(move |channel| {
            opens.opened(channel);
        });
        let told = this.clone();
        channel.connect_on_message_string(move |channel, text| {
            told.heard(channel, Payload::Text(text.unwrap_or_default().to_owned()));
        });
        channel.connect_on_message_data(move |channel, data| {
            this.heard(channel, Payload::Binary(data.map(|data| data.to_vec()).unwrap_or_default()));
        });
    }

    fn opened(&self, channel: &WebRTCDataChannel) -> Option<&Hear> {
        let take = || {
            // Weak: the channel holds whoever hears it.
            let line = Arc::new(WeakChannel { channel: channel.downgrade(), flight: self.flight.clone() });
            let label = channel.label().unwrap_or_default().to_string();
            (self.own.take)(OpenChannel { session: self.session.clone(), label, line })
        };
        self.hear.get_or_init(take).as_ref()
    }

    fn heard(&self, channel: &WebRTCDataChannel, payload: Payload) {
        if payload.len() > LONGEST_HEARD {
            tracing::debug!(session = self.session, "a viewer says more at once than is heard");
        } else if let Some(hear) = self.opened(channel) {
            hear(payload);
        }
    }
}

/// What of one viewer's messages is on its way, for all its channels.
type SharedFlight = Arc<Mutex<Flight>>;

/// Watches the SCTP packets of a peer, which come together in two elements that it makes later.
fn watch_flight(peer: &gst::Element) -> SharedFlight {
    let flight = SharedFlight::default();
    let watched = flight.clone();
    let peer = peer.downcast_ref::<gst::Bin>().expect("webrtcbin should be a bin");
    peer.connect_deep_element_added(move |_, _, element| {
        let (pad, is_outgoing) = match element.factory().map(|factory| factory.name()).as_deref() {
            Some("sctpenc") => (element.static_pad("src"), true),
            Some("sctpdec") => (element.static_pad("sink"), false),
            _ => return,
        };
        let flight = watched.clone();
        let watch = move |packet: &gst::BufferRef| {
            let Ok(packet) = packet.map_readable() else { return };
            let mut flight = flight.lock().expect("no holder of this lock should panic");
            if is_outgoing {
                flight.outgoing(&packet, Instant::now());
            } else {
                flight.incoming(&packet);
            }
        };
        let pad = pad.expect("elements of SCTP should have their pads");
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            match &info.data {
                Some(gst::PadProbeData::Buffer(packet)) => watch(packet),
                Some(gst::PadProbeData::BufferList(packets)) => packets.iter().for_each(&watch),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    });
    flight
}

/// A channel of webrtcbin's.
struct Channel {
    channel: WebRTCDataChannel,
    flight: SharedFlight,
}

impl Channel {
    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().expect("no holder of this lock should panic")
    }
}

/// A channel of webrtcbin's, for as long as it has it.
struct WeakChannel {
    channel: glib::WeakRef<WebRTCDataChannel>,
    flight: SharedFlight,
}

impl WeakChannel {
    fn channel(&self) -> Option<Channel> {
        Some(Channel { channel: self.channel.upgrade()?, flight: self.flight.clone() })
    }
}

impl Line for WeakChannel {
    fn waiting(&self) -> u64 {
        self.channel().map_or(0, |channel| channel.waiting())
    }

    fn would_leave(&self, length: usize, patience: Duration) -> bool {
        self.channel().is_some_and(|channel| channel.would_leave(length, patience))
    }

    fn send(&self, payload: &Payload) -> bool {
        self.channel().is_some_and(|channel| channel.send(payload))
    }
}

impl Line for Channel {
    fn waiting(&self) -> u64 {
        self.flight().waiting()
    }

    fn would_leave(&self, length: usize, patience: Duration) -> bool {
        self.flight().may_send(length, patience, Instant::now())
    }

    fn send(&self, payload: &Payload) -> bool {
        if self.channel.ready_state() != WebRTCDataChannelState::Open {
            return false;
        }
        // Before it is sent: it may leave on another thread at once.
        self.flight().hand_over(payload.len(), Instant::now());
        let sent = match payload {
            Payload::Text(text) => self.channel.send_string_full(Some(text)),
            Payload::Binary(bytes) => self.channel.send_data_full(Some(&glib::Bytes::from(bytes))),
        };
        if sent.is_err() {
            self.flight().take_back(payload.len());
        }
        sent.is_ok()
    }
}
