//! The name a feed has for programs: in addresses, in the keyring, in messages.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConnectorId, ExternalBroker, IceServers, slug};
use crate::i18n::gettext;

/// A feed's id: 1 to 63 characters of `a-z`, `0-9` and `-`, the first one not a hyphen.
///
/// The rule is that of a DNS label (RFC 1123, section 2.1), so an id can stand in
/// a URL, a topic or a file name as it is. It stays the same when the feed is renamed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct FeedId(String);

/// The text is not a feed id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", rule())]
pub struct FeedIdError;

/// What an id may be, in a sentence.
fn rule() -> String {
    gettext("a feed's id is 1 to 63 lower-case letters, digits and hyphens, and starts with a letter or digit")
}

impl FeedId {
    /// The most characters an id may have.
    pub const MAX_LENGTH: usize = slug::MAX_LENGTH;

    /// The id that a feed of this name gets: `"Bow camera"` becomes `bow-camera`.
    ///
    /// Whatever is no ASCII letter or digit separates words. A name in which
    /// nothing is left gives `feed`.
    pub fn from_name(name: &str) -> Self {
        let slug = slug::of_name(name);
        Self(if slug.is_empty() { "feed".to_owned() } else { slug })
    }

    /// This id, or this id with the smallest number from 2 on that makes it
    /// differ from every one in `taken`.
    #[must_use]
    pub fn unique_among<'a>(self, taken: impl IntoIterator<Item = &'a FeedId>) -> Self {
        let taken: HashSet<&FeedId> = taken.into_iter().collect();
        if !taken.contains(&self) {
            return self;
        }
        (2..=taken.len() + 2)
            .map(|number| Self(slug::numbered(&self.0, number)))
            .find(|id| !taken.contains(id))
            .expect("one number should be free: there are more of them than taken ids")
    }

    /// Under this name our password at an MQTT broker is kept; no feed can be called so.
    pub fn of_broker() -> Self {
        Self("mqtt.broker".to_owned())
    }

    /// Under this name our password at a broker whose feeds are watched is kept; no feed can be called so.
    pub fn of_watched(broker: &ExternalBroker) -> Self {
        let user = broker.user.as_deref().unwrap_or_default();
        Self(format!("watch.{user}@{}", broker.address))
    }

    /// Under this name a connector's secret is kept; no feed can be called so.
    pub fn of_connector(connector: &ConnectorId, key: &str) -> Self {
        Self(format!("connector.{connector}.{key}"))
    }

    /// Under this name the password of the TURN servers on the way to a received feed is kept; no feed can be
    /// called so.
    pub fn of_reception(feed: &FeedId) -> Self {
        Self(format!("feed.{feed}.{}", IceServers::PASSWORD))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FeedId {
    type Error = FeedIdError;

    fn try_from(text: String) -> Result<Self, FeedIdError> {
        if slug::is_slug(&text) { Ok(Self(text)) } else { Err(FeedIdError) }
    }
}

impl TryFrom<&str> for FeedId {
    type Error = FeedIdError;

    fn try_from(text: &str) -> Result<Self, FeedIdError> {
        text.to_owned().try_into()
    }
}

impl FromStr for FeedId {
    type Err = FeedIdError;

    fn from_str(text: &str) -> Result<Self, FeedIdError> {
        text.try_into()
    }
}

impl From<FeedId> for String {
    fn from(id: FeedId) -> String {
        id.0
    }
}

impl AsRef<str> for FeedId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs() {
        let long = "x".repeat(70);
        let cases = [
            ("Bow camera", "bow-camera"),
            ("  Deck -- 2 / port ", "deck-2-port"),
            ("Ö-Kamera", "kamera"),
            ("東京", "feed"),
            ("", "feed"),
            ("---", "feed"),
            (&long, &long[..63]),
        ];
        for (name, id) in cases {
            assert_eq!(FeedId::from_name(name).as_str(), id, "for {name:?}");
            assert_eq!(id.parse::<FeedId>().unwrap(), FeedId::from_name(name));
        }
    }

    #[test]
    fn ids_that_are_none_are_refused() {
        let long = "a".repeat(64);
        for text in ["", "-a", "A", "a b", "a_b", "ä", "a/b", &long] {
            assert_eq!(FeedId::try_from(text), Err(FeedIdError), "for {text:?}");
        }
    }

    #[test]
    fn a_taken_id_gets_a_number() {
        let id = |text: &str| FeedId::try_from(text).unwrap();
        let taken = [id("demo"), id("demo-2")];
        assert_eq!(id("bow").unique_among(&taken), id("bow"));
        assert_eq!(id("demo").unique_among(&taken), id("demo-3"));

        let long = id(&"a".repeat(63));
        let second = long.clone().unique_among([&long]);
        assert_eq!(second, id(&format!("{}-2", "a".repeat(61))));
    }

    #[test]
    fn serde_checks_what_it_reads() {
        assert_eq!(serde_json::to_string(&FeedId::from_name("Bow")).unwrap(), "\"bow\"");
        assert!(serde_json::from_str::<FeedId>("\"bow\"").is_ok());
        assert!(serde_json::from_str::<FeedId>("\"Bow!\"").is_err());
    }
}
