//! What an encoder makes of its pictures, and how long each takes.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::running_time::running_time;

/// Pictures whose way out is awaited. No encoder holds back as many.
const INSIDE: usize = 64;

/// Counts pictures into an encoder and out of it.
#[derive(Debug, Default)]
pub(super) struct EncodeMeter {
    /// Pictures that are inside, by their time, and when they went in.
    inside: Mutex<VecDeque<(gst::ClockTime, Instant)>>,
    entered: AtomicU64,
    encoded: AtomicU64,
    /// Nanoseconds that pictures took, added up.
    taken: AtomicU64,
}

impl EncodeMeter {
    /// Counts what goes in at one pad and comes out at the other, whose timestamps have to be running time.
    pub(super) fn watch(into: &gst::Pad, out: &gst::Pad) -> Arc<Self> {
        let meter = Arc::new(Self::default());
        let entering = meter.clone();
        into.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(time) = info.buffer().and_then(|buffer| running_time(pad, buffer)) {
                entering.enter(time, Instant::now());
            }
            gst::PadProbeReturn::Ok
        });
        let leaving = meter.clone();
        out.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(time) = info.buffer().and_then(|buffer| buffer.pts()) {
                leaving.leave(time, Instant::now());
            }
            gst::PadProbeReturn::Ok
        });
        meter
    }

    fn enter(&self, time: gst::ClockTime, now: Instant) {
        self.entered.fetch_add(1, Ordering::Relaxed);
        let mut inside = self.inside.lock().expect("no holder of this lock should panic");
        if inside.len() == INSIDE {
            inside.pop_front();
        }
        inside.push_back((time, now));
    }

    /// Pictures come out in order: an earlier one that is still inside was left out.
    fn leave(&self, time: gst::ClockTime, now: Instant) {
        let mut inside = self.inside.lock().expect("no holder of this lock should panic");
        let entered = inside.iter().position(|(inside, _)| *inside == time);
        let entered = entered.and_then(|position| inside.drain(..=position).next_back());
        drop(inside);
        self.encoded.fetch_add(1, Ordering::Relaxed);
        // Nothing is known of one whose time the encoder changed.
        if let Some((_, at)) = entered {
            self.taken.fetch_add(now.duration_since(at).as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// Pictures that went in.
    pub(super) fn entered(&self) -> u64 {
        self.entered.load(Ordering::Relaxed)
    }

    /// Pictures that came out.
    pub(super) fn encoded(&self) -> u64 {
        self.encoded.load(Ordering::Relaxed)
    }

    /// The time that they took, added up.
    pub(super) fn taken(&self) -> Duration {
        Duration::from_nanos(self.taken.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_pictures_that_come_out_is_added_up_and_no_other() {
        let (meter, start, ms) = (EncodeMeter::default(), Instant::now(), Duration::from_millis);
        let picture = |number| gst::ClockTime::from_mseconds(33 * number);
        for number in 0..4 {
            meter.enter(picture(number), start + ms(33 * number));
        }
        meter.leave(picture(0), start + ms(5));
        // The second was left out by the encoder.
        meter.leave(picture(2), start + ms(66 + 7));
        meter.leave(gst::ClockTime::from_seconds(9), start + ms(90));
        assert_eq!((meter.entered(), meter.encoded(), meter.taken()), (4, 3, ms(12)));
        assert_eq!(meter.inside.lock().unwrap().len(), 1, "the fourth is inside");
    }

    #[test]
    fn what_never_comes_out_is_forgotten() {
        let (meter, now) = (EncodeMeter::default(), Instant::now());
        for number in 0..1000 {
            meter.enter(gst::ClockTime::from_mseconds(number), now);
        }
        assert_eq!(meter.inside.lock().unwrap().len(), INSIDE);
    }
}
