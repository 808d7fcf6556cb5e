//! A road between two networks that takes its time: a link whose rate can be changed, with a delay.
//!
//! Every packet passes this process, by TUN devices: it is held for half of the round trip, then goes
//! through a token bucket of the kernel (`tbf`, in a namespace between the two), and how long it
//! waited there is noted.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{Read, Write},
    os::fd::AsFd,
    process::Command,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use super::{
    network::{ip, settled},
    program::PROGRAM,
};

/// One way, without any queue.
const WAY: Duration = Duration::from_millis(20);
/// What the bucket holds at its present rate; more is lost.
const HOLDS: &str = "200ms";

/// A packet on the way to the viewers.
#[derive(Clone, Copy, Debug)]
pub struct Crossing {
    /// When it came to the link.
    pub at: Instant,
    /// With its IP header.
    pub bytes: usize,
    /// How long it waited there, its own time on the link included; `None` where it was lost.
    pub queueing: Option<Duration>,
}

/// A program's network, a viewer's, and the road between; removed with this value.
pub struct Road {
    name: String,
    crossings: Arc<Mutex<Vec<Crossing>>>,
}

impl Road {
    /// The program's address.
    pub const ADDRESS: [u8; 4] = [198, 18, 79, 1];
    const NEAR: &str = "198.18.79.1/24";
    const FAR: &str = "198.18.79.2/24";

    /// `None`, and a word about it, where this needs rights that the tests have not.
    pub fn lay() -> Option<Self> {
        let road = Self { name: format!("hlr{}", std::process::id()), crossings: Arc::default() };
        let result = road.build();
        if let Err(why) = &result {
            let _ = writeln!(std::io::stderr(), "SKIPPED: no road can be laid here, try as root: {why}");
        }
        result.is_ok().then_some(road)
    }

    fn build(&self) -> Result<(), String> {
        for namespace in [self.near(), self.middle(), self.far()] {
            ip(&["netns", "add", &namespace])?;
            ip(&["-n", &namespace, "link", "set", "lo", "up"])?;
        }
        let near = self.tunnel("n", &self.near(), Some(Self::NEAR))?;
        let way_in = self.tunnel("i", &self.middle(), None)?;
        let way_out = self.tunnel("o", &self.middle(), None)?;
        let far = self.tunnel("f", &self.far(), Some(Self::FAR))?;
        ip(&["-n", &self.middle(), "route", "add", "198.18.79.2/32", "dev", &self.device("o")])?;
        ip(&["-n", &self.middle(), "route", "add", "198.18.79.1/32", "dev", &self.device("i")])?;
        let forwards = inside(&self.middle(), "sh").args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]).status();
        if !forwards.is_ok_and(|status| status.success()) {
            return Err("ip_forward cannot be set".into());
        }
        let waiting = Arc::<Mutex<HashMap<u64, usize>>>::default();
        let copy = |file: &File| file.try_clone().map_err(|error| error.to_string());
        delay(copy(&near)?, way_in, {
            let (waiting, crossings) = (waiting.clone(), self.crossings.clone());
            move |packet| {
                let mut crossings = crossings.lock().unwrap();
                waiting.lock().unwrap().insert(mark(packet), crossings.len());
                crossings.push(Crossing { at: Instant::now(), bytes: packet.len(), queueing: None });
            }
        });
        let (crossings, to_far) = (self.crossings.clone(), copy(&far)?);
        pass(way_out, to_far, move |packet| {
            let now = Instant::now();
            let Some(number) = waiting.lock().unwrap().remove(&mark(packet)) else { return };
            let crossing = &mut crossings.lock().unwrap()[number];
            crossing.queueing = Some(now.duration_since(crossing.at));
        });
        delay(far, near, |_| {});
        Ok(())
    }

    /// A TUN device of this process in a namespace.
    fn tunnel(&self, end: &str, namespace: &str, address: Option<&str>) -> Result<File, String> {
        let name = self.device(end);
        let tunnel = open_tunnel(&name).map_err(|error| format!("/dev/net/tun: {error}"))?;
        ip(&["link", "set", &name, "netns", namespace])?;
        ip(&settled(&["-n", namespace, "link", "set", &name]))?;
        if let Some(address) = address {
            ip(&["-n", namespace, "address", "add", address, "dev", &name])?;
        }
        ip(&["-n", namespace, "link", "set", &name, "up"])?;
        Ok(tunnel)
    }

    fn near(&self) -> String {
        format!("{}n", self.name)
    }

    fn middle(&self) -> String {
        format!("{}m", self.name)
    }

    fn far(&self) -> String {
        format!("{}f", self.name)
    }

    fn device(&self, end: &str) -> String {
        format!("{}t{end}", self.name)
    }

    /// Heliograph, at the near end.
    pub fn program(&self) -> Command {
        inside(&self.near(), PROGRAM)
    }

    /// A program at the far end.
    pub fn viewer(&self, program: &str) -> Command {
        inside(&self.far(), program)
    }

    /// Lets no more than so many kbit/s through to the viewers from now on.
    pub fn limit(&self, kbps: u32) {
        let (device, rate) = (self.device("o"), format!("{kbps}kbit"));
        let bucket =
            ["qdisc", "replace", "dev", &device, "root", "tbf", "rate", &rate, "burst", "4kb", "latency", HOLDS];
        let output = Command::new("tc").args(["-n", &self.middle()]).args(bucket).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// All packets that came to the link so far.
    pub fn crossings(&self) -> Vec<Crossing> {
        self.crossings.lock().unwrap().clone()
    }

    /// How many packets came to the link in the last `window`, and how many of them it lost.
    pub fn lost_in(&self, window: Duration) -> (usize, usize) {
        let crossings = self.crossings.lock().unwrap();
        let recent = crossings.iter().rev().take_while(|crossing| crossing.at.elapsed() < window);
        recent.fold((0, 0), |(all, lost), one| (all + 1, lost + usize::from(one.queueing.is_none())))
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        // The devices go with their namespaces, and the threads that read them.
        for namespace in [self.near(), self.middle(), self.far()] {
            let _ = ip(&["netns", "delete", &namespace]);
        }
    }
}

/// A program in a namespace.
fn inside(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).arg(program);
    command
}

/// Holds packets for their way, then passes them on.
fn delay(from: File, mut to: File, mut note: impl FnMut(&[u8]) + Send + 'static) {
    let (sender, packets) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        for (due, packet) in packets {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            note(&packet);
            // A device that is being removed takes nothing.
            let _ = to.write_all(&packet);
        }
    });
    read(from, move |packet| {
        let _ = sender.send((Instant::now() + WAY, packet.to_vec()));
    });
}

pub(super) fn pass(from: File, mut to: File, mut note: impl FnMut(&[u8]) + Send + 'static) {
    read(from, move |packet| {
        note(packet);
        let _ = to.write_all(packet);
    });
}

/// Reads until the device is gone.
fn read(mut from: File, mut take: impl FnMut(&[u8]) + Send + 'static) {
    std::thread::spawn(move || {
        let mut bytes = vec![0; 65536];
        while let Ok(length) = from.read(&mut bytes) {
            take(&bytes[..length]);
        }
    });
}

/// What a packet is known by: all but its IP header, which changes on the way.
fn mark(packet: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    packet.get(20..).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

/// `struct ifreq` of `linux/if.h`, as far as `TUNSETIFF` reads it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

const IFF_TUN: u16 = 0x0001;
const IFF_NO_PI: u16 = 0x1000;
/// `_IOW('T', 202, int)`.
const TUNSETIFF: rustix::ioctl::Opcode = rustix::ioctl::opcode::write::<i32>(b'T', 202);

#[allow(unsafe_code, reason = "there is no other way to make a TUN device")]
pub(super) fn open_tunnel(name: &str) -> std::io::Result<File> {
    let tunnel = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    let mut request = InterfaceRequest { name: [0; 16], flags: IFF_TUN | IFF_NO_PI, rest: [0; 22] };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: TUNSETIFF reads a `struct ifreq`, which is what it is given.
    unsafe { rustix::ioctl::ioctl(tunnel.as_fd(), rustix::ioctl::Setter::<TUNSETIFF, _>::new(request))? };
    Ok(tunnel)
}
