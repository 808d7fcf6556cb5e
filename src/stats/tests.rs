//! Samples as JSON, which is how they travel.

use super::*;
use crate::config::{ChangedBy, Codec, ConnectorId, FeedConfig, InForce, RenditionRole, Setpoint, SourceConfig};

fn full() -> FeedSample {
    let config = FeedConfig::new("door".parse().expect("an id"), "Door", SourceConfig::Demo);
    let remote = RemoteInboundRtp {
        ssrc: Some(1),
        fraction_lost: 0.25,
        packets_lost: -2,
        jitter: Some(0.0121),
        round_trip_time: Some(0.0527),
        highest_sequence: Some(244_164),
        reports_received: 12,
    };
    let outbound = OutboundRtp {
        ssrc: u32::MAX,
        clock_rate: Some(90_000),
        packets_sent: u64::from(u32::MAX) + 1,
        retransmitted_packets_sent: Some(3),
        ..OutboundRtp::default()
    };
    let local =
        Candidate { candidate_type: "host".into(), address: "192.0.2.7".into(), port: 5000, protocol: "udp".into() };
    let viewer = ViewerSample {
        session: "b7c1".into(),
        connector: Some(ConnectorId::local()),
        viewer: Some("bridge".into()),
        rendition: Some(RenditionRole::Low),
        codec: Some(Codec::Vp9),
        picture: Some(StreamSample { timestamp: 12.5, outbound, remote: Some(remote), ..StreamSample::default() }),
        sound: None,
        candidate_pair: Some(CandidatePair { local: Some(local), remote: None }),
        set_up: SessionSetUp { dtls: Some(0.031), ..SessionSetUp::default() },
        ice_verdict: Some("No answer.".into()),
        // It does not travel.
        ice: IceReport::default(),
        feedback: Some(TransportFeedback {
            received_kbps: 1893.2,
            delay_growth: Some(-0.0001),
            ..TransportFeedback::default()
        }),
        estimate_kbps: Some(2148),
        estimate_basis: Some(EstimateBasis::ReceiverReports),
        report: Some(ViewerReport { frames_decoded: 900, picture_age: Some(0.11), ..ViewerReport::default() }),
        rates: ViewerRates { frozen: Some(0.0), ..ViewerRates::default() },
    };
    FeedSample {
        time: 1_750_000_000.25,
        interval: Some(0.5),
        in_force: Some(InForce { setpoint: Setpoint::of(&config), by: ChangedBy::Agent("gcc".into()) }),
        share_state: None,
        share_kbps: None,
        path: Some(SentPath::PassThrough),
        camera: CameraSample {
            bytes_received: Some(7),
            key_frames: Some(KeyFrames { made: 2, ..KeyFrames::default() }),
            ..CameraSample::default()
        },
        encodings: vec![EncodingSample {
            encoder: "x264enc".into(),
            queue_age: Some(0.03),
            ..EncodingSample::default()
        }],
        viewers: vec![viewer],
        rates: FeedRates { sent_kbps: Some(0.1), ..FeedRates::default() },
    }
}

#[test]
fn a_sample_is_the_same_behind_a_wire() {
    for sample in [full(), FeedSample::default()] {
        let text = serde_json::to_string(&sample).expect("JSON");
        assert_eq!(serde_json::from_str::<FeedSample>(&text).expect("a sample"), sample, "{text}");
    }
}

#[test]
fn names_are_those_of_webrtc_stats() {
    let json = serde_json::to_value(full()).expect("JSON");
    let viewer = &json["viewers"][0];
    assert_eq!(viewer["picture"]["outbound"]["packets_sent"], 4_294_967_296_u64);
    assert_eq!(viewer["picture"]["remote"]["fraction_lost"], 0.25);
    assert_eq!((&viewer["rendition"], &viewer["report"]["frames_decoded"]), (&"low".into(), &900.into()));
    assert_eq!((&json["path"], &json["in_force"]["by"]["agent"]), (&"pass-through".into(), &"gcc".into()));
}

#[test]
fn what_another_version_does_not_tell_is_not_known() {
    let old = r#"{"time": 5.0, "viewers": [{"session": "a", "picture": {"outbound": {"bytes_sent": 9}}}], "later": 1}"#;
    let sample: FeedSample = serde_json::from_str(old).expect("a sample");
    let picture = sample.viewers[0].picture.as_ref().expect("a picture");
    assert_eq!((picture.outbound.bytes_sent, picture.remote.as_ref(), sample.interval), (9, None, None));
}
