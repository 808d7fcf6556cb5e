//! Messages, and why one is not sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::{ChannelLabel, FeedId},
    i18n::{gettext, gettext_f},
};

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// A text.
    Text(String),
    /// Anything.
    Binary(Vec<u8>),
}

impl Payload {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// What it says, as bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// A message of a viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataMessage {
    /// Whose channel it came on.
    pub feed: FeedId,
    /// Which of the feed's.
    pub channel: ChannelLabel,
    /// The viewer's session.
    pub session: String,
    /// What the viewer calls itself.
    pub viewer: Option<String>,
    /// What it says.
    pub payload: Payload,
}

/// Why a message to viewers is not sent to any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum SendError {
    /// The feed has no such channel.
    NoSuchChannel {
        /// What was asked for.
        channel: String,
        /// What there is.
        known: Vec<String>,
    },
    /// It is longer than the channel takes.
    TooLong {
        /// What the channel takes, in bytes.
        most: u32,
    },
    /// No viewer of this session has the channel open.
    NoSuchSession(String),
}

impl SendError {
    fn sentence(&self) -> String {
        match self {
            Self::NoSuchChannel { channel, known } if known.is_empty() => gettext_f(
                "There is no channel “{channel}”: this feed has none. They are set as data_channels in its settings.",
                &[("channel", channel)],
            ),
            Self::NoSuchChannel { channel, known } => gettext_f(
                "There is no channel “{channel}”; this feed has {known}.",
                &[("channel", channel), ("known", &known.join(", "))],
            ),
            Self::TooLong { most } => gettext_f(
                "The message is longer than the {most} bytes that the channel takes. Send less, or raise max_bytes.",
                &[("most", &most.to_string())],
            ),
            Self::NoSuchSession(_) => gettext("The viewer is gone, or has not opened the channel."),
        }
    }
}
