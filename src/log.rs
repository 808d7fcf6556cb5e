//! Messages on standard output: lines for people or JSON for programs.

use tracing_subscriber::{EnvFilter, fmt};

use crate::cli::LogFormat;

/// What is logged without `RUST_LOG`: all of ours, warnings of libraries.
const DEFAULT_FILTER: &str = "warn,heliograph=info";

/// Sets up logging; `RUST_LOG` chooses what is logged.
pub(crate) fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = fmt().with_env_filter(filter).with_target(false);
    // A second call, in tests, changes nothing.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stdout())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
