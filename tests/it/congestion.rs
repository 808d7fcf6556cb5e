//! A link that breaks down and recovers: the agent follows it, and the viewer sees no freeze.

use crate::support::congestion::{Figure, Schedule, run};

#[test]
fn a_link_that_breaks_down_and_recovers_is_followed_without_a_freeze() {
    let Some(outcome) = run(Schedule::SHORT) else { return };
    println!("{}", outcome.course.join("\n"));
    for Figure { name, value, unit, .. } in outcome.figures() {
        println!("{name}: {value:.2} {unit}");
    }
    println!("Of 1 Mbit/s {:.2} used, {:.3} lost in all", outcome.used_low, outcome.lost);
    let missed: Vec<Figure> = outcome.figures().into_iter().filter(|figure| !figure.holds()).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
