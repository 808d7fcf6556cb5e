use super::*;
use crate::media::test_stream::TestStream;

/// What is said of a stream once all of it has come, and after how many access units that was said.
fn judged(terms: Terms, samples: &[gst::Sample]) -> (Verdict, usize) {
    let mut suitability = Suitability::new(terms);
    let mut said_after = 0;
    for (number, sample) in samples.iter().enumerate() {
        let was_told = suitability.set_caps(sample.caps().unwrap());
        if suitability.push(sample.buffer().unwrap()) || was_told {
            said_after = number + 1;
        }
    }
    (suitability.verdict().clone(), said_after)
}

fn h264(stream: &TestStream) -> (Verdict, usize) {
    judged(Terms::default(), &stream.samples())
}

fn unsuitable(stream: &TestStream) -> Reason {
    match h264(stream).0 {
        Verdict::Unsuitable(reason) => reason,
        other => panic!("{other:?}"),
    }
}

const H264: Verdict = Verdict::Suitable(Codec::H264);
/// B-frames are allowed by what x264 says of such a stream, but a key frame every second picture
/// leaves no room for them.
const ALLOWED_ONLY: &[(&str, &str)] = &[("bframes", "2"), ("b-adapt", "false"), ("key-int-max", "2")];
const B_FRAMES: &[(&str, &str)] = &[("bframes", "2"), ("b-adapt", "false"), ("key-int-max", "10")];

/// Key frames are ten pictures apart: with the third, two GOPs are whole.
const TWO_GOPS: usize = 21;

#[test]
fn what_browsers_show_rightly_is_suitable_after_two_gops() {
    for profile in ["constrained-baseline", "baseline", "main", "high"] {
        let stream = TestStream { profile, ..TestStream::x264(30) };
        assert_eq!(h264(&stream), (H264, TWO_GOPS), "{profile}");
    }
    let short = TestStream::x264(20);
    assert_eq!(h264(&short), (Verdict::Unknown, 0), "one GOP and a part of the next tell nothing");
}

#[test]
fn streams_without_start_codes_are_read_too() {
    let stream = TestStream { form: "avc", ..TestStream::x264(30) };
    assert_eq!(h264(&stream), (H264, TWO_GOPS));
    let reason = unsuitable(&TestStream { form: "avc", ..TestStream::x264(30).with(B_FRAMES) });
    assert!(matches!(reason, Reason::BFrames { .. }), "{reason:?}");
}

#[test]
fn b_frames_make_a_stream_unsuitable_at_once() {
    let stream = TestStream { profile: "high", ..TestStream::x264(30).with(B_FRAMES) };
    let (verdict, said_after) = h264(&stream);
    let reason = Reason::BFrames { codec: Codec::H264, profile: "High".into() };
    assert_eq!(verdict, Verdict::Unsuitable(reason.clone()));
    assert!(said_after <= 5, "said only with unit {said_after}");
    let forced = Terms { is_forced: true, ..Terms::default() };
    assert_eq!(judged(forced, &stream.samples()).0, Verdict::Unsuitable(reason), "and nobody can insist on it");
}

#[test]
fn b_frames_that_come_later_end_it() {
    let calm = TestStream::x264(30).with(ALLOWED_ONLY).samples();
    let mut suitability = Suitability::new(Terms::default());
    for sample in &calm {
        suitability.set_caps(sample.caps().unwrap());
        suitability.push(sample.buffer().unwrap());
    }
    assert_eq!((suitability.verdict(), suitability.inspector.b_frames()), (&H264, BFrames::NotSeen));
    let mut came = 0;
    for sample in &TestStream::x264(30).with(B_FRAMES).samples() {
        came += 1;
        suitability.push(sample.buffer().unwrap());
        if matches!(suitability.verdict(), Verdict::Unsuitable(Reason::BFrames { .. })) {
            break;
        }
    }
    assert!(came <= 5, "noticed only after {came}");
}

#[test]
fn another_setting_of_the_camera_begins_the_watch_anew() {
    let mut suitability = Suitability::new(Terms::default());
    let mut feed = |stream: &TestStream| {
        for sample in &stream.samples() {
            suitability.set_caps(sample.caps().unwrap());
            suitability.push(sample.buffer().unwrap());
        }
        suitability.verdict().clone()
    };
    let high = TestStream { profile: "high", ..TestStream::x264(30).with(B_FRAMES) };
    assert!(matches!(feed(&high), Verdict::Unsuitable(_)));
    assert_eq!(feed(&TestStream::x264(10)), Verdict::Unknown);
    assert_eq!(feed(&TestStream::x264(30).with(ALLOWED_ONLY)), H264);
}

#[test]
fn profiles_that_browsers_do_not_decode_are_named() {
    let cases = [("high-4:2:2", "Y42B", "High 4:2:2"), ("high-10", "I420_10LE", "High 10"), ("high-4:4:4", "Y444", "")];
    for (profile, raw, expected) in cases {
        let stream = TestStream { profile, raw, ..TestStream::x264(5) };
        let Reason::Profile { codec: Codec::H264, profile: found } = unsuitable(&stream) else { panic!("{profile}") };
        assert!(found.starts_with(expected) && found.starts_with("High"), "{found}");
    }
}

#[test]
fn interlaced_pictures_are_noticed() {
    let stream = TestStream { interlacing: "interleaved", ..TestStream::x264(5) };
    assert!(matches!(unsuitable(&stream), Reason::Interlaced { codec: Codec::H264, .. }));
}

#[test]
fn other_codecs_are_named() {
    crate::media::init().unwrap();
    let mut suitability = Suitability::new(Terms::default());
    assert!(suitability.set_caps(&gst::Caps::new_empty_simple("image/jpeg")));
    let reason = Reason::Codec { codec: "Motion JPEG".into() };
    assert_eq!(*suitability.verdict(), Verdict::Unsuitable(reason));
}

#[test]
fn h265_is_suitable_for_those_who_take_it() {
    let samples = TestStream::x265(30).samples();
    assert_eq!(judged(Terms::default(), &samples), (Verdict::Suitable(Codec::H265), TWO_GOPS));
}

#[test]
fn b_frames_of_h265_are_found() {
    let stream = TestStream::x265(30).with(&[("key-int-max", "10"), ("option-string", "bframes=2:log-level=none")]);
    let reason = Reason::BFrames { codec: Codec::H265, profile: "Main".into() };
    assert_eq!(judged(Terms::default(), &stream.samples()).0, Verdict::Unsuitable(reason));
}

/// 11 s of one GOP.
fn long() -> Vec<gst::Sample> {
    let settings = &[("key-int-max", "1000"), ("speed-preset", "ultrafast"), ("option-string", "scenecut=0")];
    TestStream::x264(25 * 11).with(settings).samples()
}

#[test]
fn a_long_gop_is_suitable_after_two_seconds_if_it_has_no_b_frames_for_certain() {
    let samples = long();
    assert_eq!(judged(Terms::default(), &samples[..200]), (H264, 51));
    let (verdict, said_after) = judged(Terms::default(), &samples);
    assert_eq!(verdict, Verdict::Unsuitable(Reason::LongGop { longest_s: 10 }));
    assert!((250..=265).contains(&said_after), "said with unit {said_after}");
    let forced = Terms { is_forced: true, ..Terms::default() };
    assert_eq!(judged(forced, &samples), (H264, 51));
    let patient = Terms { longest_gop: Duration::from_secs(30), ..Terms::default() };
    assert_eq!(judged(patient, &samples), (H264, 51));
}

/// With what the parser takes for key frames here, no browser begins.
#[test]
fn a_stream_that_is_refreshed_bit_by_bit_has_no_key_frames() {
    let settings = &[("key-int-max", "10"), ("speed-preset", "ultrafast"), ("intra-refresh", "true")];
    let samples = TestStream::x264(25 * 11).with(settings).samples();
    let is_key = |sample: &&gst::Sample| !sample.buffer().unwrap().flags().contains(gst::BufferFlags::DELTA_UNIT);
    assert!(samples.iter().filter(is_key).count() > 10, "the parser's key frames");
    assert_eq!(judged(Terms::default(), &samples).0, Verdict::Unsuitable(Reason::LongGop { longest_s: 10 }));
}

#[test]
fn key_frames_without_parameter_sets_are_no_beginning() {
    let mut suitability = Suitability::new(Terms::default());
    for sample in &TestStream::x264(30).samples() {
        suitability.set_caps(sample.caps().unwrap());
        suitability.push(&without_parameter_sets(sample.buffer().unwrap()));
    }
    assert_eq!(*suitability.verdict(), Verdict::Unsuitable(Reason::NoParameterSets { codec: Codec::H264 }));
}

/// The access unit with all bytes of its parameter sets made into filler (NAL unit type 12).
fn without_parameter_sets(unit: &gst::BufferRef) -> gst::Buffer {
    let mut copy = unit.copy_deep().unwrap();
    let bytes = copy.get_mut().unwrap();
    {
        let mut data = bytes.map_writable().unwrap();
        for at in 3..data.len() {
            if data[at - 3..at] == [0, 0, 1] && matches!(data[at] & 0x1f, 7 | 8) {
                data[at] = 12;
            }
        }
    }
    copy
}
