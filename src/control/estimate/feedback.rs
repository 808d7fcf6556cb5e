//! An estimate from feedback on every packet.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::stats::PathReport;

/// A queue of this many seconds stands: more is sent than the path carries.
const STANDS: f64 = 0.050;
/// One of this many seconds has to be emptied quickly.
const STANDS_LONG: f64 = 0.120;
/// Up to this it may be the noise of a busy machine.
const NO_QUEUE: f64 = 0.025;
/// So much loss is congestion; less than the other is none.
const LOSS: f64 = 0.10;
const NO_LOSS: f64 = 0.03;
/// Down to so much of what arrives.
const CUT: f64 = 0.85;
const DEEP_CUT: f64 = 0.70;
/// And where the queue is full to the brim: what comes next has to find it empty.
const DEEPEST_CUT: f64 = 0.60;
const FULL_LOSS: f64 = 0.15;
/// A queue that was there for a moment only was a machine that stood still.
const PERSISTS: Duration = Duration::from_millis(70);
/// The last moments count for no less than this part of the last half second.
const STOOD_STILL: f64 = 0.4;
/// Between two cuts: as long as it takes until the encoder's change is seen.
const BETWEEN_CUTS: Duration = Duration::from_millis(200);
/// How much it goes up in a second: near a limit that is known, below one, and where none is.
const FEEL: f64 = 0.04;
const RETURN: f64 = 0.30;
const CLIMB: f64 = 0.25;
/// A limit that was passed by this much without a queue is none any more.
const PASSED: f64 = 1.08;
/// No faster than if reports had come this often.
const LONGEST_STEP: f64 = 0.5;
/// Nothing is learned from sending less than this part of what the encoder usually makes of what it
/// is asked for: it would have to be tried. And no more than this many times what is asked for is
/// believed untried.
const USED: f64 = 0.85;
const UNTRIED: f64 = 1.5;
/// What leaves, as a part of what the encoder was asked for: encoders stay below it or above, and
/// headers and repair come on top. Learned over so many seconds, within bounds.
const OUTPUT: std::ops::RangeInclusive<f64> = 0.8..=1.15;
const LEARNED_OVER: f64 = 2.0;
/// What is reported as sent was asked for this long ago: half of the time over which it is counted,
/// the way, and what the encoder takes to follow.
const REPORTED_AFTER: Duration = Duration::from_millis(450);

#[derive(Debug)]
pub(super) struct Feedback {
    kbps: f64,
    /// What arrived when a queue stood last: what the path carries.
    limit: Option<f64>,
    /// What leaves, by what is asked for.
    output: f64,
    /// What was asked for, and since when: the last moments, the newest last.
    asked: VecDeque<(Instant, f64)>,
    taken_at: Instant,
    cut_at: Option<Instant>,
    congested_since: Option<Instant>,
}

impl Feedback {
    pub(super) fn new(start_kbps: f64, now: Instant) -> Self {
        Self {
            kbps: start_kbps,
            limit: None,
            output: 1.0,
            asked: VecDeque::from([(now, start_kbps)]),
            taken_at: now,
            cut_at: None,
            congested_since: None,
        }
    }

    pub(super) fn kbps(&self) -> f64 {
        self.kbps
    }

    pub(super) fn is_congested(&self) -> bool {
        self.congested_since.is_some()
    }

    pub(super) fn take(&mut self, report: &PathReport, asked_kbps: f64, now: Instant) {
        let seconds = now.duration_since(self.taken_at).as_secs_f64().min(LONGEST_STEP);
        self.taken_at = now;
        let asked_then = self.asked_then(asked_kbps, now);
        if report.queueing > STANDS || report.loss > LOSS {
            let since = *self.congested_since.get_or_insert(now);
            if now.duration_since(since) >= PERSISTS {
                self.cut(report, now);
            }
            return;
        }
        self.congested_since = None;
        if report.queueing < NO_QUEUE && report.loss < NO_LOSS {
            self.learn_output(report, asked_then, seconds);
            self.rise(report, (asked_then, asked_kbps), seconds);
        }
    }

    fn cut(&mut self, report: &PathReport, now: Instant) {
        if self.cut_at.is_some_and(|at| now.duration_since(at) < BETWEEN_CUTS) {
            return;
        }
        let part = match report {
            _ if report.queueing > STANDS && report.loss > FULL_LOSS => DEEPEST_CUT,
            _ if report.queueing > STANDS_LONG => DEEP_CUT,
            _ => CUT,
        };
        // Of a machine that stood still, nothing came for a while: that is not what the way carries.
        let carried = report.carried_kbps.max(STOOD_STILL * report.received_kbps);
        self.limit = Some(carried);
        let carried = part * carried / self.output;
        if carried < self.kbps {
            (self.kbps, self.cut_at) = (carried, Some(now));
        }
    }

    fn rise(&mut self, report: &PathReport, (asked_then, asked_kbps): (f64, f64), seconds: f64) {
        let wanted = self.kbps * self.output;
        // What arrives without a queue is carried, whoever sends it.
        self.kbps = self.kbps.max(asked_kbps.min(report.received_kbps / self.output));
        if self.limit.is_some_and(|limit| report.received_kbps > PASSED * limit) {
            self.limit = None;
        }
        if report.sent_kbps < USED * self.output * asked_then {
            return;
        }
        let speed = match self.limit {
            None => CLIMB,
            Some(limit) if wanted < CUT * limit => RETURN,
            Some(_) => FEEL,
        };
        let most = UNTRIED * asked_kbps;
        if self.kbps < most {
            self.kbps = (self.kbps * (1.0 + speed).powf(seconds)).min(most);
        }
    }

    fn learn_output(&mut self, report: &PathReport, asked_then: f64, seconds: f64) {
        if asked_then > 0.0 {
            let seen = (report.sent_kbps / asked_then).clamp(*OUTPUT.start(), *OUTPUT.end());
            self.output += (seen - self.output) * (seconds / LEARNED_OVER).min(1.0);
        }
    }

    /// What was asked for when that left which is reported now.
    fn asked_then(&mut self, asked_kbps: f64, now: Instant) -> f64 {
        self.asked.push_back((now, asked_kbps));
        while self.asked.get(1).is_some_and(|(since, _)| now.duration_since(*since) >= REPORTED_AFTER) {
            self.asked.pop_front();
        }
        self.asked.front().map_or(asked_kbps, |(_, asked)| *asked)
    }
}
