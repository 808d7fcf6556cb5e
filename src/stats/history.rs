//! What one figure was over the last minutes.

use std::collections::VecDeque;
use std::time::Duration;

/// A ring of samples taken at a steady interval; the oldest makes room for the newest.
///
/// A sample that could not be taken is a gap and stays one: nobody may take an
/// outage for a zero, or for the value before it.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    samples: VecDeque<Option<f32>>,
    capacity: usize,
    interval: Duration,
}

impl History {
    /// How many samples a history usually keeps: five minutes at one per second.
    pub const USUAL_CAPACITY: usize = 300;

    /// An empty history of the usual capacity, for samples taken every `interval`.
    pub fn new(interval: Duration) -> Self {
        Self::with_capacity(interval, Self::USUAL_CAPACITY)
    }

    /// An empty history that keeps `capacity` samples, but at least one.
    pub fn with_capacity(interval: Duration, capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { samples: VecDeque::with_capacity(capacity), capacity, interval }
    }

    /// Adds the newest sample. `None` is a gap, and so is a value that is not finite.
    pub fn push(&mut self, value: Option<f32>) {
        if self.samples.len() == self.capacity {
            self.samples.pop_front();
        }
        self.samples.push_back(value.filter(|value| value.is_finite()));
    }

    /// Forgets every sample.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// All samples, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Option<f32>> + ExactSizeIterator + '_ {
        self.samples.iter().copied()
    }

    /// The newest sample: `None` if it is a gap, or if there is none yet.
    pub fn latest(&self) -> Option<f32> {
        self.samples.back().copied().flatten()
    }

    /// The smallest value kept, gaps aside.
    pub fn min(&self) -> Option<f32> {
        self.values().reduce(f32::min)
    }

    /// The largest value kept, gaps aside.
    pub fn max(&self) -> Option<f32> {
        self.values().reduce(f32::max)
    }

    /// How many samples there are, gaps included.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether no sample was taken yet.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// How many samples are kept at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The time between two samples.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The time that a full history covers.
    pub fn span(&self) -> Duration {
        self.interval.saturating_mul(u32::try_from(self.capacity).unwrap_or(u32::MAX))
    }

    fn values(&self) -> impl Iterator<Item = f32> + '_ {
        self.samples.iter().copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn history(capacity: usize, samples: &[Option<f32>]) -> History {
        let mut history = History::with_capacity(SECOND, capacity);
        for sample in samples {
            history.push(*sample);
        }
        history
    }

    #[test]
    fn nothing_is_known_at_first() {
        let empty = History::new(SECOND);
        assert!(empty.is_empty());
        assert_eq!((empty.latest(), empty.min(), empty.max(), empty.len()), (None, None, None, 0));
        assert_eq!((empty.capacity(), empty.span()), (300, Duration::from_mins(5)));
    }

    #[test]
    fn the_oldest_makes_room() {
        let full = history(3, &[Some(1.0), Some(2.0), Some(3.0), Some(4.0)]);
        assert_eq!(full.iter().collect::<Vec<_>>(), [Some(2.0), Some(3.0), Some(4.0)]);
        assert_eq!((full.min(), full.max(), full.latest(), full.len()), (Some(2.0), Some(4.0), Some(4.0), 3));
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let gappy = history(8, &[Some(5.0), None, Some(7.0), None]);
        assert_eq!(gappy.iter().collect::<Vec<_>>(), [Some(5.0), None, Some(7.0), None]);
        assert_eq!((gappy.min(), gappy.max(), gappy.latest()), (Some(5.0), Some(7.0), None));
    }

    #[test]
    fn what_is_no_number_is_a_gap() {
        let odd = history(8, &[Some(f32::NAN), Some(f32::INFINITY), Some(f32::NEG_INFINITY), Some(-1.0)]);
        assert_eq!(odd.iter().collect::<Vec<_>>(), [None, None, None, Some(-1.0)]);
    }

    #[test]
    fn a_history_of_nothing_keeps_one_sample() {
        let tiny = history(0, &[Some(1.0), Some(2.0)]);
        assert_eq!((tiny.capacity(), tiny.latest(), tiny.len()), (1, Some(2.0), 1));
    }

    #[test]
    fn a_cleared_history_keeps_its_room() {
        let mut cleared = history(3, &[Some(1.0)]);
        cleared.clear();
        assert_eq!((cleared.is_empty(), cleared.capacity()), (true, 3));
    }
}
