//! How a feed is at a connector.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConnectorFault, SetUp};
use crate::i18n::{gettext, gettext_f};

/// How a feed is at a connector; the same for all kinds of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ConnectorState {
    /// On the way to the service.
    #[default]
    Connecting,
    /// The service knows the feed; viewers may come.
    Ready {
        /// How long the steps to there took.
        set_up: SetUp,
    },
    /// Something failed; it is tried again.
    Backoff {
        /// What.
        fault: ConnectorFault,
        /// How long this wait is in all, in seconds.
        retry_in: f64,
    },
}

impl ConnectorState {
    /// One word, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Ready { .. } => "ready",
            Self::Backoff { .. } => "backoff",
        }
    }

    /// What differs where something has changed: for people, without how long a wait is.
    pub fn sentence_without_wait(&self) -> String {
        match self {
            // On the way anew, after a fault that was told: it will be told whether that goes on.
            Self::Connecting | Self::Ready { .. } => self.sentence(),
            Self::Backoff { fault, .. } => fault.to_string(),
        }
    }

    /// The same for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Connecting => gettext("Connecting."),
            Self::Ready { .. } => gettext("Connected."),
            Self::Backoff { fault, retry_in } => gettext_f(
                // Translators: {fault} is one or two whole sentences.
                "{fault} Trying again in {seconds} s.",
                &[("fault", &fault.to_string()), ("seconds", &format!("{retry_in:.0}"))],
            ),
        }
    }
}
