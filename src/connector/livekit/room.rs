//! A room of a `LiveKit` server, as the operator names it.

use crate::config::{Codec, ConnectorSettings};

/// Where feeds are published, and in what.
#[derive(Clone)]
pub(super) struct Room {
    pub(super) codec: Codec,
    /// For people.
    pub(super) host: String,
    pub(super) settings: ConnectorSettings,
}
