//! Reads webrtcbin's statistics: a structure of structures, one per stream, direction and transport.
//!
//! By type and field, never by text. What the viewer reports stands in the entry of the stream that
//! was sent to it (`rtp-remote-inbound-stream`, GStreamer 1.22 and newer) or in an entry of its own
//! source (`rtp-inbound-stream`, older ones); the transport's feedback in that of the candidate pair or
//! of the transport. Fields that GStreamer adds of its own lie one structure deeper.

use gst_webrtc::WebRTCStatsType;

use super::SessionStats;
use crate::stats::{Candidate, CandidatePair, OutboundRtp, RemoteInboundRtp, StreamSample, TransportFeedback};

/// RTP ticks a second of every video codec; no sound has as many.
const VIDEO_CLOCK: u32 = 90_000;

/// An entry, and in it what `rtpsession` says of the source; both are read where they are, for copies of
/// them would be a good part of what a sample costs.
#[derive(Clone, Copy)]
struct Entry<'a> {
    fields: &'a gst::StructureRef,
    source: Option<&'a gst::StructureRef>,
}

impl<'a> Entry<'a> {
    fn new(fields: &'a gst::StructureRef) -> Self {
        Self { fields, source: fields.get("gst-rtpsource-stats").ok() }
    }

    fn kind(&self) -> Option<WebRTCStatsType> {
        self.fields.get("type").ok()
    }

    /// Of the source, or where it is flattened into the entry.
    fn raw<T: gst::glib::value::FromValue<'a>>(&self, name: &str) -> Option<T> {
        let deeper = self.source.and_then(|source| source.get(name).ok());
        deeper.or_else(|| self.fields.get(name).ok())
    }

    /// Of the entry itself, where W3C's names are.
    fn own<T: gst::glib::value::FromValue<'a>>(&self, name: &str) -> Option<T> {
        self.fields.get(name).ok()
    }

    /// A count of whichever width.
    fn count(&self, name: &str) -> Option<u64> {
        self.own::<u64>(name).or_else(|| self.own::<u32>(name).map(u64::from))
    }

    fn raw_count(&self, name: &str) -> Option<u64> {
        self.raw::<u64>(name).or_else(|| self.raw::<u32>(name).map(u64::from))
    }
}

/// What webrtcbin answered.
pub(super) fn read(answer: &gst::StructureRef) -> SessionStats {
    let entries: Vec<Entry> =
        answer.iter().filter_map(|(_, value)| value.get::<&gst::StructureRef>().ok()).map(Entry::new).collect();
    let mut stats = SessionStats {
        candidate_pair: entries.iter().find_map(|entry| pair(entry, answer)),
        feedback: entries.iter().find_map(feedback),
        ..SessionStats::default()
    };
    for entry in entries.iter().filter(|entry| entry.kind() == Some(WebRTCStatsType::OutboundRtp)) {
        let outbound = outbound(entry);
        let remote = entries.iter().find_map(|other| remote(other, &outbound));
        let is_picture =
            entry.own::<&str>("kind").map_or(outbound.clock_rate == Some(VIDEO_CLOCK), |kind| kind == "video");
        let timestamp = entry.own::<f64>("timestamp").unwrap_or_default() / 1000.0;
        let stream = StreamSample { timestamp, outbound, remote, ..StreamSample::default() };
        *(if is_picture { &mut stats.picture } else { &mut stats.sound }) = Some(stream);
    }
    stats
}

fn outbound(entry: &Entry) -> OutboundRtp {
    let clock_rate = entry.raw::<i32>("clock-rate").and_then(|rate| u32::try_from(rate).ok());
    OutboundRtp {
        ssrc: entry.own("ssrc").unwrap_or_default(),
        clock_rate: clock_rate.or_else(|| entry.own("clock-rate")),
        packets_sent: entry.count("packets-sent").unwrap_or_default(),
        bytes_sent: entry.count("bytes-sent").unwrap_or_default(),
        nack_count: entry.count("nack-count").unwrap_or_default(),
        pli_count: entry.count("pli-count").unwrap_or_default(),
        fir_count: entry.count("fir-count").unwrap_or_default(),
        retransmitted_packets_sent: None,
        wire_packets: entry.raw_count("packets-received"),
        wire_bytes: entry.raw_count("bytes-received"),
    }
}

/// What the viewer reports of this stream, if this entry says it.
fn remote(entry: &Entry, of: &OutboundRtp) -> Option<RemoteInboundRtp> {
    let is_about_it = match entry.kind()? {
        WebRTCStatsType::RemoteInboundRtp => entry.own::<u32>("ssrc") == Some(of.ssrc),
        WebRTCStatsType::InboundRtp => {
            entry.raw::<bool>("have-rb") == Some(true) && entry.raw::<u32>("rb-ssrc") == Some(of.ssrc)
        }
        _ => false,
    };
    is_about_it.then(|| {
        let fraction = entry.raw::<u32>("rb-fractionlost").map(|part| f64::from(part) / 256.0);
        let lost = entry.raw::<i32>("rb-packetslost").or_else(|| entry.own("packets-lost")).map(i64::from);
        // The entry's own jitter is that of the viewer's stream to here, in the older layout.
        let jitter =
            entry.raw::<u32>("rb-jitter").zip(of.clock_rate).map(|(ticks, rate)| f64::from(ticks) / f64::from(rate));
        // In 1/65536 s.
        let round_trip = entry.raw::<u32>("rb-round-trip").map(|trip| f64::from(trip) / 65536.0);
        RemoteInboundRtp {
            ssrc: entry.source.and_then(|source| source.get("ssrc").ok()),
            fraction_lost: fraction.or_else(|| entry.own("fraction-lost")).unwrap_or_default(),
            packets_lost: lost.or_else(|| entry.own("packets-lost")).unwrap_or_default(),
            jitter: jitter.or_else(|| entry.own("jitter")),
            // 0 says that none was measured.
            round_trip_time: round_trip.or_else(|| entry.own("round-trip-time")).filter(|seconds| *seconds > 0.0),
            highest_sequence: entry.raw("rb-exthighestseq"),
            reports_received: 0,
        }
    })
}

/// The pair of candidates that is in use, if this entry is it. Its ends are looked up by their ids,
/// for their own types are told the wrong way round (GStreamer 1.26).
fn pair(entry: &Entry, answer: &gst::StructureRef) -> Option<CandidatePair> {
    let end = |name: &str| {
        let id = entry.own::<&str>(name)?;
        let fields = Entry::new(answer.get::<&gst::StructureRef>(id).ok()?);
        let text = |name: &str| fields.own::<&str>(name).unwrap_or_default().to_owned();
        Some(Candidate {
            candidate_type: text("candidate-type"),
            address: text("address"),
            port: fields.own::<u32>("port").and_then(|port| port.try_into().ok()).unwrap_or_default(),
            protocol: text("protocol"),
        })
    };
    let pair = CandidatePair { local: end("local-candidate-id"), remote: end("remote-candidate-id") };
    (pair != CandidatePair::default()).then_some(pair)
}

/// The transport's feedback, if this entry has it and anything was told.
fn feedback(entry: &Entry) -> Option<TransportFeedback> {
    let fields = Entry::new(entry.own("gst-twcc-stats")?);
    let kbps = |name| fields.count(name).map(|bits| bits as f64 / 1000.0);
    let packets_sent = fields.count("packets-sent").filter(|packets| *packets > 0)?;
    let percent = |name| fields.own::<f64>(name).filter(|percent| *percent >= 0.0).map(|percent| percent / 100.0);
    Some(TransportFeedback {
        sent_kbps: kbps("bitrate-sent")?,
        received_kbps: kbps("bitrate-recv")?,
        packets_sent,
        packets_received: fields.count("packets-recv").unwrap_or_default(),
        fraction_lost: percent("packet-loss-pct").unwrap_or_default(),
        fraction_recovered: percent("recovery-pct"),
        delay_growth: fields.own::<i64>("avg-delta-of-delta").map(|nanoseconds| nanoseconds as f64 / 1e9),
    })
}

#[cfg(test)]
mod tests {
    use gst::Structure;

    use super::*;

    const SSRC: u32 = 2_966_238_225;

    fn entry(name: &str, kind: WebRTCStatsType) -> gst::structure::Builder {
        Structure::builder(name).field("type", kind).field("timestamp", 130_423_677.94_f64)
    }

    fn answer(entries: &[(&str, Structure)]) -> Structure {
        let mut answer = Structure::new_empty("application/x-webrtc-stats");
        for (name, entry) in entries {
            answer.set(*name, entry);
        }
        answer
    }

    /// What was sent, as the sample of the protocol's page has it.
    fn outbound() -> Structure {
        let source = Structure::builder("application/x-rtp-source-stats")
            .field("ssrc", SSRC)
            .field("internal", true)
            .field("clock-rate", 90_000_i32)
            .field("packets-received", 240_748_u64)
            .field("bytes-received", 310_502_792_u64)
            .build();
        entry("outbound-rtp", WebRTCStatsType::OutboundRtp)
            .field("ssrc", SSRC)
            .field("packets-sent", 240_748_u64)
            .field("bytes-sent", 300_872_872_u64)
            .field("nack-count", 11_u32)
            .field("pli-count", 1_u32)
            .field("fir-count", 0_u32)
            .field("gst-rtpsource-stats", source)
            .build()
    }

    fn report_block() -> gst::structure::Builder {
        Structure::builder("application/x-rtp-source-stats")
            .field("ssrc", 1_u32)
            .field("internal", false)
            .field("jitter", 0_u32)
            .field("packets-received", 0_u64)
            .field("have-rb", true)
            .field("rb-ssrc", SSRC)
            .field("rb-fractionlost", 64_u32)
            .field("rb-packetslost", 1_i32)
            .field("rb-exthighestseq", 244_164_u32)
            .field("rb-jitter", 1089_u32)
            .field("rb-round-trip", 3451_u32)
    }

    fn assert_read(stats: &SessionStats) {
        let picture = stats.picture.as_ref().expect("the picture's stream");
        assert!((picture.timestamp - 130_423.677_94).abs() < 1e-9);
        let sent = &picture.outbound;
        assert_eq!((sent.ssrc, sent.packets_sent, sent.bytes_sent), (SSRC, 240_748, 300_872_872));
        assert_eq!((sent.nack_count, sent.pli_count, sent.fir_count), (11, 1, 0));
        // 40 bytes of headers a packet: the sender's own, whatever GStreamer calls them.
        let (packets, bytes) = (sent.wire_packets.unwrap(), sent.wire_bytes.unwrap());
        assert_eq!(bytes, sent.bytes_sent + 40 * packets);
        let report = picture.remote.as_ref().expect("the viewer's report");
        assert_eq!((report.ssrc, report.packets_lost, report.highest_sequence), (Some(1), 1, Some(244_164)));
        let near = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-7;
        assert!((report.fraction_lost - 0.25).abs() < 1e-9);
        assert!(near(report.jitter, 0.0121), "{report:?}");
        assert!(near(report.round_trip_time, 0.052_658_081), "{report:?}");
        assert_eq!(stats.sound, None);
    }

    #[test]
    fn the_report_is_read_from_the_entry_of_the_stream_that_was_sent() {
        crate::media::init().unwrap();
        let remote = entry("remote-inbound-rtp", WebRTCStatsType::RemoteInboundRtp)
            .field("ssrc", SSRC)
            // What W3C has in the entry itself is less exact in some versions.
            .field("jitter", 0.0_f64)
            .field("gst-rtpsource-stats", report_block().build())
            .build();
        assert_read(&read(&answer(&[
            ("rtp-remote-inbound-stream-stats_2966238225", remote),
            ("rtp-outbound-stream-stats_2966238225", outbound()),
        ])));
    }

    #[test]
    fn the_report_is_read_from_the_entry_of_the_viewers_own_source() {
        crate::media::init().unwrap();
        let inbound = entry("inbound-rtp", WebRTCStatsType::InboundRtp)
            .field("ssrc", 1_u32)
            .field("jitter", 0.5_f64)
            .field("gst-rtpsource-stats", report_block().build())
            .build();
        assert_read(&read(&answer(&[
            ("rtp-outbound-stream-stats_2966238225", outbound()),
            ("rtp-inbound-stream-stats_1", inbound),
        ])));
    }

    #[test]
    fn without_gstreamers_own_fields_those_of_w3c_do() {
        crate::media::init().unwrap();
        let remote = entry("remote-inbound-rtp", WebRTCStatsType::RemoteInboundRtp)
            .field("ssrc", SSRC)
            .field("packets-lost", 7_i64)
            .field("jitter", 0.012_f64)
            .field("fraction-lost", 0.125_f64)
            .field("round-trip-time", 0.0_f64)
            .build();
        let stats = read(&answer(&[("out", outbound()), ("in", remote)]));
        let report = stats.picture.unwrap().remote.unwrap();
        assert_eq!((report.packets_lost, report.jitter, report.round_trip_time), (7, Some(0.012), None));
        assert!((report.fraction_lost - 0.125).abs() < 1e-9);
    }

    #[test]
    fn a_source_that_reports_nothing_of_ours_is_no_report() {
        crate::media::init().unwrap();
        let other = report_block().field("rb-ssrc", 9_u32).build();
        let silent = report_block().field("have-rb", false).build();
        for source in [other, silent] {
            let inbound =
                entry("inbound-rtp", WebRTCStatsType::InboundRtp).field("gst-rtpsource-stats", source).build();
            let stats = read(&answer(&[("out", outbound()), ("in", inbound)]));
            assert_eq!(stats.picture.unwrap().remote, None);
        }
    }

    #[test]
    fn picture_and_sound_are_told_apart() {
        crate::media::init().unwrap();
        let mut sound = outbound();
        sound.set("ssrc", 5_u32);
        sound.set("kind", "audio");
        let stats = read(&answer(&[("a", sound), ("v", outbound())]));
        let ssrc = |stream: Option<StreamSample>| stream.unwrap().outbound.ssrc;
        assert_eq!((ssrc(stats.picture), ssrc(stats.sound)), (SSRC, 5));
    }

    #[test]
    fn feedback_is_read_from_pair_and_transport_and_nothing_told_is_none() {
        crate::media::init().unwrap();
        let told = |packets: u32| {
            Structure::builder("RTPTWCCStats")
                .field("bitrate-sent", 1_903_245_u32)
                .field("bitrate-recv", 1_892_742_u32)
                .field("packets-sent", packets)
                .field("packets-recv", packets)
                .field("packet-loss-pct", 2.5_f64)
                .field("recovery-pct", -1.0_f64)
                .field("avg-delta-of-delta", -1595_i64)
                .build()
        };
        for kind in [WebRTCStatsType::CandidatePair, WebRTCStatsType::Transport] {
            let with = |packets| entry("any", kind).field("gst-twcc-stats", told(packets)).build();
            let feedback = read(&answer(&[("any", with(20))])).feedback.unwrap();
            let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
            assert!(near(feedback.sent_kbps, 1903.245) && near(feedback.received_kbps, 1892.742), "{feedback:?}");
            assert!(near(feedback.fraction_lost, 0.025) && near(feedback.delay_growth.unwrap(), -0.000_001_595));
            assert_eq!((feedback.packets_sent, feedback.fraction_recovered), (20, None));
            assert_eq!(read(&answer(&[("any", with(0))])).feedback, None);
        }
    }

    #[test]
    fn ends_of_the_pair_are_found_by_their_ids() {
        crate::media::init().unwrap();
        // Some versions tell the types the wrong way round.
        let end = |kind, candidate_type: &str, port: u32| {
            entry("candidate", kind)
                .field("address", "192.0.2.2")
                .field("port", port)
                .field("candidate-type", candidate_type)
                .field("protocol", "udp")
                .build()
        };
        let pair = entry("candidate-pair", WebRTCStatsType::CandidatePair)
            .field("local-candidate-id", "near")
            .field("remote-candidate-id", "far")
            .build();
        let stats = read(&answer(&[
            ("near", end(WebRTCStatsType::RemoteCandidate, "host", 49_832)),
            ("far", end(WebRTCStatsType::LocalCandidate, "prflx", 50_762)),
            ("pair", pair),
        ]));
        let pair = stats.candidate_pair.unwrap();
        let (local, remote) = (pair.local.unwrap(), pair.remote.unwrap());
        assert_eq!((local.candidate_type.as_str(), local.port), ("host", 49_832));
        assert_eq!(
            (remote.candidate_type.as_str(), remote.port, remote.address.as_str()),
            ("prflx", 50_762, "192.0.2.2")
        );
    }
}
