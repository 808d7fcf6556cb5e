//! The name a connector has for programs: in the settings, in the keyring, in messages.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::slug;
use crate::i18n::gettext;

/// A connector's id, of the same form as that of a feed. It stays the same when the connector is renamed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectorId(String);

/// The text is not a connector's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", rule())]
pub struct ConnectorIdError;

/// What an id may be, in a sentence.
fn rule() -> String {
    gettext("a connector's id is 1 to 63 lower-case letters, digits and hyphens, and starts with a letter or digit")
}

impl ConnectorId {
    /// The page of this program, which is always there.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// The id that a connector of this name gets, by the rule of [`super::FeedId::from_name`].
    pub fn from_name(name: &str) -> Self {
        let slug = slug::of_name(name);
        Self(if slug.is_empty() { "connector".to_owned() } else { slug })
    }

    /// This id, or this id with the smallest number from 2 on that makes it differ from every one in `taken`.
    #[must_use]
    pub fn unique_among(self, taken: &[Self]) -> Self {
        let numbered = (2..).map(|number| Self(slug::numbered(&self.0, number)));
        let mut ids = std::iter::once(self.clone()).chain(numbered);
        ids.find(|id| !taken.contains(id)).expect("one number should be free: they never end")
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConnectorId {
    type Error = ConnectorIdError;

    fn try_from(text: String) -> Result<Self, ConnectorIdError> {
        if slug::is_slug(&text) { Ok(Self(text)) } else { Err(ConnectorIdError) }
    }
}

impl FromStr for ConnectorId {
    type Err = ConnectorIdError;

    fn from_str(text: &str) -> Result<Self, ConnectorIdError> {
        text.to_owned().try_into()
    }
}

impl From<ConnectorId> for String {
    fn from(id: ConnectorId) -> String {
        id.0
    }
}

impl AsRef<str> for ConnectorId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
