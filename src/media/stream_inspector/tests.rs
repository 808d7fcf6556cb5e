use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::*;

/// What is to be read in a sequence parameter set that an encoder made, as ffprobe reads it.
struct Sample {
    encoder: &'static str,
    format: StreamFormat,
    /// In hexadecimal digits.
    set: &'static str,
    profile: &'static str,
    level: &'static str,
    size: (u32, u32),
    framerate: Option<f64>,
    chroma: Chroma,
    bit_depth: u32,
    reorder: Option<u32>,
}

const SAMPLES: &[Sample] = &[
    Sample {
        encoder: "x264, Baseline",
        format: StreamFormat::H264,
        set: "6742c016d900a02ff970110000030001000003001e0f162e48",
        profile: "Constrained Baseline",
        level: "2.2",
        size: (640, 360),
        framerate: Some(15.0),
        chroma: Chroma::Yuv420,
        bit_depth: 8,
        reorder: Some(0),
    },
    Sample {
        encoder: "x264, ultrafast, margins at the bottom",
        format: StreamFormat::H264,
        set: "6742c028da01e0089f97011000000300100000030320f1832a",
        profile: "Constrained Baseline",
        level: "4",
        size: (1920, 1080),
        framerate: Some(25.0),
        chroma: Chroma::Yuv420,
        bit_depth: 8,
        reorder: Some(0),
    },
    Sample {
        encoder: "x264, High with B-frames",
        format: StreamFormat::H264,
        set: "6764001facd940b0126c04400000fa40003a9803c60c6580",
        profile: "High",
        level: "3.1",
        size: (704, 576),
        framerate: Some(30000.0 / 1001.0),
        chroma: Chroma::Yuv420,
        bit_depth: 8,
        reorder: Some(2),
    },
    Sample {
        encoder: "x264, scaling lists and a buffer model",
        format: StreamFormat::H264,
        set: "6764000dacd94141fb01100000030010000003032602001e840007a13930c01e28532c",
        profile: "High",
        level: "1.3",
        size: (320, 240),
        framerate: Some(25.0),
        chroma: Chroma::Yuv420,
        bit_depth: 8,
        reorder: Some(2),
    },
    Sample {
        encoder: "x264, ten bits",
        format: StreamFormat::H264,
        set: "676e000da6cb40a0fd80880000030008000003019078a155",
        profile: "High 10",
        level: "1.3",
        size: (320, 240),
        framerate: Some(25.0),
        chroma: Chroma::Yuv420,
        bit_depth: 10,
        reorder: Some(0),
    },
    Sample {
        encoder: "x264, 4:2:2",
        format: StreamFormat::H264,
        set: "677a000dbcb40a0fd808800000030080000019078a1550",
        profile: "High 4:2:2",
        level: "1.3",
        size: (320, 240),
        framerate: Some(25.0),
        chroma: Chroma::Yuv422,
        bit_depth: 8,
        reorder: Some(0),
    },
    Sample {
        encoder: "x264, 4:4:4",
        format: StreamFormat::H264,
        set: "67f4000d919b28283fdde022000003000200000300641e28532c",
        profile: "High 4:4:4 Predictive",
        level: "1.3",
        size: (318, 238),
        framerate: Some(25.0),
        chroma: Chroma::Yuv444,
        bit_depth: 8,
        reorder: Some(2),
    },
    Sample {
        encoder: "OpenH264, which says nothing of its rate",
        format: StreamFormat::H264,
        set: "6742c01f8c6805005ba01e1108d4",
        profile: "Constrained Baseline",
        level: "3.1",
        size: (1280, 720),
        framerate: None,
        chroma: Chroma::Yuv420,
        bit_depth: 8,
        reorder: Some(0),
    },
    Sample {
        encoder: "x265, no B-frames",
        format: StreamFormat::H265,
        set: "42010101600000030090000003000003005da00280802d165ba4a4c2f0168080000003008000000c84",
        profile: "Main",
        level: "3.1",
        size: (1280, 720),
        framerate: None,
        chroma: Chroma::Yuv420,
        bit_depth: 8,
        reorder: Some(0),
    },
    Sample {
        encoder: "x265, B-frames and margins",
        format: StreamFormat::H265,
        set: "420101016000000300900000030000030078a003c08010e75596566924caf0168080000003008000000c84",
        profile: "Main",
        level: "4",
        size: (1918, 1078),
        framerate: None,
        chroma: Chroma::Yuv420,
        bit_depth: 8,
        reorder: Some(2),
    },
    Sample {
        encoder: "x265, ten bits",
        format: StreamFormat::H265,
        set: "42010102200000030090000003000003003ca00a080f136595952930bc05a02000000300200000030321",
        profile: "Main 10",
        level: "2",
        size: (320, 240),
        framerate: None,
        chroma: Chroma::Yuv420,
        bit_depth: 10,
        reorder: Some(2),
    },
    Sample {
        encoder: "x265, 4:2:2",
        format: StreamFormat::H265,
        set: "4201010408000003009d0800000300003cb00a080f165ba4a4c2f0168080000003008000000c84",
        profile: "Main 4:2:2",
        level: "2",
        size: (320, 240),
        framerate: None,
        chroma: Chroma::Yuv422,
        bit_depth: 8,
        reorder: Some(0),
    },
];

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// An access unit of NAL units in hexadecimal digits.
fn unit(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| [vec![0, 0, 0, 1], bytes(line)].concat()).collect()
}

fn parameters(format: StreamFormat, set: &str) -> Parameters {
    let mut inspector = StreamInspector::new(format);
    inspector.push(&unit(&[set]), None, false);
    inspector.facts().parameters.expect("the parameter set should be read")
}

#[test]
fn parameter_sets_of_real_encoders_are_read() {
    for sample in SAMPLES {
        let expected = Parameters {
            profile: sample.profile.into(),
            level: sample.level.into(),
            width: sample.size.0,
            height: sample.size.1,
            framerate: sample.framerate,
            is_interlaced: false,
            chroma: sample.chroma,
            bit_depth: sample.bit_depth,
            reorder: sample.reorder,
        };
        assert_eq!(parameters(sample.format, sample.set), expected, "{}", sample.encoder);
    }
}

#[test]
fn fields_are_noticed() {
    let set = parameters(StreamFormat::H264, "674d401ef405a126c044000003000400000300c87c50aa80");
    assert!(set.is_interlaced);
    assert_eq!((set.width, set.height, set.framerate), (720, 576, Some(25.0)));
}

/// What is found in a recorded stream whose timestamps say nothing.
fn recorded(format: StreamFormat, stream: &str, take_reorder_out: bool) -> StreamFacts {
    let mut inspector = StreamInspector::new(format);
    let mut waiting = Vec::new();
    for line in stream.lines().filter(|line| !line.starts_with('#')) {
        waiting.push(line);
        let head = u8::from_str_radix(&line[..2], 16).unwrap();
        let is_picture = match format {
            StreamFormat::H264 => matches!(head & 0x1f, 1 | 5),
            _ => head >> 1 & 0x3f < 32,
        };
        if is_picture {
            inspector.push(&unit(&waiting), None, false);
            waiting.clear();
        }
        if take_reorder_out {
            inspector.forget_reorder();
        }
    }
    inspector.facts()
}

impl StreamInspector {
    /// As if the parameter sets had not said it: many a camera's do not.
    fn forget_reorder(&mut self) {
        let h264 = self.h264.as_mut().map(|sequence| &mut sequence.parameters);
        let h265 = self.h265.as_mut().map(|sequence| &mut sequence.parameters);
        for parameters in [h264, h265].into_iter().flatten() {
            parameters.reorder = None;
        }
    }
}

#[test]
fn b_frames_are_found_in_the_slices() {
    let streams = [
        (StreamFormat::H264, include_str!("streams/x264-b-frames.txt"), BFrames::Yes),
        (StreamFormat::H264, include_str!("streams/x264-baseline.txt"), BFrames::No),
        (StreamFormat::H265, include_str!("streams/x265-layers.txt"), BFrames::Yes),
        (StreamFormat::H265, include_str!("streams/x265-in-order.txt"), BFrames::No),
    ];
    for (format, stream, expected) in streams {
        let facts = recorded(format, stream, false);
        assert_eq!((facts.frames, facts.b_frames), (16, expected), "{stream}");
        let unsaid = if expected == BFrames::No { BFrames::NotSeen } else { expected };
        assert_eq!(recorded(format, stream, true).b_frames, unsaid, "{stream}");
    }
}

#[test]
fn order_is_found_without_b_slices() {
    // x264's slices tell by their kind, too; here only by their place.
    let mut order = Order::default();
    for place in [0, 8, 4, 2, 6, 0, 12] {
        order.note(Showing { place: Some((place, 16)), ..Showing::default() }, None);
    }
    assert_eq!(order.verdict(None), BFrames::Yes);
}

#[test]
fn one_step_back_is_a_loss_and_no_b_frame() {
    let mut order = Order::default();
    for place in [0, 2, 4, 6, 0, 2, 4, 6, 8, 10, 12, 14, 0, 2] {
        order.note(Showing { place: Some((place, 16)), ..Showing::default() }, None);
    }
    assert_eq!(order.verdict(None), BFrames::NotSeen);
}

#[test]
fn losses_now_and_then_are_no_b_frames() {
    let mut order = Order::default();
    for number in 0..1000 {
        let place = if number % 100 < 96 { number * 2 % 16 } else { (number * 2 + 10) % 16 };
        order.note(Showing { place: Some((place, 16)), ..Showing::default() }, None);
    }
    assert_eq!(order.verdict(None), BFrames::NotSeen);
}

/// Whether free slices are found in one access unit, behind this parameter set. The units are
/// slices that begin with macroblock 0 (`41c0`), 5 (`4134`) and 10 (`4117`), and parameter sets.
fn has_free_slices(set: &str, units: &[&str]) -> bool {
    let mut inspector = StreamInspector::new(StreamFormat::H264);
    inspector.push(&unit(&[&[set], units].concat()), None, true);
    inspector.has_free_slices()
}

#[test]
fn slices_in_an_order_of_their_own_are_found_in_baseline() {
    let (baseline, constrained) = ("6742801f8c6805005ba01e1108d4", "6742c01f8c6805005ba01e1108d4");
    assert!(!has_free_slices(baseline, &["41c0", "4134", "4117"]));
    assert!(has_free_slices(baseline, &["41c0", "4117", "4134"]));
    assert!(has_free_slices(baseline, &["4134", "41c0"]));
    assert!(!has_free_slices(baseline, &["41c0", "4134", "41c0", "4134"]), "two pictures whose border was lost");
    assert!(!has_free_slices(constrained, &["41c0", "4117", "4134"]), "it says itself that it has none");
    let (one_group, two_groups) = ("68c8", "68c5");
    assert!(!has_free_slices(baseline, &[one_group, "41c0"]));
    assert!(has_free_slices(baseline, &[two_groups, "41c0"]));
}

#[test]
fn the_record_beside_a_stream_is_read_once() {
    let set = bytes(SAMPLES[0].set);
    let record = [&[1, 66, 192, 22, 0xff, 0xe1, 0, set.len() as u8][..], &set, &[0]].concat();
    let mut inspector = StreamInspector::new(StreamFormat::H264);
    assert!(inspector.configure(&record));
    assert_eq!(inspector.parameters().unwrap().profile, "Constrained Baseline");
    assert!(!inspector.configure(&record[..9]) && !StreamInspector::new(StreamFormat::Intra).configure(&record));
}

fn timed(format: StreamFormat, milliseconds: impl IntoIterator<Item = u64>, key_every: u64) -> StreamFacts {
    let mut inspector = StreamInspector::new(format);
    for (number, time) in milliseconds.into_iter().enumerate() {
        inspector.push(&[0; 500], Some(Duration::from_millis(time)), (number as u64).is_multiple_of(key_every));
    }
    inspector.facts()
}

#[test]
fn rate_and_key_frames_are_measured_by_time() {
    let facts = timed(StreamFormat::Other, (0..100).map(|number| 7000 + number * 40), 25);
    assert!((facts.framerate.unwrap() - 25.0).abs() < 1e-9 && (facts.seconds - 4.0).abs() < 1e-9, "{facts:?}");
    assert!((facts.bitrate_kbps.unwrap() - 100.0).abs() < 1e-9, "{facts:?}");
    let keys = KeyFrames { seen: 4, distance_frames: Some(25), distance_seconds: Some(1.0) };
    assert_eq!((facts.key_frames, facts.b_frames), (keys, BFrames::NotSeen));
}

#[test]
fn times_out_of_order_are_b_frames_of_any_codec() {
    let facts = timed(StreamFormat::Other, [0, 120, 40, 80, 240, 160, 200], 100);
    assert_eq!((facts.b_frames, facts.key_frames.distance_frames), (BFrames::Yes, None));
    assert!((facts.framerate.unwrap() - 25.0).abs() < 1e-9, "{facts:?}");
}

#[test]
fn too_little_tells_nothing() {
    let facts = timed(StreamFormat::Other, [40], 1);
    assert_eq!((facts.framerate, facts.bitrate_kbps, facts.b_frames), (None, None, BFrames::Unknown));
    assert_eq!(timed(StreamFormat::Other, [], 1).frames, 0);
    assert_eq!(timed(StreamFormat::Intra, [], 1).b_frames, BFrames::No);
}

/// Cameras send anything; whatever it is, it is read in bounded time and without a panic.
#[test]
fn garbage_is_read_to_its_end() {
    let mut random = StdRng::seed_from_u64(3);
    for round in 0..20_000_u32 {
        let format = if round % 2 == 0 { StreamFormat::H264 } else { StreamFormat::H265 };
        let samples: Vec<_> = SAMPLES.iter().filter(|sample| sample.format == format).collect();
        let sample = samples[random.random_range(0..samples.len())];
        let mut set = bytes(sample.set);
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(1..set.len());
            set[at] = random.random();
        }
        set.truncate(random.random_range(1..=set.len()));
        let mut slice = [0; 32];
        random.fill_bytes(&mut slice);
        slice[0] = if format == StreamFormat::H264 { 0x61 } else { 0x02 };
        let mut inspector = StreamInspector::new(format);
        let data = [&[0, 0, 1][..], &set, &[0, 0, 1], &slice].concat();
        inspector.push(&data, None, false);
        assert_eq!(inspector.facts().frames, 1);
    }
}
