//! Hosts: what stands in a `Host` or `Origin` header, and what this machine is called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// A host as it stands in a URL's authority, without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// An IP literal.
    Address(IpAddr),
    /// A name, lower-case, without the dot at its end.
    Name(String),
}

impl Host {
    /// Reads `host`, `host:port`, `[address]` or `[address]:port` (RFC 3986, section 3.2.2).
    pub(super) fn from_authority(authority: &str) -> Option<Self> {
        let (host, port) = split_port(authority)?;
        let port_is_number = port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()));
        if host.is_empty() || !port_is_number {
            return None;
        }
        if let Some(inner) = host.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(address.to_canonical()));
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        is_name.then(|| Self::named(host))
    }

    /// A name in the form in which names are compared.
    pub(super) fn named(name: &str) -> Self {
        Self::Name(name.trim_end_matches('.').to_ascii_lowercase())
    }

    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.to_canonical().is_loopback(),
            Self::Name(name) => name == "localhost",
        }
    }
}

/// Splits off what follows the last colon that is not part of an IPv6 literal.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let host_ends = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(host_ends);
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None => rest.is_empty().then_some((host, None)),
    }
}

/// This machine's name, where it has one.
pub(super) fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty() && name != "(none)").then(|| name.to_owned())
}

/// The address under which others most likely reach this machine.
///
/// Asks the routing table which address a packet to the outside would carry.
/// Connecting a UDP socket sends nothing; the target is a documentation
/// address (RFC 5737), so nobody is named either.
pub(super) fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified()).then_some(address)
}

/// The host and port to put into a URL for a listener at `address`.
pub(super) fn usable_authority(address: SocketAddr) -> String {
    let port = address.port();
    if !address.ip().is_unspecified() {
        return address.to_string();
    }
    if let Some(outward) = outward_address() {
        return SocketAddr::new(outward, port).to_string();
    }
    let name = machine_name().unwrap_or_else(|| "localhost".to_owned());
    format!("{name}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_authorities() {
        let address = |text: &str| Some(Host::Address(text.parse().unwrap()));
        let table = [
            ("127.0.0.1:8443", address("127.0.0.1")),
            ("[::1]:8443", address("::1")),
            ("[::1]", address("::1")),
            ("[::ffff:10.0.0.1]:1", address("10.0.0.1")),
            ("Boat.Local.:80", Some(Host::named("boat.local"))),
            ("localhost", Some(Host::named("localhost"))),
            ("", None),
            (":80", None),
            ("a:b", None),
            ("a:80:90", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[localhost]", None),
            ("user@host", None),
            ("a b", None),
            ("::1", None),
        ];
        for (text, expected) in table {
            assert_eq!(Host::from_authority(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_url_never_names_the_unspecified_address() {
        assert_eq!(usable_authority("[::1]:80".parse().unwrap()), "[::1]:80");
        assert!(!usable_authority("0.0.0.0:80".parse().unwrap()).starts_with("0.0.0.0"));
    }
}
