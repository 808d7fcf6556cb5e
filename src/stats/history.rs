//! What one figure was over the last minutes, hour and day.

use std::{collections::VecDeque, time::Duration};

/// How far back a chart looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Five minutes, sample by sample.
    #[default]
    Minutes,
    /// An hour, by ten samples each.
    Hour,
    /// A day, by 180 samples each: three minutes.
    Day,
}

impl Reach {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Minutes, Self::Hour, Self::Day];

    /// How long that is, of samples that are taken once a second.
    pub fn time(self) -> Duration {
        let (capacity, each) = self.shape();
        Track::new(Duration::from_secs(1), capacity, each).span()
    }

    /// How many spans are kept, and how many samples make one.
    const fn shape(self) -> (usize, u32) {
        match self {
            Self::Minutes => (300, 1),
            Self::Hour => (360, 10),
            Self::Day => (480, 180),
        }
    }
}

/// What a figure was over a short time, in which it was known at least once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The smallest value.
    pub least: f32,
    /// The average.
    pub mean: f32,
    /// The largest value.
    pub most: f32,
}

/// What a figure was at a steady interval, ever more coarsely the longer it is ago.
///
/// A sample that could not be taken is a gap and stays one: nobody may take an outage for a zero, or for
/// the value before it. A coarse span is a gap where nothing was known throughout; else its extremes are
/// those of every single sample, so that no peak is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    tracks: [Track; Reach::ALL.len()],
}

impl History {
    /// An empty history of samples that are taken every `interval`. [`Reach::time`] is for one a second.
    pub fn new(interval: Duration) -> Self {
        Self {
            tracks: Reach::ALL.map(|reach| {
                let (capacity, each) = reach.shape();
                Track::new(interval, capacity, each)
            }),
        }
    }

    /// Adds the newest sample. `None` is a gap, and so is a value that is not finite.
    pub fn push(&mut self, value: Option<f32>) {
        for track in &mut self.tracks {
            track.push(value);
        }
    }

    /// The newest sample: `None` if it is a gap, or if there is none yet.
    pub fn latest(&self) -> Option<f32> {
        self.over(Reach::Minutes).iter().next_back().flatten().map(|span| span.mean)
    }

    /// What is known of so long a time.
    pub fn over(&self, reach: Reach) -> &Track {
        &self.tracks[reach as usize]
    }

    /// The memory that its samples take, in bytes, room for further ones included.
    pub fn bytes(&self) -> usize {
        self.tracks.iter().map(|track| track.spans.capacity() * size_of::<Packed>()).sum::<usize>() + size_of::<Self>()
    }
}

/// Spans of one length; the oldest makes room for the newest.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    spans: VecDeque<Packed>,
    capacity: usize,
    /// The time between two samples.
    interval: Duration,
    /// How many samples make a span.
    each: u32,
    /// Samples in the newest span, gaps included.
    taken: u32,
    /// Those among them that are known.
    known: u32,
}

/// Least, mean, most; NaN where nothing is known. A third smaller than an `Option` of them.
type Packed = [f32; 3];
const GAP: Packed = [f32::NAN; 3];

/// Room is made for so many spans at once: who watches for a minute costs a minute's memory.
const GROWTH: usize = 64;

impl Track {
    /// An empty track that keeps `capacity` spans, but at least one, of `each` samples.
    pub fn new(interval: Duration, capacity: usize, each: u32) -> Self {
        let (capacity, each) = (capacity.max(1), each.max(1));
        Self { spans: VecDeque::new(), capacity, interval, each, taken: each, known: 0 }
    }

    /// Adds the newest sample.
    pub fn push(&mut self, value: Option<f32>) {
        if self.taken == self.each {
            self.begin();
        }
        self.taken += 1;
        let newest = self.spans.back_mut().expect("a span should have been begun");
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.known += 1;
            *newest = match *newest {
                [least, mean, most] if self.known > 1 => {
                    [least.min(value), mean + (value - mean) / self.known as f32, most.max(value)]
                }
                _ => [value; 3],
            };
        }
    }

    fn begin(&mut self) {
        if self.spans.len() == self.capacity {
            self.spans.pop_front();
        } else if self.spans.len() == self.spans.capacity() {
            self.spans.reserve_exact(GROWTH.min(self.capacity - self.spans.len()));
        }
        self.spans.push_back(GAP);
        (self.taken, self.known) = (0, 0);
    }

    /// All spans, oldest first; the newest may still grow.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Option<Span>> + ExactSizeIterator + '_ {
        self.spans
            .iter()
            .map(|[least, mean, most]| (!mean.is_nan()).then_some(Span { least: *least, mean: *mean, most: *most }))
    }

    /// The smallest value, gaps aside.
    pub fn min(&self) -> Option<f32> {
        self.iter().flatten().map(|span| span.least).reduce(f32::min)
    }

    /// The largest value, gaps aside.
    pub fn max(&self) -> Option<f32> {
        self.iter().flatten().map(|span| span.most).reduce(f32::max)
    }

    /// How many spans are kept at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The length of a span.
    pub fn interval(&self) -> Duration {
        self.interval.saturating_mul(self.each)
    }

    /// The time that a full track covers.
    pub fn span(&self) -> Duration {
        self.interval().saturating_mul(u32::try_from(self.capacity).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn track(capacity: usize, each: u32, samples: &[Option<f32>]) -> Track {
        let mut track = Track::new(SECOND, capacity, each);
        for sample in samples {
            track.push(*sample);
        }
        track
    }

    fn means(track: &Track) -> Vec<Option<f32>> {
        track.iter().map(|span| span.map(|span| span.mean)).collect()
    }

    #[test]
    fn nothing_is_known_at_first() {
        let empty = History::new(SECOND);
        assert_eq!(empty.latest(), None);
        for (reach, hours) in Reach::ALL.into_iter().zip([1.0 / 12.0, 1.0, 24.0]) {
            let track = empty.over(reach);
            assert_eq!((track.min(), track.max(), track.iter().len()), (None, None, 0));
            assert_eq!(track.span(), Duration::from_secs_f64(hours * 3600.0));
        }
    }

    #[test]
    fn the_oldest_makes_room() {
        let full = track(3, 1, &[Some(1.0), Some(2.0), Some(3.0), Some(4.0)]);
        assert_eq!(means(&full), [Some(2.0), Some(3.0), Some(4.0)]);
        assert_eq!((full.min(), full.max()), (Some(2.0), Some(4.0)));
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let gappy = track(8, 1, &[Some(5.0), None, Some(7.0), None]);
        assert_eq!(means(&gappy), [Some(5.0), None, Some(7.0), None]);
        let coarse = track(8, 2, &[Some(5.0), None, None, None, None, Some(7.0)]);
        assert_eq!(means(&coarse), [Some(5.0), None, Some(7.0)]);
    }

    #[test]
    fn what_is_no_number_is_a_gap() {
        let odd = track(8, 1, &[Some(f32::NAN), Some(f32::INFINITY), Some(f32::NEG_INFINITY), Some(-1.0)]);
        assert_eq!(means(&odd), [None, None, None, Some(-1.0)]);
    }

    #[test]
    fn a_track_of_nothing_keeps_one_span() {
        let tiny = track(0, 0, &[Some(1.0), Some(2.0)]);
        assert_eq!((tiny.capacity(), means(&tiny)), (1, vec![Some(2.0)]));
    }

    #[test]
    fn a_coarse_span_has_extremes_and_mean_of_its_samples_and_grows() {
        let spans = track(8, 4, &[Some(1.0), Some(9.0), Some(2.0), Some(4.0), Some(3.0)]);
        let found: Vec<_> = spans.iter().flatten().map(|span| (span.least, span.mean, span.most)).collect();
        assert_eq!(found, [(1.0, 4.0, 9.0), (3.0, 3.0, 3.0)]);
    }

    #[test]
    fn a_peak_of_one_second_is_seen_a_day_later() {
        let mut history = History::new(SECOND);
        for second in 0..24 * 3600 {
            history.push(Some(if second == 600 { 9_000.0 } else { 1.0 }));
        }
        assert_eq!(history.over(Reach::Day).max(), Some(9_000.0));
        assert_eq!(history.over(Reach::Hour).max(), Some(1.0));
        assert_eq!(history.latest(), Some(1.0));
    }
}
