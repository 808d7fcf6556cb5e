//! Statistics as GstWebRTCApp has them: GStreamer's names, all flat, nested ones over their parents'.

use serde_json::{Map, Value, json};

use crate::stats::{Candidate, FeedSample, RemoteInboundRtp, StreamSample, TransportFeedback, ViewerSample};

/// Of ours: says which stream and which pair belong together. Its programs pass it over.
pub(super) const SESSION: &str = "heliograph-session";

/// The dictionary of a sample. Entries are looked up by how their keys begin, so one more name behind
/// it tells viewers apart whose far ends have the same number.
pub fn dictionary(sample: &FeedSample) -> Value {
    let mut entries = Map::new();
    for (place, viewer) in sample.viewers.iter().enumerate() {
        for stream in viewer.picture.iter().chain(&viewer.sound) {
            add_stream(&mut entries, place, stream, &viewer.session);
        }
        add_pair(&mut entries, place, viewer);
    }
    Value::Object(entries)
}

fn add_stream(entries: &mut Map<String, Value>, place: usize, stream: &StreamSample, session: &str) {
    let sent = &stream.outbound;
    let timestamp = stream.timestamp * 1000.0;
    let clock_rate = sent.clock_rate.unwrap_or(90_000);
    let outbound = json!({
        "timestamp": timestamp,
        "ssrc": sent.ssrc,
        SESSION: session,
        "clock-rate": clock_rate,
        "packets-sent": sent.packets_sent,
        "bytes-sent": sent.bytes_sent,
        "octets-sent": sent.bytes_sent,
        "nack-count": sent.nack_count,
        "pli-count": sent.pli_count,
        "fir-count": sent.fir_count,
        "recv-nack-count": sent.nack_count,
        "recv-pli-count": sent.pli_count,
        "recv-fir-count": sent.fir_count,
        // Called so there, but the sender's own: what is on its wire, with all headers.
        "packets-received": sent.wire_packets.unwrap_or(sent.packets_sent),
        "bytes-received": sent.wire_bytes.unwrap_or(sent.bytes_sent + 40 * sent.packets_sent),
        "bitrate": (stream.rates.wire_kbps.or(stream.rates.sent_kbps).unwrap_or_default() * 1000.0) as u64,
    });
    put(entries, &format!("rtp-outbound-stream-stats_{}", sent.ssrc), place, outbound);
    if let Some(remote) = &stream.remote {
        let block = report_block(remote, sent.ssrc, clock_rate, timestamp);
        // 1.3 looks for the block in the one, 1.6 in the other.
        let ssrc = remote.ssrc.unwrap_or(1);
        put(entries, &format!("rtp-inbound-stream-stats_{ssrc}"), place, block.clone());
        put(entries, &format!("rtp-remote-inbound-stream-stats_{}", sent.ssrc), place, block);
    }
}

/// The report block as GStreamer flattens it: the round trip in 1/65536 s, jitter in ticks, loss in 1/256.
fn report_block(remote: &RemoteInboundRtp, ssrc: u32, clock_rate: u32, timestamp: f64) -> Value {
    let round_trip = remote.round_trip_time.unwrap_or_default();
    let jitter = remote.jitter.unwrap_or_default();
    json!({
        "timestamp": timestamp,
        "ssrc": remote.ssrc.unwrap_or(1),
        "clock-rate": clock_rate,
        "have-rb": true,
        "rb-ssrc": ssrc,
        "rb-fractionlost": (remote.fraction_lost * 256.0).round().clamp(0.0, 255.0) as u32,
        "rb-packetslost": remote.packets_lost,
        "rb-exthighestseq": remote.highest_sequence.unwrap_or_default(),
        "rb-jitter": (jitter * f64::from(clock_rate)).round() as u32,
        "rb-round-trip": (round_trip * 65_536.0).round() as u32,
        "fraction-lost": remote.fraction_lost,
        "packets-lost": remote.packets_lost,
        "jitter": jitter,
        "round-trip-time": round_trip,
    })
}

fn add_pair(entries: &mut Map<String, Value>, place: usize, viewer: &ViewerSample) {
    let Some(pair) = &viewer.candidate_pair else {
        // The recorder needs an entry of this kind beside each stream.
        if let Some(feedback) = &viewer.feedback {
            put(entries, &format!("ice-candidate-pair_{}", viewer.session), place, Value::Object(transport(feedback)));
        }
        return;
    };
    let mut entry = viewer.feedback.as_ref().map(transport).unwrap_or_default();
    entry.insert(SESSION.to_owned(), viewer.session.clone().into());
    for (end, kind, candidate) in
        [("local", "remote-candidate", &pair.local), ("remote", "local-candidate", &pair.remote)]
    {
        let Some(candidate) = candidate else { continue };
        let key = format!("ice-candidate-{end}_1_{}_{}", candidate.address, candidate.port);
        entry.insert(format!("{end}-candidate-id"), key.clone().into());
        put(entries, &key, place, described(candidate, kind));
    }
    put(entries, &format!("ice-candidate-pair_{}", viewer.session), place, Value::Object(entry));
}

/// GStreamer has the kinds of the two ends the wrong way round, and its readers know that.
fn described(candidate: &Candidate, kind: &str) -> Value {
    json!({
        "type": kind,
        "address": candidate.address,
        "port": candidate.port,
        "candidate-type": candidate.candidate_type,
        "protocol": candidate.protocol,
    })
}

fn transport(feedback: &TransportFeedback) -> Map<String, Value> {
    let entry = json!({
        "bitrate-sent": (feedback.sent_kbps * 1000.0) as u64,
        "bitrate-recv": (feedback.received_kbps * 1000.0) as u64,
        "packets-sent": feedback.packets_sent,
        "packets-recv": feedback.packets_received,
        "packet-loss-pct": feedback.fraction_lost * 100.0,
        "recovery-pct": feedback.fraction_recovered.unwrap_or_default() * 100.0,
        "avg-delta-of-delta": (feedback.delay_growth.unwrap_or_default() * 1e9) as i64,
    });
    match entry {
        Value::Object(entry) => entry,
        _ => Map::new(),
    }
}

/// Of two with the same key both are there.
fn put(entries: &mut Map<String, Value>, key: &str, place: usize, value: Value) {
    let key = if entries.contains_key(key) { format!("{key}_{place}") } else { key.to_owned() };
    entries.insert(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{CandidatePair, OutboundRtp};

    fn viewer(session: &str, ssrc: u32) -> ViewerSample {
        let outbound = OutboundRtp {
            ssrc,
            clock_rate: Some(90_000),
            packets_sent: 240_748,
            bytes_sent: 300_872_872,
            nack_count: 11,
            ..OutboundRtp::default()
        };
        let remote = RemoteInboundRtp {
            ssrc: Some(1),
            fraction_lost: 0.5,
            packets_lost: 1,
            jitter: Some(1089.0 / 90_000.0),
            round_trip_time: Some(3451.0 / 65_536.0),
            highest_sequence: Some(244_164),
            ..RemoteInboundRtp::default()
        };
        let end = |port| {
            Some(Candidate { address: "192.0.2.1".into(), port, candidate_type: "host".into(), protocol: "udp".into() })
        };
        ViewerSample {
            session: session.into(),
            picture: Some(StreamSample {
                timestamp: 130_423.0,
                outbound,
                remote: Some(remote),
                ..StreamSample::default()
            }),
            candidate_pair: Some(CandidatePair { local: end(1), remote: end(2) }),
            feedback: Some(TransportFeedback {
                sent_kbps: 2000.0,
                received_kbps: 1900.0,
                ..TransportFeedback::default()
            }),
            ..ViewerSample::default()
        }
    }

    fn beginning<'a>(entries: &'a Value, start: &str) -> Vec<&'a Value> {
        entries.as_object().unwrap().iter().filter(|(key, _)| key.starts_with(start)).map(|(_, value)| value).collect()
    }

    #[test]
    fn figures_have_the_units_that_its_formulas_expect() {
        let entries = dictionary(&FeedSample { viewers: vec![viewer("a", 7)], ..FeedSample::default() });
        let outbound = beginning(&entries, "rtp-outbound-stream")[0];
        assert_eq!(outbound["bytes-received"], 310_502_792_u64);
        assert_eq!(outbound["timestamp"], 130_423_000.0);
        for kind in ["rtp-inbound-stream", "rtp-remote-inbound-stream"] {
            let block = beginning(&entries, kind)[0];
            let figures = ["rb-round-trip", "rb-jitter", "rb-fractionlost", "rb-exthighestseq", "rb-ssrc"]
                .map(|key| block[key].as_u64());
            assert_eq!(figures, [3451, 1089, 128, 244_164, 7].map(Some));
        }
        let pair = beginning(&entries, "ice-candidate-pair")[0];
        assert_eq!((&pair["bitrate-sent"], &pair["bitrate-recv"]), (&2_000_000.into(), &1_900_000.into()));
        assert_eq!(entries[pair["local-candidate-id"].as_str().unwrap()]["port"], 1);
    }

    #[test]
    fn viewers_whose_far_ends_have_the_same_number_are_all_there() {
        let viewers = vec![viewer("a", 7), viewer("b", 8), viewer("c", 9)];
        let entries = dictionary(&FeedSample { viewers, ..FeedSample::default() });
        for kind in ["rtp-outbound-stream", "rtp-inbound-stream", "ice-candidate-pair"] {
            assert_eq!(beginning(&entries, kind).len(), 3, "{kind}");
        }
    }
}
