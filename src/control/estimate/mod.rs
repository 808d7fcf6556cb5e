//! What each viewer's connection carries.
//!
//! An encoder is steered by it, it decides which rendition a viewer gets, and people are shown it.
//!
//! GStreamer's `rtpgccbwe` would estimate that too. To steer an encoder by it is slow: it never sees more
//! than is sent, so it goes up by 8 % a second at most and by 40 kbit/s a second once it was near a
//! limit, and down only when its filter is sure. From the same feedback this one takes two things that
//! `rtpgccbwe` does not keep: how long packets lie in queues, and how much arrives while they do. It
//! cuts to below what arrives as soon as a queue stands, feels its way near a limit that it knows, and
//! goes up quickly where it has passed the limit without a queue.
//!
//! Where the far end gives no such feedback, its receiver reports (RFC 3550) have to do: loss, and
//! how the round trip grows.

mod feedback;
#[cfg(test)]
mod properties;
mod reports;
#[cfg(test)]
mod simulation;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::{feedback::Feedback, reports::Reports};
use crate::stats::{EstimateBasis, PathReport};

/// Feedback that has not come for this long is not given any more…
const SILENCE: Duration = Duration::from_secs(3);
/// …and where it did not come within this long at first, never will be.
const EARLY: Duration = Duration::from_secs(1);

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// As a bitrate for the encoder, in kbit/s: what is sent around its stream is left room for.
    pub kbps: f64,
    /// How this is known.
    pub basis: EstimateBasis,
    /// More is sent than it carries, now.
    pub is_congested: bool,
}

/// What a viewer said of what it received, in an RTCP receiver report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReceiverReport {
    /// How many of the packets since the last report were lost, from 0 to 1.
    pub loss: f64,
    /// Round trip in seconds, where it is known.
    pub round_trip: Option<f64>,
}

/// The estimate of one viewer's connection.
#[derive(Debug)]
pub struct Estimator {
    feedback: Feedback,
    reports: Reports,
    heard_feedback: Option<Instant>,
    heard_report: Option<Instant>,
    began: Instant,
}

impl Estimator {
    /// Of a connection of which nothing is known yet, to which this much is sent.
    pub fn new(start_kbps: f64, now: Instant) -> Self {
        Self {
            feedback: Feedback::new(start_kbps, now),
            reports: Reports::new(start_kbps, now),
            heard_feedback: None,
            heard_report: None,
            began: now,
        }
    }

    /// Takes a report of the path, while the encoder was asked for this much, in kbit/s.
    pub fn feed(&mut self, report: &PathReport, asked_kbps: f64, now: Instant) {
        self.heard_feedback = Some(now);
        self.feedback.take(report, asked_kbps, now);
    }

    /// Takes a receiver report, while the encoder was asked for this much, in kbit/s.
    pub fn feed_receiver(&mut self, report: &ReceiverReport, asked_kbps: f64, now: Instant) {
        self.heard_report = Some(now);
        if self.has_feedback(now) {
            self.reports.start_from(self.feedback.kbps(), now);
        } else {
            self.reports.take(report, asked_kbps, now);
        }
    }

    /// What the connection carries; `None` while nobody has told anything, and when nobody has for long.
    pub fn estimate(&self, now: Instant) -> Option<Estimate> {
        if self.has_feedback(now) {
            let kbps = self.feedback.kbps();
            return Some(Estimate {
                kbps,
                basis: EstimateBasis::TransportFeedback,
                is_congested: self.feedback.is_congested(),
            });
        }
        // Feedback comes within a moment where it comes at all; reports come as well, and are not it.
        let is_early = now.duration_since(self.began) < EARLY && self.heard_feedback.is_none();
        let heard = self.heard_report.is_some_and(|at| now.duration_since(at) < 3 * SILENCE);
        (heard && !is_early).then(|| Estimate {
            kbps: self.reports.kbps(),
            basis: EstimateBasis::ReceiverReports,
            is_congested: self.reports.is_congested(),
        })
    }

    fn has_feedback(&self, now: Instant) -> bool {
        self.heard_feedback.is_some_and(|at| now.duration_since(at) < SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn who_gives_no_feedback_is_judged_by_its_receiver_reports_and_it_is_said() {
        let start = Instant::now();
        let mut estimator = Estimator::new(2000.0, start);
        assert_eq!(estimator.estimate(start), None);
        let report = |loss, trip| ReceiverReport { loss, round_trip: Some(trip) };
        for second in 1..=10 {
            estimator.feed_receiver(&report(0.0, 0.04), 2000.0, start + seconds(f64::from(second)));
        }
        let at = start + seconds(10.0);
        let estimate = estimator.estimate(at).unwrap();
        assert_eq!((estimate.basis, estimate.is_congested), (EstimateBasis::ReceiverReports, false));
        assert!(estimate.kbps > 2500.0 && estimate.kbps <= 3000.0, "{estimate:?}: no more than was tried");
        estimator.feed_receiver(&report(0.3, 0.04), 2000.0, at + seconds(1.0));
        let lost = estimator.estimate(at + seconds(1.0)).unwrap();
        assert!(lost.kbps < 1750.0 && lost.is_congested, "{lost:?}");
        estimator.feed_receiver(&report(0.0, 0.5), 1700.0, at + seconds(2.0));
        let queued = estimator.estimate(at + seconds(2.0)).unwrap();
        assert!(queued.kbps < 1500.0 && queued.is_congested, "{queued:?}");
        assert_eq!(estimator.estimate(at + seconds(60.0)), None, "nothing was heard for long");
    }

    #[test]
    fn a_way_that_loses_a_little_whatever_is_sent_is_not_given_up() {
        let start = Instant::now();
        let mut estimator = Estimator::new(2000.0, start);
        let report = ReceiverReport { loss: 0.05, round_trip: Some(0.04) };
        let mut kbps = 2000.0;
        let mut all = Vec::new();
        for second in 1..=120 {
            let now = start + seconds(f64::from(second));
            estimator.feed_receiver(&report, kbps, now);
            kbps = estimator.estimate(now).unwrap().kbps;
            all.push(kbps);
        }
        assert!(all[20..].iter().all(|kbps| (*kbps - 2000.0).abs() < 1.0), "{all:?}");
        assert!(all.contains(&1700.0), "it was tried whether less helps: {all:?}");
    }

    #[test]
    fn receiver_reports_beside_feedback_change_nothing() {
        let start = Instant::now();
        let mut estimator = Estimator::new(2000.0, start);
        let path =
            PathReport { sent_kbps: 1900.0, received_kbps: 1900.0, carried_kbps: 1900.0, queueing: 0.0, loss: 0.0 };
        for step in 1..=20 {
            let now = start + seconds(0.1 * f64::from(step));
            estimator.feed(&path, 2000.0, now);
            estimator.feed_receiver(&ReceiverReport { loss: 0.5, round_trip: None }, 2000.0, now);
        }
        let estimate = estimator.estimate(start + seconds(2.0)).unwrap();
        assert_eq!(estimate.basis, EstimateBasis::TransportFeedback);
        assert!(estimate.kbps > 2000.0, "{estimate:?}");
    }

    #[test]
    fn what_is_not_sent_teaches_nothing() {
        let start = Instant::now();
        let mut estimator = Estimator::new(2000.0, start);
        let idle = PathReport { sent_kbps: 300.0, received_kbps: 300.0, carried_kbps: 300.0, queueing: 0.0, loss: 0.0 };
        for step in 1..=100 {
            estimator.feed(&idle, 2000.0, start + seconds(0.1 * f64::from(step)));
        }
        let kbps = estimator.estimate(start + seconds(10.0)).unwrap().kbps;
        assert!((kbps - 2000.0).abs() < 1.0, "{kbps}");
    }
}
