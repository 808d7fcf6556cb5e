//! Whether a picture is fresh: told from the rhythm of its frames alone.

use std::time::{Duration, Instant};

/// No new frame for this long is unmistakable, unless the camera is slow by nature.
const LIMIT: Duration = Duration::from_millis(500);
/// A camera may miss this many of its usual intervals.
const INTERVALS: u32 = 3;
/// A gap this long is no rhythm any more but an outage.
const LONGEST_INTERVAL: Duration = Duration::from_secs(2);

/// The rhythm of the frames of one preview.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    last: Option<Instant>,
    /// The usual time between frames.
    interval: Duration,
}

impl Freshness {
    /// A frame was shown.
    pub(super) fn frame(&mut self, now: Instant) {
        if let Some(last) = self.last {
            let gap = now - last;
            if gap < LONGEST_INTERVAL {
                // An eighth of the news at a time: one late frame is no new rhythm.
                self.interval = (self.interval * 7 + gap) / 8;
            }
        }
        self.last = Some(now);
    }

    /// How old the picture is; none before the first.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        self.last.map(|last| now - last)
    }

    /// Whether the picture may be called live.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.age(now).is_some_and(|age| age <= LIMIT.max(self.interval * INTERVALS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(every: Duration, frames: u32) -> (Freshness, Instant) {
        let start = Instant::now();
        let mut freshness = Freshness::default();
        for frame in 0..frames {
            freshness.frame(start + every * frame);
        }
        (freshness, start + every * (frames - 1))
    }

    #[test]
    fn before_the_first_frame_nothing_is_live() {
        assert!(!Freshness::default().is_fresh(Instant::now()));
    }

    #[test]
    fn a_fast_camera_is_stale_after_half_a_second() {
        let (freshness, last) = shown(Duration::from_millis(33), 60);
        assert!(freshness.is_fresh(last + Duration::from_millis(499)));
        assert!(!freshness.is_fresh(last + Duration::from_millis(501)));
    }

    #[test]
    fn a_slow_camera_keeps_its_own_pace() {
        let (freshness, last) = shown(Duration::from_secs(1), 60);
        assert!(freshness.is_fresh(last + Duration::from_secs(2)));
        assert!(!freshness.is_fresh(last + Duration::from_secs(4)));
    }

    #[test]
    fn an_outage_is_not_taken_for_a_rhythm() {
        let (mut freshness, last) = shown(Duration::from_millis(33), 60);
        let back = last + Duration::from_secs(40);
        freshness.frame(back);
        assert!(!freshness.is_fresh(back + Duration::from_millis(501)));
    }
}
