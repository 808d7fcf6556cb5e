//! This machine's ways into the network, and which of them media may take.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

use crate::config::InterfaceName;

/// How the interfaces of containers and virtual machines begin. Nobody is reached through them who
/// is not reached without, and their addresses are the same on every machine.
const VIRTUAL: [&str; 14] = [
    "docker", "veth", "br-", "virbr", "vnet", "podman", "cni", "flannel", "cali", "lxcbr", "lxdbr", "incusbr", "vmnet",
    "vboxnet",
];

/// An address and the interface that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    interface: String,
    address: IpAddr,
}

/// The addresses that viewers may be told: those of the named interfaces; where none is named, of
/// all but loopback and virtual ones. Where that leaves none it is loopback, so that viewers on this
/// machine see the picture, and no other address gets out.
///
/// # Errors
/// The system does not list its interfaces.
pub(crate) fn local_addresses(named: &[InterfaceName]) -> io::Result<Vec<IpAddr>> {
    let found = if_addrs::get_if_addrs()?;
    let up = found.into_iter().filter(if_addrs::Interface::is_oper_up);
    let places = up.map(|found| Place { address: found.ip(), interface: found.name });
    Ok(choose(places.collect(), named))
}

fn choose(places: Vec<Place>, named: &[InterfaceName]) -> Vec<IpAddr> {
    let usual = |place: &Place| {
        !place.address.is_loopback() && !VIRTUAL.iter().any(|virtual_| place.interface.starts_with(virtual_))
    };
    let meant = |place: &Place| named.iter().any(|name| name.means(&place.interface));
    let chosen = places.into_iter().filter(|place| if named.is_empty() { usual(place) } else { meant(place) });
    let addresses: Vec<IpAddr> = chosen.map(|place| place.address).filter(|address| !needs_a_scope(*address)).collect();
    if addresses.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { addresses }
}

/// Link-local addresses of IPv6 mean nothing without the interface's number, which a candidate
/// cannot carry; browsers leave them out, too.
fn needs_a_scope(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(named: &[&str]) -> Vec<String> {
        let machine = [
            ("lo", "127.0.0.1"),
            ("eth0", "192.0.2.1"),
            ("eth0", "fe80::1"),
            ("eth0", "2001:db8::1"),
            ("wlan0", "198.51.100.1"),
            ("docker0", "172.17.0.1"),
            ("br-0a1b2c", "172.18.0.1"),
            ("veth9", "172.19.0.1"),
            ("podman0", "10.88.0.1"),
        ];
        let places = machine.map(|(name, address)| Place { interface: name.into(), address: address.parse().unwrap() });
        let named: Vec<InterfaceName> = named.iter().map(|name| name.parse().unwrap()).collect();
        choose(places.to_vec(), &named).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn virtual_interfaces_are_used_only_when_named() {
        assert_eq!(chosen(&[]), ["192.0.2.1", "2001:db8::1", "198.51.100.1"]);
        assert_eq!(chosen(&["docker0", "wl*"]), ["198.51.100.1", "172.17.0.1"]);
        assert_eq!(chosen(&["lo"]), ["127.0.0.1"]);
    }

    #[test]
    fn without_any_other_there_is_loopback_and_nothing_else() {
        assert_eq!(chosen(&["wg0"]), ["127.0.0.1"]);
        assert_eq!(choose(Vec::new(), &[]), [IpAddr::from(Ipv4Addr::LOCALHOST)]);
    }

    #[test]
    fn this_machine_has_an_address() {
        assert!(!local_addresses(&[]).unwrap().is_empty());
    }
}
