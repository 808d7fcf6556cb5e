//! How much is sent again: so much that it does not itself clog the way that lost it.
//!
//! `rtprtxsend` sends again whatever is asked for. When a connection breaks down to a quarter, three
//! packets of four are lost and asked for, each again and again while the answer is in the queue, and
//! what is sent again keeps the queue full for seconds after the encoder has given way.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::stats::PathReport;

/// Packets that wait for so many seconds wait for each other: what is sent again delays the rest.
const QUEUE: f64 = 0.025;
/// Then so much of a bit is sent again to one bit of the picture, and in one go no more than the way
/// carries in so many seconds…
const SHARE_IN_QUEUE: f64 = 0.25;
const IN_QUEUE: f64 = 0.06;
/// …else so much: the way loses what it loses whatever is sent.
const SHARE: f64 = 1.0;
/// In one go no more than a handful of frames, and at least a few packets.
const MOST_BITS: f64 = 300_000.0;
const LEAST_BITS: f64 = 3.0 * PACKET_BITS;
/// What a packet takes: its size is not in the request.
const PACKET_BITS: f64 = 10_000.0;
/// A packet is under way for at least as long, whatever was measured.
const LEAST_TRIP: Duration = Duration::from_millis(30);
/// A packet that was lost again as often is given up.
const TRIES: u32 = 4;
/// Nothing is asked for any more after this long.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The packet is sent again.
    Met,
    /// It was, and may still arrive.
    UnderWay,
    /// It is not: the way does not bear it, or loses it each time. The viewer will never have it.
    Refused,
}

/// A packet that was sent again.
#[derive(Clone, Copy, Debug)]
struct Again {
    number: u16,
    at: Instant,
    times: u32,
}

/// Which requests are met.
#[derive(Debug)]
pub(super) struct Repair {
    bits: f64,
    share: f64,
    most_bits: f64,
    sent: VecDeque<Again>,
    trip: Duration,
}

impl Default for Repair {
    fn default() -> Self {
        Self { bits: MOST_BITS, share: SHARE, most_bits: MOST_BITS, sent: VecDeque::new(), trip: LEAST_TRIP }
    }
}

impl Repair {
    /// A part of the picture goes out.
    pub(super) fn earn(&mut self, bytes: usize) {
        self.bits = (self.bits + self.share * 8.0 * bytes as f64).min(self.most_bits);
    }

    /// What became of what was sent last, and how long it took until that was known.
    pub(super) fn learn(&mut self, report: &PathReport, trip: Duration) {
        self.trip = trip.max(LEAST_TRIP);
        (self.share, self.most_bits) = if report.queueing > QUEUE {
            let carried = 1000.0 * IN_QUEUE * report.carried_kbps;
            (SHARE_IN_QUEUE, carried.clamp(LEAST_BITS, MOST_BITS))
        } else {
            (SHARE, MOST_BITS)
        };
        self.bits = self.bits.min(self.most_bits);
    }

    /// Whether the packet of this number is sent again.
    pub(super) fn ask(&mut self, number: u16, now: Instant) -> Answer {
        while self.sent.front().is_some_and(|again| now.duration_since(again.at) > FORGOTTEN) {
            self.sent.pop_front();
        }
        let before = self.sent.iter().position(|again| again.number == number);
        if before.is_some_and(|before| now.duration_since(self.sent[before].at) < self.trip) {
            return Answer::UnderWay;
        }
        let times = before.map_or(0, |before| self.sent[before].times);
        if self.bits < PACKET_BITS || times == TRIES {
            return Answer::Refused;
        }
        if let Some(before) = before {
            self.sent.remove(before);
        }
        self.bits -= PACKET_BITS;
        self.sent.push_back(Again { number, at: now, times: times + 1 });
        Answer::Met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: PathReport =
        PathReport { sent_kbps: 1000.0, received_kbps: 1000.0, carried_kbps: 1000.0, queueing: 0.0, loss: 0.0 };
    const QUEUED: PathReport = PathReport { queueing: 0.2, ..FREE };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_is_lost_now_and_then_is_sent_again_for_as_long_as_a_session_lasts() {
        let (mut repair, start) = (Repair::default(), Instant::now());
        for number in 0..20_000_u64 {
            repair.earn(1200);
            if number % 3 == 0 {
                assert_eq!(repair.ask(number as u16, start + ms(3) * number as u32), Answer::Met, "{number}");
            }
        }
    }

    #[test]
    fn a_packet_under_way_is_not_sent_again() {
        let (mut repair, start) = (Repair::default(), Instant::now());
        repair.learn(&FREE, ms(240));
        assert_eq!(repair.ask(7, start), Answer::Met);
        assert_eq!(repair.ask(7, start + ms(200)), Answer::UnderWay);
        assert_eq!(repair.ask(8, start + ms(200)), Answer::Met);
        assert_eq!(repair.ask(7, start + ms(250)), Answer::Met, "it was lost again");
    }

    #[test]
    fn a_packet_that_is_lost_each_time_is_given_up() {
        let (mut repair, start) = (Repair::default(), Instant::now());
        let answers: Vec<Answer> = (0..5).map(|time| repair.ask(7, start + ms(100) * time)).collect();
        assert_eq!(answers, [Answer::Met, Answer::Met, Answer::Met, Answer::Met, Answer::Refused]);
        assert_eq!(repair.ask(8, start + ms(500)), Answer::Met);
    }

    #[test]
    fn a_way_that_breaks_down_is_not_clogged_by_what_is_sent_again() {
        let (mut repair, now) = (Repair::default(), Instant::now());
        repair.learn(&QUEUED, ms(240));
        let in_one_go = (0..1000).filter(|number| repair.ask(*number, now) == Answer::Met).count();
        assert_eq!(in_one_go, 6, "60 ms at 1 Mbit/s");
        let mut again = 0;
        for number in 1000..2000_u16 {
            repair.earn(1200);
            again += u32::from(number % 4 > 0 && repair.ask(number, now) == Answer::Met);
        }
        assert!((200..=250).contains(&again), "{again}");
    }

    #[test]
    fn a_thin_way_gets_a_few_packets_again() {
        let (mut repair, now) = (Repair::default(), Instant::now());
        repair.learn(&PathReport { carried_kbps: 50.0, ..QUEUED }, ms(240));
        assert_eq!((0..9).filter(|number| repair.ask(*number, now) == Answer::Met).count(), 3);
    }
}
