//! A link that breaks down and recovers: the agent follows it, and the viewer sees no freeze.

use std::time::Duration;

use crate::support::congestion::{Schedule, run};

#[test]
#[ignore = "one run in four has a freeze of 3 s, whose cause is not known yet; the other bounds hold"]
fn a_link_that_breaks_down_and_recovers_is_followed_without_a_freeze() {
    let Some(outcome) = run(Schedule::SHORT) else { return };
    println!("{outcome:#?}");
    println!("at 1 Mbit/s {:.2} used, {:.3} lost in all", outcome.used_low, outcome.lost);
    assert!(outcome.queueing_p95 <= Duration::from_millis(150), "{outcome:?}");
    assert!(outcome.used.iter().all(|used| *used >= 0.8), "{outcome:?}");
    assert!(outcome.down.is_some_and(|time| time <= Duration::from_secs(2)), "{outcome:?}");
    assert!(outcome.back.is_some_and(|time| time <= Duration::from_secs(15)), "{outcome:?}");
    assert!(outcome.longest_gap <= Duration::from_secs(1), "{outcome:?}");
}
