//! An encoded stream as it is handed out, a camera's or an encoder's: steady, marked, counted, and
//! with the newest of it kept, so that a viewer can begin in the middle.

use std::sync::{Arc, Mutex, MutexGuard};

use gst::prelude::*;
use gst_utils::StreamProducer;

use super::{
    KeyFrameCounts,
    element::producer,
    encoder::keep_caps_steady,
    gop_cache::{CacheLimits, GopCache},
    key_frames::{BETWEEN_KEY_FRAMES, Counters, merge_requests},
    meter::Meter,
    rendition_mark::mark_frames,
    running_time::stamp_running_time,
};
use crate::config::{Codec, RenditionRole, Size};

/// An encoded stream; clones are the same stream.
#[derive(Clone, Debug)]
pub struct EncodedStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    role: RenditionRole,
    codec: Codec,
    producer: StreamProducer,
    gop: Arc<GopCache>,
    meter: Arc<Meter>,
    key_frames: Arc<Counters>,
    tasks: Mutex<Tasks>,
}

/// What is done before each frame, while it answers true.
type Task = Box<dyn FnMut(&EncodedStream) -> bool + Send>;

#[derive(Default)]
struct Tasks(Vec<Task>);

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tasks", self.0.len())
    }
}

impl EncodedStream {
    /// Offers what comes to this sink, and keeps so much of it.
    pub(super) fn offer(sink: &gst_app::AppSink, role: RenditionRole, codec: Codec, kept: CacheLimits) -> Self {
        let pad = sink.static_pad("sink").expect("an appsink should have a sink pad");
        keep_caps_steady(&pad, codec);
        stamp_running_time(&pad);
        mark_frames(&pad, role);
        let stream = Self(Arc::new(Inner {
            role,
            codec,
            producer: producer(sink),
            gop: GopCache::watch(&pad, kept),
            meter: Meter::watch(&pad),
            key_frames: merge_requests(&pad, BETWEEN_KEY_FRAMES),
            tasks: Mutex::default(),
        }));
        // Weak: the pad belongs to the stream.
        let inner = Arc::downgrade(&stream.0);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let Some(inner) = inner.upgrade() else { return gst::PadProbeReturn::Remove };
            Self(inner).run_tasks();
            gst::PadProbeReturn::Ok
        });
        stream
    }

    /// What it is to its feed.
    pub fn role(&self) -> RenditionRole {
        self.0.role
    }

    /// The codec that viewers have to decode.
    pub fn codec(&self) -> Codec {
        self.0.codec
    }

    /// What hands it out.
    pub fn producer(&self) -> &StreamProducer {
        &self.0.producer
    }

    /// How many key frames were asked for, and came.
    pub fn key_frames(&self) -> KeyFrameCounts {
        self.0.key_frames.read()
    }

    /// Bytes that came so far.
    pub fn bytes(&self) -> u64 {
        self.0.meter.bytes()
    }

    /// Frames that came so far.
    pub fn frames(&self) -> u64 {
        self.0.meter.buffers()
    }

    /// The size of its pictures; `None` before the first.
    pub fn size(&self) -> Option<Size> {
        let caps = self.producer().appsink().static_pad("sink")?.current_caps()?;
        let side = |name| caps.structure(0)?.get::<i32>(name).ok()?.try_into().ok();
        Some(Size { width: side("width")?, height: side("height")? })
    }

    /// The newest GOP up to now, in a form that an `appsrc` takes, and the time of its key frame, by
    /// which it is told from the next; `None` where none is held.
    pub(super) fn replay(&self) -> Option<(gst::ClockTime, Vec<gst::Sample>)> {
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
    pub(super) fn before_each_frame(&self, task: impl FnMut(&Self) -> bool + Send + 'static) {
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
