//! Requests for key frames: merged, so that many viewers, or one with a bad line, do not make an
//! encoder send nothing but key frames to everybody.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_video::{ForceKeyUnitEvent, UpstreamForceKeyUnitEvent};

/// A rendition makes at most one key frame in this time for whoever asks.
pub(super) const BETWEEN_KEY_FRAMES: Duration = Duration::from_millis(500);
/// One viewer causes at most one in this time: who loses many packets asks all the time. Half of it
/// where it is known to show nothing until then.
pub(super) const BETWEEN_ONE_VIEWERS: Duration = Duration::from_secs(1);

/// What became of the requests for key frames.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KeyFrameCounts {
    /// Requests that came.
    pub asked: u64,
    /// Requests that were handed on; the others were answered by the same key frame.
    pub passed: u64,
    /// Key frames that were made, those nobody asked for included.
    pub made: u64,
}

/// When a request may pass. One that may not yet is kept, never lost.
#[derive(Debug)]
pub(super) struct RequestGate {
    spacing: Duration,
    passed_at: Option<Instant>,
    kept: bool,
}

impl RequestGate {
    pub(super) fn new(spacing: Duration) -> Self {
        Self { spacing, passed_at: None, kept: false }
    }

    /// A request came: whether it passes at once.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        self.kept = true;
        self.is_due(now)
    }

    /// A request came for somebody who shows nothing until it is answered: whether it passes at once.
    pub(super) fn ask_urgently(&mut self, now: Instant) -> bool {
        self.kept = true;
        self.passes(now, self.spacing / 2)
    }

    /// Whether a request that was kept passes now.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.passes(now, self.spacing)
    }

    fn passes(&mut self, now: Instant, spacing: Duration) -> bool {
        let may_pass = self.passed_at.is_none_or(|then| now.duration_since(then) >= spacing);
        if self.kept && may_pass {
            (self.kept, self.passed_at) = (false, Some(now));
            return true;
        }
        false
    }

    /// A key frame comes by: that is what was asked for.
    pub(super) fn satisfy(&mut self) {
        self.kept = false;
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    asked: AtomicU64,
    passed: AtomicU64,
    made: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> KeyFrameCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        KeyFrameCounts { asked: of(&self.asked), passed: of(&self.passed), made: of(&self.made) }
    }
}

/// Merges the requests that go up from this pad, through which the encoded stream comes down.
pub(super) fn merge_requests(pad: &gst::Pad, spacing: Duration) -> Arc<Counters> {
    let counters = Arc::new(Counters::default());
    let gate = Arc::new(Mutex::new(RequestGate::new(spacing)));
    let (counted, held) = (counters.clone(), gate.clone());
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        let Some(event) = info.event().filter(|event| ForceKeyUnitEvent::is(event)) else {
            return gst::PadProbeReturn::Ok;
        };
        if is_kept_one(event) {
            return gst::PadProbeReturn::Ok;
        }
        counted.asked.fetch_add(1, Ordering::Relaxed);
        let passes = held.lock().expect("no holder of this lock should panic").ask(Instant::now());
        if !passes {
            return gst::PadProbeReturn::Drop;
        }
        counted.passed.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    let counted = counters.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let is_key = info.buffer().is_some_and(|buffer| !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
        let mut held = gate.lock().expect("no holder of this lock should panic");
        if is_key {
            counted.made.fetch_add(1, Ordering::Relaxed);
            held.satisfy();
        }
        let is_due = held.is_due(Instant::now());
        drop(held);
        if is_due {
            counted.passed.fetch_add(1, Ordering::Relaxed);
            pad.push_event(kept_request());
        }
        gst::PadProbeReturn::Ok
    });
    counters
}

/// Asks what feeds this pad for a key frame.
pub(super) fn request_key_frame(pad: &gst::Pad) {
    pad.push_event(UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
}

/// By this field a request is known that somebody shows nothing without.
const URGENT: &str = "heliograph-urgent";

/// Asks what feeds this pad for a key frame, without which nothing is shown.
pub(super) fn request_urgently(pad: &gst::Pad) {
    pad.push_event(UpstreamForceKeyUnitEvent::builder().all_headers(true).other_field(URGENT, true).build());
}

/// Whether somebody shows nothing until this request is answered.
pub(super) fn is_urgent(event: &gst::EventRef) -> bool {
    event.structure().is_some_and(|fields| fields.has_field(URGENT))
}

/// By this field a request that was kept passes its own gate.
const KEPT: &str = "heliograph-kept";

fn kept_request() -> gst::Event {
    UpstreamForceKeyUnitEvent::builder().all_headers(true).other_field(KEPT, true).build()
}

fn is_kept_one(event: &gst::EventRef) -> bool {
    event.structure().is_some_and(|fields| fields.has_field(KEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_merged_and_none_is_lost() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut gate = RequestGate::new(ms(500));
        assert!(!gate.is_due(start), "nobody asked");
        assert!(gate.ask(start));
        assert!(!gate.ask(start + ms(100)));
        assert!(!gate.ask(start + ms(200)));
        assert!(!gate.is_due(start + ms(499)));
        assert!(gate.is_due(start + ms(500)), "two became one");
        assert!(!gate.is_due(start + ms(5000)), "and no more");
    }

    #[test]
    fn who_shows_nothing_waits_half_as_long() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut gate = RequestGate::new(ms(1000));
        assert!(gate.ask(start));
        assert!(!gate.ask_urgently(start + ms(499)));
        assert!(!gate.ask(start + ms(500)));
        assert!(gate.ask_urgently(start + ms(500)));
        assert!(!gate.is_due(start + ms(1400)));
    }

    #[test]
    fn a_key_frame_answers_what_was_kept() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut gate = RequestGate::new(ms(500));
        assert!(gate.ask(start));
        assert!(!gate.ask(start + ms(100)));
        gate.satisfy();
        assert!(!gate.is_due(start + ms(600)));
        assert!(gate.ask(start + ms(700)));
    }

    #[test]
    fn a_gate_in_a_stream_counts_and_spaces_requests() {
        crate::media::init().unwrap();
        let source = gst::Pad::new(gst::PadDirection::Src);
        let pad = gst::Pad::builder(gst::PadDirection::Sink).chain_function(|_, _, _| Ok(gst::FlowSuccess::Ok)).build();
        source.link(&pad).unwrap();
        source.set_active(true).unwrap();
        pad.set_active(true).unwrap();
        source.push_event(gst::event::StreamStart::new("stream"));
        source.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        let counters = merge_requests(&pad, Duration::from_millis(50));
        let push = |flags| {
            let mut buffer = gst::Buffer::with_size(4).unwrap();
            buffer.make_mut().set_flags(flags);
            source.push(buffer).unwrap();
        };
        push(gst::BufferFlags::empty());
        for _ in 0..3 {
            request_key_frame(&pad);
        }
        push(gst::BufferFlags::DELTA_UNIT);
        assert_eq!(counters.read(), KeyFrameCounts { asked: 3, passed: 1, made: 1 });
        std::thread::sleep(Duration::from_millis(60));
        push(gst::BufferFlags::DELTA_UNIT);
        assert_eq!(counters.read(), KeyFrameCounts { asked: 3, passed: 2, made: 1 });
    }
}
