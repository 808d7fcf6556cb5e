//! What the whole program costs, and how long it keeps a frame: the table of figures that it is held to.
//!
//! Method and how to read the table: `benches/README.md`. A figure that misses what it must be is
//! printed as missed; nothing is asserted.

mod cost;
mod delay;
mod reference;
mod report;
#[path = "../shared/mod.rs"]
#[allow(dead_code, reason = "another benchmark uses the rest")]
mod shared;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "the tests' own files")]
mod support;
mod wire;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};
use heliograph::media;

use report::Report;
use shared::{Fault, camera, machine};

/// Measures the program against what it is held to.
#[derive(Parser)]
#[command(name = "./dev bench proof")]
struct Options {
    /// Only these rows
    #[arg(value_enum)]
    rows: Vec<Row>,
    /// Seconds to measure each figure, after it has settled
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(2..=60))]
    seconds: u64,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    /// What this program is when it runs itself.
    #[arg(long, hide = true, num_args = 1..)]
    be: Vec<String>,
}

/// The table's rows, in its order.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Row {
    /// One viewer, against the bare pipeline
    Bare,
    /// What each further viewer adds
    Viewers,
    /// Pass-through, against encoding anew
    Paths,
    /// From RTP in to RTP out
    Forwarding,
    /// From the camera to a browser's decoded frame
    Browser,
    /// From asking to the first decoded frame
    Joining,
    /// Resident memory
    Memory,
    /// What each stage costs
    Stages,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let result = media::init().map_err(Fault::from).and_then(|()| match options.be.as_slice() {
        [] => {
            print(&options);
            Ok(())
        }
        [role, port] if role == "camera" => camera::run(port),
        [role, kind, url, port] if role == "reference" => reference::run(kind, url, port.parse()?),
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

fn print(options: &Options) {
    println!("{}", machine::description());
    println!("load average before: {}", machine::load());
    let mut report = Report::begin();
    let length = Duration::from_secs(options.seconds);
    for row in Row::value_variants().iter().filter(|row| options.rows.is_empty() || options.rows.contains(row)) {
        report.watch_others();
        let measured = measure(*row, length, &mut report);
        if let Err(error) = measured {
            report.failed(&row.to_possible_value().map_or_else(String::new, |name| name.get_name().to_owned()), &error);
        }
        report.say_others();
    }
    report.end();
    println!("\nload average after: {}", machine::load());
}

fn measure(row: Row, length: Duration, report: &mut Report) -> Result<(), Fault> {
    match row {
        Row::Bare => cost::bare(length, report),
        Row::Viewers => cost::viewers(length, report),
        Row::Paths => cost::paths(length, report),
        Row::Forwarding => delay::forwarding(length, report),
        Row::Browser => delay::browser(length, report),
        Row::Joining => delay::joining(report),
        Row::Memory => cost::memory(report),
        Row::Stages => cost::stages(length, report),
    }
}
