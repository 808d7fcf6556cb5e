//! An estimate from receiver reports, for far ends that give no feedback on packets.
//!
//! Loss counts as in Google's congestion control (draft-ietf-rmcat-gcc-02, section 6). A loss-based
//! estimate alone fills every queue to the brim before it notices; so a round trip that has grown
//! counts as well.

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
/// How much it goes up in a second.
const RISE: f64 = 0.05;
const LONGEST_STEP: f64 = 2.0;
/// No more than this many times what is asked for is believed untried.
const UNTRIED: f64 = 1.5;
/// The shortest round trip is looked for in so many reports.
const REMEMBERED: usize = 60;
/// A cut has to show before the next.
const BETWEEN_CUTS: Duration = Duration::from_millis(800);

#[derive(Debug)]
pub(super) struct Reports {
    kbps: f64,
    trips: VecDeque<f64>,
    taken_at: Instant,
    cut_at: Option<Instant>,
    is_congested: bool,
}

impl Reports {
    pub(super) fn new(start_kbps: f64, now: Instant) -> Self {
        Self { kbps: start_kbps, trips: VecDeque::new(), taken_at: now, cut_at: None, is_congested: false }
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
        if self.is_congested {
            self.cut(report, asked_kbps, now);
        } else if report.loss < NO_LOSS && self.kbps < UNTRIED * asked_kbps {
            self.kbps = (self.kbps * (1.0 + RISE).powf(seconds)).min(UNTRIED * asked_kbps);
        }
    }

    fn cut(&mut self, report: &ReceiverReport, asked_kbps: f64, now: Instant) {
        if self.cut_at.is_none_or(|at| now.duration_since(at) >= BETWEEN_CUTS) {
            let part = if report.loss > LOSS { CUT.min(1.0 - 0.5 * report.loss) } else { CUT };
            self.kbps = part * self.kbps.min(asked_kbps);
            self.cut_at = Some(now);
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
