//! What webrtcsink counts.

use std::time::Duration;

use gst_webrtc::WebRTCStatsType;

/// What webrtcsink counts for one viewer.
#[derive(Clone, Debug)]
pub struct ViewerStats {
    /// The viewer's session.
    pub session: String,
    /// Bytes of RTP sent so far.
    pub bytes_sent: u64,
    /// Round-trip time, from the viewer's receiver reports; none before the first.
    pub round_trip: Option<Duration>,
}

/// Reads one session's statistics: a structure of structures, one per stream and direction.
pub(super) fn viewer_stats(session: &str, stats: &gst::StructureRef) -> ViewerStats {
    let mut viewer = ViewerStats { session: session.to_owned(), bytes_sent: 0, round_trip: None };
    for (_, value) in stats {
        let Ok(entry) = value.get::<gst::Structure>() else { continue };
        match entry.get::<WebRTCStatsType>("type") {
            Ok(WebRTCStatsType::OutboundRtp) => viewer.bytes_sent += entry.get::<u64>("bytes-sent").unwrap_or(0),
            Ok(WebRTCStatsType::RemoteInboundRtp) => viewer.round_trip = round_trip(&entry),
            _ => {}
        }
    }
    viewer
}

/// 0 means that no report has told yet.
fn round_trip(entry: &gst::StructureRef) -> Option<Duration> {
    let seconds = entry.get::<f64>("round-trip-time").ok().filter(|seconds| *seconds > 0.0)?;
    Duration::try_from_secs_f64(seconds).ok()
}
