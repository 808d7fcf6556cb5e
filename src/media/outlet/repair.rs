//! How much is sent again: so much that it does not itself clog the way that lost it.
//!
//! `rtprtxsend` sends again whatever is asked for. When a connection breaks down to a quarter, three
//! packets of four are lost and asked for, each again and again while the answer is in the queue, and
//! what is sent again keeps the queue full for seconds after the encoder has given way.
//!
//! Of a way that is clogged nothing of what is lost can be mended in time: nothing is sent any more
//! until its queue is empty, and then a key frame.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::stats::PathReport;

/// To one bit of the picture, so much of a bit is sent again…
const SHARE: f64 = 0.25;
/// …and in one go no more than this: a handful of frames.
const MOST_BITS: f64 = 300_000.0;
/// What a packet takes: its size is not in the request.
const PACKET_BITS: f64 = 10_000.0;
/// A packet is under way for at least as long, whatever was measured.
const LEAST_TRIP: Duration = Duration::from_millis(30);
/// Nothing is asked for any more after this long.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// A way is clogged where packets wait for so many seconds and so many of them are lost…
const CLOGGED_QUEUE: f64 = 0.05;
const CLOGGED_LOSS: f64 = 0.15;
/// …and is not emptied again before the encoder has had the time to give way.
const BETWEEN_EMPTYINGS: Duration = Duration::from_secs(1);
/// No longer than this is waited for a queue, and for a key frame.
const LONGEST_QUEUE: f64 = 0.4;
const KEY_FRAME_WITHIN: Duration = Duration::from_secs(4);
/// A key frame that was asked for and has not come is asked for again: the request may have been
/// merged with one that was answered while the way was still clogged.
const ASKS_EVERY: Duration = Duration::from_millis(250);

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// It is sent.
    Passes,
    /// It is not, and a key frame is to be asked for.
    AsksForKey,
    /// It is not.
    Dropped,
}

/// What was sent last has to leave the way before anything else is sent.
#[derive(Clone, Copy, Debug)]
struct Emptying {
    began: Instant,
    /// When the queue is empty.
    until: Instant,
    asked_at: Option<Instant>,
}

/// Which requests are met, and which frames are sent.
#[derive(Debug)]
pub(super) struct Repair {
    bits: f64,
    /// What was sent again, and when.
    sent: VecDeque<(u16, Instant)>,
    trip: Duration,
    emptying: Option<Emptying>,
    emptied_at: Option<Instant>,
}

impl Default for Repair {
    fn default() -> Self {
        Self { bits: MOST_BITS, sent: VecDeque::new(), trip: LEAST_TRIP, emptying: None, emptied_at: None }
    }
}

impl Repair {
    /// A part of the picture went out.
    pub(super) fn earn(&mut self, bytes: usize) {
        self.bits = (self.bits + SHARE * 8.0 * bytes as f64).min(MOST_BITS);
    }

    /// What became of what was sent last, and how long it took until that was known.
    pub(super) fn learn(&mut self, report: &PathReport, trip: Duration, now: Instant) {
        self.trip = trip.max(LEAST_TRIP);
        let is_clogged = report.queueing > CLOGGED_QUEUE && report.loss > CLOGGED_LOSS;
        let may_empty = self.emptied_at.is_none_or(|at| now.duration_since(at) > BETWEEN_EMPTYINGS);
        if is_clogged && may_empty && self.emptying.is_none() {
            let queue = Duration::from_secs_f64(report.queueing.min(LONGEST_QUEUE));
            self.emptying = Some(Emptying { began: now, until: now + queue, asked_at: None });
        }
    }

    /// Whether a viewer's own request for a key frame has to wait.
    pub(super) fn is_emptying(&self) -> bool {
        self.emptying.is_some()
    }

    /// What becomes of the next frame.
    pub(super) fn frame(&mut self, is_key: bool, now: Instant) -> Frame {
        let Some(emptying) = &mut self.emptying else { return Frame::Passes };
        let is_late = now.duration_since(emptying.began) > KEY_FRAME_WITHIN;
        if is_late || (is_key && now >= emptying.until) {
            (self.emptying, self.emptied_at) = (None, Some(now));
            return Frame::Passes;
        }
        let has_asked = emptying.asked_at.is_some_and(|at| now.duration_since(at) < ASKS_EVERY);
        if now < emptying.until || has_asked {
            return Frame::Dropped;
        }
        emptying.asked_at = Some(now);
        Frame::AsksForKey
    }

    /// Whether the packet of this number is sent again.
    pub(super) fn allows(&mut self, number: u16, now: Instant) -> bool {
        while self.sent.front().is_some_and(|(_, at)| now.duration_since(*at) > FORGOTTEN) {
            self.sent.pop_front();
        }
        let is_under_way = |(sent, at): &(u16, Instant)| *sent == number && now.duration_since(*at) < self.trip;
        if self.emptying.is_some() || self.bits < PACKET_BITS || self.sent.iter().any(is_under_way) {
            return false;
        }
        self.bits -= PACKET_BITS;
        self.sent.push_back((number, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: PathReport =
        PathReport { sent_kbps: 1000.0, received_kbps: 1000.0, carried_kbps: 1000.0, queueing: 0.0, loss: 0.0 };
    const CLOGGED: PathReport = PathReport { queueing: 0.2, loss: 0.5, ..FREE };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_is_lost_now_and_then_is_sent_again() {
        let (mut repair, start) = (Repair::default(), Instant::now());
        for number in 0..2000_u16 {
            repair.earn(1200);
            if number % 10 == 0 {
                assert!(repair.allows(number, start + ms(3) * number.into()));
            }
        }
    }

    #[test]
    fn a_packet_under_way_is_not_sent_again() {
        let (mut repair, start) = (Repair::default(), Instant::now());
        repair.learn(&FREE, ms(240), start);
        assert!(repair.allows(7, start));
        assert!(!repair.allows(7, start + ms(200)));
        assert!(repair.allows(8, start + ms(200)));
        assert!(repair.allows(7, start + ms(250)), "it was lost again");
    }

    #[test]
    fn a_way_that_breaks_down_is_not_clogged_by_what_is_sent_again() {
        let (mut repair, now) = (Repair::default(), Instant::now());
        let mut again = 0;
        for number in 0..1000_u16 {
            repair.earn(1200);
            again += u32::from(number % 4 > 0 && repair.allows(number, now));
        }
        assert!(again < 300, "{again}");
    }

    #[test]
    fn a_clogged_way_is_emptied_and_goes_on_with_a_key_frame() {
        let (mut repair, start) = (Repair::default(), Instant::now());
        repair.learn(&FREE, ms(40), start);
        assert_eq!(repair.frame(false, start), Frame::Passes);
        repair.learn(&PathReport { queueing: 0.2, ..FREE }, ms(240), start);
        assert_eq!(repair.frame(false, start), Frame::Passes, "a queue without loss is the encoder's to empty");
        repair.learn(&CLOGGED, ms(240), start);
        assert_eq!(repair.frame(true, start + ms(50)), Frame::Dropped, "it would wait, or be lost");
        assert!(repair.is_emptying() && !repair.allows(7, start + ms(60)));
        assert_eq!(repair.frame(false, start + ms(210)), Frame::AsksForKey);
        assert_eq!(repair.frame(false, start + ms(240)), Frame::Dropped);
        assert_eq!(repair.frame(true, start + ms(270)), Frame::Passes);
        assert_eq!(repair.frame(false, start + ms(300)), Frame::Passes);
        repair.learn(&CLOGGED, ms(240), start + ms(400));
        assert_eq!(repair.frame(false, start + ms(410)), Frame::Passes, "that was not the encoder's last word");
    }

    #[test]
    fn a_key_frame_that_never_comes_is_not_waited_for() {
        let (mut repair, start) = (Repair::default(), Instant::now());
        repair.learn(&CLOGGED, ms(240), start);
        assert_eq!(repair.frame(false, start + ms(300)), Frame::AsksForKey);
        assert_eq!(repair.frame(false, start + ms(600)), Frame::AsksForKey, "again");
        assert_eq!(repair.frame(false, start + ms(4100)), Frame::Passes);
    }
}
