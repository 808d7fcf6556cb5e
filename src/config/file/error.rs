//! What can be wrong with the settings file, in sentences.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{MAX_BYTES, VERSION};

/// Why the settings could not be loaded or saved. None of these repeats a password or token.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing says where the settings are.
    #[error(
        "Neither XDG_CONFIG_HOME nor HOME is set, so there is no place for the settings. Name a file with --config FILE."
    )]
    NoHome,
    /// The system does not let us read it.
    #[error(
        "The settings file {path} cannot be read: {source}. Correct its path or permissions; it has not been changed."
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What stands in it is not understood.
    #[error(
        "The settings file {path} cannot be used:\n{fault}\nCorrect it and load it again; it has not been changed."
    )]
    Faulty {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// It has not been loaded, so whatever stands in it would be lost.
    #[error(
        "The settings were not saved: what stands in {0} has not been understood and would be lost. Correct that file and load it again."
    )]
    NotLoaded(PathBuf),
    /// Somebody else has written it.
    #[error(
        "The settings were not saved: {0} was changed by another program since it was loaded. Load it again, then repeat your change."
    )]
    Changed(PathBuf),
    /// These settings could not be loaded again.
    #[error(
        "The settings were not saved to {path}, because they could not be loaded again:\n{fault}\nCorrect that setting and save again."
    )]
    Unsavable {
        /// The file.
        path: PathBuf,
        /// What is wrong with the settings; lines count in the file that would have been written.
        fault: Fault,
    },
    /// The system does not let us write it.
    #[error(
        "The settings were not saved to {path}: {source}. Correct the permissions of its folder, or make room on the disk; the file has not been changed."
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with the text of a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is longer than [`MAX_BYTES`].
    TooLong,
    /// It is no UTF-8.
    NotText {
        /// The first line with other bytes, from 1.
        line: usize,
    },
    /// It is no TOML.
    Syntax(Remark),
    /// A newer program wrote it.
    Newer {
        /// The version it names.
        version: i64,
    },
    /// It is TOML, but says what is not allowed: everything that is wrong, in order.
    Remarks(Vec<Remark>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooLong => write!(f, "it is longer than {} KiB, which no settings are", MAX_BYTES / 1024),
            Fault::NotText { line } => write!(f, "line {line}: this is no UTF-8 text"),
            Fault::Syntax(remark) => remark.fmt(f),
            Fault::Newer { version } => write!(
                f,
                "it has version {version}, and this Heliograph reads version {VERSION}; install a newer Heliograph, or name another file with --config FILE"
            ),
            Fault::Remarks(remarks) => {
                let lines: Vec<String> = remarks.iter().map(Remark::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

/// A sentence about one line of the settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The line, from 1.
    pub line: usize,
    /// What is there, and what to do.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}
