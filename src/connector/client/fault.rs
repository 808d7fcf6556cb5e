//! What can go wrong with a connector, for people and for programs.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::SecretError;

/// Why a connector does not reach its service. `Display` says what happened, to what, and what to do;
/// no secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorFault {
    /// What kind of fault.
    pub kind: ConnectorFaultKind,
    /// What happened, and to what: a whole sentence.
    pub sentence: String,
    /// What to do: a whole sentence; empty where nothing is to be done but to wait.
    pub next_step: String,
}

/// What kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectorFaultKind {
    /// The settings cannot be used; trying again is of no use before they are changed.
    Settings,
    /// The host's name is not known.
    NoSuchHost,
    /// Nobody answers.
    Unreachable,
    /// The certificate is not trusted.
    Untrusted,
    /// Who we are is not accepted.
    Refused,
    /// The service says something that it should not.
    Protocol,
    /// The connection was lost.
    Lost,
}

impl ConnectorFaultKind {
    /// Whether the next attempt will fail as well, unless somebody changes something.
    pub fn is_lasting(self) -> bool {
        matches!(self, Self::Settings | Self::Untrusted | Self::Refused)
    }
}

impl ConnectorFault {
    /// A fault of this kind.
    pub(in crate::connector) fn new(
        kind: ConnectorFaultKind,
        sentence: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self { kind, sentence: sentence.into(), next_step: next_step.into() }
    }

    /// The settings have to be changed, as the sentence says.
    pub(in crate::connector) fn settings(sentence: impl Into<String>) -> Self {
        Self::new(ConnectorFaultKind::Settings, sentence, "")
    }
}

/// A secret is not where the settings say.
impl From<SecretError> for ConnectorFault {
    fn from(error: SecretError) -> Self {
        Self::settings(error.to_string())
    }
}

impl fmt::Display for ConnectorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        if !self.next_step.is_empty() {
            write!(f, " {}", self.next_step)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConnectorFault {}
