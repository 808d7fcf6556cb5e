//! Encoded pictures, cut into NAL units: made once, sent over and over.

use std::{sync::OnceLock, time::Duration};

use gst::prelude::*;
use heliograph::media::source::frame_mark::FrameMark;

/// Pictures a second, of every clip.
pub const FRAMERATE: u32 = 15;
/// Ticks of the RTP clock from one picture to the next.
pub const TICKS: u32 = 90_000 / FRAMERATE;
/// Pictures from one key frame to the next, where they are not to be rare.
const GOP: u32 = FRAMERATE;
/// Pictures in a clip: what comes again has a mark of its own for this long.
const LENGTH: u32 = 4 * GOP;

/// How pictures are encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Coding {
    H264,
    H265,
}

/// A picture as it is sent.
#[derive(Clone)]
pub struct Unit {
    /// NAL units without start codes.
    pub nals: Vec<Vec<u8>>,
    /// When it is shown, in pictures from the clip's first.
    pub shown: u32,
}

/// Pictures that can be repeated without a seam.
pub struct Clip {
    pub coding: Coding,
    pub units: Vec<Unit>,
}

/// How a clip is made.
struct Recipe {
    coding: Coding,
    width: i32,
    height: i32,
    format: &'static str,
    gop: u32,
    length: u32,
    b_frames: u32,
}

const PLAIN: Recipe =
    Recipe { coding: Coding::H264, width: 320, height: 240, format: "I420", gop: GOP, length: LENGTH, b_frames: 0 };

impl Clip {
    pub fn plain() -> &'static Self {
        static CLIP: OnceLock<Clip> = OnceLock::new();
        CLIP.get_or_init(|| Self::make(&PLAIN))
    }

    /// The same, larger.
    pub fn large() -> &'static Self {
        static CLIP: OnceLock<Clip> = OnceLock::new();
        CLIP.get_or_init(|| Self::make(&Recipe { width: 640, height: 480, ..PLAIN }))
    }

    pub fn h265() -> &'static Self {
        static CLIP: OnceLock<Clip> = OnceLock::new();
        CLIP.get_or_init(|| Self::make(&Recipe { coding: Coding::H265, ..PLAIN }))
    }

    pub fn high_422() -> &'static Self {
        static CLIP: OnceLock<Clip> = OnceLock::new();
        CLIP.get_or_init(|| Self::make(&Recipe { format: "Y42B", ..PLAIN }))
    }

    pub fn b_frames() -> &'static Self {
        static CLIP: OnceLock<Clip> = OnceLock::new();
        CLIP.get_or_init(|| Self::make(&Recipe { b_frames: 3, ..PLAIN }))
    }

    /// A single key frame, every half minute.
    pub fn long_gop() -> &'static Self {
        static CLIP: OnceLock<Clip> = OnceLock::new();
        let length = 30 * FRAMERATE;
        CLIP.get_or_init(|| Self::make(&Recipe { gop: length, length, ..PLAIN }))
    }

    /// The NAL units of the first key frame that say how to decode (SPS, PPS, and VPS).
    pub fn parameter_sets(&self) -> Vec<&[u8]> {
        let nals = self.units[0].nals.iter().map(Vec::as_slice);
        nals.filter(|nal| self.coding.is_parameter_set(nal)).collect()
    }

    fn make(recipe: &Recipe) -> Self {
        heliograph::media::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let sink = build(&pipeline, recipe);
        pipeline.set_state(gst::State::Playing).unwrap();
        let mut encoded = Vec::new();
        while let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_seconds(10)) {
            let buffer = sample.buffer().unwrap();
            encoded.push((buffer.pts().unwrap(), split(&buffer.map_readable().unwrap())));
        }
        pipeline.set_state(gst::State::Null).unwrap();
        assert_eq!(encoded.len(), recipe.length as usize, "the encoder should give a unit per picture");
        let first = encoded.iter().map(|(pts, _)| *pts).min().unwrap();
        let period = gst::ClockTime::SECOND / u64::from(FRAMERATE);
        let shown = |pts: gst::ClockTime| ((pts - first + period / 2).nseconds() / period.nseconds()) as u32;
        let units = encoded.into_iter().map(|(pts, nals)| Unit { nals, shown: shown(pts) }).collect();
        Self { coding: recipe.coding, units }
    }
}

impl Coding {
    /// Whether a NAL unit is a parameter set (H.264 table 7-1, H.265 table 7-1).
    pub fn is_parameter_set(self, nal: &[u8]) -> bool {
        match self {
            Self::H264 => matches!(nal[0] & 0x1f, 7 | 8),
            Self::H265 => matches!(nal[0] >> 1 & 0x3f, 32..=34),
        }
    }
}

/// A pipeline that marks and encodes the pictures of a recipe.
fn build(pipeline: &gst::Pipeline, recipe: &Recipe) -> gst_app::AppSink {
    let pattern = make("videotestsrc");
    pattern.set_property("num-buffers", recipe.length.cast_signed());
    pattern.set_property("horizontal-speed", 4_i32);
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", recipe.format)
        .field("width", recipe.width)
        .field("height", recipe.height)
        .field("framerate", gst::Fraction::new(FRAMERATE.cast_signed(), 1))
        .build();
    let filter = make("capsfilter");
    filter.set_property("caps", &raw);
    let encoder = encoder(recipe);
    let kind = if recipe.coding == Coding::H264 { "video/x-h264" } else { "video/x-h265" };
    let caps = gst::Caps::builder(kind).field("stream-format", "byte-stream").field("alignment", "au").build();
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).build();
    let chain = [&pattern, &filter, &encoder, sink.upcast_ref()];
    pipeline.add_many(chain).unwrap();
    gst::Element::link_many(chain).unwrap();
    mark(&encoder.static_pad("sink").unwrap());
    sink
}

fn make(factory: &str) -> gst::Element {
    gst::ElementFactory::make(factory).build().unwrap()
}

fn encoder(recipe: &Recipe) -> gst::Element {
    if recipe.coding == Coding::H265 {
        let encoder = make("x265enc");
        encoder.set_property_from_str("tune", "zerolatency");
        encoder.set_property_from_str("speed-preset", "ultrafast");
        encoder.set_property("key-int-max", recipe.gop.cast_signed());
        encoder.set_property("option-string", "scenecut=0:repeat-headers=1:open-gop=0:pools=1");
        return encoder;
    }
    let encoder = make("x264enc");
    encoder.set_property_from_str("speed-preset", "ultrafast");
    encoder.set_property("key-int-max", recipe.gop);
    encoder.set_property("bframes", recipe.b_frames);
    encoder.set_property("b-adapt", false);
    encoder.set_property("bitrate", 300_u32);
    // One slice to a picture, as cameras send.
    encoder.set_property("threads", 1_u32);
    encoder.set_property("option-string", "scenecut=0:open-gop=0");
    encoder
}

/// Counts the pictures in the pictures.
fn mark(pad: &gst::Pad) {
    let counter = std::sync::atomic::AtomicU32::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let caps = pad.current_caps().unwrap();
        let video = gst_video::VideoInfo::from_caps(&caps).unwrap();
        let mark = FrameMark { counter: counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed), clock: 0 };
        let buffer = info.buffer_mut().unwrap().make_mut();
        let mut frame = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, &video).unwrap();
        let (width, stride) = (video.width() as usize, video.stride()[0] as usize);
        mark.paint(frame.plane_data_mut(0).unwrap(), width, stride);
        gst::PadProbeReturn::Ok
    });
}

/// The NAL units between start codes (H.264, annex B).
fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut starts: Vec<usize> =
        bytes.windows(3).enumerate().filter(|(_, w)| w == b"\0\0\x01").map(|(i, _)| i + 3).collect();
    starts.push(bytes.len() + 3);
    let nals = starts.windows(2).map(|pair| {
        let mut nal = &bytes[pair[0]..pair[1] - 3];
        while let [rest @ .., 0] = nal {
            nal = rest;
        }
        nal.to_vec()
    });
    nals.filter(|nal| !nal.is_empty()).collect()
}

/// The time of so many pictures.
pub fn pictures(count: u32) -> Duration {
    Duration::from_secs(1) * count / FRAMERATE
}
