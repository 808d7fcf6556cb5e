//! A text that is shown to nobody.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password. `Debug` and `Display` print `…`, its memory is overwritten when it is dropped.
#[derive(Clone, Default)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The password itself, for the one who has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Takes as long for every text of the same length, so whoever compares gives nothing away.
impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Display for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown_and_compares_by_its_text() {
        let password = Password::new("planted");
        assert_eq!(format!("{password} {password:?}"), "… Password(…)");
        assert_eq!(password, Password::new("planted"));
        assert_ne!(password, Password::new("other"));
        assert!(Password::default().is_empty());
    }
}
