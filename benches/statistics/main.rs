//! What the statistics of 16 feeds with 4 viewers each cost, charts aside.

mod asking;
#[path = "../shared/mod.rs"]
#[allow(dead_code, reason = "another benchmark uses the rest")]
mod shared;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "the tests' own files")]
mod support;

use std::{fmt::Write, process::ExitCode, thread, time::Duration};

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
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=120))]
    seconds: u64,
    /// How often everything is measured
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=20))]
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
    println!("\n| {FEEDS} feeds with {VIEWERS} viewers each, at {USUAL} Hz | % of a core | must |\n|---|--:|--:|");
    let length = Duration::from_secs(options.seconds);
    for (what, told) in [
        ("samples of all feeds and viewers", Told::Kept),
        ("the same, to CSV files and over MQTT as well", Told::Everywhere),
    ] {
        let rounds = (0..options.rounds).map(|_| cost(told, length)).collect::<Result<Vec<_>, _>>()?;
        line(what, &rounds, Some(MUST));
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
    let words = all.iter().map(|one| format!("{one:.1}")).collect::<Vec<_>>().join(", ");
    let must = must.map_or_else(String::new, |must| {
        let word = if all.iter().all(|one| *one <= must) { "met" } else { "**missed**" };
        format!("≤ {must}, {word}")
    });
    println!("| {what} | {words} | {must} |");
}

/// Cores that samples take at the usual rate.
fn cost(told: Told, length: Duration) -> Result<f64, Fault> {
    let mut cores = [0.0; 2];
    for (rate, cores) in RATES.into_iter().zip(&mut cores) {
        *cores = cores_at(rate, told, length)?;
    }
    Ok((cores[1] - cores[0]) / f64::from(RATES[1] - RATES[0]) * USUAL)
}

fn cores_at(rate: u32, told: Told, length: Duration) -> Result<f64, Fault> {
    let folder = tempfile::tempdir()?;
    let mut settings =
        format!("version = 1\n[encoders]\noverload = \"allow\"\n[statistics]\nsamples_per_second = {rate}\n");
    writeln!(settings, "csv_folder = \"{}\"", folder.path().display())?;
    if matches!(told, Told::Everywhere) {
        writeln!(settings, "[mqtt]\nbroker = \"embedded\"\nlisten = \"127.0.0.1:{}\"\nstats_hz = {rate}", free_port())?;
    }
    for number in 0..FEEDS {
        writeln!(settings, "[[feeds]]\nname = \"f{number}\"\npattern = \"ball\"\npattern_size = \"160x120\"")?;
        writeln!(settings, "pattern_framerate = 5\nbitrate_kbps = 100\nencoder = \"x264enc\"")?;
        writeln!(settings, "record_statistics = {}", matches!(told, Told::Everywhere))?;
    }
    let served = Served::start(&settings)?;
    let mut takers = Vec::new();
    for number in 0..FEEDS {
        let feed = format!("f{number}");
        for _ in 0..VIEWERS {
            takers.push(Taker::start(&served.signalling(), Some(&feed))?);
        }
        takers.iter().try_for_each(Taker::wait_first)?;
    }
    thread::sleep(SETTLING);
    let [cores] = process::cores([served.id()], length);
    Ok(cores)
}
