//! Whether congestion control follows a link of 4, 1 and again 4 Mbit/s, in five runs.

#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "the tests' own files")]
mod support;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use support::{
    congestion::{Figure, Outcome, Schedule, run},
    program::Program,
};

const SCHEDULE: Schedule = Schedule {
    settle: Duration::from_secs(8),
    before: Duration::from_secs(8),
    low: Duration::from_secs(10),
    recover: Duration::from_secs(15),
    after: Duration::from_secs(8),
};

/// Has a browser watch over a link that breaks down and recovers, and prints what it is held to.
#[derive(Parser)]
#[command(name = "./dev bench congestion")]
struct Options {
    /// How many runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Print what passes the link in each half second, and what the program says
    #[arg(long)]
    loud: bool,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.loud {
        Program::hush();
    }
    let mut outcomes = Vec::new();
    for number in 1..=options.runs {
        eprintln!("run {number} of {}", options.runs);
        // The lab has said why.
        let Some(outcome) = run(SCHEDULE) else { return ExitCode::FAILURE };
        if options.loud {
            println!("{}", outcome.course.join("\n"));
        }
        outcomes.push(outcome);
    }
    print(&outcomes);
    ExitCode::SUCCESS
}

/// A line for each figure, a column for each run.
fn print(outcomes: &[Outcome]) {
    let runs: Vec<[Figure; 5]> = outcomes.iter().map(Outcome::figures).collect();
    let Some(first) = runs.first() else { return };
    println!("\n| figure | must | aim | {} | |", cells(1..=runs.len(), |number| format!("run {number}")));
    println!("|---|--:|--:|{}---|", "--:|".repeat(runs.len()));
    for (place, bound) in first.iter().enumerate() {
        let figures: Vec<&Figure> = runs.iter().map(|run| &run[place]).collect();
        let sign = if bound.is_floor { "≥" } else { "≤" };
        let (must, aim, unit) = (number(bound.must), number(bound.aim), bound.unit);
        let values = cells(&figures, |figure| number(figure.value));
        println!("| {} | {sign} {must} {unit} | {aim} {unit} | {values} | {} |", bound.name, verdict(&figures));
    }
    let all_hold = runs.iter().flatten().all(Figure::holds);
    println!("\n{}", if all_hold { "All hold." } else { "**Not all hold.**" });
    let low = cells(outcomes, |outcome| number(100.0 * outcome.used_low));
    let lost = cells(outcomes, |outcome| number(100.0 * outcome.lost));
    println!("Of 1 Mbit/s used, in percent: {low}. Packets that the link lost, in percent: {lost}.");
}

fn cells<T>(all: impl IntoIterator<Item = T>, cell: impl Fn(T) -> String) -> String {
    all.into_iter().map(cell).collect::<Vec<_>>().join(" | ")
}

fn verdict(figures: &[&Figure]) -> &'static str {
    if figures.iter().all(|figure| figure.reaches_aim()) {
        "aim met"
    } else if figures.iter().all(|figure| figure.holds()) {
        "met"
    } else {
        "**missed**"
    }
}

/// With as many digits as say something.
fn number(value: f64) -> String {
    if value.is_infinite() {
        "never".into()
    } else if value >= 20.0 {
        format!("{value:.0}")
    } else {
        format!("{}", (value * 100.0).round() / 100.0)
    }
}
