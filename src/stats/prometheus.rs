//! What is known of the feeds now, in the text that Prometheus asks for.
//!
//! Names and base units follow Prometheus' conventions (seconds, bytes, ratios; bits per second, which
//! they do not have, say so in their names), the form is `OpenMetrics` 1.0. Everything that is read here
//! stands in a [`FeedSample`]: counters as they are, for Prometheus makes its own rates.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    metrics::{MetricType, exemplar::Exemplar},
    registry::{Registry, Unit},
};

use super::{EncodingSample, EstimateBasis, FeedSample, StreamSample, ViewerReport, ViewerSample};

/// What the answer is called in HTTP.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A feed and what is known of it.
#[derive(Clone, Debug)]
pub struct FeedFigures {
    /// Its id.
    pub feed: String,
    /// The name of its state.
    pub state: String,
    /// The last sample; `None` before the first.
    pub sample: Option<Box<FeedSample>>,
}

/// The text for these feeds.
pub fn metrics(feeds: Vec<FeedFigures>) -> String {
    let mut registry = Registry::with_prefix("heliograph");
    registry.register_collector(Box::new(Figures(feeds)));
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = text::encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Figures(Vec<FeedFigures>);

/// Labels and what they are of.
type Labelled<'a, T> = (Vec<(&'static str, String)>, &'a T);

/// A figure of every `T`; where it is not known there is no line.
struct Figure<T> {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    kind: MetricType,
    value: fn(&T) -> Option<f64>,
}

/// A count that only grows, and begins anew with what it counts.
const fn count<T>(name: &'static str, help: &'static str, value: fn(&T) -> Option<f64>) -> Figure<T> {
    Figure { name, help, unit: None, kind: MetricType::Counter, value }
}

const fn count_in<T>(unit: Unit, name: &'static str, help: &'static str, value: fn(&T) -> Option<f64>) -> Figure<T> {
    Figure { name, help, unit: Some(unit), kind: MetricType::Counter, value }
}

const fn gauge<T>(name: &'static str, help: &'static str, value: fn(&T) -> Option<f64>) -> Figure<T> {
    Figure { name, help, unit: None, kind: MetricType::Gauge, value }
}

const fn gauge_in<T>(unit: Unit, name: &'static str, help: &'static str, value: fn(&T) -> Option<f64>) -> Figure<T> {
    Figure { name, help, unit: Some(unit), kind: MetricType::Gauge, value }
}

const FEED: &[Figure<FeedSample>] = &[
    gauge("feed_viewers", "Viewers that are connected", |feed| Some(feed.viewers.len() as f64)),
    gauge("feed_setpoint_bits_per_second", "Bitrate that the feed is held to", |feed| {
        Some(1000.0 * f64::from(feed.in_force.as_ref()?.setpoint.bitrate_kbps))
    }),
    gauge("feed_share_bits_per_second", "Share of the bitrate that there is for all feeds", |feed| {
        Some(1000.0 * f64::from(feed.share_kbps?))
    }),
    gauge("feed_sent_bits_per_second", "Payload that is sent to all viewers together", |feed| {
        Some(1000.0 * feed.rates.sent_kbps?)
    }),
    count_in(Unit::Bytes, "camera_received", "Encoded bytes that came from the camera", |feed| {
        float(feed.camera.bytes_received)
    }),
    count("camera_frames", "Pictures that came from the camera", |feed| float(feed.camera.frames_received)),
];

const ENCODING: &[Figure<EncodingSample>] = &[
    gauge("encoder_target_bits_per_second", "Bitrate that the encoder is asked for", |encoding| {
        Some(1000.0 * f64::from(encoding.target_kbps))
    }),
    count_in(Unit::Bytes, "encoder_output", "Bytes that the encoder made", |encoding| {
        float(Some(encoding.bytes_encoded))
    }),
    count("encoder_frames_in", "Pictures that were offered to the encoder", |encoding| float(Some(encoding.frames_in))),
    count("encoder_frames", "Pictures that the encoder made", |encoding| float(Some(encoding.frames_encoded))),
    count("encoder_frames_dropped", "Pictures that were left out because the encoder was busy", |encoding| {
        float(Some(encoding.frames_dropped))
    }),
    count("encoder_key_frames", "Key frames that the encoder made", |encoding| float(Some(encoding.key_frames.made))),
    count("encoder_key_frame_requests", "Key frames that were asked for", |encoding| {
        float(Some(encoding.key_frames.asked))
    }),
    count_in(Unit::Seconds, "encoder_time", "Time that pictures took through the encoder", |encoding| {
        Some(encoding.total_encode_time)
    }),
    gauge_in(Unit::Seconds, "encoder_queue_age", "Time of pictures that wait in front of the encoder", |encoding| {
        encoding.queue_age
    }),
];

const STREAM: &[Figure<StreamSample>] = &[
    count_in(Unit::Bytes, "rtp_sent", "Payload of RTP packets that were sent", |stream| {
        float(Some(stream.outbound.bytes_sent))
    }),
    count("rtp_sent_packets", "RTP packets that were sent", |stream| float(Some(stream.outbound.packets_sent))),
    count("rtp_retransmitted_packets", "RTP packets that were sent again", |stream| {
        float(stream.outbound.retransmitted_packets_sent)
    }),
    count("rtp_nacks", "Requests for lost packets (NACK)", |stream| float(Some(stream.outbound.nack_count))),
    count("rtp_plis", "Picture losses that were told (PLI)", |stream| float(Some(stream.outbound.pli_count))),
    count("rtp_firs", "Full pictures that were asked for (FIR)", |stream| float(Some(stream.outbound.fir_count))),
    gauge("rtp_lost_packets", "Packets that the viewer has lost since the stream began", |stream| {
        Some(stream.remote.as_ref()?.packets_lost as f64)
    }),
    gauge_in(Unit::Ratios, "rtp_fraction_lost", "Part of the packets that was lost before the last report", |stream| {
        Some(stream.remote.as_ref()?.fraction_lost)
    }),
    gauge_in(Unit::Seconds, "rtp_jitter", "How unevenly packets arrive", |stream| stream.remote.as_ref()?.jitter),
    gauge_in(Unit::Seconds, "rtp_round_trip_time", "Round trip to the viewer", |stream| {
        stream.remote.as_ref()?.round_trip_time
    }),
];

const VIEWER: &[Figure<ViewerSample>] = &[
    gauge("viewer_estimate_bits_per_second", "What the connection may carry, by congestion control", |viewer| {
        Some(1000.0 * f64::from(viewer.estimate_kbps?))
    }),
    gauge("viewer_estimate_from_reports", "1 where the estimate is made of receiver reports only", |viewer| {
        Some(f64::from(u8::from(viewer.estimate_basis? == EstimateBasis::ReceiverReports)))
    }),
    gauge("viewer_goodput_bits_per_second", "What arrives, as the viewer tells", |viewer| {
        Some(1000.0 * viewer.goodput_kbps()?)
    }),
];

const REPORT: &[Figure<ViewerReport>] = &[
    count("viewer_frames_decoded", "Pictures that the browser decoded", |report| float(Some(report.frames_decoded))),
    count("viewer_frames_dropped", "Pictures that the browser left out", |report| float(Some(report.frames_dropped))),
    count("viewer_freezes", "How often the picture stood still", |report| float(Some(report.freeze_count))),
    count_in(Unit::Seconds, "viewer_frozen", "Time in which the picture stood still", |report| {
        Some(report.total_freezes_duration)
    }),
    count_in(Unit::Seconds, "viewer_jitter_buffer", "Time that pictures waited in the jitter buffer", |report| {
        Some(report.jitter_buffer_delay)
    }),
    count("viewer_jitter_buffer_frames", "Pictures that left the jitter buffer", |report| {
        float(Some(report.jitter_buffer_emitted_count))
    }),
    count_in(Unit::Seconds, "viewer_decode_time", "Time that decoding took", |report| Some(report.total_decode_time)),
    gauge_in(Unit::Seconds, "viewer_picture_age", "Age of the picture on the screen", |report| report.picture_age),
];

fn float(count: Option<u64>) -> Option<f64> {
    count.map(|count| count as f64)
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let with_samples = || self.0.iter().filter_map(|feed| Some((feed, feed.sample.as_deref()?)));
        let of_feed = |feed: &FeedFigures| vec![("feed", feed.feed.clone())];
        let states: Vec<_> =
            self.0.iter().map(|feed| ([of_feed(feed), vec![("state", feed.state.clone())]].concat(), feed)).collect();
        write(&mut encoder, &[gauge("feed_state", "1 for the state that the feed is in", |_| Some(1.0))], &states)?;
        let feeds: Vec<_> = with_samples().map(|(feed, sample)| (of_feed(feed), sample)).collect();
        write(&mut encoder, FEED, &feeds)?;
        let encodings: Vec<_> = with_samples()
            .flat_map(|(feed, sample)| sample.encodings.iter().map(move |encoding| (feed, encoding)))
            .map(|(feed, encoding)| {
                let form = vec![
                    ("rendition", encoding.rendition.key().to_owned()),
                    ("codec", encoding.codec.key().to_owned()),
                    ("encoder", encoding.encoder.clone()),
                ];
                ([of_feed(feed), form].concat(), encoding)
            })
            .collect();
        write(&mut encoder, ENCODING, &encodings)?;
        let viewers: Vec<Labelled<'_, ViewerSample>> = with_samples()
            .flat_map(|(feed, sample)| sample.viewers.iter().map(move |viewer| (feed, viewer)))
            .map(|(feed, viewer)| {
                let name = viewer.viewer.clone().unwrap_or_default();
                ([of_feed(feed), vec![("session", viewer.session.clone()), ("viewer", name)]].concat(), viewer)
            })
            .collect();
        write(&mut encoder, VIEWER, &viewers)?;
        let streams: Vec<_> = viewers
            .iter()
            .flat_map(|(labels, viewer)| {
                let media = [("picture", viewer.picture.as_ref()), ("sound", viewer.sound.as_ref())];
                media.into_iter().filter_map(move |(media, stream)| {
                    Some(([labels.clone(), vec![("media", media.to_owned())]].concat(), stream?))
                })
            })
            .collect();
        write(&mut encoder, STREAM, &streams)?;
        let reports: Vec<_> =
            viewers.iter().filter_map(|(labels, viewer)| Some((labels.clone(), viewer.report.as_ref()?))).collect();
        write(&mut encoder, REPORT, &reports)
    }
}

/// Each figure with its description, and a line for everything of which it is known.
fn write<T>(encoder: &mut DescriptorEncoder<'_>, figures: &[Figure<T>], all: &[Labelled<'_, T>]) -> fmt::Result {
    for Figure { name, help, unit, kind, value } in figures {
        let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), *kind)?;
        for (labels, one) in all {
            let Some(value) = value(one).filter(|value| value.is_finite()) else { continue };
            let mut line = family.encode_family(labels)?;
            match kind {
                MetricType::Counter => line.encode_counter(&value, None::<&Exemplar<[(&str, &str); 0], f64>>)?,
                _ => line.encode_gauge(&value)?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::stats::{OutboundRtp, RemoteInboundRtp, TransportFeedback};

    fn feeds() -> Vec<FeedFigures> {
        let picture = StreamSample {
            outbound: OutboundRtp { bytes_sent: 300_872_872, packets_sent: 240_748, ..OutboundRtp::default() },
            remote: Some(RemoteInboundRtp { round_trip_time: Some(0.0527), ..RemoteInboundRtp::default() }),
            ..StreamSample::default()
        };
        let viewer = ViewerSample {
            session: "b7c1".into(),
            viewer: Some("the \"bridge\"\n\\".into()),
            picture: Some(picture),
            feedback: Some(TransportFeedback { received_kbps: 1893.2, ..TransportFeedback::default() }),
            estimate_kbps: Some(2148),
            report: Some(ViewerReport { frames_decoded: 900, ..ViewerReport::default() }),
            ..ViewerSample::default()
        };
        let sample = FeedSample {
            viewers: vec![viewer],
            encodings: vec![EncodingSample {
                encoder: "x264enc".into(),
                total_encode_time: 1.5,
                ..EncodingSample::default()
            }],
            ..FeedSample::default()
        };
        let feed = |feed: &str, state: &str, sample| FeedFigures { feed: feed.into(), state: state.into(), sample };
        vec![feed("bow", "live", Some(Box::new(sample))), feed("stern", "idle", None)]
    }

    /// What a reader of the text understands: types by name, values by name and labels.
    fn read(text: &str) -> (BTreeMap<String, String>, BTreeMap<String, f64>) {
        let (mut types, mut values) = (BTreeMap::new(), BTreeMap::new());
        let mut described = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                described = rest.split(' ').next().unwrap().to_owned();
                assert!(rest.len() > described.len() + 1, "{line} says nothing");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, described, "help and type belong together");
                assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is described twice");
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                let family = name.strip_suffix("_total").unwrap_or(name);
                assert_eq!(family, described, "{line} stands below another description");
                assert_eq!(name.ends_with("_total"), types[family] == "counter", "{line}");
                assert!(values.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{line} stands twice");
            }
        }
        (types, values)
    }

    #[test]
    fn every_figure_is_described_and_what_is_not_known_is_left_out() {
        let text = metrics(feeds());
        assert!(text.ends_with("# EOF\n"));
        let (types, values) = read(&text);
        let figures = 1 + FEED.len() + ENCODING.len() + STREAM.len() + VIEWER.len() + REPORT.len();
        assert_eq!(types.len(), figures);
        assert!(types.keys().all(|name| name.starts_with("heliograph_")));
        let labels = r#"feed="bow",session="b7c1",viewer="the \"bridge\"\n\\""#;
        let value = |series: String| *values.get(&series).unwrap_or_else(|| panic!("no {series} in {text}"));
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9 * expected, "{found}");
        near(value(format!("heliograph_rtp_sent_bytes_total{{{labels},media=\"picture\"}}")), 300_872_872.0);
        near(value(format!("heliograph_rtp_round_trip_time_seconds{{{labels},media=\"picture\"}}")), 0.0527);
        near(value(format!("heliograph_viewer_estimate_bits_per_second{{{labels}}}")), 2_148_000.0);
        near(value(format!("heliograph_viewer_goodput_bits_per_second{{{labels}}}")), 1_893_200.0);
        near(value(format!("heliograph_viewer_frames_decoded_total{{{labels}}}")), 900.0);
        near(value("heliograph_feed_state{feed=\"stern\",state=\"idle\"}".into()), 1.0);
        near(value("heliograph_feed_viewers{feed=\"bow\"}".into()), 1.0);
        let encoder = r#"{feed="bow",rendition="main",codec="h264",encoder="x264enc"}"#;
        near(value(format!("heliograph_encoder_time_seconds_total{encoder}")), 1.5);
        assert!(!text.contains("jitter_seconds{"), "nobody knows it");
    }

    #[test]
    fn no_feed_is_no_fault() {
        let (_, values) = read(&metrics(Vec::new()));
        assert!(values.is_empty());
    }
}
