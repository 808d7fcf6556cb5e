//! What is known of one viewer at one moment.
//!
//! Names and units are those of W3C "Identifiers for WebRTC's Statistics API" (webrtc-stats) where it
//! has them, written the Rust way; but bitrates are kbit/s, as everywhere here, where it has bit/s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EstimateBasis, IceReport, SessionSetUp};
use crate::config::{Codec, ConnectorId, RenditionRole};

/// One viewer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ViewerSample {
    /// Its session.
    pub session: String,
    /// Where it found the feed; `None` where that is not known.
    pub connector: Option<ConnectorId>,
    /// What it calls itself; `None` where it has told no name.
    pub viewer: Option<String>,
    /// What it sees; `None` before that is known.
    pub rendition: Option<RenditionRole>,
    /// The codec in which it gets it; `None` before that is known.
    pub codec: Option<Codec>,
    /// The picture's stream; `None` before its first packet.
    pub picture: Option<StreamSample>,
    /// The sound's stream; `None` where there is none.
    pub sound: Option<StreamSample>,
    /// The way that packets take; `None` before there is one.
    pub candidate_pair: Option<CandidatePair>,
    /// How long the steps of its connection took.
    pub set_up: SessionSetUp,
    /// Why it is not connected, in a sentence; `None` where it is, and where that may still come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ice_verdict: Option<String>,
    /// Which ways to it were tried. Told in this program only: it is long.
    #[serde(skip)]
    pub ice: IceReport,
    /// What the far end tells of every single packet; `None` where it does not.
    pub feedback: Option<TransportFeedback>,
    /// What its connection may carry, by congestion control, in kbit/s
    /// (`availableOutgoingBitrate`, webrtc-stats 6.16, there in bit/s).
    pub estimate_kbps: Option<u32>,
    /// How that is known; `None` where it is not.
    pub estimate_basis: Option<EstimateBasis>,
    /// What its browser told in the last seconds; `None` where it tells nothing.
    pub report: Option<ViewerReport>,
    /// What the counters become.
    pub rates: ViewerRates,
}

/// One RTP stream to a viewer, from both ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StreamSample {
    /// When it was counted, in seconds on a clock that nobody sets (`timestamp`, webrtc-stats 4.1,
    /// there in milliseconds).
    pub timestamp: f64,
    /// What was sent.
    pub outbound: OutboundRtp,
    /// What the viewer reports of it; `None` before its first report, and once none has come for
    /// [`super::RateMaker::REPORT_AGE`].
    pub remote: Option<RemoteInboundRtp>,
    /// What the counters become.
    pub rates: StreamRates,
}

/// What was sent of a stream (`RTCOutboundRtpStreamStats`, webrtc-stats 6.7).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OutboundRtp {
    /// The stream's source (RFC 3550, section 3).
    pub ssrc: u32,
    /// RTP ticks a second.
    pub clock_rate: Option<u32>,
    /// RTP packets (`packetsSent`), retransmissions apart.
    pub packets_sent: u64,
    /// Their payload in bytes (`bytesSent`), headers apart.
    pub bytes_sent: u64,
    /// Requests for lost packets (`nackCount`; RFC 4585, section 6.2.1).
    pub nack_count: u64,
    /// Picture losses that were told (`pliCount`; RFC 4585, section 6.3.1).
    pub pli_count: u64,
    /// Full pictures that were asked for (`firCount`; RFC 5104, section 4.3.1).
    pub fir_count: u64,
    /// Packets that were sent again (`retransmittedPacketsSent`; RFC 4588); `None` where nothing is.
    pub retransmitted_packets_sent: Option<u64>,
    /// Packets on this end's wire as `rtpsession` counts them. GStreamer calls them "received", but
    /// they are the sender's own: nobody has said that they arrived.
    pub wire_packets: Option<u64>,
    /// Their bytes with the headers of RTP, UDP and IP.
    pub wire_bytes: Option<u64>,
}

/// What the viewer reports of a stream (`RTCRemoteInboundRtpStreamStats`, webrtc-stats 6.6; the
/// report block of RFC 3550, section 6.4.1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RemoteInboundRtp {
    /// The source that reports; `None` where that is not known.
    pub ssrc: Option<u32>,
    /// Part of the packets that was lost since the report before, 0 to 1 (`fractionLost`).
    pub fraction_lost: f64,
    /// Packets that were lost since the stream began (`packetsLost`). Below zero where some came twice.
    pub packets_lost: i64,
    /// How unevenly packets arrive, in seconds (`jitter`; RFC 3550, section 6.4.1).
    pub jitter: Option<f64>,
    /// Round trip in seconds (`roundTripTime`); `None` before it can be known.
    pub round_trip_time: Option<f64>,
    /// The highest sequence number that arrived, with the count of its cycles above.
    pub highest_sequence: Option<u32>,
    /// Reports that were told apart so far. Where this is what it was, the report is the one before again.
    pub reports_received: u64,
}

/// The way that packets take (`RTCIceCandidatePairStats`, webrtc-stats 6.16).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CandidatePair {
    /// This end.
    pub local: Option<Candidate>,
    /// The viewer's.
    pub remote: Option<Candidate>,
}

/// An end of a pair (`RTCIceCandidateStats`, webrtc-stats 6.15).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Candidate {
    /// How it was found (`candidateType`): `host`, `srflx`, `prflx` or `relay` (RFC 8839, section 5.1).
    pub candidate_type: String,
    /// Its IP address, or a name where the viewer hides that (`address`).
    pub address: String,
    /// Its port (`port`).
    pub port: u16,
    /// `udp` or `tcp` (`protocol`).
    pub protocol: String,
}

/// What the far end tells of every single packet, over the feedback's window
/// (transport-wide congestion control, draft-holmer-rmcat-transport-wide-cc-extensions-01).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TransportFeedback {
    /// What left, in kbit/s.
    pub sent_kbps: f64,
    /// What arrived, in kbit/s: the goodput.
    pub received_kbps: f64,
    /// Packets that left.
    pub packets_sent: u64,
    /// Packets that arrived.
    pub packets_received: u64,
    /// Part of the packets that did not arrive, 0 to 1.
    pub fraction_lost: f64,
    /// Part of the lost packets that was repaired, 0 to 1; `None` where that is not told.
    pub fraction_recovered: Option<f64>,
    /// How much longer each packet took than the one before, on average, in seconds.
    pub delay_growth: Option<f64>,
}

/// What a viewer's browser tells by its own `getStats` (`RTCInboundRtpStreamStats` of the picture,
/// webrtc-stats 6.4). It comes from outside: nothing may be decided by it alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ViewerReport {
    /// When this was counted, in seconds on the browser's clock (`timestamp`, webrtc-stats 4.1, there
    /// in milliseconds). By it a report is told from the one before.
    pub timestamp: f64,
    /// RTP packets that arrived (`packetsReceived`).
    pub packets_received: u64,
    /// Their payload in bytes (`bytesReceived`).
    pub bytes_received: u64,
    /// Packets that did not (`packetsLost`).
    pub packets_lost: i64,
    /// Pictures that were decoded (`framesDecoded`).
    pub frames_decoded: u64,
    /// Pictures that were left out (`framesDropped`).
    pub frames_dropped: u64,
    /// Width of what is decoded, in pixels (`frameWidth`).
    pub frame_width: Option<u32>,
    /// Height of what is decoded, in pixels (`frameHeight`).
    pub frame_height: Option<u32>,
    /// How often the picture stood still (`freezeCount`).
    pub freeze_count: u64,
    /// Seconds in which it did, together (`totalFreezesDuration`).
    pub total_freezes_duration: f64,
    /// Seconds that pictures waited for their turn, added up (`jitterBufferDelay`).
    pub jitter_buffer_delay: f64,
    /// Pictures that did (`jitterBufferEmittedCount`).
    pub jitter_buffer_emitted_count: u64,
    /// Seconds that decoding took, added up (`totalDecodeTime`).
    pub total_decode_time: f64,
    /// Seconds from the capture of the picture on the screen to now; `None` where the page does not know.
    pub picture_age: Option<f64>,
    /// Whether the picture is shown alone on the page, and the page is on the screen.
    pub enlarged: bool,
}

/// What the counters of a stream become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StreamRates {
    /// Payload that is sent, in kbit/s.
    pub sent_kbps: Option<f64>,
    /// The same with all headers, by `wire_bytes`: the sender's own.
    pub wire_kbps: Option<f64>,
    /// RTP packets a second.
    pub packets_per_second: Option<f64>,
    /// Requests for lost packets a second.
    pub nacks_per_second: Option<f64>,
    /// Packets a second that are sent again.
    pub retransmitted_per_second: Option<f64>,
    /// Lost packets as a part of those sent and lost since the sample before, up to 1. Below zero where
    /// some came twice, or late.
    pub loss: Option<f64>,
}

/// What the counters of a viewer become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ViewerRates {
    /// Payload of picture and sound that is sent, in kbit/s.
    pub sent_kbps: Option<f64>,
    /// Pictures a second that its browser decodes.
    pub frames_decoded_per_second: Option<f64>,
    /// Pictures a second that its browser leaves out.
    pub frames_dropped_per_second: Option<f64>,
    /// Seconds that a picture waits in its jitter buffer, on average since the report before.
    pub jitter_buffer_delay: Option<f64>,
    /// Seconds that a picture takes to decode, on average since the report before.
    pub decode_time: Option<f64>,
    /// Part of the time in which its picture stood still, 0 to 1.
    pub frozen: Option<f64>,
}

impl ViewerSample {
    /// What arrives, in kbit/s, as far as the far end tells.
    pub fn goodput_kbps(&self) -> Option<f64> {
        self.feedback.as_ref().map(|feedback| feedback.received_kbps)
    }

    /// What it reports of the picture's stream.
    pub fn remote(&self) -> Option<&RemoteInboundRtp> {
        self.picture.as_ref()?.remote.as_ref()
    }
}
