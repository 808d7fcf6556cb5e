//! A room of a Janus server, as the operator names it.

use super::messages::RoomId;
use crate::{
    config::{Codec, ConnectorSettings, Password},
    connector::client::{ConnectorFault, ConnectorFaultKind as Kind},
};

/// Where feeds are published, and in what.
#[derive(Clone)]
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) codec: Codec,
    /// For people.
    pub(super) host: String,
    pub(super) settings: ConnectorSettings,
}

impl Room {
    pub(super) async fn secret(&self, key: &str) -> Result<Option<Password>, ConnectorFault> {
        let secret = self.settings.secret(key).await;
        secret.map_err(|error| ConnectorFault::new(Kind::Settings, error.to_string(), ""))
    }
}
