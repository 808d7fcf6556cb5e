//! What the statistics of 16 feeds with 4 viewers each cost, charts aside.

mod asking;
#[path = "../shared/mod.rs"]
#[allow(dead_code, reason = "another benchmark uses the rest")]
mod shared;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "the tests' own files")]
mod support;

use std::{fmt::Write, path::Path, process::ExitCode, thread, time::Duration};

use clap::Parser;
use heliograph::media;

use shared::{Fault, machine, process, served::Served, taker::Taker};
use support::free_port;

const FEEDS: usize = 16;
const VIEWERS: usize = 4;
/// What goes by before anything is measured: sessions are negotiated, and encoders settle.
const SETTLING: Duration = Duration::from_secs(4);
/// Samples a second: the cost of one is the difference by their number, and all else falls out of it.
const RATES: [u32; 2] = [1, 10];
/// Samples a second that the figure is for.
const USUAL: f64 = 2.0;
/// Percent of a core.
const MUST: f64 = 3.0;

/// Measures what the statistics cost.
#[derive(Parser)]
#[command(name = "./dev bench statistics")]
struct Options {
    /// Seconds to measure each run
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=120))]
    seconds: u64,
    /// How often everything is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    /// What this program is when it runs itself.
    #[arg(long, hide = true, num_args = 1..)]
    be: Vec<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let result = media::init().map_err(Fault::from).and_then(|()| match options.be.as_slice() {
        [] => print(&options),
        [role, port, per_second] if role == "asked" => asking::run(port.parse()?, per_second.parse()?),
        other => Err(format!("there is no such role: {other:?}").into()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What becomes of the samples.
#[derive(Clone, Copy)]
enum Told {
    /// They are taken and kept, for whoever asks.
    Kept,
    /// They go to CSV files, too, and as messages over MQTT.
    Everywhere,
}

fn print(options: &Options) -> Result<(), Fault> {
    println!("{}", machine::description());
    println!("load average before: {}", machine::load());
    println!("\n| {FEEDS} feeds with {VIEWERS} viewers each, at {USUAL} Hz | % of a core, median | rounds | must |");
    println!("|---|--:|--:|--:|");
    let length = Duration::from_secs(options.seconds);
    for (what, told) in [
        ("samples of all feeds and viewers", Told::Kept),
        ("the same, to CSV files and over MQTT as well", Told::Everywhere),
    ] {
        line(what, &costs(told, options)?, Some(MUST));
    }
    let rounds = (0..options.rounds).map(|_| asking::cost(length)).collect::<Result<Vec<_>, _>>()?;
    let each = |times: f64| rounds.iter().map(|one| one * times).collect::<Vec<_>>();
    let sessions = (FEEDS * VIEWERS) as f64;
    line("of the first: webrtcbin's part of it, counting when asked", &each(USUAL * sessions), None);
    line("beside it: webrtcsink's own asking, ten times a second", &each(10.0 * sessions), None);
    println!("\nload average after: {}", machine::load());
    Ok(())
}

fn line(what: &str, rounds: &[f64], must: Option<f64>) {
    let mut all: Vec<f64> = rounds.iter().map(|cores| cores * 100.0).collect();
    all.sort_by(f64::total_cmp);
    let median = f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]);
    let (lowest, highest) = (all[0], all[all.len() - 1]);
    let must = must.map_or_else(String::new, |must| {
        let word = if median <= must { "met" } else { "**missed**" };
        format!("≤ {must}, {word}")
    });
    println!("| {what} | {median:.1} | {lowest:.1} to {highest:.1} | {must} |");
}

/// Cores that samples take at the usual rate, round by round. The rate changes in one process with the same
/// sessions: two that are started for it differ by more than samples cost.
fn costs(told: Told, options: &Options) -> Result<Vec<f64>, Fault> {
    let folder = tempfile::tempdir()?;
    let settings = settings(told, folder.path())?;
    let served = Served::start(&settings(RATES[0]))?;
    let takers = viewers(&served)?;
    thread::sleep(SETTLING);
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        let mut cores = [0.0; 2];
        for (rate, cores) in RATES.into_iter().zip(&mut cores) {
            served.change(&settings(rate))?;
            thread::sleep(SETTLING);
            [*cores] = process::cores([served.id()], Duration::from_secs(options.seconds));
        }
        rounds.push((cores[1] - cores[0]) / f64::from(RATES[1] - RATES[0]) * USUAL);
    }
    drop(takers);
    Ok(rounds)
}

/// The settings with so many samples a second.
fn settings(told: Told, csv: &Path) -> Result<impl Fn(u32) -> String, Fault> {
    let mut fixed = String::new();
    if matches!(told, Told::Everywhere) {
        let broker = free_port();
        writeln!(fixed, "[mqtt]\nbroker = \"embedded\"\nlisten = \"127.0.0.1:{broker}\"\nstats_hz = {}", RATES[1])?;
    }
    for number in 0..FEEDS {
        writeln!(fixed, "[[feeds]]\nname = \"f{number}\"\npattern = \"ball\"\npattern_size = \"160x120\"")?;
        writeln!(fixed, "pattern_framerate = 5\nbitrate_kbps = 100\nencoder = \"x264enc\"")?;
        writeln!(fixed, "record_statistics = {}", matches!(told, Told::Everywhere))?;
    }
    let head =
        format!("version = 1\n[encoders]\noverload = \"allow\"\n[statistics]\ncsv_folder = \"{}\"\n", csv.display());
    Ok(move |rate| format!("{head}samples_per_second = {rate}\n{fixed}"))
}

fn viewers(served: &Served) -> Result<Vec<Taker>, Fault> {
    let mut takers = Vec::new();
    for number in 0..FEEDS {
        let feed = format!("f{number}");
        for _ in 0..VIEWERS {
            takers.push(Taker::start(&served.signalling(), Some(&feed))?);
        }
        takers.iter().try_for_each(Taker::wait_first)?;
    }
    Ok(takers)
}
