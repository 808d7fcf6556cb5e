//! What is not sent, because it would not be shown.
//!
//! A viewer that lacks a packet shows nothing until it has it, or a key frame; one that gets neither waits
//! for three seconds before it asks for one. So where a packet is not sent again, a key frame is asked for
//! in its place. Of a way that is clogged nothing can be mended in time at all: nothing is sent any more
//! until its queue is empty, and then a key frame.

use std::time::{Duration, Instant};

use crate::stats::PathReport;

/// A way is clogged where packets wait for so many seconds and so many of them are lost…
const CLOGGED_QUEUE: f64 = 0.05;
const CLOGGED_LOSS: f64 = 0.15;
/// …and loss of before is not counted again.
const BETWEEN_EMPTYINGS: Duration = Duration::from_secs(1);
/// No longer than this is waited for a queue, and for a key frame.
const LONGEST_QUEUE: f64 = 0.4;
const KEY_FRAME_WITHIN: Duration = Duration::from_secs(4);
/// A key frame that was asked for and has not come is asked for again: the request may have been
/// merged with one that was answered while the way was still clogged.
const ASKS_EVERY: Duration = Duration::from_millis(250);

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// It is not sent.
    pub(super) is_dropped: bool,
    /// A key frame is to be asked for.
    pub(super) asks: bool,
    /// With it the viewer's picture begins anew: nothing of before is of use.
    pub(super) begins_anew: bool,
}

/// The viewer lacks something.
#[derive(Clone, Copy, Debug)]
struct Lack {
    since: Instant,
    /// Nothing is sent until then, nor after it anything but a key frame.
    empty_at: Option<Instant>,
    asked_at: Option<Instant>,
}

/// Whether a viewer lacks something that only a key frame can mend.
#[derive(Debug, Default)]
pub(super) struct Interruption {
    lack: Option<Lack>,
    /// How long packets wait, in seconds.
    queueing: f64,
    emptied_at: Option<Instant>,
}

impl Interruption {
    /// What became of what was sent last.
    pub(super) fn learn(&mut self, report: &PathReport, now: Instant) {
        self.queueing = report.queueing;
        let is_counted = self.emptied_at.is_some_and(|at| now.duration_since(at) <= BETWEEN_EMPTYINGS);
        if report.queueing > CLOGGED_QUEUE && report.loss > CLOGGED_LOSS && !is_counted {
            self.empty(now);
        }
    }

    /// A packet that the viewer lacks is not sent again.
    pub(super) fn miss(&mut self, now: Instant) {
        if self.queueing > CLOGGED_QUEUE {
            self.empty(now);
        }
        self.lack.get_or_insert(Lack { since: now, empty_at: None, asked_at: None });
    }

    fn empty(&mut self, now: Instant) {
        if !self.is_emptying() {
            let queue = Duration::from_secs_f64(self.queueing.min(LONGEST_QUEUE));
            self.lack = Some(Lack { since: now, empty_at: Some(now + queue), asked_at: None });
        }
    }

    /// Whether nothing is sent again, and a viewer's own request for a key frame has to wait.
    pub(super) fn is_emptying(&self) -> bool {
        self.lack.is_some_and(|lack| lack.empty_at.is_some())
    }

    /// What becomes of the next frame.
    pub(super) fn frame(&mut self, is_key: bool, now: Instant) -> Frame {
        let Some(lack) = &mut self.lack else { return Frame::default() };
        let waits = lack.empty_at.is_some_and(|at| now < at);
        let is_late = now.duration_since(lack.since) > KEY_FRAME_WITHIN;
        if is_late || (is_key && !waits) {
            if lack.empty_at.is_some() {
                self.emptied_at = Some(now);
            }
            self.lack = None;
            return Frame { begins_anew: is_key, ..Frame::default() };
        }
        let has_asked = lack.asked_at.is_some_and(|at| now.duration_since(at) < ASKS_EVERY);
        let asks = !waits && !has_asked;
        if asks {
            lack.asked_at = Some(now);
        }
        Frame { is_dropped: lack.empty_at.is_some(), asks, begins_anew: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: PathReport =
        PathReport { sent_kbps: 1000.0, received_kbps: 1000.0, carried_kbps: 1000.0, queueing: 0.0, loss: 0.0 };
    const CLOGGED: PathReport = PathReport { queueing: 0.2, loss: 0.5, ..FREE };

    const PASSES: Frame = Frame { is_dropped: false, asks: false, begins_anew: false };
    const PASSES_AND_ASKS: Frame = Frame { asks: true, ..PASSES };
    const DROPPED: Frame = Frame { is_dropped: true, ..PASSES };
    const DROPPED_AND_ASKS: Frame = Frame { asks: true, ..DROPPED };
    const BEGINS_ANEW: Frame = Frame { begins_anew: true, ..PASSES };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_clogged_way_is_emptied_and_goes_on_with_a_key_frame() {
        let (mut interruption, start) = (Interruption::default(), Instant::now());
        interruption.learn(&FREE, start);
        assert_eq!(interruption.frame(false, start), PASSES);
        interruption.learn(&PathReport { queueing: 0.2, ..FREE }, start);
        assert_eq!(interruption.frame(false, start), PASSES, "a queue without loss is the encoder's to empty");
        interruption.learn(&CLOGGED, start);
        assert_eq!(interruption.frame(true, start + ms(50)), DROPPED, "it would wait, or be lost");
        assert!(interruption.is_emptying());
        assert_eq!(interruption.frame(false, start + ms(210)), DROPPED_AND_ASKS);
        assert_eq!(interruption.frame(false, start + ms(240)), DROPPED);
        assert_eq!(interruption.frame(true, start + ms(270)), BEGINS_ANEW);
        assert_eq!(interruption.frame(false, start + ms(300)), PASSES);
        interruption.learn(&CLOGGED, start + ms(400));
        assert_eq!(interruption.frame(false, start + ms(410)), PASSES, "that is what was lost before");
    }

    #[test]
    fn what_is_refused_on_a_free_way_is_mended_by_a_key_frame() {
        let (mut interruption, start) = (Interruption::default(), Instant::now());
        interruption.learn(&FREE, start);
        interruption.miss(start);
        interruption.miss(start + ms(1));
        assert!(!interruption.is_emptying());
        assert_eq!(interruption.frame(false, start + ms(10)), PASSES_AND_ASKS);
        assert_eq!(interruption.frame(false, start + ms(40)), PASSES);
        assert_eq!(interruption.frame(false, start + ms(270)), PASSES_AND_ASKS, "again");
        assert_eq!(interruption.frame(true, start + ms(300)), BEGINS_ANEW);
        assert_eq!(interruption.frame(true, start + ms(330)), PASSES);
    }

    #[test]
    fn what_is_refused_in_a_queue_empties_it() {
        let (mut interruption, start) = (Interruption::default(), Instant::now());
        interruption.learn(&PathReport { queueing: 0.1, ..FREE }, start);
        interruption.miss(start);
        assert_eq!(interruption.frame(false, start + ms(90)), DROPPED);
        assert_eq!(interruption.frame(true, start + ms(110)), BEGINS_ANEW);
    }

    #[test]
    fn a_key_frame_that_never_comes_is_not_waited_for() {
        let (mut interruption, start) = (Interruption::default(), Instant::now());
        interruption.learn(&CLOGGED, start);
        assert_eq!(interruption.frame(false, start + ms(300)), DROPPED_AND_ASKS);
        assert_eq!(interruption.frame(false, start + ms(600)), DROPPED_AND_ASKS, "again");
        assert_eq!(interruption.frame(false, start + ms(4100)), PASSES);
    }
}
