//! Why a password could not be had or kept.

use std::io;
use std::path::PathBuf;

use crate::i18n::{gettext, gettext_f};

/// Why a password could not be had or kept: a sentence with the next step.
/// None of these repeats a password.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum SecretError {
    /// There is no Secret Service, or no way to reach it.
    Unavailable(#[source] Box<oo7::dbus::Error>),
    /// The Secret Service has not answered in time.
    TimedOut,
    /// The keyring is locked, and nobody may be asked to unlock it.
    Locked,
    /// The user closed the keyring's question.
    Dismissed,
    /// The keyring answered with an error of its own.
    Keyring(#[source] Box<oo7::dbus::Error>),
    /// The keyring's entry is no UTF-8.
    KeyringNotText,
    /// The keyring holds nothing where something should be.
    NotInKeyring,
    /// The environment variable is not set.
    VariableMissing(String),
    /// The environment variable holds no usable text.
    VariableUnusable(String),
    /// The password file cannot be read.
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The password file holds no usable text.
    FileUnusable(PathBuf),
}

impl SecretError {
    /// What happened, to what, and what to do.
    fn sentence(&self) -> String {
        match self {
            Self::Unavailable(_) => gettext(
                "There is no keyring in this session. Install one (such as gnome-keyring), or name the password with password_env or password_file in the settings file.",
            ),
            Self::TimedOut => gettext(
                "The keyring has not answered. See whether it waits for you behind another window, or name the password with password_env or password_file in the settings file.",
            ),
            Self::Locked => gettext(
                "The keyring is locked. Unlock it, or name the password with password_env or password_file in the settings file.",
            ),
            Self::Dismissed => gettext(
                "The keyring stayed locked, because its question was dismissed. Unlock it, or enter the password again.",
            ),
            Self::Keyring(_) => {
                gettext("The keyring could not do it. Look at it in your system's password manager and try again.")
            }
            Self::KeyringNotText => gettext("The password in the keyring is no text. Enter it again."),
            Self::NotInKeyring => {
                gettext("The keyring does not hold what should be in it. Enter it again in the window.")
            }
            Self::VariableMissing(name) => gettext_f(
                "The environment variable {name}, which should hold the password, is not set. Set it and start again.",
                &[("name", name)],
            ),
            Self::VariableUnusable(name) => gettext_f(
                "The environment variable {name}, which should hold the password, is empty or no UTF-8 text. Set it and start again.",
                &[("name", name)],
            ),
            Self::FileUnreadable { path, source } => gettext_f(
                // Translators: {reason} is what the system said.
                "The password file {path} cannot be read: {reason}. Correct its path or permissions.",
                &[("path", &path.display().to_string()), ("reason", &source.to_string())],
            ),
            Self::FileUnusable(path) => gettext_f(
                "The password file {path} should hold nothing but the password, one line of UTF-8 text; it is empty, longer or something else.",
                &[("path", &path.display().to_string())],
            ),
        }
    }
}
