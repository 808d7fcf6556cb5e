//! What goes over this machine's wires: what a program sent, and not what it says it sent.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::peer::Peer;
use rustix::net::{AddressFamily, Protocol, RawProtocol, RecvFlags, SocketType, recv, socket, sockopt};

/// `ETH_P_ALL`, in the byte order of the network. Loopback's packets are heard going and coming.
const ALL: u32 = 0x0003_u16.to_be() as u32;

/// A UDP packet as it lay on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// The service byte of its IP header; the DSCP is in the upper six bits.
    pub tos: u8,
    /// Bytes of the UDP datagram's content.
    pub size: usize,
    pub from: SocketAddr,
    pub to_port: u16,
    is_rtp: bool,
}

/// Listens until it is dropped.
pub struct Wire {
    packets: Arc<Mutex<Vec<Packet>>>,
    ended: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Wire {
    /// `None`, and a word about it, where this needs rights that the tests have not.
    pub fn tap() -> Option<Self> {
        let socket = match open() {
            Ok(socket) => socket,
            Err(why) => {
                let _ = writeln!(std::io::stderr(), "SKIPPED: packets cannot be captured here, try as root: {why}");
                return None;
            }
        };
        let (packets, ended) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let reader = std::thread::spawn({
            let (packets, ended) = (packets.clone(), ended.clone());
            move || {
                let mut bytes = vec![0; 65536];
                while !ended.load(Ordering::Relaxed) {
                    let Ok((length, _)) = recv(&socket, &mut bytes[..], RecvFlags::empty()) else { continue };
                    packets.lock().unwrap().extend(udp(&bytes[..length]));
                }
            }
        });
        Some(Self { packets, ended, reader: Some(reader) })
    }

    /// The RTP packets since the last time that this peer's sender sent; others share the machine.
    pub fn take(&self, peer: &Peer) -> Vec<Packet> {
        let places: Vec<SocketAddr> = peer.candidates().iter().map(|candidate| candidate.place).collect();
        let mut packets = self.take_all();
        packets.retain(|packet| packet.is_rtp && places.contains(&packet.from));
        packets
    }

    /// All packets since the last time.
    pub fn take_all(&self) -> Vec<Packet> {
        std::mem::take(&mut *self.packets.lock().unwrap())
    }

    /// The same for this much time from now on.
    pub fn listen(&self, peer: &Peer, time: Duration) -> Vec<Packet> {
        self.take(peer);
        std::thread::sleep(time);
        self.take(peer)
    }

    /// All RTP packets for this much time from now on.
    pub fn listen_to_all(&self, time: Duration) -> Vec<Packet> {
        self.take_all();
        std::thread::sleep(time);
        let mut packets = self.take_all();
        packets.retain(|packet| packet.is_rtp);
        packets
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.reader.take().unwrap().join();
    }
}

/// A packet socket without the link's header, as root only.
fn open() -> rustix::io::Result<OwnedFd> {
    let all = Protocol::from_raw(RawProtocol::new(ALL).unwrap());
    let socket = socket(AddressFamily::PACKET, SocketType::DGRAM, Some(all))?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_millis(100)))?;
    sockopt::set_socket_recv_buffer_size(&socket, 8 << 20)?;
    Ok(socket)
}

/// RFC 791, 8200, 768, 3550 and, what tells RTP from its neighbours, RFC 7983 and RFC 5761.
fn udp(ip: &[u8]) -> Option<Packet> {
    const UDP: u8 = 17;
    let is_v4 = ip.first()? >> 4 == 4;
    let (protocol, length) = if is_v4 { (ip.get(9)?, usize::from(ip[0] & 0x0F) * 4) } else { (ip.get(6)?, 40) };
    let (udp, content) = (ip.get(length..)?, ip.get(length + 8..)?);
    let source: IpAddr = if is_v4 {
        <[u8; 4]>::try_from(&ip[12..16]).unwrap().into()
    } else {
        <[u8; 16]>::try_from(&ip[8..24]).unwrap().into()
    };
    let is_rtp = (128..192).contains(content.first()?) && !(192..224).contains(content.get(1)?);
    let tos = if is_v4 { ip[1] } else { ip[0] << 4 | ip[1] >> 4 };
    (*protocol == UDP).then(|| Packet {
        tos,
        size: content.len(),
        from: SocketAddr::new(source, u16::from_be_bytes([udp[0], udp[1]])),
        to_port: u16::from_be_bytes([udp[2], udp[3]]),
        is_rtp,
    })
}
