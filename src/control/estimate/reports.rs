//! An estimate from receiver reports, for far ends that give no feedback on packets.
//!
//! Loss counts as in Google's congestion control (draft-ietf-rmcat-gcc-02, section 6), but cuts
//! deeper. A loss-based estimate alone fills every queue to the brim before it notices; so a round trip
//! that has grown counts as well, and after loss less is sent than came through: only of a way whose
//! queue was empty once is it known how long it takes. A little loss that lasts may be that of a queue
//! which was never empty, or that of the way: it is found out by sending less for a while.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::ReceiverReport;

const LOSS: f64 = 0.10;
const NO_LOSS: f64 = 0.02;
/// A round trip that is this many seconds longer than the shortest is a queue.
const QUEUE: f64 = 0.100;
const CUT: f64 = 0.85;
/// After loss, down to so much of what came through.
const LOSS_CUT: f64 = 0.90;
/// How much it goes up in a second.
const RISE: f64 = 0.05;
const LONGEST_STEP: f64 = 2.0;
/// No more than this many times what is asked for is believed untried.
const UNTRIED: f64 = 1.5;
/// The shortest round trip is looked for in so many reports.
const REMEMBERED: usize = 60;
/// A cut has to show before the next, and a report is of the second before it.
const BETWEEN_CUTS: Duration = Duration::from_millis(1500);

/// A little loss lasts after so long, and less is sent for as long.
const LASTS: Duration = Duration::from_secs(3);

/// What is thought of a little loss.
#[derive(Clone, Copy, Debug)]
enum Doubt {
    /// There is none.
    None,
    /// It began then.
    Since(Instant),
    /// Less is sent since then than this.
    Tried { before: f64, at: Instant },
    /// That did not help: it is the way's.
    Accepted,
}

#[derive(Debug)]
pub(super) struct Reports {
    kbps: f64,
    trips: VecDeque<f64>,
    taken_at: Instant,
    cut_at: Option<Instant>,
    is_congested: bool,
    doubt: Doubt,
}

impl Reports {
    pub(super) fn new(start_kbps: f64, now: Instant) -> Self {
        Self {
            kbps: start_kbps,
            trips: VecDeque::new(),
            taken_at: now,
            cut_at: None,
            is_congested: false,
            doubt: Doubt::None,
        }
    }

    pub(super) fn kbps(&self) -> f64 {
        self.kbps
    }

    pub(super) fn is_congested(&self) -> bool {
        self.is_congested
    }

    /// Better is known until now.
    pub(super) fn start_from(&mut self, kbps: f64, now: Instant) {
        (self.kbps, self.taken_at) = (kbps, now);
    }

    pub(super) fn take(&mut self, report: &ReceiverReport, asked_kbps: f64, now: Instant) {
        let seconds = now.duration_since(self.taken_at).as_secs_f64().min(LONGEST_STEP);
        self.taken_at = now;
        let queue = report.round_trip.map_or(0.0, |trip| self.queue(trip));
        self.is_congested = report.loss > LOSS || queue > QUEUE;
        if report.loss < NO_LOSS {
            self.doubt = Doubt::None;
        }
        if self.is_congested {
            self.cut(report, asked_kbps, now);
        } else if report.loss >= NO_LOSS {
            self.find_out(asked_kbps, now);
        } else if self.kbps < UNTRIED * asked_kbps {
            // What is sent in spite of the estimate, and arrives, is carried.
            let carried = self.kbps.max(asked_kbps);
            self.kbps = (carried * (1.0 + RISE).powf(seconds)).min(UNTRIED * asked_kbps);
        }
    }

    fn cut(&mut self, report: &ReceiverReport, asked_kbps: f64, now: Instant) {
        if self.cut_at.is_none_or(|at| now.duration_since(at) >= BETWEEN_CUTS) {
            let part = if report.loss > LOSS { CUT.min(LOSS_CUT * (1.0 - report.loss)) } else { CUT };
            // Of what is sent, not of what it would be by now: it may not be heeded yet, or not at all.
            self.kbps = self.kbps.min(part * asked_kbps);
            self.cut_at = Some(now);
        }
    }

    /// There is a little loss.
    fn find_out(&mut self, asked_kbps: f64, now: Instant) {
        match self.doubt {
            Doubt::None => self.doubt = Doubt::Since(now),
            Doubt::Since(then) if now.duration_since(then) >= LASTS => {
                self.doubt = Doubt::Tried { before: self.kbps, at: now };
                self.kbps = self.kbps.min(CUT * asked_kbps);
            }
            Doubt::Tried { before, at } if now.duration_since(at) >= LASTS => {
                (self.kbps, self.doubt) = (before, Doubt::Accepted);
            }
            _ => {}
        }
    }

    fn queue(&mut self, trip: f64) -> f64 {
        if self.trips.len() == REMEMBERED {
            self.trips.pop_front();
        }
        self.trips.push_back(trip);
        trip - self.trips.iter().copied().fold(f64::INFINITY, f64::min)
    }
}
