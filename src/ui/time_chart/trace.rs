//! From samples to the lines that are drawn for them.

use crate::stats::{Span, Track};

/// Where a sample is drawn: `x` in pixels from the left edge, `value` in the sample's own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) value: f64,
}

/// Points without a gap between them; never empty.
pub(super) type Run = Vec<Point>;

/// The lines for a track on a plot of `width` pixels, left to right, cut at its gaps.
///
/// The newest span stands at the right edge, and a full track reaches to
/// one interval from the left one. Where several samples of a run fall into one
/// column of pixels, the lowest and the highest stand for all: a drawn line
/// costs as many points as it has columns, and no peak is lost.
pub(super) fn runs(track: &Track, width: f64) -> Vec<Run> {
    let step = width / track.capacity() as f64;
    let mut tracer = Tracer::default();
    for (age, span) in track.iter().rev().enumerate() {
        let at = |value| Point { x: width - age as f64 * step, value: f64::from(value) };
        match span {
            Some(Span { least, most, .. }) => {
                tracer.add(at(most));
                tracer.add(at(least));
            }
            None => tracer.cut(),
        }
    }
    tracer.finish()
}

/// Builds runs from points that come from right to left.
#[derive(Default)]
struct Tracer {
    done: Vec<Run>,
    columns: Vec<Column>,
}

/// The extremes of the samples in one column of pixels.
struct Column {
    pixel: i64,
    low: Point,
    high: Point,
}

impl Tracer {
    fn add(&mut self, point: Point) {
        let pixel = point.x.floor() as i64;
        match self.columns.last_mut() {
            Some(column) if column.pixel == pixel => column.widen(point),
            _ => self.columns.push(Column { pixel, low: point, high: point }),
        }
    }

    fn cut(&mut self) {
        if !self.columns.is_empty() {
            self.done.push(self.columns.drain(..).rev().flat_map(Column::points).collect());
        }
    }

    fn finish(mut self) -> Vec<Run> {
        self.cut();
        self.done.reverse();
        self.done
    }
}

impl Column {
    fn widen(&mut self, point: Point) {
        if point.value < self.low.value {
            self.low = point;
        }
        if point.value > self.high.value {
            self.high = point;
        }
    }

    /// The extremes in their order in time.
    fn points(self) -> impl Iterator<Item = Point> {
        let (first, second) = if self.low.x <= self.high.x { (self.low, self.high) } else { (self.high, self.low) };
        std::iter::once(first).chain((second != first).then_some(second))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn track(capacity: usize, samples: impl IntoIterator<Item = Option<f32>>) -> Track {
        let mut track = Track::new(Duration::from_secs(1), capacity, 1);
        samples.into_iter().for_each(|sample| track.push(sample));
        track
    }

    fn at(x: f64, value: f64) -> Point {
        Point { x, value }
    }

    #[test]
    fn the_newest_sample_stands_at_the_right_edge() {
        let track = track(10, [Some(1.0), Some(2.0)]);
        assert_eq!(runs(&track, 100.0), [vec![at(90.0, 1.0), at(100.0, 2.0)]]);
    }

    #[test]
    fn a_gap_cuts_the_line() {
        let track = track(5, [Some(1.0), Some(2.0), None, None, Some(3.0)]);
        assert_eq!(runs(&track, 50.0), [vec![at(10.0, 1.0), at(20.0, 2.0)], vec![at(50.0, 3.0)]]);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(runs(&track(5, []), 50.0).is_empty());
        assert!(runs(&track(5, [None, None]), 50.0).is_empty());
    }

    #[test]
    fn a_crowd_of_samples_is_thinned_and_keeps_its_peaks() {
        let noise = (0..6_000_u16).map(|n| if n == 4_321 { 9_000.0 } else { f32::from(n % 97 * 31 % 97) });
        let runs = runs(&track(6_000, noise.map(Some)), 100.0);
        let [run] = runs.as_slice() else { panic!("one run, not {}", runs.len()) };
        assert!(run.len() <= 2 * 101, "{} points", run.len());
        assert!(run.iter().any(|point| point.value > 8_999.0), "the peak is lost");
        assert!(run.is_sorted_by_key(|point| point.x), "time runs backwards");
    }

    #[test]
    fn a_coarse_span_reaches_from_its_least_to_its_most() {
        let mut track = Track::new(Duration::from_secs(1), 4, 3);
        for value in [5.0, 1.0, 3.0] {
            track.push(Some(value));
        }
        assert_eq!(runs(&track, 40.0), [vec![at(40.0, 1.0), at(40.0, 5.0)]]);
    }

    #[test]
    fn without_room_everything_is_one_column() {
        let runs = runs(&track(4, [Some(1.0), Some(3.0), Some(2.0)]), 0.0);
        assert_eq!(runs, [vec![at(0.0, 1.0), at(0.0, 3.0)]]);
    }
}
