//! A network of its own for one program, which can be cut while both ends run.

use std::{io::Write, process::Command};

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
        ip(&["address", "add", Self::NEAR, "dev", &near])?;
        ip(&["link", "set", &near, "up"])?;
        ip(&["-n", &self.name, "address", "add", Self::FAR, "dev", &far])?;
        ip(&["-n", &self.name, "link", "set", "lo", "up"])?;
        self.mend()
    }

    fn near(&self) -> String {
        format!("{}n", self.name)
    }

    fn far(&self) -> String {
        format!("{}f", self.name)
    }

    /// Heliograph inside.
    pub fn program(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name)).arg(PROGRAM);
        command
    }

    /// Lets groups of the site (RFC 2365) through the cable, too.
    pub fn carry_multicast(&self) {
        ip(&["route", "add", "239.0.0.0/8", "dev", &self.near()]).unwrap();
        ip(&["-n", &self.name, "route", "add", "239.0.0.0/8", "dev", &self.far()]).unwrap();
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

/// Runs iproute2; what it says in its error is the error.
fn ip(args: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(args).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}
