//! Who asks a camera, and where the password is found.

use std::str::FromStr;

use super::super::fields::Fields;
use crate::config::PasswordSource;
use crate::i18n::{gettext, gettext_f};

/// The ways to say where a password is; without any it is in the keyring.
const PASSWORD_KEYS: &[&str] = &["password", "password_env", "password_file"];

pub(super) fn read_password_source(fields: &Fields<'_>) -> PasswordSource {
    let named: Vec<&str> = PASSWORD_KEYS.iter().copied().filter(|key| fields.has(key)).collect();
    if let [first, second, ..] = named[..] {
        let why = gettext_f("this feed has {key} too; remove one of the two lines", &[("key", first)]);
        fields.refuse(second, why);
    }
    if fields.has("password") {
        fields.secret::<NoPassword>("password");
        PasswordSource::None
    } else if let Some(Variable(name)) = fields.secret("password_env") {
        PasswordSource::Environment(name)
    } else if let Some(path) = fields.path("password_file") {
        PasswordSource::File(path)
    } else {
        PasswordSource::Keyring
    }
}

/// The empty text: the user has no password, as some cameras come from the factory.
struct NoPassword;

impl FromStr for NoPassword {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            Ok(Self)
        } else {
            Err(gettext(
                "a password does not stand in this file: name it with password_env or password_file, or enter it in the window; only \"\" is allowed here, for a user without a password",
            ))
        }
    }
}

pub(super) fn check_user(text: &str) -> Result<(), String> {
    let fits = text.len() <= 256 && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(gettext("a user's name is one line of at most 256 bytes")) }
}

/// The name of an environment variable (POSIX.1-2024, section 8.1).
pub(super) struct Variable(pub(super) String);

/// Read as a secret is: somebody may write the password where its variable's name belongs.
impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.starts_with(|c: char| !c.is_ascii_digit()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(gettext("the name of an environment variable has letters, digits and _ only"))
        }
    }
}

/// Where a secret is found; `None` where nothing is said, and where too much is.
pub(super) fn read_secret(fields: &Fields<'_>, keys: [&'static str; 3]) -> Option<PasswordSource> {
    let [variable, file, keyring] = keys;
    if let [first, second, ..] = keys.into_iter().filter(|key| fields.has(key)).collect::<Vec<_>>()[..] {
        fields.refuse(second, gettext_f("`{key}` says where it is, too; remove one of the two", &[("key", first)]));
        return None;
    }
    let in_variable = fields.secret(variable).map(|Variable(name)| PasswordSource::Environment(name));
    let in_file = || fields.path(file).map(PasswordSource::File);
    let in_keyring = || fields.flag(keyring).filter(|is_there| *is_there).map(|_| PasswordSource::Keyring);
    in_variable.or_else(in_file).or_else(in_keyring)
}
