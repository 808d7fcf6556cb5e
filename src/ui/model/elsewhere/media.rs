//! How media travel to a connector's viewers, as it stands in the fields.

use super::{Misfit, note, optional, words_of};
use crate::{
    config::{IceServer, IceServers, InterfaceName, PasswordSource, TransportConfig, check_variable},
    i18n::gettext,
};

/// How media travel, as it stands in the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnteredMedia {
    /// STUN and TURN servers, parted by spaces or commas.
    pub ice_servers: String,
    /// The environment variable with their users' password.
    pub password_variable: String,
    /// The file with it.
    pub password_file: String,
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
        let (variable, file) = transport.ice.password_place();
        Self {
            ice_servers: list(&transport.ice.servers),
            password_variable: variable.unwrap_or_default().to_owned(),
            password_file: file.map_or_else(String::new, |file| file.display().to_string()),
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

    pub(super) fn check(&self, misfits: &mut Vec<Misfit>) -> TransportConfig {
        let servers: Result<Vec<IceServer>, _> = words_of(&self.ice_servers).map(str::parse).collect();
        let servers = servers.map_err(|error| Misfit::new("ice_servers", &self.ice_servers, &error));
        let interfaces: Result<Vec<InterfaceName>, _> = words_of(&self.interfaces).map(str::parse).collect();
        let interfaces = interfaces.map_err(|error| Misfit::new("interfaces", &self.interfaces, &error));
        let transport = TransportConfig {
            mtu: self.mtu,
            retransmission: self.retransmission,
            fec_percent: self.fec_percent.try_into().unwrap_or(u8::MAX),
            ice: IceServers {
                servers: note(misfits, servers).unwrap_or_default(),
                password: note(misfits, self.password()).unwrap_or(PasswordSource::None),
            },
            relay_only: self.relay_only,
            interfaces: note(misfits, interfaces).unwrap_or_default(),
        };
        if transport.relay_only && !transport.ice.has_relay() {
            let sentence = gettext("No TURN server is named: name one, as turn:USER@HOST, or nobody is reached.");
            misfits.push(Misfit { field: "ice_servers", is_empty: false, sentence });
        }
        transport
    }

    fn password(&self) -> Result<PasswordSource, Misfit> {
        match (optional(&self.password_variable), optional(&self.password_file)) {
            (None, None) => Ok(PasswordSource::None),
            (Some(_), Some(file)) => {
                let error = gettext("a variable is named for it, too; clear one of the two");
                Err(Misfit::new("ice_password_file", file, &error))
            }
            (Some(name), None) => match check_variable(name) {
                Ok(()) => Ok(PasswordSource::Environment(name.to_owned())),
                Err(error) => Err(Misfit::new("ice_password_env", name, &error)),
            },
            (None, Some(file)) if file.starts_with('/') => Ok(PasswordSource::File(file.into())),
            (None, Some(file)) => Err(Misfit::new("ice_password_file", file, &gettext("a path here starts with /"))),
        }
    }
}
