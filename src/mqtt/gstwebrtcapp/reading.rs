//! Statistics of GstWebRTCApp, read: the way back from [`super::dictionary`].

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::dictionary::SESSION;
use crate::stats::{
    Candidate, CandidatePair, FeedSample, OutboundRtp, RemoteInboundRtp, StreamSample, TransportFeedback, ViewerSample,
};

/// RTP ticks a second of every video codec; no sound has as many.
const VIDEO_CLOCK: u32 = 90_000;
/// Viewers that are read of one message.
const MOST_VIEWERS: usize = 64;

type Entry = Map<String, Value>;

/// What a dictionary says, counters only; `None` where it is none. A viewer is whoever reports on a
/// picture that is sent, for there is no other name: behind an SFU several report on one.
pub fn sample_of(dictionary: &Value) -> Option<FeedSample> {
    let entries = dictionary.as_object()?;
    let beginning = |start: &'static str| {
        entries.iter().filter(move |(key, _)| key.starts_with(start)).filter_map(|(_, entry)| entry.as_object())
    };
    let pairs: Vec<&Entry> = beginning("ice-candidate-pair").collect();
    let mut viewers = Vec::new();
    for sent in beginning("rtp-outbound-stream").filter(|entry| clock_rate(entry) == VIDEO_CLOCK) {
        let ssrc = count(sent, "ssrc").unwrap_or_default();
        // 1.3 has the blocks in the one, 1.6 in the other, GStreamer 1.24 in both.
        let blocks = ["rtp-inbound-stream", "rtp-remote-inbound-stream"].into_iter().flat_map(beginning);
        let mut reporters = BTreeSet::new();
        let mine = blocks.filter(|block| count(block, "rb-ssrc") == Some(ssrc) && flag(block, "have-rb"));
        let reports: Vec<&Entry> = mine.filter(|block| reporters.insert(count(block, "ssrc"))).collect();
        let pair = pair_of(sent, &pairs);
        for report in &reports {
            viewers.push(viewer(sent, Some(report), entries, pair));
        }
        if reports.is_empty() {
            viewers.push(viewer(sent, None, entries, pair));
        }
    }
    viewers.truncate(MOST_VIEWERS);
    Some(FeedSample { viewers, ..FeedSample::default() })
}

/// The way that a stream takes: what says so, or the only one there is.
fn pair_of<'a>(sent: &Entry, pairs: &[&'a Entry]) -> Option<&'a Entry> {
    match (sent.get(SESSION), pairs) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (session, pairs) => pairs.iter().find(|pair| pair.get(SESSION) == session).copied(),
    }
}

fn viewer(sent: &Entry, report: Option<&Entry>, entries: &Entry, pair: Option<&Entry>) -> ViewerSample {
    let outbound = outbound(sent);
    let remote = report.map(remote);
    let session = sent.get(SESSION).and_then(Value::as_str);
    let reporter = remote.as_ref().and_then(|remote| remote.ssrc).unwrap_or_default();
    ViewerSample {
        session: session
            .map_or_else(|| format!("{}-{reporter}", outbound.ssrc), |session| session.chars().take(64).collect()),
        candidate_pair: pair.map(|pair| CandidatePair {
            local: end(pair, "local-candidate-id", entries),
            remote: end(pair, "remote-candidate-id", entries),
        }),
        feedback: pair.and_then(feedback),
        picture: Some(StreamSample {
            timestamp: number(sent, "timestamp").unwrap_or_default() / 1000.0,
            outbound,
            remote,
            ..StreamSample::default()
        }),
        ..ViewerSample::default()
    }
}

fn outbound(entry: &Entry) -> OutboundRtp {
    let counted = |name: &str| count(entry, name).unwrap_or_default();
    OutboundRtp {
        ssrc: short(entry, "ssrc").unwrap_or_default(),
        clock_rate: Some(clock_rate(entry)),
        packets_sent: counted("packets-sent"),
        bytes_sent: counted("bytes-sent"),
        nack_count: counted("recv-nack-count").max(counted("nack-count")),
        pli_count: counted("recv-pli-count").max(counted("pli-count")),
        fir_count: counted("recv-fir-count").max(counted("fir-count")),
        retransmitted_packets_sent: None,
        wire_packets: count(entry, "packets-received"),
        wire_bytes: count(entry, "bytes-received"),
    }
}

/// A round trip in 1/65536 s, jitter in ticks, loss in 1/256 (RFC 3550, section 6.4.1).
fn remote(block: &Entry) -> RemoteInboundRtp {
    let ticks = f64::from(clock_rate(block));
    RemoteInboundRtp {
        ssrc: short(block, "ssrc"),
        fraction_lost: number(block, "rb-fractionlost").unwrap_or_default() / 256.0,
        packets_lost: number(block, "rb-packetslost").unwrap_or_default() as i64,
        jitter: number(block, "rb-jitter").map(|jitter| jitter / ticks),
        round_trip_time: number(block, "rb-round-trip").filter(|lag| *lag > 0.0).map(|lag| lag / 65_536.0),
        highest_sequence: short(block, "rb-exthighestseq"),
        reports_received: 0,
    }
}

fn feedback(pair: &Entry) -> Option<TransportFeedback> {
    let kbps = |name: &str| number(pair, name).map(|bits| bits / 1000.0);
    let percent = |name: &str| number(pair, name).map(|part| part / 100.0);
    Some(TransportFeedback {
        sent_kbps: kbps("bitrate-sent")?,
        received_kbps: kbps("bitrate-recv")?,
        packets_sent: count(pair, "packets-sent").unwrap_or_default(),
        packets_received: count(pair, "packets-recv").unwrap_or_default(),
        fraction_lost: percent("packet-loss-pct").unwrap_or_default(),
        fraction_recovered: percent("recovery-pct"),
        delay_growth: number(pair, "avg-delta-of-delta").map(|nanoseconds| nanoseconds / 1e9),
    })
}

fn end(pair: &Entry, id: &str, entries: &Entry) -> Option<Candidate> {
    let entry = entries.get(pair.get(id)?.as_str()?)?.as_object()?;
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().chars().take(64).collect();
    Some(Candidate {
        candidate_type: text("candidate-type"),
        address: text("address"),
        port: count(entry, "port").and_then(|port| port.try_into().ok()).unwrap_or_default(),
        protocol: text("protocol"),
    })
}

fn clock_rate(entry: &Entry) -> u32 {
    short(entry, "clock-rate").filter(|rate| *rate > 0).unwrap_or(VIDEO_CLOCK)
}

/// Entries without the word are taken for reports.
fn flag(entry: &Entry, name: &str) -> bool {
    entry.get(name).and_then(Value::as_bool).unwrap_or(true)
}

fn number(entry: &Entry, name: &str) -> Option<f64> {
    entry.get(name).and_then(Value::as_f64).filter(|number| number.is_finite())
}

/// A count, whichever way it is written.
fn count(entry: &Entry, name: &str) -> Option<u64> {
    entry.get(name).and_then(|value| value.as_u64().or_else(|| value.as_f64().map(|number| number as u64)))
}

fn short(entry: &Entry, name: &str) -> Option<u32> {
    count(entry, name).and_then(|number| number.try_into().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::dictionary, *};

    #[test]
    fn what_is_written_is_read_again() {
        let viewer = |session: &str, ssrc: u32| {
            let outbound = OutboundRtp {
                ssrc,
                clock_rate: Some(VIDEO_CLOCK),
                packets_sent: 740,
                bytes_sent: 872_000,
                nack_count: 11,
                pli_count: 2,
                fir_count: 0,
                retransmitted_packets_sent: None,
                wire_packets: Some(740),
                wire_bytes: Some(900_000),
            };
            let remote = RemoteInboundRtp {
                ssrc: Some(1),
                fraction_lost: 0.5,
                packets_lost: 3,
                jitter: Some(900.0 / 90_000.0),
                round_trip_time: Some(3451.0 / 65_536.0),
                highest_sequence: Some(244_164),
                reports_received: 0,
            };
            let end = |port| {
                let (address, kind) = ("192.0.2.1".to_owned(), "host".to_owned());
                Some(Candidate { address, port, candidate_type: kind, protocol: "udp".into() })
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
                    received_kbps: f64::from(ssrc),
                    packets_sent: 10,
                    packets_received: 9,
                    fraction_lost: 0.1,
                    fraction_recovered: Some(0.0),
                    delay_growth: Some(0.001),
                }),
                ..ViewerSample::default()
            }
        };
        let sample = FeedSample { viewers: vec![viewer("b", 7), viewer("a", 8)], ..FeedSample::default() };
        assert_eq!(sample_of(&dictionary(&sample)), Some(sample));
    }

    #[test]
    fn a_dictionary_of_an_old_version_is_read_and_what_is_none_is_not() {
        let old = json!({
            "rtp-outbound-stream-stats_2966238225": { "timestamp": 130_423_677.94, "ssrc": 2_966_238_225_u32,
                "bytes-sent": 300_872_872, "packets-sent": 240_748, "pli-count": 1, "nack-count": 11, "clock-rate": 90_000 },
            "rtp-inbound-stream-stats_1": { "ssrc": 1, "have-rb": true, "rb-ssrc": 2_966_238_225_u32, "rb-fractionlost": 0,
                "rb-packetslost": 1, "rb-jitter": 1089, "rb-round-trip": 3451, "clock-rate": 90_000 },
            "rtp-inbound-stream-stats_2": { "ssrc": 2, "have-rb": false, "rb-ssrc": 2_966_238_225_u32 },
            "transport-stats_x": "a text",
        });
        let sample = sample_of(&old).unwrap();
        let [viewer] = sample.viewers.as_slice() else { panic!("{sample:?}") };
        let remote = viewer.remote().unwrap();
        assert_eq!((viewer.session.as_str(), remote.packets_lost), ("2966238225-1", 1));
        assert_eq!(remote.round_trip_time.map(|time| (time * 1e5).round()), Some(5266.0));
        assert_eq!(sample_of(&json!({})).map(|sample| sample.viewers.len()), Some(0));
        assert_eq!(sample_of(&json!([1])), None);
    }
}
