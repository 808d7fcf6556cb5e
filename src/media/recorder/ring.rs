//! The last of a stream, kept in memory.

use std::{collections::VecDeque, time::Duration};

use super::tracks::{Lane, Unit};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingLimits {
    /// At least this long, once there was so much, and up to a GOP more.
    pub time: Duration,
    /// Never more bytes than these.
    pub bytes: usize,
}

/// What is kept: whole GOPs, the oldest first.
#[derive(Debug)]
pub(super) struct Ring {
    limits: RingLimits,
    units: VecDeque<Unit>,
    bytes: usize,
}

impl Ring {
    pub(super) fn new(limits: RingLimits) -> Self {
        Self { limits, units: VecDeque::new(), bytes: 0 }
    }

    /// What was kept does not go together with what comes.
    pub(super) fn clear(&mut self) {
        self.units.clear();
        self.bytes = 0;
    }

    pub(super) fn push(&mut self, unit: Unit) {
        if self.units.is_empty() && !is_beginning(&unit) {
            return;
        }
        self.bytes += unit.data.size();
        self.units.push_back(unit);
        while self.has_too_much() {
            self.drop_gop();
        }
    }

    /// All that is kept.
    pub(super) fn units(&self) -> Vec<Unit> {
        self.units.iter().cloned().collect()
    }

    fn has_too_much(&self) -> bool {
        if self.bytes > self.limits.bytes {
            return true;
        }
        let newest = self.units.back().map(|unit| unit.time);
        let next = self.units.iter().skip(1).find(|unit| is_beginning(unit)).map(|unit| unit.time);
        let enough = |newest: gst::ClockTime, next: gst::ClockTime| {
            Duration::from(newest.saturating_sub(next)) >= self.limits.time
        };
        newest.zip(next).is_some_and(|(newest, next)| enough(newest, next))
    }

    /// Drops the oldest up to the next key frame.
    fn drop_gop(&mut self) {
        let end = self.units.iter().skip(1).position(is_beginning).map_or(self.units.len(), |at| at + 1);
        for unit in self.units.drain(..end) {
            self.bytes -= unit.data.size();
        }
    }
}

fn is_beginning(unit: &Unit) -> bool {
    unit.lane == Lane::Picture && unit.is_key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(ms: u64, is_key: bool, bytes: usize) -> Unit {
        let data = gst::Buffer::with_size(bytes).unwrap();
        Unit { lane: Lane::Picture, time: gst::ClockTime::from_mseconds(ms), is_key, data }
    }

    fn times(ring: &Ring) -> Vec<u64> {
        ring.units().iter().map(|unit| unit.time.mseconds()).collect()
    }

    fn ring(seconds: u64, bytes: usize) -> Ring {
        gst::init().unwrap();
        Ring::new(RingLimits { time: Duration::from_secs(seconds), bytes })
    }

    #[test]
    fn the_time_asked_for_is_kept_from_a_key_frame_on() {
        let mut ring = ring(2, 1000);
        for ms in (0..10_000).step_by(500) {
            ring.push(unit(ms, ms % 1500 == 500, 1));
        }
        assert_eq!(times(&ring), [6500, 7000, 7500, 8000, 8500, 9000, 9500]);
    }

    #[test]
    fn bytes_are_bounded_whatever_the_time() {
        let mut ring = ring(60, 10);
        for ms in 0..20 {
            ring.push(unit(ms, ms % 4 == 0, 2));
        }
        assert!(ring.bytes <= 10 && times(&ring)[0].is_multiple_of(4), "{:?}", times(&ring));
        ring.push(unit(20, true, 11));
        assert_eq!((ring.bytes, times(&ring)), (0, vec![]), "a GOP that does not fit is not kept");
    }
}
