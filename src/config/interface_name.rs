//! Names of this machine's ways into the network.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::i18n::gettext;

/// A network interface such as `eth0`, or with a star at its end all whose names begin so: `wl*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InterfaceName {
    /// Without the star.
    start: String,
    is_prefix: bool,
}

/// The text cannot be an interface's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", rule())]
pub struct InterfaceNameError;

/// What a name may be, in a sentence.
fn rule() -> String {
    gettext(
        "an interface is a name of up to 15 characters such as eth0, or the start of names and a star, such as wl*; `ip link` lists them",
    )
}

impl InterfaceName {
    /// Bytes in a name that Linux takes (`IFNAMSIZ`, without the zero at its end).
    const LONGEST: usize = 15;

    /// Whether the interface of this name is meant.
    pub fn means(&self, interface: &str) -> bool {
        if self.is_prefix { interface.starts_with(&self.start) } else { interface == self.start }
    }
}

impl FromStr for InterfaceName {
    type Err = InterfaceNameError;

    fn from_str(text: &str) -> Result<Self, InterfaceNameError> {
        let (start, is_prefix) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"/:*".contains(c);
        let fits = (1..=Self::LONGEST).contains(&start.len()) && start.chars().all(plain);
        if fits { Ok(Self { start: start.to_owned(), is_prefix }) } else { Err(InterfaceNameError) }
    }
}

impl TryFrom<String> for InterfaceName {
    type Error = InterfaceNameError;

    fn try_from(text: String) -> Result<Self, InterfaceNameError> {
        text.parse()
    }
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start)?;
        if self.is_prefix { f.write_str("*") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_interface_and_a_star_all_that_begin_so() {
        let (name, start): (InterfaceName, InterfaceName) = ("wlan0".parse().unwrap(), "wl*".parse().unwrap());
        assert!(name.means("wlan0") && !name.means("wlan01") && !name.means("wlan"));
        assert!(start.means("wlan0") && start.means("wl") && !start.means("eth0"));
        assert_eq!((name.to_string(), start.to_string()), ("wlan0".into(), "wl*".into()));
        for text in ["", "*", "e*0", "a b", "a/b", "sixteen-letters-", "eth0:1", "eth0\n"] {
            assert_eq!(text.parse::<InterfaceName>(), Err(InterfaceNameError), "for {text:?}");
        }
    }
}
