//! What travels to the viewers, and by which ways.
//!
//! Part of it webrtcsink is told once, part of it each session's webrtcbin, and part of it can
//! change while a session runs: how many repair packets go along, and how urgent all of them are.

use std::sync::{Arc, Mutex};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCFECType, WebRTCKind, WebRTCPriorityType, WebRTCRTPTransceiver};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;

use super::{peers::Peers, properties::Properties, session::session_of};
use crate::{
    config::{InterfaceName, Password, Priority, SecretError, TransportConfig},
    stats::{IceMeans, TurnNamed},
    webrtc::{IceAddresses, tell_addresses},
};

/// The event by which webrtcbin has the packets of a media section marked as its sender's priority
/// says. It goes with the packets, and is carried out where they leave.
const MARKING: &str = "GstWebRtcBinUpdateTos";

/// How an outlet's media travel: the operator's [`TransportConfig`], its servers with their password.
#[derive(Clone, Debug)]
pub struct TransportPlan {
    /// The largest RTP packet in bytes, its header included.
    pub mtu: u32,
    /// Whether viewers may ask for lost packets.
    pub retransmission: bool,
    /// Repair packets, in percent of the picture's. At 0 viewers are offered none.
    pub fec_percent: u8,
    /// The STUN and TURN servers.
    pub ice: IceAddresses,
    /// Through a TURN server or not at all.
    pub relay_only: bool,
    /// The network interfaces to use; empty: the usual ones.
    pub interfaces: Vec<InterfaceName>,
}

impl Default for TransportPlan {
    fn default() -> Self {
        Self::without_servers(&TransportConfig::default())
    }
}

impl TransportPlan {
    /// The plan for these settings.
    ///
    /// # Errors
    /// The TURN servers' password is not where it should be.
    pub fn of(config: &TransportConfig) -> Result<Self, SecretError> {
        Ok(Self { ice: IceAddresses::of(&config.ice)?, ..Self::without_servers(config) })
    }

    /// The plan for these settings, with the TURN servers' password.
    pub fn with_password(config: &TransportConfig, password: &Password) -> Self {
        Self { ice: IceAddresses::with_password(&config.ice, password), ..Self::without_servers(config) }
    }

    /// What all sessions may use for finding a way.
    pub(super) fn means(&self) -> IceMeans {
        let turn = if self.ice.turn.is_empty() { TurnNamed::Not } else { TurnNamed::Here };
        IceMeans { turn, relay_only: self.relay_only }
    }

    /// The plan for these settings with no STUN or TURN server: with `relay_only`, nobody is reached.
    pub fn without_servers(config: &TransportConfig) -> Self {
        Self {
            mtu: config.mtu,
            retransmission: config.retransmission,
            fec_percent: config.fec_percent,
            ice: IceAddresses::default(),
            relay_only: config.relay_only,
            interfaces: config.interfaces.clone(),
        }
    }
}

/// What can change while sessions run.
#[derive(Debug)]
struct Live {
    fec_percent: u8,
    priority: Priority,
}

/// An outlet's transport, with what can change live.
#[derive(Debug)]
pub(super) struct Transport {
    live: Arc<Mutex<Live>>,
    peers: Peers,
}

impl Transport {
    /// Has webrtcsink's sessions follow the plan. `peers` has to hear of each session before this does.
    pub(super) fn set_up(
        sink: &BaseWebRTCSink,
        plan: &TransportPlan,
        priority: Priority,
        peers: Peers,
        properties: Properties,
    ) -> Self {
        tell_sink(sink, plan);
        set_up_payloaders(sink, plan.mtu, properties);
        keep_marking_of_picture(sink);
        let live = Arc::new(Mutex::new(Live { fec_percent: plan.fec_percent, priority }));
        set_up_sessions(sink, plan.interfaces.clone(), live.clone());
        Self { live, peers }
    }

    /// Changes the share of repair packets. Answers the sessions that were never offered any, because
    /// they began while there were to be none.
    ///
    /// They are not offered to everybody just in case: a browser that was does not wait for packets that
    /// are sent again, and everything would be wrapped for it.
    pub(super) fn set_fec_percent(&self, sink: &BaseWebRTCSink, percent: u8) -> Vec<String> {
        // Who comes later is offered what there is then.
        sink.set_property("do-fec", percent > 0);
        self.change(|live| live.fec_percent = percent.min(100), set_fec_percent);
        if percent == 0 {
            return Vec::new();
        }
        self.peers().filter(|peer| !was_offered_repair(peer)).filter_map(|peer| session_of(peer.upcast_ref())).collect()
    }

    /// Changes how urgent the packets are.
    pub(super) fn set_priority(&self, priority: Priority) {
        self.change(|live| live.priority = priority, set_priority);
    }

    fn change(&self, change: impl FnOnce(&mut Live), apply: fn(&gst::Bin, &Live)) {
        // Held to the end: a session that begins meanwhile is told afterwards, and so of the change, too.
        let mut live = self.live.lock().expect("no holder of this lock should panic");
        change(&mut live);
        for peer in self.peers() {
            apply(&peer, &live);
        }
    }

    fn peers(&self) -> impl Iterator<Item = gst::Bin> {
        let peers = self.peers.lock().expect("no holder of this lock should panic").clone();
        peers.into_iter().filter_map(|peer| peer.upgrade()?.downcast().ok())
    }
}

fn tell_sink(sink: &BaseWebRTCSink, plan: &TransportPlan) {
    // On encoded input webrtcsink's default means sending everything twice.
    sink.set_property("do-fec", plan.fec_percent > 0);
    sink.set_property("do-retransmission", plan.retransmission);
    sink.set_property_from_str("ice-transport-policy", if plan.relay_only { "relay" } else { "all" });
    // Its default is a public server: Heliograph contacts nobody unasked.
    sink.set_property("stun-server", plan.ice.stun.as_deref());
    sink.set_property("turn-servers", gst::Array::new(&plan.ice.turn));
}

/// webrtcsink sets payloaders up by itself, its own packet size among it, unless somebody else
/// says to have done so: the rest of what it sets is done here, too.
fn set_up_payloaders(sink: &BaseWebRTCSink, mtu: u32, properties: Properties) {
    sink.connect("payloader-setup", false, move |args| {
        let payloader = args[3].get::<gst::Element>().ok()?;
        payloader.set_property("mtu", mtu);
        match payloader.factory()?.name().as_str() {
            // Viewers tell lost pictures from dropped ones by it.
            "rtpvp8pay" | "rtpvp9pay" => payloader.set_property_from_str("picture-id-mode", "15-bit"),
            "rtph264pay" | "rtph265pay" => {
                payloader.set_property_from_str("aggregate-mode", "zero-latency");
                // Parameter sets before each key frame.
                payloader.set_property("config-interval", -1);
            }
            _ => {}
        }
        // The last word; sound has none.
        if args[2].get::<&str>().is_ok_and(|pad| pad.starts_with("video")) {
            properties.set_up_payloader(&payloader);
        }
        Some(true.to_value())
    });
}

/// Lets only the picture mark packets. Picture, sound and data leave through one socket, which has one
/// mark: webrtcbin would set it to that of whichever spoke last, and so change it with every report.
fn keep_marking_of_picture(sink: &BaseWebRTCSink) {
    sink.connect("consumer-pipeline-created", false, |args| {
        let pipeline = args[2].get::<gst::Pipeline>().ok()?;
        pipeline.connect_deep_element_added(|_, _, element| {
            if !is_made_by(element, "dtlssrtpenc") {
                return;
            }
            let pad = element.static_pad("src").expect("a dtlssrtpenc should have a src pad");
            pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |pad, info| {
                let marks = info.event().and_then(|event| event.structure()).filter(|fields| fields.name() == MARKING);
                let Some(fields) = marks else { return gst::PadProbeReturn::Ok };
                let mid = fields.get::<&str>("mid").ok();
                let of_picture = peer_around(pad).and_then(|peer| picture_mid(&peer));
                if mid.is_some() && mid == of_picture.as_deref() {
                    gst::PadProbeReturn::Ok
                } else {
                    gst::PadProbeReturn::Drop
                }
            });
        });
        None
    });
}

/// Everything is there when `consumer-added` comes, and nothing of it has been used.
fn set_up_sessions(sink: &BaseWebRTCSink, interfaces: Vec<InterfaceName>, live: Arc<Mutex<Live>>) {
    sink.connect("consumer-added", false, move |args| {
        let peer = args[2].get::<gst::Bin>().ok()?;
        tell_addresses(peer.upcast_ref(), &interfaces);
        let live = live.lock().expect("no holder of this lock should panic");
        set_fec_percent(&peer, &live);
        set_priority(&peer, &live);
        None
    });
}

/// Whether its viewer was told of repair packets for the picture.
fn was_offered_repair(peer: &gst::Bin) -> bool {
    let picture = transceivers(peer).find(|transceiver| transceiver.kind() == WebRTCKind::Video);
    picture.is_some_and(|picture| picture.property::<WebRTCFECType>("fec-type") != WebRTCFECType::None)
}

fn set_fec_percent(peer: &gst::Bin, live: &Live) {
    for transceiver in transceivers(peer) {
        transceiver.set_property("fec-percentage", u32::from(live.fec_percent));
    }
}

/// webrtcbin turns the priority into a DSCP (RFC 8837, section 5: that of interactive video).
/// It looks at the priority when the marking passes, which by itself it does only at a session's start.
fn set_priority(peer: &gst::Bin, live: &Live) {
    let priority = match live.priority {
        Priority::VeryLow => WebRTCPriorityType::VeryLow,
        Priority::Low => WebRTCPriorityType::Low,
        Priority::Medium => WebRTCPriorityType::Medium,
        Priority::High => WebRTCPriorityType::High,
    };
    for sender in transceivers(peer).filter_map(|transceiver| transceiver.sender()) {
        sender.set_priority(priority);
    }
    let Some(mid) = picture_mid(peer) else { return };
    let marking = gst::Structure::builder(MARKING).field("mid", &mid).build();
    for element in peer.iterate_recurse().into_iter().flatten().filter(|element| is_made_by(element, "nicesink")) {
        let pad = element.static_pad("sink").expect("a nicesink should have a sink pad");
        pad.send_event(gst::event::CustomDownstreamSticky::new(marking.clone()));
    }
}

/// The media section of the picture, once the session is negotiated.
fn picture_mid(peer: &gst::Bin) -> Option<glib::GString> {
    transceivers(peer).find(|transceiver| transceiver.kind() == WebRTCKind::Video)?.mid()
}

fn transceivers(peer: &gst::Bin) -> impl Iterator<Item = WebRTCRTPTransceiver> {
    peer.sink_pads().into_iter().map(|pad| pad.property("transceiver"))
}

/// The webrtcbin in which this pad's element is.
fn peer_around(pad: &gst::Pad) -> Option<gst::Bin> {
    let mut around = pad.parent();
    while let Some(object) = around {
        match object.downcast::<gst::Bin>() {
            Ok(bin) if is_made_by(&bin, "webrtcbin") => return Some(bin),
            Ok(bin) => around = bin.parent(),
            Err(other) => around = other.parent(),
        }
    }
    None
}

fn is_made_by(element: &impl IsA<gst::Element>, factory: &str) -> bool {
    element.factory().is_some_and(|made_by| made_by.name() == factory)
}
