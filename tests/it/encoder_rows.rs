//! Every encoder that can run here, with its real element: no B-frames, no lookahead, key frames
//! when asked, the bitrate that it was told, the form of stream it announces.
//!
//! Frames go in as fast as the encoder takes them, with the timestamps of 30 a second: what is
//! measured is the stream, not the machine.

use std::collections::VecDeque;

use gst::prelude::*;
use heliograph::media::{self, Change, Encoder, EncoderRow};

use crate::support::hard_content::HardContent;

const WIDTH: u16 = 320;
const HEIGHT: u16 = 180;
const FRAMERATE: u32 = 30;

/// What is asked of the rate control, in kbit/s: a start, a step up, a step down.
const STEPS: [u32; 3] = [500, 1200, 500];
/// How much it may be off, after how many seconds.
const TOLERANCE: f64 = 0.15;
const SETTLING: usize = 2 * FRAMERATE as usize;
const MEASURED: usize = 3 * FRAMERATE as usize;

/// Key frames nobody asked for are ten seconds apart. Told of this many frames a second, an
/// encoder makes none while it is looked at, however many it gets.
const KEYFRAMES_FAR_APART: u32 = 300;

/// An encoder between a source and a sink of ours.
struct Bench {
    encoder: Encoder,
    element: gst::Element,
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    content: HardContent,
    pushed: usize,
    pulled: usize,
    /// Frames that were put in and have not come out.
    inside: VecDeque<gst::ClockTime>,
}

struct Encoded {
    size: usize,
    is_key: bool,
}

impl Bench {
    fn start(encoder: Encoder, content: HardContent) -> Self {
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", i32::from(WIDTH))
            .field("height", i32::from(HEIGHT))
            .field("framerate", gst::Fraction::new(FRAMERATE.cast_signed(), 1));
        let source = gst_app::AppSrc::builder().caps(&caps.build()).format(gst::Format::Time).build();
        let element = encoder.build(STEPS[0], KEYFRAMES_FAR_APART).unwrap();
        let filter = gst::ElementFactory::make("capsfilter").property("caps", encoder.output_caps()).build().unwrap();
        let sink = gst_app::AppSink::builder().sync(false).build();
        let pipeline = gst::Pipeline::new();
        let mut chain = vec![source.clone().upcast(), element.clone(), filter];
        chain.extend(encoder.build_parser().unwrap());
        chain.push(sink.clone().upcast());
        pipeline.add_many(&chain).unwrap();
        gst::Element::link_many(&chain).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { encoder, element, pipeline, source, sink, content, pushed: 0, pulled: 0, inside: VecDeque::new() }
    }

    /// Puts one frame in.
    fn push(&mut self) {
        let mut buffer = gst::Buffer::from_mut_slice(self.content.picture(self.pushed));
        let pts = gst::ClockTime::SECOND * self.pushed as u64 / u64::from(FRAMERATE);
        let fields = buffer.get_mut().unwrap();
        fields.set_pts(pts);
        fields.set_duration(gst::ClockTime::SECOND / u64::from(FRAMERATE));
        self.source.push_buffer(buffer).unwrap();
        self.inside.push_back(pts);
        self.pushed += 1;
    }

    /// Takes one frame out, which must be the first of those put in.
    fn pull(&mut self) -> Result<Encoded, String> {
        let sample = self.sink.try_pull_sample(gst::ClockTime::from_seconds(5)).ok_or_else(|| self.silence())?;
        self.look(&sample)
    }

    fn look(&mut self, sample: &gst::Sample) -> Result<Encoded, String> {
        let buffer = sample.buffer().unwrap();
        let expected = self.inside.pop_front();
        // Some encoders begin at 1000 hours, to have room for times before the first frame.
        let segment = sample.segment().unwrap().downcast_ref::<gst::ClockTime>().unwrap();
        let shown = segment.to_running_time(buffer.pts());
        if shown != expected {
            return Err(format!("frame {} is shown at {shown:?} and not {expected:?}", self.pulled));
        }
        if buffer.dts().is_some_and(|dts| Some(dts) != buffer.pts()) {
            return Err(format!(
                "frame {} is decoded at {:?} and shown at {:?}",
                self.pulled,
                buffer.dts(),
                buffer.pts()
            ));
        }
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        self.pulled += 1;
        Ok(Encoded { size: buffer.size(), is_key })
    }

    fn silence(&self) -> String {
        let error = self.pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]);
        match error.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => format!("{}: {:?}", error.error(), error.debug()),
            _ => format!("{} frames were put in and {} came out", self.pushed, self.pulled),
        }
    }

    /// The first frame to come out, however many must be put in for it.
    fn first(&mut self) -> Result<Encoded, String> {
        for held in 0..40 {
            self.push();
            if let Some(sample) = self.sink.try_pull_sample(gst::ClockTime::from_mseconds(300)) {
                let stated = self.encoder.row().held_frames;
                if held > stated {
                    return Err(format!("it holds back {held} frames and not {stated}"));
                }
                return self.look(&sample);
            }
        }
        Err(self.silence())
    }

    /// A frame in, and a frame out before the next goes in: there is no lookahead.
    fn step(&mut self) -> Result<Encoded, String> {
        while self.inside.len() <= self.encoder.row().held_frames as usize {
            self.push();
        }
        self.pull()
    }

    /// Mean bitrate of the next frames, in kbit/s.
    fn measure(&mut self, frames: usize) -> Result<f64, String> {
        let mut bytes = 0;
        for _ in 0..frames {
            let frame = self.step()?;
            if frame.is_key {
                return Err(format!("frame {} is a key frame that nobody asked for", self.pulled));
            }
            bytes += frame.size;
        }
        Ok(bytes as f64 * 8.0 / 1000.0 * f64::from(FRAMERATE) / frames as f64)
    }

    /// How many frames after asking the key frame is.
    fn frames_to_key(&mut self) -> Result<usize, String> {
        let request = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
        self.sink.static_pad("sink").unwrap().push_event(request);
        for frames in 0..30 {
            if self.step()?.is_key {
                return Ok(frames);
            }
        }
        Err("no key frame within a second of asking".into())
    }

    /// What it is, in a line, or what it misses.
    fn run(&mut self) -> Result<String, String> {
        let first = self.first()?;
        if !first.is_key {
            return Err("the first frame is no key frame".into());
        }
        let mut figures = Vec::new();
        for target in STEPS {
            self.encoder.set_bitrate(&self.element, target);
            if self.encoder.row().bitrate_change != Change::Live {
                self.step()?;
            }
            self.measure(SETTLING)?;
            let kbps = self.measure(MEASURED)?;
            figures.push(format!("{target}: {kbps:.0} kbit/s"));
            let off = (kbps / f64::from(target) - 1.0).abs();
            if off > TOLERANCE && self.encoder.row().bitrate_change != Change::Restart {
                return Err(format!("bitrate off by {:.0} %: {}", off * 100.0, figures.join(", ")));
            }
        }
        let frames = self.frames_to_key()?;
        if frames > 2 + self.encoder.row().held_frames as usize {
            return Err(format!("a key frame only {frames} frames after asking"));
        }
        self.caps()?;
        let held = match self.encoder.row().held_frames {
            0 => String::new(),
            held => format!("; HOLDS BACK {held} frames"),
        };
        Ok(format!("{}; key frame {frames} after asking{held}", figures.join(", ")))
    }

    fn caps(&self) -> Result<(), String> {
        let caps = self.sink.static_pad("sink").unwrap().current_caps().unwrap();
        let announced = self.encoder.output_caps();
        if caps.is_subset(&announced) { Ok(()) } else { Err(format!("{caps} is not {announced}")) }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The encoders of a row, or why none can run here.
fn of_row(row: &EncoderRow) -> Result<Vec<Encoder>, &'static str> {
    let installed: Vec<_> = Encoder::installed().into_iter().filter(|encoder| encoder.row() == row).collect();
    if installed.is_empty() { Err("not installed, or no such device") } else { Ok(installed) }
}

#[test]
fn every_encoder_that_can_run_here_does_what_its_row_says() {
    media::init().unwrap();
    let (mut passed, mut not_run, mut failed) = (0, 0, Vec::new());
    for row in Encoder::rows() {
        match of_row(row) {
            Ok(encoders) => {
                for encoder in encoders {
                    let name = encoder.element().to_owned();
                    let start = std::time::Instant::now();
                    match Bench::start(encoder, HardContent::new(WIDTH.into(), HEIGHT.into())).run() {
                        Ok(figures) => {
                            println!("{name}: {figures} ({:.1?})", start.elapsed());
                            passed += 1;
                        }
                        Err(reason) => failed.push(format!("{name}: {reason}")),
                    }
                }
            }
            Err(reason) => {
                println!("not run: {}: {reason}", row.element);
                not_run += 1;
            }
        }
    }
    println!("encoder rows: {passed} passed, {not_run} not run");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed > 0);
}
