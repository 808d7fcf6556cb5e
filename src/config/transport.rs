//! How a connector's media travel to its viewers.

use std::ops::RangeInclusive;

use super::{IceServers, InterfaceName};

/// What leaves this machine for a connector's viewers, and by which ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportConfig {
    /// The largest RTP packet in bytes, its header included. What is put around it stands in `docs/settings.md`.
    pub mtu: u32,
    /// Send again what a viewer reports as lost (RFC 4588).
    pub retransmission: bool,
    /// Repair packets sent along (RFC 5109), in percent of the picture's; 0 offers viewers none.
    pub fec_percent: u8,
    /// STUN and TURN servers, for viewers that cannot reach this machine directly.
    pub ice: IceServers,
    /// Go through a TURN server or not at all: viewers do not learn this machine's addresses.
    pub relay_only: bool,
    /// The network interfaces to use; empty: all but loopback and those of containers and virtual machines.
    pub interfaces: Vec<InterfaceName>,
}

impl TransportConfig {
    /// What `mtu` may be, in bytes: from what every IPv4 host takes (RFC 791) to a whole frame of Ethernet.
    pub const MTU: RangeInclusive<u32> = 576..=1500;
    /// Fits every usual path, with all that is put around it: what browsers use.
    pub const DEFAULT_MTU: u32 = 1200;
    /// What `fec_percent` may be.
    pub const FEC_PERCENT: RangeInclusive<u32> = 0..=100;

    /// Whether only a TURN server may be used and none is known, nor will be: `names_servers` says that the
    /// service names some where nobody else does.
    pub fn lacks_relay(&self, names_servers: bool) -> bool {
        let may_come = names_servers && self.ice.servers.is_empty();
        self.relay_only && !self.ice.has_relay() && !may_come
    }
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            mtu: Self::DEFAULT_MTU,
            retransmission: true,
            fec_percent: 0,
            ice: IceServers::default(),
            relay_only: false,
            interfaces: Vec::new(),
        }
    }
}
