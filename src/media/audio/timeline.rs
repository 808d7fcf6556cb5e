//! Which packets go out, and when silence takes their place. Pure arithmetic.
//!
//! All times are running times of the feed's clock; a packet's time is that of
//! its sound, `now` is when it is handled.

use gst::ClockTime;

use super::opus::PACKET;

/// How long no sound may come before silence takes its place. Cameras that put
/// several frames into a packet, and Opus that rests while nobody speaks, pause
/// up to 400 ms.
pub(super) const PATIENCE: ClockTime = ClockTime::from_mseconds(500);

/// What two packets may share and still both go out: encoders begin with a packet that
/// is 6.5 ms shorter than it says.
const OVERLAP: ClockTime = ClockTime::from_mseconds(10);

/// Sound from further in the future than this has a broken clock.
const FUTURE: ClockTime = ClockTime::from_seconds(2);

/// The stream that viewers get: in order, without overlap.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Where the sound that went out ends.
    end: ClockTime,
    /// When the last real packet came.
    heard: Option<ClockTime>,
    /// How old sound is when it comes; silence is given the same age, or
    /// viewers would measure a jump in delay and hold the picture back for it.
    lateness: ClockTime,
}

impl Timeline {
    /// Whether real sound may go out: it comes in order and does not overlap what went before.
    pub(super) fn take(&mut self, now: ClockTime, start: ClockTime, duration: ClockTime) -> bool {
        self.heard = Some(now);
        self.lateness = now.saturating_sub(start);
        let overlaps = start + OVERLAP < self.end;
        if overlaps || start > now + FUTURE {
            return false;
        }
        self.end = start + duration;
        true
    }

    /// Where a packet of silence is due now, if one is. To be asked until none is.
    pub(super) fn fill(&mut self, now: ClockTime) -> Option<ClockTime> {
        if self.heard.is_some_and(|heard| now < heard + PATIENCE) {
            return None;
        }
        let due = now.saturating_sub(self.lateness);
        if self.end + PACKET > due {
            return None;
        }
        // What was missed while waiting stays a gap: sound that is late by
        // that much would make viewers wait for all sound to come.
        let start = if self.end + PACKET * 4 < due { due - PACKET } else { self.end };
        self.end = start + PACKET;
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> ClockTime {
        ClockTime::from_mseconds(milliseconds)
    }

    #[test]
    fn silence_flows_before_any_sound() {
        let mut timeline = Timeline::default();
        let sent: Vec<_> = (0..50).filter_map(|tick| timeline.fill(ms(1000 + 20 * tick))).collect();
        assert_eq!(sent.len(), 50);
        assert!(sent.windows(2).all(|pair| pair[1] == pair[0] + PACKET));
        assert_eq!(sent[0], ms(980));
    }

    #[test]
    fn sound_takes_over_without_overlap_and_silence_waits() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.fill(ms(1000)), Some(ms(980)));
        assert!(!timeline.take(ms(1010), ms(910), PACKET), "silence is there already");
        assert!(timeline.take(ms(1100), ms(1000), PACKET));
        assert!(timeline.take(ms(1120), ms(1020), PACKET));
        assert!(!timeline.take(ms(1120), ms(1020), PACKET), "twice the same");
        assert_eq!(timeline.fill(ms(1600)), None, "a pause is no end");
        // 100 ms old, as the sound was.
        assert_eq!(timeline.fill(ms(1630)), Some(ms(1510)));
        assert_eq!(timeline.fill(ms(1630)), None);
        assert_eq!(timeline.fill(ms(1650)), Some(ms(1530)));
        assert!(timeline.take(ms(1660), ms(1560), PACKET));
    }

    #[test]
    fn a_broken_clock_stops_nothing() {
        let mut timeline = Timeline::default();
        assert!(!timeline.take(ms(1000), ms(9_000_000), PACKET));
        assert!(timeline.take(ms(1020), ms(1000), PACKET));
    }

    #[test]
    fn a_busy_machine_catches_up_a_little_and_skips_the_rest() {
        let mut timeline = Timeline::default();
        assert!(timeline.fill(ms(1000)).is_some());
        assert_eq!(timeline.fill(ms(1040)), Some(ms(1000)));
        assert_eq!(timeline.fill(ms(1040)), Some(ms(1020)));
        assert_eq!(timeline.fill(ms(1040)), None);
        assert_eq!(timeline.fill(ms(9040)), Some(ms(9020)));
        assert_eq!(timeline.fill(ms(9040)), None);
    }
}
