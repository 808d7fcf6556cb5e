//! Whether the program grows while viewers come and go, for as long as one likes.

#[path = "../shared/mod.rs"]
#[allow(dead_code, reason = "another benchmark uses the rest")]
mod shared;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "the tests' own files")]
mod support;

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use heliograph::media;

use shared::{
    Fault,
    camera::{self, Camera},
    machine, process,
    served::{FEED, Path, Served},
    taker::Taker,
};

/// Has viewers come and go, and prints every minute what the program holds.
#[derive(Parser)]
#[command(name = "./dev bench soak")]
struct Options {
    /// How many minutes
    #[arg(default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    minutes: u64,
    /// Send what the camera sends, without encoding
    #[arg(long)]
    pass_through: bool,
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
        [] => soak(&options),
        [role, port] if role == "camera" => camera::run(port),
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

fn soak(options: &Options) -> Result<(), Fault> {
    println!("{}", machine::description());
    let camera = Camera::start()?;
    let path = if options.pass_through { Path::PassThrough } else { Path::Transcode };
    let served = Served::feed(&camera.url(), path)?;
    println!("\n| minute | viewers so far | resident MB | threads | files | cores |\n|--:|--:|--:|--:|--:|--:|");
    let mut viewers = 0;
    for minute in 1..=options.minutes {
        let (end, before) = (Instant::now() + Duration::from_mins(1), process::used(served.id()));
        while Instant::now() < end {
            viewers += come_and_go(&served, viewers)?;
        }
        thread::sleep(Duration::from_secs(1));
        let id = served.id();
        let cores = process::used(id).saturating_sub(before).as_secs_f64() / 61.0;
        let (resident, threads, files) = (process::resident(id), process::threads(id), process::files(id));
        println!("| {minute} | {viewers} | {resident:.1} | {threads} | {files} | {cores:.2} |");
    }
    Ok(())
}

/// One to three viewers at a time, who stay for half a second to two; answers how many.
fn come_and_go(served: &Served, before: usize) -> Result<usize, Fault> {
    let count = 1 + before % 3;
    let viewers = Taker::several(count, &served.signalling(), Some(FEED))?;
    thread::sleep(Duration::from_millis(500 * (1 + before as u64 % 4)));
    drop(viewers);
    Ok(count)
}
