//! Messages: lines for people or JSON for programs.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    EnvFilter,
    fmt::{self, writer::BoxMakeWriter},
};

use crate::cli::LogFormat;

/// What is logged without `RUST_LOG`: all of ours, warnings of libraries. What the MQTT library has
/// to say of a lost broker or a refused client is said by `mqtt`, once and with the next step.
const DEFAULT_FILTER: &str = "warn,mqtt5=off,mqtt5_protocol=off,heliograph=info";

/// Where messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Standard output: they are all that the program says.
    Output,
    /// Standard error: the output is a report, which a program may read.
    Error,
}

/// Sets up logging; `RUST_LOG` chooses what is logged.
pub(crate) fn init(format: LogFormat, place: Place) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let (writer, terminal) = match place {
        Place::Output => (BoxMakeWriter::new(io::stdout), io::stdout().is_terminal()),
        Place::Error => (BoxMakeWriter::new(io::stderr), io::stderr().is_terminal()),
    };
    let lines = fmt::fmt().with_env_filter(filter).with_target(false).with_writer(writer);
    // A second call, in tests, changes nothing.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(terminal).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
