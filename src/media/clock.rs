//! One clock and one base time for all pipelines of a feed.

use gst::prelude::*;

/// What makes timestamps mean the same in every pipeline of a feed.
///
/// `StreamProducer` hands buffers from one pipeline to another with their
/// timestamps as they are. They are only right there if both pipelines count
/// running time from the same moment on the same clock.
#[derive(Clone, Debug)]
pub struct FeedClock {
    clock: gst::Clock,
    base_time: gst::ClockTime,
}

impl FeedClock {
    /// A clock whose running time starts now.
    pub fn new() -> Self {
        let clock = gst::SystemClock::obtain();
        let base_time = clock.time();
        Self { clock, base_time }
    }

    /// Puts a pipeline on this clock, for good: it keeps it over state changes.
    pub fn apply(&self, pipeline: &gst::Pipeline) {
        pipeline.use_clock(Some(&self.clock));
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(self.base_time);
    }

    /// Something to wait for that comes again after every `interval`.
    pub(super) fn every(&self, interval: gst::ClockTime) -> gst::PeriodicClockId {
        self.clock.new_periodic_id(self.clock.time() + interval, interval)
    }

    /// The running time now.
    pub fn running_time(&self) -> gst::ClockTime {
        self.clock.time().saturating_sub(self.base_time)
    }
}

impl Default for FeedClock {
    fn default() -> Self {
        Self::new()
    }
}
