//! What an encoder gives to webrtcsink: always the same caps but for the size,
//! no B-frames, a key frame when asked.

use std::{sync::mpsc, time::Duration};

use gst::prelude::*;
use heliograph::{
    config::{Codec, ElementChoice, SourceAddress},
    media::{
        self, FeedClock, Ingest, Rendition, RenditionPlan, choose_encoder,
        source::{DemoCamera, DemoSettings, RtspSource, Transport},
    },
};

/// An encoded frame: its caps, its time, and whether it is a key frame.
struct Frame {
    caps: gst::Caps,
    pts: gst::ClockTime,
    is_key: bool,
}

fn camera(width: i32, height: i32) -> DemoCamera {
    DemoCamera::start(DemoSettings { width, height, ..DemoSettings::default() }).unwrap()
}

fn ingest(camera: &DemoCamera, clock: &FeedClock) -> Ingest {
    let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
    let source = RtspSource::new(address, Transport::Tcp);
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    Ingest::start(&source, clock, events).unwrap()
}

fn frames(rendition: &Rendition) -> mpsc::Receiver<Frame> {
    let (sender, receiver) = mpsc::channel();
    let pad = rendition.stream().producer().appsink().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let buffer = info.buffer().unwrap();
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let _ = sender.send(Frame { caps: pad.current_caps().unwrap(), pts: buffer.pts().unwrap(), is_key });
        gst::PadProbeReturn::Ok
    });
    receiver
}

fn next(frames: &mpsc::Receiver<Frame>) -> Frame {
    frames.recv_timeout(Duration::from_secs(10)).expect("an encoded frame")
}

/// Caps without what webrtcsink lets change in a running session.
fn lasting(caps: &gst::Caps) -> gst::Structure {
    let mut lasting = caps.structure(0).unwrap().to_owned();
    lasting.remove_fields([
        "width",
        "height",
        "framerate",
        "pixel-aspect-ratio",
        "colorimetry",
        "chroma-site",
        "interlace-mode",
    ]);
    lasting
}

fn keeps_its_promises(codec: Codec) {
    let clock = FeedClock::new();
    let row = choose_encoder(codec, &ElementChoice::Automatic).unwrap();
    let mut rendition =
        Rendition::start(&row, &RenditionPlan::new(1000), &clock, |failure| panic!("{failure:?}")).unwrap();
    let encoded = frames(&rendition);

    let (small, large) = (camera(640, 360), camera(1280, 720));
    let first = ingest(&small, &clock);
    rendition.connect(first.frames());
    let seen: Vec<Frame> = (0..40).map(|_| next(&encoded)).collect();
    assert!(seen[0].is_key && !seen[1].is_key);
    assert!(seen.windows(2).all(|pair| pair[0].pts < pair[1].pts), "{codec}: frames out of order: B-frames");
    if codec == Codec::H264 {
        let caps = seen[0].caps.structure(0).unwrap();
        assert_eq!(caps.get::<&str>("profile").unwrap(), "constrained-baseline");
        assert_eq!(caps.get::<&str>("level").unwrap(), "5.1");
    }

    let second = ingest(&large, &clock);
    rendition.connect(second.frames());
    let width = |frame: &Frame| frame.caps.structure(0).unwrap().get::<i32>("width").unwrap();
    let changed = std::iter::from_fn(|| Some(next(&encoded))).find(|frame| width(frame) == 1280).unwrap();
    assert!(changed.is_key, "{codec}: a new size starts with a key frame");
    assert_eq!(lasting(&seen[0].caps), lasting(&changed.caps), "{codec}");

    let pad = rendition.stream().producer().appsink().static_pad("sink").unwrap();
    pad.push_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
    assert!((0..30).any(|_| next(&encoded).is_key), "{codec}: a key frame within a second of asking");
}

#[test]
fn every_codec_keeps_its_promises() {
    media::init().unwrap();
    for codec in &[Codec::H264, Codec::Vp8] {
        keeps_its_promises(*codec);
    }
}

/// Pictures of one size, each when it is asked for.
struct Slides {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    producer: gst_utils::StreamProducer,
    bytes: usize,
}

impl Slides {
    fn start(width: i32, height: i32, clock: &FeedClock) -> Self {
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", width)
            .field("height", height)
            .field("framerate", gst::Fraction::new(30, 1));
        let source = gst_app::AppSrc::builder().caps(&caps.build()).format(gst::Format::Time).is_live(true).build();
        let sink = gst_app::AppSink::builder().sync(false).async_(false).build();
        let pipeline = gst::Pipeline::new();
        clock.apply(&pipeline);
        pipeline.add_many([source.upcast_ref::<gst::Element>(), sink.upcast_ref()]).unwrap();
        source.link(&sink).unwrap();
        let settings = gst_utils::streamproducer::ProducerSettings { sync: false };
        let producer = gst_utils::StreamProducer::with(&sink, settings);
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, source, producer, bytes: (width * height * 3 / 2) as usize }
    }

    fn show(&self, milliseconds: u64) {
        let mut buffer = gst::Buffer::from_mut_slice(vec![90; self.bytes]);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(milliseconds));
        self.source.push_buffer(buffer).unwrap();
    }
}

impl Drop for Slides {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// Two cameras are not equally far away: the first picture of the next may be older than the
/// last of the one before.
#[test]
fn a_camera_that_is_behind_the_one_before_starts_with_a_key_frame() {
    media::init().unwrap();
    for codec in Codec::ALL {
        let clock = FeedClock::new();
        let row = choose_encoder(*codec, &ElementChoice::Automatic).unwrap();
        let plan = RenditionPlan::new(1000);
        let mut rendition = Rendition::start(&row, &plan, &clock, |failure| panic!("{failure:?}")).unwrap();
        let encoded = frames(&rendition);
        let (before, after) = (Slides::start(320, 180, &clock), Slides::start(160, 90, &clock));
        rendition.connect(&before.producer);
        for time in [0, 33, 66, 99] {
            before.show(time);
            next(&encoded);
        }
        rendition.connect(&after.producer);
        for time in [50, 83, 116] {
            after.show(time);
        }
        let first = next(&encoded);
        assert_eq!(first.caps.structure(0).unwrap().get::<i32>("width"), Ok(160), "{codec}");
        assert!(first.is_key, "{codec}");
    }
}
