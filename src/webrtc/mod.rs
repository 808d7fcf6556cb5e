//! What every WebRTC peer of this program is told, whichever room makes it: by which ways it may reach
//! others, and what GStreamer needs for its data channels.
//!
//! May use `config` and GStreamer.

mod candidates;
pub mod ice;
mod interfaces;
mod peer;
mod sctp;

use std::net::IpAddr;

use gst::prelude::*;
use gst_webrtc::{WebRTCICE, prelude::*};

pub(crate) use candidates::{apart, complete};
pub use ice::IceAddresses;
pub(crate) use peer::{Peer, PeerFault};
pub(crate) use sctp::keep_sctp;

use crate::config::{InterfaceName, Password, SecretError, TransportConfig};

/// By which ways a peer may reach others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ways {
    /// The STUN and TURN servers.
    pub(crate) servers: IceAddresses,
    /// Through a TURN server or not at all.
    pub(crate) relay_only: bool,
    /// The network interfaces to use; empty: the usual ones.
    pub(crate) interfaces: Vec<InterfaceName>,
}

impl Ways {
    /// Those of these settings.
    ///
    /// # Errors
    /// The TURN servers' password is not where it should be.
    pub(crate) fn of(config: &TransportConfig) -> Result<Self, SecretError> {
        Ok(Self::through(IceAddresses::of(&config.ice)?, config))
    }

    /// The same, with the TURN servers' password.
    pub(crate) fn with_password(config: &TransportConfig, password: &Password) -> Self {
        Self::through(IceAddresses::with_password(&config.ice, password), config)
    }

    fn through(servers: IceAddresses, config: &TransportConfig) -> Self {
        Self { servers, relay_only: config.relay_only, interfaces: config.interfaces.clone() }
    }

    /// Tells them to a webrtcbin that has done nothing yet.
    pub(crate) fn tell(&self, peer: &gst::Element) {
        peer.set_property_from_str("ice-transport-policy", if self.relay_only { "relay" } else { "all" });
        self.servers.tell(peer);
        tell_addresses(peer, &self.interfaces);
    }
}

/// Whether a peer that began now would send from this address of this machine.
pub(crate) fn sends_from(address: IpAddr, interfaces: &[InterfaceName]) -> bool {
    interfaces::local_addresses(interfaces).is_ok_and(|addresses| addresses.contains(&address))
}

/// Tells a webrtcbin from which addresses it may send. They are asked for anew for each peer: a machine
/// that moves changes them.
pub(crate) fn tell_addresses(peer: &gst::Element, interfaces: &[InterfaceName]) {
    let agent = peer.property::<WebRTCICE>("ice-agent");
    ice::ask_no_router(&agent);
    match interfaces::local_addresses(interfaces) {
        Ok(addresses) => {
            if !interfaces.is_empty() && addresses.iter().all(IpAddr::is_loopback) {
                tracing::warn!(
                    "No interface of those named for viewers is up: only viewers on this machine are reached."
                );
            }
            for address in addresses {
                agent.emit_add_local_ip_address(&address.to_string());
            }
        }
        Err(error) => tracing::error!("The network interfaces cannot be listed, so all of them are used: {error}"),
    }
}
