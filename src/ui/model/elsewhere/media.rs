//! How media travel to a connector's viewers, as it stands in the fields.

use super::{Misfit, note, words_of};
use crate::{
    config::{IceServer, IceServers, InterfaceName, Password, PasswordSource, TransportConfig},
    i18n::gettext,
};

/// How media travel, as it stands in the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnteredMedia {
    /// STUN and TURN servers, parted by spaces or commas.
    pub ice_servers: String,
    /// Where their users' password is found so far.
    pub password_source: PasswordSource,
    /// The password, if one was typed.
    pub password: Password,
    /// Whether it is wanted no more.
    pub forgets_password: bool,
    /// Through a TURN server or not at all.
    pub relay_only: bool,
    /// The largest packet, in bytes.
    pub mtu: u32,
    /// Whether lost packets are sent again.
    pub retransmission: bool,
    /// Repair packets, in percent.
    pub fec_percent: u32,
    /// Network interfaces, parted by spaces or commas.
    pub interfaces: String,
}

impl EnteredMedia {
    /// The settings, as they stand in the fields.
    pub fn of(transport: &TransportConfig) -> Self {
        fn list<T: ToString>(items: &[T]) -> String {
            items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        Self {
            ice_servers: list(&transport.ice.servers),
            password_source: transport.ice.password.clone(),
            password: Password::default(),
            forgets_password: false,
            relay_only: transport.relay_only,
            mtu: transport.mtu,
            retransmission: transport.retransmission,
            fec_percent: transport.fec_percent.into(),
            interfaces: list(&transport.interfaces),
        }
    }

    /// Whether anything here is not as it usually is.
    pub fn is_usual(&self) -> bool {
        *self == Self::of(&TransportConfig::default())
    }

    pub(super) fn check(&self, names_servers: bool, misfits: &mut Vec<Misfit>) -> TransportConfig {
        let servers: Result<Vec<IceServer>, _> = words_of(&self.ice_servers).map(str::parse).collect();
        let servers = servers.map_err(|error| Misfit::new("ice_servers", &self.ice_servers, &error));
        let interfaces: Result<Vec<InterfaceName>, _> = words_of(&self.interfaces).map(str::parse).collect();
        let interfaces = interfaces.map_err(|error| Misfit::new("interfaces", &self.interfaces, &error));
        let transport = TransportConfig {
            mtu: self.mtu,
            retransmission: self.retransmission,
            fec_percent: self.fec_percent.try_into().unwrap_or(u8::MAX),
            ice: IceServers { servers: note(misfits, servers).unwrap_or_default(), password: self.source() },
            relay_only: self.relay_only,
            interfaces: note(misfits, interfaces).unwrap_or_default(),
        };
        if transport.lacks_relay(names_servers) {
            let sentence = gettext("No TURN server is named: name one, as turn:USER@HOST, or nobody is reached.");
            misfits.push(Misfit { field: "ice_servers", is_empty: false, sentence });
        }
        transport
    }

    /// Where the password is found from now on.
    fn source(&self) -> PasswordSource {
        match self.typed() {
            _ if self.forgets_password => PasswordSource::None,
            Some(_) => PasswordSource::Keyring,
            None => self.password_source.clone(),
        }
    }

    /// The password, if another one is to be kept.
    pub(super) fn typed(&self) -> Option<&Password> {
        Some(&self.password).filter(|password| !password.is_empty() && !self.forgets_password)
    }
}
