//! By which ways media travel, as it stands in the fields: to a connector's viewers, or from a robot to here.

use super::words_of;
use crate::config::{
    IceServer, IceServerError, IceServers, InterfaceName, InterfaceNameError, Password, PasswordSource,
};

/// By which ways media travel, as it stands in the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnteredWays {
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
    /// Network interfaces, parted by spaces or commas.
    pub interfaces: String,
}

impl EnteredWays {
    /// The settings, as they stand in the fields.
    pub fn of(ice: &IceServers, relay_only: bool, interfaces: &[InterfaceName]) -> Self {
        Self {
            ice_servers: list(&ice.servers),
            password_source: ice.password.clone(),
            password: Password::default(),
            forgets_password: false,
            relay_only,
            interfaces: list(interfaces),
        }
    }

    /// The servers that are named.
    pub(in crate::ui::model) fn servers(&self) -> Result<IceServers, IceServerError> {
        let servers: Result<Vec<IceServer>, _> = words_of(&self.ice_servers).map(str::parse).collect();
        Ok(IceServers { servers: servers?, password: self.source() })
    }

    /// The interfaces that are named.
    pub(in crate::ui::model) fn interfaces(&self) -> Result<Vec<InterfaceName>, InterfaceNameError> {
        words_of(&self.interfaces).map(str::parse).collect()
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
    pub(in crate::ui::model) fn typed(&self) -> Option<&Password> {
        Some(&self.password).filter(|password| !password.is_empty() && !self.forgets_password)
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
