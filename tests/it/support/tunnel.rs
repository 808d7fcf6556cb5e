//! A tunnel with a small MTU between this machine and a network of [`Network`], as a VPN is: two TUN devices, and
//! this process in between.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    network::{Network, ip, settled},
    road::{open_tunnel, pass},
};

/// The tunnel, removed with this value.
pub struct Tunnel {
    namespace: String,
    device: String,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    fragments: AtomicUsize,
    longest: AtomicUsize,
}

impl Tunnel {
    pub const MTU: usize = 1280;
    /// The far end's address, where a program inside listens.
    pub const ADDRESS: [u8; 4] = [198, 18, 80, 2];
    const NEAR: &str = "198.18.80.1/24";
    const FAR: &str = "198.18.80.2/24";

    /// Makes it, or makes it anew.
    pub fn dig(network: &Network) -> Self {
        let device = format!("hlt{}", std::process::id());
        let tunnel = Self { namespace: network.namespace().to_owned(), device, counts: Arc::default() };
        let (near, far) = (open_tunnel(&tunnel.near()).unwrap(), open_tunnel(&tunnel.far()).unwrap());
        ip(&["link", "set", &tunnel.far(), "netns", &tunnel.namespace]).unwrap();
        Self::set_up(&[], &tunnel.near(), Self::NEAR);
        Self::set_up(&["-n", &tunnel.namespace], &tunnel.far(), Self::FAR);
        let copy = |file: &std::fs::File| file.try_clone().unwrap();
        pass(copy(&near), copy(&far), |_| {});
        let counts = tunnel.counts.clone();
        pass(far, near, move |packet| counts.take(packet));
        tunnel
    }

    fn set_up(place: &[&str], device: &str, address: &str) {
        let run = |arguments: &[&str]| ip(&[place, arguments].concat()).unwrap();
        run(&settled(&["link", "set", device]));
        run(&["link", "set", device, "mtu", &Self::MTU.to_string()]);
        run(&["address", "add", address, "dev", device]);
        run(&["link", "set", device, "up"]);
    }

    fn near(&self) -> String {
        format!("{}n", self.device)
    }

    fn far(&self) -> String {
        format!("{}f", self.device)
    }

    /// How many packets from the far end were parts of larger ones, and how long the longest was, in bytes.
    pub fn fragments_and_longest(&self) -> (usize, usize) {
        (self.counts.fragments.load(Ordering::Relaxed), self.counts.longest.load(Ordering::Relaxed))
    }
}

impl Counts {
    /// A fragment of IPv4 (RFC 791) is followed by more, or has something before it.
    fn take(&self, packet: &[u8]) {
        let is_fragment = packet.len() > 8 && packet[0] >> 4 == 4 && (packet[6] & 0x3f != 0 || packet[7] != 0);
        self.fragments.fetch_add(usize::from(is_fragment), Ordering::Relaxed);
        self.longest.fetch_max(packet.len(), Ordering::Relaxed);
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = ip(&["link", "delete", &self.near()]);
        let _ = ip(&["-n", &self.namespace, "link", "delete", &self.far()]);
    }
}
