//! One camera and all that is done with it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Codec, EncoderChoice, FeedId, PasswordSource, SourceAddress};
use crate::i18n::gettext;

/// What the operator asked for one feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedConfig {
    /// What programs call it; see [`super::Config::free_id`].
    pub id: FeedId,
    /// What people call it; see [`FeedConfig::check_name`].
    pub name: String,
    /// Where its picture comes from.
    pub source: SourceConfig,
    /// The codec it is encoded in.
    pub codec: Codec,
    /// The encoder that does it.
    pub encoder: EncoderChoice,
    /// The encoder's bitrate in kbit/s, within [`FeedConfig::BITRATE_KBPS`].
    pub bitrate_kbps: u32,
    /// Whether viewers may have it.
    pub streaming: bool,
}

impl FeedConfig {
    /// The bitrate of a feed that names none: enough for 720p30, in kbit/s.
    pub const DEFAULT_BITRATE_KBPS: u32 = 2000;
    /// Below, no codec gives a picture; above, no encoder here follows. In kbit/s.
    pub const BITRATE_KBPS: RangeInclusive<u32> = 50..=100_000;
    /// The most characters a name may have.
    pub const MAX_NAME_LENGTH: usize = 100;

    /// A feed with the default settings.
    pub fn new(id: FeedId, name: impl Into<String>, source: SourceConfig) -> Self {
        Self {
            id,
            name: name.into(),
            source,
            codec: Codec::default(),
            encoder: EncoderChoice::default(),
            bitrate_kbps: Self::DEFAULT_BITRATE_KBPS,
            streaming: true,
        }
    }

    /// Whether this can be a feed's name; the answer to the file and to the window alike.
    ///
    /// # Errors
    ///
    /// A sentence that says what a name may be. An address is refused as a name: it
    /// may hold a password, and names are shown.
    pub fn check_name(name: &str) -> Result<(), NameError> {
        let length = name.chars().count();
        if name.trim() != name || !(1..=Self::MAX_NAME_LENGTH).contains(&length) {
            Err(NameError::Length)
        } else if name.chars().any(char::is_control) {
            Err(NameError::Control)
        } else if name.contains("://") {
            Err(NameError::Address)
        } else {
            Ok(())
        }
    }
}

/// Why a text cannot be a feed's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum NameError {
    /// Too short, too long, or with blanks around it.
    Length,
    /// It would break lines of a log or a terminal.
    Control,
    /// An address was entered.
    Address,
}

impl NameError {
    /// What is wrong, and what would be right.
    fn sentence(self) -> String {
        match self {
            Self::Length => gettext("a name has 1 to 100 characters, and no blank at either end"),
            Self::Control => gettext("a name is one line without control characters"),
            Self::Address => gettext("a name is no address; write the address under `address`"),
        }
    }
}

/// Where a feed's picture comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceConfig {
    /// The camera inside the program.
    Demo,
    /// A camera on the network.
    Rtsp(RtspConfig),
}

/// How a camera is reached by RTSP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspConfig {
    /// Its address.
    pub address: SourceAddress,
    /// The user it knows, where it asks for one.
    pub user: Option<String>,
    /// Where that user's password is found; [`PasswordSource::None`] without a user,
    /// or where the user has an empty one.
    pub password: PasswordSource,
    /// The jitter buffer in milliseconds, within [`RtspConfig::LATENCY_MS`].
    pub latency_ms: u32,
}

impl RtspConfig {
    /// The jitter buffer of a feed that names none: covers a wired or good wireless network.
    pub const DEFAULT_LATENCY_MS: u32 = 100;
    /// None at all for a camera on the same cable, up to five seconds for a satellite.
    pub const LATENCY_MS: RangeInclusive<u32> = 0..=5000;

    /// A camera that asks for no password, with the default settings.
    pub fn new(address: SourceAddress) -> Self {
        Self { address, user: None, password: PasswordSource::None, latency_ms: Self::DEFAULT_LATENCY_MS }
    }

    /// The same camera asked by `user`, whose password is found in `password`.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>, password: PasswordSource) -> Self {
        self.user = Some(user.into());
        self.password = password;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_short_line_and_no_address() {
        assert_eq!(FeedConfig::check_name("Bow camera (Ö)"), Ok(()));
        let long = "x".repeat(101);
        for name in ["", " x", "x ", &long] {
            assert_eq!(FeedConfig::check_name(name), Err(NameError::Length), "for {name:?}");
        }
        assert_eq!(FeedConfig::check_name("a\nb"), Err(NameError::Control));
        assert_eq!(FeedConfig::check_name("rtsp://a:b@c"), Err(NameError::Address));
    }

    #[test]
    fn a_feed_crosses_serde_whole() {
        let address = "rtsp://h/s".parse().unwrap();
        let rtsp = RtspConfig::new(address).with_user("admin", PasswordSource::Keyring);
        let feed = FeedConfig::new(FeedId::from_name("Bow"), "Bow", SourceConfig::Rtsp(rtsp));
        let json = serde_json::to_string(&feed).unwrap();
        assert_eq!(serde_json::from_str::<FeedConfig>(&json).unwrap(), feed);
    }
}
