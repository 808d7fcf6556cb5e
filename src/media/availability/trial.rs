//! Three frames through an element, in this process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gst::prelude::*;

use super::{Candidate, Failure, FailureKind, Verdict};
use crate::media::{
    MediaError,
    element::{add_and_link, caps_filter, make},
};

/// Frames of a trial: the first may come out of an element that fails at the second,
/// and a third shows that it goes on.
const FRAMES: u32 = 3;

/// The picture of an encoder's trial. Hardware refuses very small ones.
const SIZE: (i32, i32) = (320, 240);

/// Runs the candidate's trial to its end, at most for `limit`. Blocks.
pub(super) fn run(candidate: &dyn Candidate, limit: Duration) -> Verdict {
    let failed = |kind| Verdict::Failed(Failure { work: candidate.work(), kind });
    let pipeline = match candidate.trial() {
        Ok(pipeline) => pipeline,
        Err(MediaError::MissingElement { .. }) => return Verdict::NotInstalled,
        Err(error) => return failed(FailureKind::NotTried(error.to_string())),
    };
    let arrived = count_frames(&pipeline);
    let end = play(&pipeline, limit);
    let _ = pipeline.set_state(gst::State::Null);
    match (end, arrived.load(Ordering::Relaxed)) {
        (Err(kind), _) => failed(kind),
        (Ok(()), frames) if frames < FRAMES => failed(FailureKind::Incomplete(frames)),
        (Ok(()), _) => Verdict::Works,
    }
}

/// Plays until the end of the stream, an error or the limit.
fn play(pipeline: &gst::Pipeline, limit: Duration) -> Result<(), FailureKind> {
    let bus = pipeline.bus().expect("a pipeline should have a bus");
    let started = pipeline.set_state(gst::State::Playing);
    let wanted = [gst::MessageType::Error, gst::MessageType::Eos];
    let message = match started {
        Ok(_) => bus.timed_pop_filtered(gst::ClockTime::from_nseconds(limit.as_nanos() as u64), &wanted),
        // A failing start leaves its reason on the bus, or none at all.
        Err(_) => bus.pop_filtered(&wanted),
    };
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => Err(FailureKind::Refused(error.error().message().to_owned())),
        _ if started.is_err() => Err(FailureKind::Refused("the element did not start".into())),
        Some(_) => Ok(()),
        None => Err(FailureKind::Hung(limit)),
    }
}

/// Counts what arrives at the pipeline's end.
fn count_frames(pipeline: &gst::Pipeline) -> Arc<AtomicU32> {
    let arrived = Arc::new(AtomicU32::new(0));
    for sink in pipeline.iterate_sinks().into_iter().flatten() {
        let arrived = arrived.clone();
        let pad = sink.static_pad("sink").expect("a trial should end in a sink with one pad");
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            arrived.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
    arrived
}

/// A trial of an encoder: three frames of a test picture, then `chain`, which begins
/// with whatever brings frames to the encoder's memory.
///
/// # Errors
/// An element is missing, or they do not fit.
pub fn encoding_trial(chain: &[gst::Element]) -> Result<gst::Pipeline, MediaError> {
    let source = make("videotestsrc")?;
    source.set_property("num-buffers", FRAMES.cast_signed());
    let size = gst::Caps::builder("video/x-raw")
        .field("width", SIZE.0)
        .field("height", SIZE.1)
        .field("framerate", gst::Fraction::new(30, 1));
    finish(&[vec![source, caps_filter(&size.build())?, make("videoconvert")?], chain.to_vec()].concat())
}

/// A trial of a decoder: three encoded frames, then `chain`.
///
/// # Errors
/// An element is missing, or they do not fit.
pub(in crate::media) fn decoding_trial(
    caps: &gst::Caps,
    frames: Vec<&'static [u8]>,
    chain: &[gst::Element],
) -> Result<gst::Pipeline, MediaError> {
    let mut frames = (0..).zip(frames);
    let source = gst_app::AppSrc::builder()
        .caps(caps)
        .format(gst::Format::Time)
        .callbacks(
            gst_app::AppSrcCallbacks::builder()
                .need_data(move |source, _| {
                    // What the pipeline answers while it stops is of no interest.
                    let _ = match frames.next() {
                        Some((number, frame)) => source.push_buffer(buffer(number, frame)),
                        None => source.end_of_stream(),
                    };
                })
                .build(),
        )
        .build();
    finish(&[vec![source.upcast()], chain.to_vec()].concat())
}

fn buffer(number: u64, frame: &'static [u8]) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(frame);
    let fields = buffer.get_mut().expect("a new buffer should have one owner");
    let interval = gst::ClockTime::from_mseconds(33);
    fields.set_pts(interval * number);
    fields.set_duration(interval);
    buffer
}

/// Frames end here whatever memory they lie in.
fn finish(chain: &[gst::Element]) -> Result<gst::Pipeline, MediaError> {
    let sink = make("fakesink")?;
    sink.set_property("sync", false);
    let pipeline = gst::Pipeline::with_name("trial");
    add_and_link(&pipeline, &chain.iter().chain([&sink]).collect::<Vec<_>>())?;
    Ok(pipeline)
}
