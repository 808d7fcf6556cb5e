//! `heliograph doctor`: the report on the terminal, or for programs.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use futures::StreamExt;
use tokio::runtime::Runtime;

use super::{Finding, Questions, Verdict};
use crate::{
    cli::DoctorOptions,
    config::{IceServers, PasswordSource},
};

/// Prints the report. The exit code is 1 where there is a problem.
pub(crate) fn run(settings: Option<PathBuf>, options: &DoctorOptions) -> ExitCode {
    let runtime = Runtime::new().expect("an async runtime should start");
    let questions = Questions { settings, ice: named_servers(options) };
    let findings: Vec<Finding> = runtime.block_on(super::run(questions).collect());
    // A thread that a driver keeps does not keep the program.
    runtime.shutdown_timeout(Duration::from_millis(300));
    let report = if options.json { json(&findings) } else { super::text(&findings, colours()) };
    // Whoever reads may have gone, such as `head`.
    let _ = io::stdout().write_all(report.as_bytes());
    let problem = findings.iter().any(|finding| finding.verdict == Verdict::Problem);
    if problem { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The servers of the command line, where it names any.
fn named_servers(options: &DoctorOptions) -> Option<IceServers> {
    let password = options.ice_password_env.clone().map_or(PasswordSource::None, PasswordSource::Environment);
    let servers = options.ice_servers.clone();
    (!servers.is_empty()).then_some(IceServers { servers, password })
}

fn json(findings: &[Finding]) -> String {
    serde_json::to_string_pretty(findings).expect("findings should be JSON") + "\n"
}

/// On a terminal, unless its owner wants none (<https://no-color.org>).
fn colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !unwanted
}
