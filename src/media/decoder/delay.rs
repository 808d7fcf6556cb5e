//! Whether decoders on the processor hold pictures back, found by trying.
//!
//! Frames are pushed straight into the element: when a push returns, FFmpeg's decoders
//! have given what they will give before the next frame.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use gst::prelude::*;

use super::*;

/// Frames of one stream, one buffer each.
struct Stream {
    caps: gst::Caps,
    frames: Vec<gst::Buffer>,
}

/// Encodes moving pictures in a form that cameras send: no B-frames.
fn encode(codec: InputCodec, settings: &[(&str, &str)], (width, height): (i32, i32), frames: i32) -> Stream {
    crate::media::init().unwrap();
    let source = make("videotestsrc");
    source.set_property("num-buffers", frames);
    source.set_property_from_str("pattern", "zone-plate");
    source.set_property("kx2", 6);
    source.set_property("ky2", 6);
    source.set_property("kt", 30);
    let raw = make("capsfilter");
    let raw_caps = gst::Caps::builder("video/x-raw").field("format", "I420").field("width", width);
    raw.set_property("caps", raw_caps.field("height", height).field("framerate", gst::Fraction::new(30, 1)).build());
    let encoder = make(if codec == InputCodec::H264 { "x264enc" } else { "x265enc" });
    for (property, value) in settings {
        encoder.set_property_from_str(property, value);
    }
    let parser = make(codec.parser().unwrap());
    let caps = gst::Caps::builder(codec.caps_name()).field("stream-format", "byte-stream").field("alignment", "au");
    let sink = gst_app::AppSink::builder().caps(&caps.build()).sync(false).build();
    let pipeline = gst::Pipeline::new();
    let elements = [&source, &raw, &encoder, &parser, sink.upcast_ref()];
    pipeline.add_many(elements).unwrap();
    gst::Element::link_many(elements).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let samples: Vec<_> = std::iter::from_fn(|| sink.try_pull_sample(gst::ClockTime::from_seconds(30))).collect();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(samples.len(), frames as usize, "the encoder lost frames");
    Stream {
        caps: samples[0].caps_owned().unwrap(),
        frames: samples.iter().map(|sample| sample.buffer_owned().unwrap()).collect(),
    }
}

fn make(factory: &str) -> gst::Element {
    gst::ElementFactory::make(factory).build().unwrap()
}

/// A decoder with nothing before and nothing behind it.
struct Bench {
    decoder: gst::Element,
    input: gst::Pad,
    output: gst::Pad,
    pictures: Arc<Mutex<Vec<gst::ClockTime>>>,
}

impl Bench {
    fn new(decoder: gst::Element, caps: &gst::Caps) -> Self {
        let pictures = Arc::new(Mutex::new(Vec::new()));
        let output = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function({
                let pictures = pictures.clone();
                move |_, _, buffer| {
                    pictures.lock().unwrap().push(buffer.pts().unwrap());
                    Ok(gst::FlowSuccess::Ok)
                }
            })
            .build();
        let input = gst::Pad::builder(gst::PadDirection::Src).build();
        input.link(&decoder.static_pad("sink").unwrap()).unwrap();
        decoder.static_pad("src").unwrap().link(&output).unwrap();
        output.set_active(true).unwrap();
        decoder.set_state(gst::State::Playing).unwrap();
        input.set_active(true).unwrap();
        input.push_event(gst::event::StreamStart::new("bench"));
        input.push_event(gst::event::Caps::new(caps));
        input.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        Self { decoder, input, output, pictures }
    }

    /// How many frames are inside after each push, at most.
    fn run(&self, frames: &[gst::Buffer]) -> usize {
        let held = frames.iter().enumerate().map(|(number, frame)| {
            self.input.push(frame.clone()).unwrap();
            let pictures = self.pictures.lock().unwrap();
            assert!(pictures.iter().zip(frames).all(|(pts, frame)| Some(*pts) == frame.pts()), "out of order");
            number + 1 - pictures.len()
        });
        held.max().unwrap_or_default()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.output.set_active(false);
        let _ = self.decoder.set_state(gst::State::Null);
    }
}

/// How many frames the decoder holds back; `None` where it is not installed.
fn held_back(codec: InputCodec, element: &str, threading: Threading, stream: &Stream) -> Option<(u32, u32)> {
    let decoder = Decoder::installed(codec).into_iter().find(|decoder| decoder.element == element)?;
    let bench = Bench::new(decoder.build(threading).unwrap(), &stream.caps);
    let start = Instant::now();
    let held = bench.run(&stream.frames);
    let each = start.elapsed() / stream.frames.len() as u32;
    println!("{element} with {threading:?}: {held} frames held back, {each:.1?} a frame");
    Some((held as u32, decoder.added_frames(threading)))
}

type Settings = [(&'static str, &'static str)];

/// One slice a frame in a profile in which B-frames could come; four slices a frame.
const H264_FORMS: [&Settings; 2] = [
    &[("bframes", "0"), ("sliced-threads", "false"), ("rc-lookahead", "0"), ("speed-preset", "superfast")],
    &[("tune", "zerolatency"), ("speed-preset", "superfast"), ("option-string", "slices=4")],
];

/// Without and with rows that can be decoded beside each other.
const H265_FORMS: [&Settings; 2] = [
    &[("tune", "zerolatency"), ("speed-preset", "ultrafast"), ("option-string", "wpp=0:bframes=0")],
    &[("tune", "zerolatency"), ("speed-preset", "ultrafast"), ("option-string", "wpp=1:bframes=0")],
];

fn streams(codec: InputCodec, forms: [&Settings; 2]) -> [Stream; 2] {
    forms.map(|settings| encode(codec, settings, (640, 360), 12))
}

fn ffmpeg_adds_what_is_stated(codec: InputCodec, element: &str, forms: [&Settings; 2]) {
    for stream in streams(codec, forms) {
        for threading in [1, 2, 4].map(Threading::Slices) {
            let Some((held, _)) = held_back(codec, element, threading, &stream) else {
                return println!("not run: {element} is not installed");
            };
            assert_eq!(held, 0, "{element} with {threading:?} gives frame n only after frame n+1");
        }
        for threading in [2, 3].map(Threading::Frames) {
            let (held, stated) = held_back(codec, element, threading, &stream).unwrap();
            assert_eq!(held, stated, "{element} with {threading:?}");
        }
    }
}

#[test]
fn h264_frames_leave_before_the_next_arrives() {
    ffmpeg_adds_what_is_stated(InputCodec::H264, "avdec_h264", H264_FORMS);
}

#[test]
fn h265_frames_leave_before_the_next_arrives() {
    ffmpeg_adds_what_is_stated(InputCodec::H265, "avdec_h265", H265_FORMS);
}

#[test]
fn the_other_decoders_hold_back_what_is_stated() {
    let decoders = [(InputCodec::H264, "openh264dec", H264_FORMS), (InputCodec::H265, "libde265dec", H265_FORMS)];
    for (codec, element, forms) in decoders {
        for stream in streams(codec, forms) {
            match held_back(codec, element, Threading::OfItsOwn, &stream) {
                Some((held, stated)) => assert!(held <= stated, "{element} holds back {held} frames"),
                None => println!("not run: {element} is not installed"),
            }
        }
    }
}

#[test]
fn up_to_1080p_the_automatic_choice_adds_no_frame() {
    crate::media::init().unwrap();
    for codec in InputCodec::ALL {
        let software = Decoder::installed(*codec).into_iter().find(|decoder| !decoder.device.is_hardware());
        if let Some(decoder) = software {
            let threading = decoder.threading_for(1920, 1080);
            assert_eq!(decoder.added_frames(threading), 0, "{} {threading:?}", decoder.element);
        }
    }
}

#[test]
fn the_operators_choice_is_found_or_the_others_are_named() {
    crate::media::init().unwrap();
    let named = |name: &str| choose_decoder(InputCodec::Mjpeg, &ElementChoice::Named(name.into()));
    assert_eq!(named("jpegdec").unwrap().element(), "jpegdec");
    let told = named("avdec_h264").unwrap_err().to_string();
    assert!(told.contains("“avdec_h264” for Motion JPEG") && told.contains("jpegdec"), "{told}");
}
