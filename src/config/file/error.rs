//! What can be wrong with the settings file, in sentences.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{MAX_BYTES, VERSION};
use crate::i18n::{gettext, gettext_f};

/// Why the settings could not be loaded or saved. None of these repeats a password or token.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum ConfigError {
    /// Nothing says where the settings are.
    NoHome,
    /// The system does not let us read it.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What stands in it is not understood.
    Faulty {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// It has not been loaded, so whatever stands in it would be lost.
    NotLoaded(PathBuf),
    /// Somebody else has written it.
    Changed(PathBuf),
    /// These settings could not be loaded again.
    Unsavable {
        /// The file.
        path: PathBuf,
        /// What is wrong with the settings; lines count in the file that would have been written.
        fault: Fault,
    },
    /// The system does not let us write it.
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ConfigError {
    /// What happened, to what, and what to do.
    fn sentence(&self) -> String {
        match self {
            Self::NoHome => gettext(
                "Neither XDG_CONFIG_HOME nor HOME is set, so there is no place for the settings. Name a file with --config FILE.",
            ),
            Self::Unreadable { path, source } => gettext_f(
                // Translators: {reason} is what the system said.
                "The settings file {path} cannot be read: {reason}. Correct its path or permissions; it has not been changed.",
                &[("path", &path.display().to_string()), ("reason", &source.to_string())],
            ),
            Self::Faulty { path, fault } => gettext_f(
                // Translators: {fault} is one line or several, each of which names a line of the file and what to do.
                "The settings file {path} cannot be used:\n{fault}\nCorrect it and load it again; it has not been changed.",
                &[("path", &path.display().to_string()), ("fault", &fault.to_string())],
            ),
            Self::NotLoaded(path) => gettext_f(
                "The settings were not saved: what stands in {path} has not been understood and would be lost. Correct that file and load it again.",
                &[("path", &path.display().to_string())],
            ),
            Self::Changed(path) => gettext_f(
                "The settings were not saved: {path} was changed by another program since it was loaded. Load it again, then repeat your change.",
                &[("path", &path.display().to_string())],
            ),
            Self::Unsavable { path, fault } => gettext_f(
                // Translators: {fault} is one line or several, each of which names a line of the file and what to do.
                "The settings were not saved to {path}, because they could not be loaded again:\n{fault}\nCorrect that setting and save again.",
                &[("path", &path.display().to_string()), ("fault", &fault.to_string())],
            ),
            Self::Unwritable { path, source } => gettext_f(
                // Translators: {reason} is what the system said.
                "The settings were not saved to {path}: {reason}. Correct the permissions of its folder, or make room on the disk; the file has not been changed.",
                &[("path", &path.display().to_string()), ("reason", &source.to_string())],
            ),
        }
    }
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
            Fault::TooLong => {
                let limit = (MAX_BYTES / 1024).to_string();
                f.write_str(&gettext_f("it is longer than {limit} KiB, which no settings are", &[("limit", &limit)]))
            }
            Fault::NotText { line } => {
                f.write_str(&gettext_f("line {line}: this is no UTF-8 text", &[("line", &line.to_string())]))
            }
            Fault::Syntax(remark) => remark.fmt(f),
            Fault::Newer { version } => f.write_str(&gettext_f(
                "it has version {version}, and this Heliograph reads version {ours}; install a newer Heliograph, or name another file with --config FILE",
                &[("version", &version.to_string()), ("ours", &VERSION.to_string())],
            )),
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
        // Translators: {text} says what stands in that line of the settings file, and what to do.
        f.write_str(&gettext_f("line {line}: {text}", &[("line", &self.line.to_string()), ("text", &self.text)]))
    }
}
