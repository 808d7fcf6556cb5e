//! How media travel to a connector's viewers, as it stands in the fields.

use super::{EnteredWays, Misfit, no_relay_words, note};
use crate::config::TransportConfig;

/// How media travel, as it stands in the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnteredMedia {
    /// By which ways.
    pub ways: EnteredWays,
    /// The largest packet, in bytes.
    pub mtu: u32,
    /// Whether lost packets are sent again.
    pub retransmission: bool,
    /// Repair packets, in percent.
    pub fec_percent: u32,
}

impl EnteredMedia {
    /// The settings, as they stand in the fields.
    pub fn of(transport: &TransportConfig) -> Self {
        Self {
            ways: EnteredWays::of(&transport.ice, transport.relay_only, &transport.interfaces),
            mtu: transport.mtu,
            retransmission: transport.retransmission,
            fec_percent: transport.fec_percent.into(),
        }
    }

    /// Whether anything here is not as it usually is.
    pub fn is_usual(&self) -> bool {
        *self == Self::of(&TransportConfig::default())
    }

    pub(super) fn check(&self, names_servers: bool, misfits: &mut Vec<Misfit>) -> TransportConfig {
        let ways = &self.ways;
        let servers = ways.servers().map_err(|error| Misfit::new("ice_servers", &ways.ice_servers, &error));
        let interfaces = ways.interfaces().map_err(|error| Misfit::new("interfaces", &ways.interfaces, &error));
        let transport = TransportConfig {
            mtu: self.mtu,
            retransmission: self.retransmission,
            fec_percent: self.fec_percent.try_into().unwrap_or(u8::MAX),
            ice: note(misfits, servers).unwrap_or_default(),
            relay_only: ways.relay_only,
            interfaces: note(misfits, interfaces).unwrap_or_default(),
        };
        if transport.lacks_relay(names_servers) {
            misfits.push(Misfit { field: "ice_servers", is_empty: false, sentence: no_relay_words() });
        }
        transport
    }
}
