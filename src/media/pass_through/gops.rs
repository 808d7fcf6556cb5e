//! How far key frames are apart, lately.

use std::time::Duration;

/// Clocks of cameras are not exact, and ten seconds is what many are set to.
pub(super) const SLACK: Duration = Duration::from_millis(500);

/// More time than this between two pictures is a camera that stood still and no long GOP.
const LONGEST_STEP: Duration = Duration::from_secs(2);

/// Counts GOPs and measures the newest.
#[derive(Clone, Debug, Default)]
pub(super) struct Gops {
    last: Option<Duration>,
    /// Since the newest key frame; before the first, since the stream began.
    running: Duration,
    has_begun: bool,
    /// The last two that ended, the newer first.
    ended: [Duration; 2],
    whole: u32,
    /// Since the first key frame.
    seen: Duration,
}

impl Gops {
    /// Takes note of a picture, by its time of decoding. Pictures without a time take none.
    pub(super) fn push(&mut self, time: Option<Duration>, is_key: bool) {
        let step = time.zip(self.last).map_or(Duration::ZERO, |(now, last)| now.saturating_sub(last).min(LONGEST_STEP));
        self.last = time.or(self.last);
        self.running += step;
        if self.has_begun {
            self.seen += step;
        }
        if !is_key {
            return;
        }
        if self.has_begun {
            self.ended = [self.running, self.ended[0]];
            self.whole = self.whole.saturating_add(1);
        }
        self.has_begun = true;
        self.running = Duration::ZERO;
    }

    /// GOPs that were seen from key frame to key frame.
    pub(super) fn whole(&self) -> u32 {
        self.whole
    }

    /// The longest of the last two and of the one that is running. One key frame that was lost
    /// makes a long one, and is forgiven after two others.
    pub(super) fn longest(&self) -> Duration {
        self.running.max(self.ended[0]).max(self.ended[1])
    }

    /// How long pictures came that can be decoded.
    pub(super) fn seen(&self) -> Duration {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key frames at these seconds, with a picture in every second.
    fn gops(keys: &[u64], pictures: impl IntoIterator<Item = u64>) -> Gops {
        let mut gops = Gops::default();
        for second in pictures {
            gops.push(Some(Duration::from_secs(second)), keys.contains(&second));
        }
        gops
    }

    #[test]
    fn only_what_lies_between_key_frames_is_whole() {
        let gops = gops(&[3, 5, 8], 0..=9);
        assert_eq!((gops.whole(), gops.longest(), gops.seen()), (2, Duration::from_secs(3), Duration::from_secs(6)));
    }

    #[test]
    fn a_long_one_is_forgiven_after_two_others() {
        let keys = [0, 12, 16, 20];
        assert_eq!(gops(&keys, 0..=17).longest(), Duration::from_secs(12));
        assert_eq!(gops(&keys, 0..=20).longest(), Duration::from_secs(4));
    }

    #[test]
    fn key_frames_that_never_come_are_far_apart() {
        assert_eq!(gops(&[], 0..=11).longest(), Duration::from_secs(11));
    }

    #[test]
    fn a_camera_that_stands_still_makes_no_long_gop() {
        assert_eq!(gops(&[0, 4], [0, 1, 2, 3, 4, 100, 101]).longest(), Duration::from_secs(4));
        assert_eq!(gops(&[0, 4], [50, 0, 1, 2, 3, 4]).longest(), Duration::from_secs(4), "nor does a clock set back");
    }
}
