//! Command line in, window or headless program out.

use std::process::ExitCode;

use clap::Parser;
use heliograph::{cli::Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
