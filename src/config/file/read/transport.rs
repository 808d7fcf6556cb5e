//! How media travel to a connector's viewers.

use std::convert::Infallible;

use super::super::fields::Fields;
use super::login::read_secret;
use crate::config::{IceServer, IceServerError, IceServers, InterfaceName, InterfaceNameError, TransportConfig};
use crate::i18n::gettext;

/// The keys of any connector's table.
pub(super) const TRANSPORT_KEYS: &[&str] = &[
    "mtu",
    "retransmission",
    "fec_percent",
    "ice_servers",
    "ice_password_env",
    "ice_password_file",
    "relay_only",
    "interfaces",
];

/// What `[server]` does not take: it has no fields in the window, whose keyring this is.
pub(super) const KEYRING_KEY: &str = "ice_password_keyring";

/// `names_servers`: whether the service names some where nobody else does.
pub(super) fn read_transport(fields: &Fields<'_>, names_servers: bool) -> TransportConfig {
    let default = TransportConfig::default();
    let fec_percent = fields.number("fec_percent", &TransportConfig::FEC_PERCENT);
    let transport = TransportConfig {
        mtu: fields.number("mtu", &TransportConfig::MTU).unwrap_or(default.mtu),
        retransmission: fields.flag("retransmission").unwrap_or(default.retransmission),
        fec_percent: fec_percent.and_then(|percent| percent.try_into().ok()).unwrap_or(default.fec_percent),
        ice: read_ice(fields),
        relay_only: fields.flag("relay_only").unwrap_or(default.relay_only),
        interfaces: read_interfaces(fields),
    };
    if transport.lacks_relay(names_servers) {
        refuse_relay_only(fields);
    }
    transport
}

pub(super) fn refuse_relay_only(fields: &Fields<'_>) {
    fields.refuse("relay_only", gettext("no server of ice_servers is a relay; name a turn: or turns: server there"));
}

/// The servers, and where their users' password is.
pub(super) fn read_ice(fields: &Fields<'_>) -> IceServers {
    const KEY: &str = "ice_servers";
    // Each is read below: somebody may write a password into one, which no error may repeat.
    let texts = fields.texts(KEY, |_| Ok::<_, Infallible>(())).unwrap_or_default();
    let read: Result<Vec<IceServer>, _> = texts.iter().map(|text| text.parse()).collect();
    let servers = read.map_err(|error: IceServerError| fields.refuse(KEY, error)).unwrap_or_default();
    let keys = ["ice_password_env", "ice_password_file", KEYRING_KEY];
    IceServers { servers, password: read_secret(fields, keys).unwrap_or_default() }
}

pub(super) fn read_interfaces(fields: &Fields<'_>) -> Vec<InterfaceName> {
    let check = |text: &str| -> Result<(), InterfaceNameError> { text.parse::<InterfaceName>().map(drop) };
    let texts = fields.texts("interfaces", check).unwrap_or_default();
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}
