//! How well founded an estimate of a viewer's connection is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By what a connection is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EstimateBasis {
    /// Feedback on every packet.
    TransportFeedback,
    /// The viewer's receiver reports: loss and round trip, about once a second.
    ReceiverReports,
}

impl EstimateBasis {
    /// Its name in messages and files.
    pub fn key(self) -> &'static str {
        match self {
            Self::TransportFeedback => "transport-feedback",
            Self::ReceiverReports => "receiver-reports",
        }
    }
}
