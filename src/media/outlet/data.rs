//! Data channels of every session: those of the feed, and for our page the one on which it reports.
//!
//! They are made before the offer, so that every viewer has them at once; one that does not want
//! them leaves them closed. Where there would be none, a session has no SCTP, which costs memory and time.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use tokio::sync::mpsc::UnboundedSender;

use super::{OutletEvent, session::session_of};
use crate::{
    channels::{Exchange, Flight, Line, Payload, WhoWatches},
    config::{DataChannelConfig, Delivery},
    stats::ViewerReport,
    webrtc::keep_sctp,
};

/// On which our page tells what its browser counts, once a second. What is late is of no use.
const REPORTS: &str = "heliograph-stats";
/// Reports that are taken of one session, at least so long apart.
const REPORTS_APART: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// What an outlet's sessions exchange with the rest of the feed.
#[derive(Clone)]
pub struct DataPlan {
    /// The feed's channels.
    pub exchange: Arc<Exchange>,
    /// Tells who they are with.
    pub who: WhoWatches,
}

impl std::fmt::Debug for DataPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DataPlan").field(&self.exchange).finish()
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
        let DataPlan { exchange, who } = &self.plan;
        self.lock().push(session.to_owned());
        let watcher = who(session);
        exchange.join(session, watcher.name);
        if exchange.channels().is_empty() && !watcher.reports {
            return;
        }
        keep_sctp();
        let flight = watch_flight(peer);
        for config in exchange.channels() {
            if let Some(channel) = create(peer, config.label.as_str(), &options(config)) {
                carry(&channel, session, config, exchange, &flight);
            }
        }
        let options = gst::Structure::builder("options").field("ordered", false).field("max-retransmits", 0);
        if watcher.reports
            && let Some(channel) = create(peer, REPORTS, &options.build())
        {
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
