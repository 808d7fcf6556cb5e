//! A room of a Janus server, as the operator names it.

use super::messages::RoomId;
use crate::config::{Codec, ConnectorSettings};

/// Where feeds are published, and in what.
#[derive(Clone)]
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) codec: Codec,
    /// For people.
    pub(super) host: String,
    pub(super) settings: ConnectorSettings,
}
