//! Where a feed's password is found.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Password, SecretError};

/// No password is longer than this many bytes; whatever is was named by mistake.
const MAX_FILE_BYTES: u64 = 4096;

/// Where a feed's password is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordSource {
    /// Nowhere: there is none, or it is empty.
    #[default]
    None,
    /// In the keyring, under the feed's id.
    Keyring,
    /// In the environment variable of this name.
    Environment(String),
    /// In this file, which holds nothing else; a newline at its end does not count.
    File(PathBuf),
}

impl PasswordSource {
    /// The password as it is now, where it needs no keyring; `None` where there is none, or it does.
    ///
    /// # Errors
    ///
    /// The variable or file cannot be used.
    pub(in crate::config) fn read(&self) -> Result<Option<Password>, SecretError> {
        match self {
            Self::None | Self::Keyring => Ok(None),
            Self::Environment(name) => from_environment(name).map(Some),
            Self::File(path) => from_file(path).map(Some),
        }
    }
}

/// The password in an environment variable, as it is now.
fn from_environment(name: &str) -> Result<Password, SecretError> {
    let value = env::var_os(name).ok_or_else(|| SecretError::VariableMissing(name.to_owned()))?;
    match value.into_string() {
        Ok(text) if !text.is_empty() => Ok(Password::new(text)),
        _ => Err(SecretError::VariableUnusable(name.to_owned())),
    }
}

/// The password in a file, as it is now.
fn from_file(path: &Path) -> Result<Password, SecretError> {
    let unusable = || SecretError::FileUnusable(path.to_owned());
    let bytes = read_small_file(path)
        .map_err(|source| SecretError::FileUnreadable { path: path.to_owned(), source })?
        .ok_or_else(unusable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable())?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(['\n', '\r', '\0']) {
        return Err(unusable());
    }
    Ok(Password::new(line))
}

/// The bytes of a file of reasonable size; `None` for a larger one, and for pipes and
/// devices, which could keep the reader waiting for ever.
fn read_small_file(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= MAX_FILE_BYTES).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn a_file_gives_its_line() {
        for content in ["planted é", "planted é\n", "planted é\r\n"] {
            let file = file_with(content.as_bytes());
            assert_eq!(from_file(file.path()).unwrap().expose(), "planted é");
        }
    }

    #[test]
    fn a_file_that_holds_no_password_is_named_and_not_shown() {
        let long = [b'x'; 5000];
        let cases: [&[u8]; 5] = [b"", b"\n", b"planted\nplanted\n", b"planted\xFF", &long];
        for content in cases {
            let file = file_with(content);
            let error = from_file(file.path()).expect_err("the file should be refused");
            assert!(matches!(error, SecretError::FileUnusable(_)), "{error:?}");
            assert!(error.to_string().contains(&file.path().display().to_string()));
            assert!(!format!("{error} {error:?}").contains("planted"));
        }
    }

    #[test]
    fn a_missing_file_and_a_missing_variable_are_named() {
        let error = from_file(Path::new("/nowhere/bow")).expect_err("no such file");
        assert!(error.to_string().starts_with("The password file /nowhere/bow cannot be read: No such"));
        let error = from_environment("HELIOGRAPH_NO_SUCH").expect_err("no such variable");
        assert!(error.to_string().contains("HELIOGRAPH_NO_SUCH"));
        assert!(from_file(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn a_variable_gives_its_value() {
        // PATH: the one variable that every test run has.
        assert_eq!(from_environment("PATH").unwrap().expose(), env::var("PATH").unwrap());
    }
}
