//! What holds of an estimate whatever is reported, and on whatever link.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    Estimator, ReceiverReport,
    simulation::{BOUNDS, Simulation, Tells, mean, p95},
};
use crate::stats::PathReport;

/// As most feeds bound it.
const ASKED: std::ops::RangeInclusive<f64> = 200.0..=6000.0;

fn any_report(random: &mut StdRng) -> PathReport {
    // Nothing, little or anything at all of each: borders are where faults are.
    let mut any = |most: f64| f64::from(random.random_range(0..3_u32)) / 2.0 * random.random_range(0.0..most);
    PathReport {
        sent_kbps: any(20_000.0),
        received_kbps: any(20_000.0),
        carried_kbps: any(20_000.0),
        queueing: any(0.6),
        loss: any(1.0),
    }
}

#[test]
fn whatever_is_reported_the_estimate_is_a_bitrate_and_goes_the_right_way() {
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..200 {
        let mut now = Instant::now();
        let start = random.random_range(ASKED);
        let mut estimator = Estimator::new(start, now);
        let mut before = start;
        for _ in 0..200 {
            now += Duration::from_millis(random.random_range(0..700));
            let report = any_report(&mut random);
            estimator.feed(&report, before.clamp(*ASKED.start(), *ASKED.end()), now);
            let kbps = estimator.estimate(now).unwrap().kbps;
            assert!(kbps.is_finite() && (0.0..=1.5 * ASKED.end()).contains(&kbps), "{kbps} after {report:?}");
            if report.queueing > 0.05 || report.loss > 0.1 {
                assert!(kbps <= before, "up from {before} to {kbps} with {report:?}");
            }
            if report.queueing == 0.0 && report.loss == 0.0 {
                assert!(kbps >= before, "down from {before} to {kbps} with {report:?}");
            }
            before = kbps;
        }
    }
}

#[test]
fn whatever_receiver_reports_say_the_estimate_is_a_bitrate_and_goes_the_right_way() {
    let mut random = StdRng::seed_from_u64(8);
    for _ in 0..200 {
        let mut now = Instant::now();
        let mut estimator = Estimator::new(random.random_range(ASKED), now);
        let mut before: Option<f64> = None;
        for _ in 0..200 {
            let asked = before.unwrap_or(*ASKED.start()).clamp(*ASKED.start(), *ASKED.end());
            now += Duration::from_millis(random.random_range(0..6200));
            let any = any_report(&mut random);
            let report = ReceiverReport { loss: any.loss, round_trip: (any.sent_kbps > 0.0).then_some(any.queueing) };
            estimator.feed_receiver(&report, asked, now);
            // Too early it is not known that nothing better will come.
            let Some(kbps) = estimator.estimate(now).map(|estimate| estimate.kbps) else { continue };
            assert!(kbps.is_finite() && (0.0..=1.5 * ASKED.end()).contains(&kbps), "{kbps} after {report:?}");
            if let Some(before) = before {
                let is_bad = report.loss > 0.1;
                assert!(!is_bad || kbps <= before, "up from {before} to {kbps} with {report:?}");
                let is_good = report.loss == 0.0 && report.round_trip.is_none();
                assert!(!is_good || kbps >= before, "down from {before} to {kbps} with {report:?}");
            }
            before = Some(kbps);
        }
    }
}

#[test]
fn any_link_is_used_and_not_clogged() {
    let mut random = StdRng::seed_from_u64(9);
    for _ in 0..30 {
        let (kbps, start) = (random.random_range(400.0..7500.0), random.random_range(ASKED));
        let mut link = Simulation::new(1, start);
        link.run(40.0, kbps);
        let seen = link.run(15.0, kbps);
        let (used, waits) = (mean(&seen) / kbps, p95(seen.iter().map(|seen| seen.queueing).collect()));
        assert!(used > 0.8 && waits < 0.15, "{kbps:.0} kbit/s from {start:.0}: {used:.2} used, {:.0} ms", 1e3 * waits);
    }
}

#[test]
fn any_link_is_followed_by_receiver_reports_more_coarsely() {
    let mut random = StdRng::seed_from_u64(10);
    for _ in 0..30 {
        let (kbps, start) = (random.random_range(400.0..7500.0), random.random_range(ASKED));
        let mut link = Simulation::of(1, start, Tells::Reports);
        link.run(60.0, kbps);
        let seen = link.run(30.0, kbps);
        let lost = seen.iter().map(|seen| seen.lost * seen.sent_kbps).sum::<f64>()
            / seen.iter().map(|seen| seen.sent_kbps).sum::<f64>();
        let used = mean(&seen) / kbps;
        assert!(used > 0.7 && lost < 0.05, "{kbps:.0} kbit/s from {start:.0}: {used:.2} used, {lost:.3} lost");
    }
}

#[test]
fn nobody_is_asked_for_more_or_less_than_the_bounds() {
    let mut thin = Simulation::new(1, 2000.0);
    thin.run(20.0, 20.0);
    assert!(thin.asked()[0] >= *BOUNDS.start());
    let mut wide = Simulation::new(1, 2000.0);
    wide.run(60.0, 100_000.0);
    assert!(wide.asked()[0] > 0.95 * BOUNDS.end(), "{:?}", wide.asked());
}
