//! How much of something passes.

use std::{collections::VecDeque, time::Instant};

/// Frames are counted over so many seconds: within one, a frame more or less is too much.
const FRAMES_OVER: usize = 4;

/// Something that is counted about once a second, as a rate over the last of these counts.
#[derive(Debug)]
pub(super) struct Rate {
    /// The oldest first.
    counts: VecDeque<(Instant, u64)>,
    /// From one to the next this many times, at most.
    steps: usize,
}

impl Default for Rate {
    /// Over the last second.
    fn default() -> Self {
        Self::over(1)
    }
}

impl Rate {
    /// Of frames.
    pub(super) fn of_frames() -> Self {
        Self::over(FRAMES_OVER)
    }

    /// Over about so many seconds.
    fn over(seconds: usize) -> Self {
        Self { counts: VecDeque::new(), steps: seconds }
    }

    /// So many a second; `None` before the second count.
    pub(super) fn per_second(&self) -> Option<f64> {
        let ((first, before), (last, after)) = (*self.counts.front()?, *self.counts.back()?);
        let seconds = last.duration_since(first).as_secs_f64();
        (seconds > 0.0).then(|| after.saturating_sub(before) as f64 / seconds)
    }

    /// Of bytes, in kbit/s.
    pub(super) fn kbps(&self) -> Option<f64> {
        self.per_second().map(|bytes| bytes * 8.0 / 1000.0)
    }

    /// So many had passed by now.
    pub(super) fn count(&mut self, passed: u64, now: Instant) {
        if self.counts.len() > self.steps {
            self.counts.pop_front();
        }
        self.counts.push_back((now, passed));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_counts() {
        let (start, mut rate) = (Instant::now(), Rate::over(2));
        let mut count = |seconds, passed| {
            rate.count(passed, start + Duration::from_secs(seconds));
            rate.per_second()
        };
        assert_eq!(count(0, 100), None);
        assert_eq!(count(1, 110), Some(10.0));
        assert_eq!(count(2, 130), Some(15.0));
        assert_eq!(count(3, 150), Some(20.0));
    }
}
