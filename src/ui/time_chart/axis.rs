//! Where the axes of a chart end, and where they are marked.

use std::time::Duration;

/// Free space above the highest value, as a share of it: a steady figure does
/// not stick to the upper edge.
const HEADROOM: f64 = 0.1;
/// Where an axis of values may end, times any power of ten.
const ROUND: [f64; 7] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0];
/// Where nothing is to be shown, or nothing but zeros, the axis ends here.
const LEAST: f64 = 1.0;

/// Distances in seconds at which people read time.
const STEPS: [u64; 16] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 10_800, 21_600, 43_200];

/// The round number at which an axis from zero ends that is to show values up to `largest`.
pub(super) fn upper_bound(largest: Option<f32>) -> f64 {
    let needed = f64::from(largest.unwrap_or_default()) * (1.0 + HEADROOM);
    // Anything smaller than f32 tells apart from zero is noise, and so is less than nothing.
    if needed < f64::from(f32::EPSILON) {
        return LEAST;
    }
    let magnitude = 10_f64.powf(needed.log10().floor());
    let round = ROUND.into_iter().find(|round| round * magnitude >= needed);
    round.unwrap_or(10.0) * magnitude
}

/// The times before now at which an axis of time is marked, latest first, `now` left out.
///
/// There are at most `count` of them, at the smallest distance that people read with ease.
pub(super) fn time_marks(span: Duration, count: usize) -> Vec<Duration> {
    let span = span.as_secs();
    let Some(step) = STEPS.into_iter().find(|step| span / step <= count as u64) else { return Vec::new() };
    (1..=span / step).map(|mark| Duration::from_secs(mark * step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_above_the_values() {
        let cases = [
            (None, 1.0),
            (Some(0.0), 1.0),
            (Some(-5.0), 1.0),
            (Some(0.012), 0.02),
            (Some(0.9), 1.0),
            (Some(1.0), 2.0),
            (Some(640.0), 800.0),
            (Some(950.0), 2_000.0),
            (Some(2_000.0), 3_000.0),
            (Some(9_050.0), 10_000.0),
        ];
        for (largest, bound) in cases {
            let found = upper_bound(largest);
            assert!((found - bound).abs() < bound * 1e-9, "{largest:?} gives {found}, not {bound}");
        }
    }

    #[test]
    fn no_number_is_too_large_or_too_small() {
        for largest in [f32::MAX, f32::MIN_POSITIVE, f32::EPSILON] {
            let bound = upper_bound(Some(largest));
            assert!(bound.is_finite() && bound >= f64::from(largest), "{largest} gives {bound}");
        }
    }

    #[test]
    fn time_is_marked_where_people_read_it() {
        let minutes = |count: &[u64]| count.iter().map(|&n| Duration::from_mins(n)).collect::<Vec<_>>();
        let five_minutes = Duration::from_mins(5);
        assert_eq!(time_marks(five_minutes, 8), minutes(&[1, 2, 3, 4, 5]));
        assert_eq!(time_marks(five_minutes, 3), minutes(&[2, 4]));
        assert_eq!(time_marks(five_minutes, 1), minutes(&[5]));
        assert_eq!(time_marks(Duration::from_secs(45), 3).len(), 3);
        assert_eq!(time_marks(Duration::from_hours(24), 5), [6, 12, 18, 24].map(Duration::from_hours));
    }

    #[test]
    fn no_room_means_no_marks() {
        assert!(time_marks(Duration::from_mins(5), 0).is_empty());
        assert!(time_marks(Duration::ZERO, 4).is_empty());
        assert!(time_marks(Duration::from_hours(1000), 4).is_empty());
    }
}
