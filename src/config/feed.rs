//! One camera and all that is done with it.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use super::{
    AgentConfig, AudioConfig, Codec, DataChannelConfig, ElementChoice, ElementRole, ElementSettings, FeedId,
    Fingerprint, PathChoice, PictureConfig, Priority, ShareConfig, SourceConfig,
};
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
    /// The decoder of what the camera sends.
    pub decoder: ElementChoice,
    /// What is done to the picture before it is encoded.
    pub picture: PictureConfig,
    /// What is heard beside the picture.
    pub audio: AudioConfig,
    /// Whether it is encoded at all.
    #[serde(default)]
    pub path: PathChoice,
    /// The codec it is encoded in.
    pub codec: Codec,
    /// The encoder that does it.
    pub encoder: ElementChoice,
    /// Properties of its elements; which are allowed says [`super::element_settings::check`].
    #[serde(default)]
    pub elements: ElementSettings,
    /// The encoder's bitrate in kbit/s, within [`FeedConfig::BITRATE_KBPS`].
    pub bitrate_kbps: u32,
    /// Repair packets, in percent of the picture's, within [`super::Setpoint::FEC_PERCENT`].
    #[serde(default)]
    pub fec_percent: u32,
    /// How urgent its packets are to the network.
    #[serde(default)]
    pub priority: Priority,
    /// Who decides over its setpoint while it runs.
    #[serde(default)]
    pub agent: AgentConfig,
    /// How it takes part when bitrate is shared out among the feeds.
    #[serde(default)]
    pub share: ShareConfig,
    /// Viewers that always get the main rendition, whatever their connections carry, by the names
    /// that they tell.
    #[serde(default)]
    pub pinned_viewers: Vec<String>,
    /// Messages that travel beside the picture; no two have the same label.
    #[serde(default)]
    pub data_channels: Vec<DataChannelConfig>,
    /// Whether viewers may have it.
    pub streaming: bool,
    /// Whether camera and encoder also run while nobody watches.
    #[serde(default)]
    pub keep_warm: bool,
    /// Whether its statistics are written to files.
    #[serde(default)]
    pub record_statistics: bool,
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
            decoder: ElementChoice::default(),
            picture: PictureConfig::default(),
            audio: AudioConfig::default(),
            path: PathChoice::default(),
            codec: Codec::default(),
            encoder: ElementChoice::default(),
            elements: ElementSettings::new(),
            bitrate_kbps: Self::DEFAULT_BITRATE_KBPS,
            fec_percent: 0,
            priority: Priority::default(),
            agent: AgentConfig::default(),
            share: ShareConfig::default(),
            pinned_viewers: Vec::new(),
            data_channels: Vec::new(),
            streaming: true,
            keep_warm: false,
            record_statistics: false,
        }
    }

    /// Properties of the elements of this role.
    pub fn settings_of(&self, role: ElementRole) -> BTreeMap<String, String> {
        self.elements.get(&role).cloned().unwrap_or_default()
    }

    /// Has these properties, and no others, for the elements of this role.
    pub fn set_settings_of(&mut self, role: ElementRole, settings: BTreeMap<String, String>) {
        // A role that has none is not there: equal feeds look equal.
        if settings.is_empty() {
            self.elements.remove(&role);
        } else {
            self.elements.insert(role, settings);
        }
    }

    /// Has this property for the elements of this role.
    pub fn set_element(&mut self, role: ElementRole, name: &str, value: &str) {
        self.elements.entry(role).or_default().insert(name.to_owned(), value.to_owned());
    }

    /// The camera is known by this certificate from now on, or by none; true where that
    /// changes anything.
    pub fn know_by(&mut self, certificate: Option<Fingerprint>) -> bool {
        match &mut self.source {
            SourceConfig::Rtsp(rtsp) => std::mem::replace(&mut rtsp.certificate, certificate) != certificate,
            _ => false,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PasswordSource, RtspConfig};

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
