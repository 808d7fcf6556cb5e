//! A network of its own for one program, which can be cut while both ends run.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    process::Command,
};

use super::program::PROGRAM;

/// A network namespace behind a virtual cable, removed with this value.
///
/// The addresses are from the block for network tests (RFC 2544).
pub struct Network {
    name: String,
}

impl Network {
    /// The address of this machine's end of the cable, with the size of its network.
    const NEAR: &str = "198.18.77.1/24";
    const FAR: &str = "198.18.77.2/24";
    const FAR_AGAIN: &str = "198.18.77.3/24";
    /// This machine's end, as seen from inside.
    pub const HERE: [u8; 4] = [198, 18, 77, 1];
    /// The far end's address, where a program inside listens.
    pub const ADDRESS: [u8; 4] = [198, 18, 77, 2];

    /// Lays the cable; `None`, and a word about it, where this needs rights that the tests have not.
    pub fn lay() -> Option<Self> {
        let name = format!("hlg{}", std::process::id());
        let network = Self { name };
        let result = network.build();
        if let Err(why) = &result {
            // Past the harness, which would keep the words of a test that passes to itself.
            let _ = writeln!(std::io::stderr(), "SKIPPED: no network namespace can be made here, try as root: {why}");
        }
        result.is_ok().then_some(network)
    }

    fn build(&self) -> Result<(), String> {
        let (near, far) = (self.near(), self.far());
        ip(&["netns", "add", &self.name])?;
        ip(&["link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &self.name])?;
        ip(&settled(&["link", "set", &near]))?;
        ip(&settled(&["-n", &self.name, "link", "set", &far]))?;
        ip(&["address", "add", Self::NEAR, "dev", &near])?;
        ip(&["link", "set", &near, "up"])?;
        ip(&["-n", &self.name, "address", "add", Self::FAR, "dev", &far])?;
        ip(&["-n", &self.name, "link", "set", "lo", "up"])?;
        // The kernel asks at once who is at the other end when the plug is back, which now and then has not noticed
        // yet, and asks again after a second: as long as that, there would be no path.
        ip(&["-n", &self.name, "ntable", "change", "name", "arp_cache", "dev", &far, "retrans", "50"])?;
        self.mend()
    }

    pub(super) fn namespace(&self) -> &str {
        &self.name
    }

    fn near(&self) -> String {
        format!("{}n", self.name)
    }

    fn far(&self) -> String {
        format!("{}f", self.name)
    }

    /// Heliograph inside.
    pub fn program(&self) -> Command {
        command_in(&self.name, PROGRAM)
    }

    /// Lets no more than so many kbit/s out of the program through the cable; what is more waits, up
    /// to 200 ms, as in a modem.
    pub fn limit(&self, kbps: u32) {
        limit(&self.name, &self.far(), kbps);
    }

    /// Another place with a cable of its own to the program.
    pub fn add_place(&self) -> Place {
        let place = Place { name: format!("{}v", self.name), far: self.name.clone() };
        place.build().unwrap();
        place
    }

    /// A place behind this one, which is its router from now on: it gives what comes from there its own address,
    /// as a carrier's or a modem's does, and lets nothing in that was not asked for.
    ///
    /// Answers the address, too, at which this machine is seen from there. It is that of the default route:
    /// Chromium tells no other, and what it sends must come from the one that it has told.
    pub fn add_inside(&self) -> (Inside, Ipv4Addr) {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        // Nothing is sent: the system only chooses an address.
        socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).unwrap();
        let IpAddr::V4(here) = socket.local_addr().unwrap().ip() else { panic!("an IPv4 socket") };
        ip(&["route", "replace", "198.18.77.0/24", "dev", &self.near(), "src", &here.to_string()]).unwrap();
        let inside = Inside { name: format!("{}i", self.name), router: self.name.clone() };
        inside.build().unwrap();
        (inside, here)
    }

    /// Adds an interface that leads nowhere.
    pub fn add_interface(&self, name: &str, address: &str) {
        let end = format!("{name}-end");
        ip(&["-n", &self.name, "link", "add", name, "type", "veth", "peer", "name", &end]).unwrap();
        ip(&["-n", &self.name, "address", "add", &format!("{address}/24"), "dev", name]).unwrap();
        for end in [name, &end] {
            ip(&["-n", &self.name, "link", "set", end, "up"]).unwrap();
        }
    }

    /// Gives the far end a further address, which is in no network of this machine.
    pub fn add_address(&self, address: &str) {
        ip(&["-n", &self.name, "address", "add", &format!("{address}/32"), "dev", &self.far()]).unwrap();
        ip(&["route", "add", &format!("{address}/32"), "dev", &self.near()]).unwrap();
    }

    /// Lets groups of the site (RFC 2365) through the cable, too.
    pub fn carry_multicast(&self) {
        ip(&["route", "add", "239.0.0.0/8", "dev", &self.near()]).unwrap();
        ip(&["-n", &self.name, "route", "add", "239.0.0.0/8", "dev", &self.far()]).unwrap();
    }

    /// Gives the far end another address in place of its first.
    pub fn renumber(&self) {
        let far = self.far();
        ip(&["-n", &self.name, "address", "delete", Self::FAR, "dev", &far]).unwrap();
        ip(&["-n", &self.name, "address", "add", Self::FAR_AGAIN, "dev", &far]).unwrap();
    }

    /// Gives it its first address again.
    pub fn renumber_back(&self) {
        let far = self.far();
        ip(&["-n", &self.name, "address", "delete", Self::FAR_AGAIN, "dev", &far]).unwrap();
        ip(&["-n", &self.name, "address", "add", Self::FAR, "dev", &far]).unwrap();
    }

    /// Pulls the plug: whoever is inside goes on running and reaches nobody.
    pub fn cut(&self) {
        ip(&["-n", &self.name, "link", "set", &self.far(), "down"]).unwrap();
    }

    /// Puts the plug back.
    pub fn mend(&self) -> Result<(), String> {
        ip(&["-n", &self.name, "link", "set", &self.far(), "up"])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The cable goes with either end.
        let _ = ip(&["link", "delete", &self.near()]);
        let _ = ip(&["netns", "delete", &self.name]);
    }
}

/// A network namespace for a viewer, with a cable to the program's, removed with this value.
pub struct Place {
    name: String,
    far: String,
}

impl Place {
    const NEAR: &str = "198.18.78.1/24";
    const FAR: &str = "198.18.78.2/24";
    /// Where the program is, as seen from here.
    pub const ADDRESS: [u8; 4] = [198, 18, 78, 2];

    fn build(&self) -> Result<(), String> {
        let (near, far) = (format!("{}n", self.name), format!("{}f", self.name));
        ip(&["netns", "add", &self.name])?;
        ip(&["-n", &self.name, "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &self.far])?;
        ip(&settled(&["-n", &self.name, "link", "set", &near]))?;
        ip(&settled(&["-n", &self.far, "link", "set", &far]))?;
        ip(&["-n", &self.name, "address", "add", Self::NEAR, "dev", &near])?;
        ip(&["-n", &self.name, "link", "set", &near, "up"])?;
        ip(&["-n", &self.name, "link", "set", "lo", "up"])?;
        ip(&["-n", &self.far, "address", "add", Self::FAR, "dev", &far])?;
        ip(&["-n", &self.far, "link", "set", &far, "up"])
    }

    /// As [`Network::limit`].
    pub fn limit(&self, kbps: u32) {
        limit(&self.far, &format!("{}f", self.name), kbps);
    }

    /// A program inside.
    pub fn command(&self, program: &str) -> Command {
        command_in(&self.name, program)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = ip(&["netns", "delete", &self.name]);
    }
}

/// A network namespace behind a router that translates addresses, removed with this value.
pub struct Inside {
    name: String,
    router: String,
}

impl Inside {
    const RULES: &str =
        "table ip nat { chain out { type nat hook postrouting priority srcnat; oifname OUT masquerade; }; }
        table ip filter { chain through { type filter hook forward priority filter; policy drop;
        ct state established,related accept; oifname OUT accept; }; }";

    fn build(&self) -> Result<(), String> {
        let (near, far) = (format!("{}n", self.name), format!("{}f", self.name));
        ip(&["netns", "add", &self.name])?;
        ip(&["-n", &self.name, "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &self.router])?;
        ip(&settled(&["-n", &self.name, "link", "set", &near]))?;
        ip(&settled(&["-n", &self.router, "link", "set", &far]))?;
        ip(&["-n", &self.router, "address", "add", "10.231.0.1/24", "dev", &far])?;
        ip(&["-n", &self.router, "link", "set", &far, "up"])?;
        ip(&["-n", &self.name, "address", "add", "10.231.0.2/24", "dev", &near])?;
        ip(&["-n", &self.name, "link", "set", &near, "up"])?;
        ip(&["-n", &self.name, "link", "set", "lo", "up"])?;
        ip(&["-n", &self.name, "route", "add", "default", "via", "10.231.0.1"])?;
        ip(&["-n", &self.router, "route", "add", "default", "via", &Ipv4Addr::from(Network::HERE).to_string()])?;
        let rules = Self::RULES.replace("OUT", &format!("\"{}f\"", self.router));
        let script = format!("echo 1 > /proc/sys/net/ipv4/ip_forward && nft '{rules}'");
        let output =
            command_in(&self.router, "sh").args(["-c", &script]).output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
    }

    /// Heliograph inside.
    pub fn program(&self) -> Command {
        command_in(&self.name, PROGRAM)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = ip(&["netns", "delete", &self.name]);
    }
}

fn command_in(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).arg(program);
    command
}

fn limit(namespace: &str, device: &str, kbps: u32) {
    let rate = format!("{kbps}kbit");
    let arguments =
        ["qdisc", "replace", "dev", device, "root", "tbf", "rate", &rate, "burst", "4kb", "latency", "200ms"];
    let output = Command::new("tc").args(["-n", namespace]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Such a command, by which a device gets no IPv6 address of its own some seconds later: browsers that see
/// the machine's addresses change break off what they load.
pub(super) fn settled<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &["addrgenmode", "none"]].concat()
}

/// Runs iproute2; what it says in its error is the error.
pub(super) fn ip(args: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(args).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}
