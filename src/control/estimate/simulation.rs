//! Encoders and their viewers on one link, in steps of 5 ms: what an estimate does there, without waiting.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Estimator, ReceiverReport};
use crate::stats::PathReport;

const STEP: f64 = 0.005;
/// One way, in steps: 20 ms.
const WAY: usize = 4;
/// Between two words of feedback, in steps: 100 ms, as browsers do.
const FEEDBACK: usize = 20;
/// Between two receiver reports, in steps: a second.
const REPORT: usize = 200;
/// Rates are over the last half second, the queue is the shortest of the last 120 ms; what is carried is that of 150 ms.
const WINDOW: usize = 100;
const SHORT_WINDOW: usize = 30;
const QUEUE_WINDOW: usize = 24;
/// Anything smaller is no change for an encoder.
const LEAST_CHANGE: f64 = 0.05;
/// An encoder follows within so many seconds, and does not quite reach what it was asked for.
const FOLLOWS: f64 = 0.15;
const OUTPUT: f64 = 0.95;
/// And is asked for no less and no more.
pub(super) const BOUNDS: std::ops::RangeInclusive<f64> = 100.0..=8000.0;
/// What the link holds, in seconds at its present rate; more is lost.
const HOLDS: f64 = 0.2;

/// What became of what was sent in one step.
#[derive(Clone, Copy, Default)]
struct Moment {
    sent: f64,
    received: f64,
    lost: f64,
    queueing: f64,
}

/// What a far end tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// Of every packet.
    Feedback,
    /// In receiver reports only.
    Reports,
}

struct Flow {
    tells: Tells,
    estimator: Estimator,
    asked: f64,
    rate: f64,
    moments: VecDeque<Moment>,
}

/// What was seen in a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) at: f64,
    pub(super) sent_kbps: f64,
    pub(super) queueing: f64,
    /// The part of it that was lost.
    pub(super) lost: f64,
}

/// Encoders that share a link.
pub(super) struct Simulation {
    flows: Vec<Flow>,
    backlog: f64,
    now: Instant,
    steps: usize,
}

impl Simulation {
    pub(super) fn new(flows: usize, start_kbps: f64) -> Self {
        Self::of(flows, start_kbps, Tells::Feedback)
    }

    /// Of viewers who tell this.
    pub(super) fn of(flows: usize, start_kbps: f64, tells: Tells) -> Self {
        let now = Instant::now();
        let flow = || Flow {
            tells,
            estimator: Estimator::new(start_kbps, now),
            asked: start_kbps,
            rate: start_kbps * OUTPUT,
            moments: VecDeque::from(vec![Moment::default(); WAY]),
        };
        Self { flows: (0..flows).map(|_| flow()).collect(), backlog: 0.0, now, steps: 0 }
    }

    /// Lets time pass on a link of this rate; what all flows together did in every step.
    pub(super) fn run(&mut self, seconds: f64, kbps: f64) -> Vec<Seen> {
        let steps = (seconds / STEP).round() as usize;
        (0..steps).map(|_| self.step(kbps)).collect()
    }

    /// What each encoder is asked for.
    pub(super) fn asked(&self) -> Vec<f64> {
        self.flows.iter().map(|flow| flow.asked).collect()
    }

    fn step(&mut self, kbps: f64) -> Seen {
        self.steps += 1;
        self.now += Duration::from_secs_f64(STEP);
        let sent: f64 = self.flows.iter().map(|flow| flow.rate * STEP).sum();
        let queueing = self.backlog / kbps;
        let room = (HOLDS * kbps - self.backlog).max(0.0) + kbps * STEP;
        let lost_part = if sent > room { 1.0 - room / sent } else { 0.0 };
        let waiting = self.backlog + sent.min(room);
        let carried = waiting.min(kbps * STEP);
        self.backlog = waiting - carried;
        for flow in &mut self.flows {
            let part = flow.rate * STEP / sent;
            let moment =
                Moment { sent: part * sent, received: part * carried, lost: part * sent * lost_part, queueing };
            flow.moments.push_back(moment);
            if flow.moments.len() > REPORT + 2 * WAY {
                flow.moments.pop_front();
            }
            let target = flow.asked * OUTPUT;
            flow.rate += (target - flow.rate) * (STEP / FOLLOWS);
            match flow.tells {
                Tells::Feedback if self.steps.is_multiple_of(FEEDBACK) => flow.hear(self.now),
                Tells::Reports if self.steps.is_multiple_of(REPORT) => flow.hear_report(self.now),
                _ => {}
            }
        }
        Seen { at: self.steps as f64 * STEP, sent_kbps: sent / STEP, queueing, lost: lost_part }
    }
}

impl Flow {
    fn hear(&mut self, now: Instant) {
        let known: Vec<Moment> = self.moments.iter().rev().skip(2 * WAY).take(WINDOW).copied().collect();
        let seconds = known.len().max(1) as f64 * STEP;
        let sum = |what: fn(&Moment) -> f64| known.iter().map(what).sum::<f64>();
        let sent = sum(|moment| moment.sent);
        let carried: f64 = known.iter().take(SHORT_WINDOW).map(|moment| moment.received).sum();
        let report = PathReport {
            carried_kbps: carried / (known.len().clamp(1, SHORT_WINDOW) as f64 * STEP),
            sent_kbps: sent / seconds,
            received_kbps: sum(|moment| moment.received) / seconds,
            queueing: known.iter().take(QUEUE_WINDOW).map(|moment| moment.queueing).fold(f64::INFINITY, f64::min),
            loss: if sent > 0.0 { sum(|moment| moment.lost) / sent } else { 0.0 },
        };
        self.estimator.feed(&report, self.asked, now);
        self.follow(now);
    }

    fn hear_report(&mut self, now: Instant) {
        let known: Vec<Moment> = self.moments.iter().rev().skip(2 * WAY).take(REPORT).copied().collect();
        let sum = |what: fn(&Moment) -> f64| known.iter().map(what).sum::<f64>();
        let sent = sum(|moment| moment.sent);
        let queueing = known.first().map_or(0.0, |moment| moment.queueing);
        let report = ReceiverReport {
            loss: if sent > 0.0 { sum(|moment| moment.lost) / sent } else { 0.0 },
            round_trip: Some(2.0 * WAY as f64 * STEP + queueing),
        };
        self.estimator.feed_receiver(&report, self.asked, now);
        self.follow(now);
    }

    /// The encoder is asked for what the estimate says.
    fn follow(&mut self, now: Instant) {
        let Some(estimate) = self.estimator.estimate(now) else { return };
        let wanted = estimate.kbps.clamp(*BOUNDS.start(), *BOUNDS.end());
        if (wanted - self.asked).abs() > LEAST_CHANGE * self.asked {
            self.asked = wanted;
        }
    }
}

pub(super) fn p95(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() * 95 / 100]
}

pub(super) fn mean(seen: &[Seen]) -> f64 {
    seen.iter().map(|seen| seen.sent_kbps).sum::<f64>() / seen.len() as f64
}

#[test]
fn a_link_that_breaks_down_and_recovers_is_followed() {
    let mut link = Simulation::new(1, 2000.0);
    let before = link.run(20.0, 4000.0);
    let down = link.run(15.0, 1000.0);
    let after = link.run(25.0, 4000.0);
    let all: Vec<f64> = before.iter().chain(&down).chain(&after).map(|seen| seen.queueing).collect();
    let dropped = down.iter().position(|seen| seen.sent_kbps < 1100.0).unwrap() as f64 * STEP;
    let back = after.iter().position(|seen| seen.sent_kbps > 3600.0).unwrap() as f64 * STEP;
    let steady = [mean(&before[2000..]), mean(&after[3000..])].map(|kbps| kbps / 4000.0);
    let low = mean(&down[1000..]) / 1000.0;
    println!(
        "p95 {:.0} ms, down in {dropped:.2} s, back in {back:.1} s, used {steady:.2?}, at 1: {low:.2}",
        1e3 * p95(all.clone())
    );
    if std::env::var_os("SHOW").is_some() {
        for seen in before.iter().chain(&down).chain(&after).step_by(50) {
            println!("{:5.2} {:5.0} {:4.0}", seen.at, seen.sent_kbps, seen.queueing * 1e3);
        }
    }
    assert!(p95(all) < 0.120);
    assert!(dropped < 1.5 && back < 10.0, "{dropped} {back}");
    assert!(steady.iter().all(|part| *part > 0.85) && low > 0.75, "{steady:?} {low}");
}

#[test]
fn encoders_that_share_a_link_use_it_and_starve_nobody() {
    let mut link = Simulation::new(3, 2000.0);
    link.run(20.0, 4000.0);
    let seen = link.run(20.0, 4000.0);
    let asked = link.asked();
    println!(
        "{asked:.0?}, {:.0}, p95 {:.0} ms",
        mean(&seen),
        1e3 * p95(seen.iter().map(|seen| seen.queueing).collect())
    );
    assert!(mean(&seen) > 0.8 * 4000.0);
    assert!(asked.iter().all(|kbps| *kbps > 700.0), "{asked:?}");
}
