//! Three frames through a hardware element, in a process of its own.
//!
//! A driver that crashes takes its process along, and one that hangs cannot be stopped
//! from within. So the program runs itself with a hidden verb, and what becomes of that
//! process is the answer.

use std::{
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::process::Command;

use super::{Candidate, Failure, FailureKind, Verdict, trial};

/// What this program is called.
const NAME: &str = env!("CARGO_PKG_NAME");

/// The hidden verb.
pub const VERB: &str = "try-element";

/// Marks the answer: drivers write to standard output too.
const MARK: &str = "heliograph-verdict ";

/// The program that tries elements: this one.
///
/// Tests and benchmarks are other programs with this code in them, which lie in a folder below
/// the program's own.
pub(super) fn own_program() -> Option<PathBuf> {
    let running = std::env::current_exe().ok()?;
    if running.file_stem()? == NAME {
        return Some(running);
    }
    let beside = running.parent()?.parent()?.join(NAME);
    beside.is_file().then_some(beside)
}

/// Tries a candidate in a process of its own, which ends with this call.
pub(super) async fn run(program: &Path, candidate: &dyn Candidate, limit: Duration) -> Verdict {
    let failed = |kind| Verdict::Failed(Failure { work: candidate.work(), kind });
    let child = Command::new(program)
        .args([VERB, &candidate.key()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // A driver's own words are for nobody here.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => return failed(FailureKind::NotTried(error.to_string())),
    };
    // Past the limit the future is dropped, the child with it, and tokio buries it.
    match tokio::time::timeout(limit, child.wait_with_output()).await {
        Err(_) => failed(FailureKind::Hung(limit)),
        Ok(Err(error)) => failed(FailureKind::NotTried(error.to_string())),
        Ok(Ok(output)) => answer(&output.stdout).unwrap_or_else(|| {
            let kind = match output.status.code() {
                None => FailureKind::Crashed,
                Some(code) => FailureKind::NotTried(format!("the process ended with code {code}")),
            };
            failed(kind)
        }),
    }
}

/// The verdict among whatever else was written.
fn answer(output: &[u8]) -> Option<Verdict> {
    let output = String::from_utf8_lossy(output);
    let line = output.lines().find_map(|line| line.strip_prefix(MARK))?;
    serde_json::from_str(line).ok()
}

/// The child's whole life: tries the candidate of this key, and writes what it found.
/// It has all the time its parent gives it.
pub fn answer_for(key: &str, candidates: &[Arc<dyn Candidate>]) -> ExitCode {
    let verdict = match candidates.iter().find(|candidate| candidate.key() == key) {
        Some(candidate) => trial::run(candidate.as_ref(), Duration::from_mins(1)),
        None => Verdict::NotInstalled,
    };
    println!("\n{MARK}{}", serde_json::to_string(&verdict).expect("a verdict should be JSON"));
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_found_among_a_drivers_words() {
        assert_eq!(answer(b"libva info: VA-API 1.22\n\nheliograph-verdict \"works\"\n"), Some(Verdict::Works));
        assert_eq!(answer(b"works\n"), None);
        assert_eq!(answer(b"heliograph-verdict nonsense\n"), None);
    }
}
