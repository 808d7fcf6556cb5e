//! What the camera sends, as it is: for viewers who can take that, beside the decoder.

use std::sync::{Arc, Mutex, MutexGuard};

use gst::prelude::*;
use gst_utils::StreamProducer;
use tokio::sync::mpsc::UnboundedSender;

use super::{IngestEvent, decode_gate::DecodeGate};
use crate::{
    config::{Codec, RenditionRole},
    media::{
        InputCodec, KeyFrameCounts, MediaError,
        element::{producer, producer_sink},
        encoder::keep_caps_steady,
        gop_cache::{CacheLimits, GopCache},
        key_frames::{BETWEEN_KEY_FRAMES, Counters, merge_requests},
        meter::Meter,
        pass_through::{Suitability, Terms},
        rendition_mark::mark_frames,
        running_time::stamp_running_time,
    },
};

/// A camera's encoded stream; clones are the same stream.
#[derive(Clone, Debug)]
pub struct CameraStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    codec: Codec,
    output: StreamProducer,
    gop: Arc<GopCache>,
    meter: Arc<Meter>,
    key_frames: Arc<Counters>,
    tasks: Mutex<Tasks>,
}

/// What is done before each frame, while it answers true.
type Task = Box<dyn FnMut(&CameraStream) -> bool + Send>;

#[derive(Default)]
struct Tasks(Vec<Task>);

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tasks", self.0.len())
    }
}

impl CameraStream {
    /// The codec that viewers have to decode.
    pub fn codec(&self) -> Codec {
        self.0.codec
    }

    /// The stream.
    pub fn output(&self) -> &StreamProducer {
        &self.0.output
    }

    /// How many key frames were asked of the camera, and came.
    pub fn key_frames(&self) -> KeyFrameCounts {
        self.0.key_frames.read()
    }

    /// Bytes that came so far.
    pub fn received_bytes(&self) -> u64 {
        self.0.meter.bytes()
    }

    /// The newest GOP up to now, in a form that an `appsrc` takes, and the time of its key frame, by
    /// which it is told from the next; `None` where none is held.
    pub(in crate::media) fn replay(&self) -> Option<(gst::ClockTime, Vec<gst::Sample>)> {
        let Inner { gop, .. } = &*self.0;
        let caps = gop.caps()?;
        // The newest picture keeps its time, by which it is known when it comes again.
        let now = gst::ClockTime::from_nseconds(i64::MAX.unsigned_abs());
        let (beginning, units) = loop {
            let (before, units) = (gop.beginning()?, gop.replay(now));
            if gop.beginning() == Some(before) {
                break (before, units);
            }
        };
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let sample = |unit| gst::Sample::builder().buffer(&unit).caps(&caps).segment(&segment).build();
        Some((beginning, units.into_iter().map(sample).collect()))
    }

    /// Does this before each frame is handed out, on the stream's own thread, until it answers false.
    pub(in crate::media) fn before_each_frame(&self, task: impl FnMut(&Self) -> bool + Send + 'static) {
        self.tasks().0.push(Box::new(task));
    }

    fn run_tasks(&self) {
        // Not under the lock: a task may bring another.
        let mut tasks = std::mem::take(&mut self.tasks().0);
        tasks.retain_mut(|task| task(self));
        self.tasks().0.extend(tasks);
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.0.tasks.lock().expect("no holder of this lock should panic")
    }
}

/// The codec of a stream that viewers could take; `None` for one that has to be encoded anew anyway.
pub(super) fn sendable(codec: InputCodec, caps: &gst::CapsRef) -> Option<Codec> {
    let form = caps.structure(0).and_then(|fields| fields.get::<&str>("stream-format").ok());
    match (codec, form) {
        (InputCodec::H264, Some("byte-stream")) => Some(Codec::H264),
        (InputCodec::H265, Some("byte-stream")) => Some(Codec::H265),
        _ => None,
    }
}

/// What the camera's stream is judged by, and told with.
pub(super) struct Watch {
    pub(super) terms: Terms,
    pub(super) gate: Arc<DecodeGate>,
    pub(super) arrived: Box<dyn Fn() + Send + Sync>,
    pub(super) events: UnboundedSender<IngestEvent>,
}

/// A fork behind `pad`: one end for the decoder, and one for the stream as it is.
pub(super) fn fork(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    codec: Codec,
    watch: Watch,
) -> Result<gst::Pad, MediaError> {
    let tee = gst::ElementFactory::make("tee").build()?;
    let sink = producer_sink("stream");
    pipeline.add_many([&tee, sink.upcast_ref()])?;
    tee.link(&sink)?;
    let to_decoder =
        tee.request_pad_simple("src_%u").ok_or_else(|| gst::glib::bool_error!("a tee should give pads"))?;
    let events = watch.events.clone();
    let _ = events.send(IngestEvent::Stream(offer(&sink, codec, watch)));
    sink.sync_state_with_parent()?;
    tee.sync_state_with_parent()?;
    let input = tee.static_pad("sink").expect("a tee should have a sink pad");
    pad.link(&input).map_err(|_| gst::glib::bool_error!("the camera's stream does not fit a tee"))?;
    Ok(to_decoder)
}

fn offer(sink: &gst_app::AppSink, codec: Codec, watch: Watch) -> CameraStream {
    let pad = sink.static_pad("sink").expect("an appsink should have a sink pad");
    judge(&pad, watch);
    keep_caps_steady(&pad, codec);
    stamp_running_time(&pad);
    mark_frames(&pad, RenditionRole::Camera);
    let stream = CameraStream(Arc::new(Inner {
        codec,
        output: producer(sink),
        gop: GopCache::watch(&pad, CacheLimits::default()),
        meter: Meter::watch(&pad),
        key_frames: merge_requests(&pad, BETWEEN_KEY_FRAMES),
        tasks: Mutex::default(),
    }));
    // Weak: the pad belongs to the stream.
    let inner = Arc::downgrade(&stream.0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let Some(inner) = inner.upgrade() else { return gst::PadProbeReturn::Remove };
        CameraStream(inner).run_tasks();
        gst::PadProbeReturn::Ok
    });
    stream
}

/// Judges the stream by its caps and every access unit.
fn judge(pad: &gst::Pad, watch: Watch) {
    let suitability = Mutex::new(Suitability::new(watch.terms));
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |_, info| {
        let mut suitability = suitability.lock().expect("no holder of this lock should panic");
        let is_new = match &info.data {
            Some(gst::PadProbeData::Buffer(unit)) => {
                if !watch.gate.is_open() {
                    (watch.arrived)();
                }
                suitability.push(unit)
            }
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Caps(caps) => suitability.set_caps(caps.caps()),
                _ => false,
            },
            _ => false,
        };
        if is_new {
            let _ = watch.events.send(IngestEvent::Judged(suitability.verdict().clone()));
        }
        gst::PadProbeReturn::Ok
    });
}
