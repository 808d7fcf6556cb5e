//! Data channels: messages that travel between a feed's viewers and programs, beside the picture.

use std::{fmt, ops::RangeInclusive, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::i18n::gettext;

/// A channel of a feed, of which every viewer has one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataChannelConfig {
    /// What both ends call it.
    pub label: ChannelLabel,
    /// Whether messages arrive in the order in which they were sent.
    pub ordered: bool,
    /// What becomes of a message that is lost on the way.
    pub delivery: Delivery,
    /// Which viewers may send.
    pub senders: Senders,
    /// The longest message, in bytes, within [`Self::MAX_BYTES`].
    pub max_bytes: u32,
    /// The most messages a second, from each viewer and to each, within [`Self::PER_SECOND`].
    pub per_second: u32,
    /// Where programs of this machine take part.
    pub socket: SocketPlace,
}

impl DataChannelConfig {
    /// The longest message that every browser takes in one piece (RFC 8831, section 6.6).
    pub const MAX_BYTES: RangeInclusive<u32> = 1..=16_384;
    /// More is no use for steering, and less than one never sends.
    pub const PER_SECOND: RangeInclusive<u32> = 1..=1000;
    /// How often a lost message may be sent again.
    pub const RETRANSMITS: RangeInclusive<u32> = 0..=100;
    /// How long a message may be on its way, in milliseconds.
    pub const LIFETIME_MS: RangeInclusive<u32> = 10..=10_000;
    /// Of messages, in bytes.
    pub const DEFAULT_MAX_BYTES: u32 = 1024;
    /// Of messages a second.
    pub const DEFAULT_PER_SECOND: u32 = 100;
    /// The most channels that a feed may have.
    pub const MOST: usize = 8;

    /// A channel that loses nothing and that no viewer may send on.
    pub fn new(label: ChannelLabel) -> Self {
        Self {
            label,
            ordered: true,
            delivery: Delivery::default(),
            senders: Senders::default(),
            max_bytes: Self::DEFAULT_MAX_BYTES,
            per_second: Self::DEFAULT_PER_SECOND,
            socket: SocketPlace::default(),
        }
    }
}

/// What becomes of a message that is lost on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// It is sent again until it arrives; later ones wait for it where they are in order.
    #[default]
    Reliable,
    /// It is sent again so many times, and then given up.
    Retransmits(u32),
    /// It is given up at this age, in milliseconds.
    LifetimeMs(u32),
}

/// Which viewers may send on a channel. They tell their names themselves: whoever must not send
/// should not have the link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Senders {
    /// None: they only listen.
    #[default]
    None,
    /// All.
    All,
    /// Those of these names.
    Named(Vec<String>),
}

impl Senders {
    /// Whether the viewer of this name may send; `None` has told no name.
    pub fn allow(&self, viewer: Option<&str>) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Named(names) => viewer.is_some_and(|viewer| names.iter().any(|name| name == viewer)),
        }
    }
}

/// Where a channel's Unix socket is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocketPlace {
    /// There is none.
    #[default]
    None,
    /// `$XDG_RUNTIME_DIR/heliograph/FEED/LABEL.sock`.
    Usual,
    /// At this path.
    Path(PathBuf),
}

/// What a channel is called: 1 to 32 characters of `a-z`, `0-9` and `-`, the first one no hyphen,
/// so that it can stand in a topic or a file name as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelLabel(String);

/// The text is no channel's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", rule())]
pub struct ChannelLabelError;

/// What a label may be, in a sentence.
fn rule() -> String {
    gettext(
        "a channel's label is 1 to 32 lower-case letters, digits and hyphens, starts with a letter or digit, and not with \"heliograph\"",
    )
}

impl ChannelLabel {
    const LONGEST: usize = 32;
    /// Heliograph's own channels begin so.
    const RESERVED: &str = "heliograph";

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelLabel {
    type Err = ChannelLabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let fits = (1..=Self::LONGEST).contains(&text.len()) && !text.starts_with('-');
        let is_free = !text.starts_with(Self::RESERVED);
        if fits && is_free && text.chars().all(allowed) { Ok(Self(text.to_owned())) } else { Err(ChannelLabelError) }
    }
}

impl TryFrom<String> for ChannelLabel {
    type Error = ChannelLabelError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ChannelLabel> for String {
    fn from(label: ChannelLabel) -> Self {
        label.0
    }
}

impl AsRef<str> for ChannelLabel {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fit_topics_and_file_names_and_leave_our_own_alone() {
        for good in ["steer", "a", "arm-2", "0"] {
            assert_eq!(good.parse::<ChannelLabel>().unwrap().as_str(), good);
        }
        let long = "x".repeat(33);
        for bad in ["", "-a", "A", "a b", "a/b", "..", "ä", "heliograph-stats", &long] {
            assert_eq!(bad.parse::<ChannelLabel>(), Err(ChannelLabelError), "for {bad:?}");
        }
    }

    #[test]
    fn viewers_send_by_name_or_all_or_none() {
        let pilot = Senders::Named(vec!["pilot".into()]);
        assert!(pilot.allow(Some("pilot")));
        assert!(!pilot.allow(Some("guest")) && !pilot.allow(None));
        assert!(Senders::All.allow(None));
        assert!(!Senders::None.allow(Some("pilot")));
    }
}
