//! RTP packets as they lie on the wire: the camera's, and those of a viewer. Encryption leaves their
//! headers alone (RFC 3711).

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, Protocol, RawProtocol, RecvFlags, SocketType, recv, socket, sockopt};

use crate::shared::{Fault, camera};

/// `ETH_P_ALL`, in the byte order of the network.
const ALL: u32 = 0x0003_u16.to_be() as u32;

/// A frame in units of RTP's clock for video, 90 kHz.
const FRAME: i32 = (90_000 / camera::FRAMERATE).cast_signed();

/// How long a frame may be on its way at most. The camera's gaps are much rarer.
const LONGEST: Duration = Duration::from_millis(500);

/// The last packet of a frame.
#[derive(Clone, Copy)]
struct Last {
    at: Instant,
    from: SocketAddr,
    ssrc: u32,
    timestamp: u32,
}

/// Listens until it is dropped.
pub(crate) struct Wire {
    frames: Arc<Mutex<Vec<Last>>>,
    ended: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Wire {
    pub(crate) fn tap() -> Result<Self, Fault> {
        let socket = open().map_err(|why| format!("packets cannot be captured here, try as root: {why}"))?;
        let (frames, ended) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let reader = std::thread::spawn({
            let (frames, ended) = (frames.clone(), ended.clone());
            move || {
                let mut bytes = vec![0; 65536];
                while !ended.load(Ordering::Relaxed) {
                    let Ok((length, _)) = recv(&socket, &mut bytes[..], RecvFlags::empty()) else { continue };
                    let last = last_of_frame(&bytes[..length]);
                    frames.lock().expect("no holder of this lock should panic").extend(last);
                }
            }
        });
        Ok(Self { frames, ended, reader: Some(reader) })
    }

    /// How many frames the camera with this SSRC sent, and how many milliseconds those took that can be told apart:
    /// frames of the camera and of the viewer are the same where they follow the same gap in time.
    pub(crate) fn delays(self, camera: u32, senders: &[SocketAddr]) -> (usize, Vec<f64>) {
        let frames = self.frames.lock().expect("no holder of this lock should panic").clone();
        let (input, rest): (Vec<_>, Vec<_>) = frames.into_iter().partition(|frame| frame.ssrc == camera);
        let sent: Vec<_> = rest.into_iter().filter(|frame| senders.contains(&frame.from)).collect();
        let (input, output) = (once(input), once(of_the_picture(sent)));
        let delays = segments(&input).into_iter().flat_map(|segment| followed(segment, &output)).collect();
        (input.len(), delays)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.reader.take().map(JoinHandle::join);
    }
}

/// The stream with the most frames: beside it there are packets sent again.
fn of_the_picture(frames: Vec<Last>) -> Vec<Last> {
    let mut counts = HashMap::<u32, usize>::new();
    for frame in &frames {
        *counts.entry(frame.ssrc).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(ssrc, _)| ssrc);
    frames.into_iter().filter(|frame| Some(frame.ssrc) == most).collect()
}

/// Loopback's packets are heard going and coming.
fn once(mut frames: Vec<Last>) -> Vec<Last> {
    frames.dedup_by_key(|frame| frame.timestamp);
    frames
}

/// The frames between gaps, each part from the last frame before its gap on.
fn segments(frames: &[Last]) -> Vec<&[Last]> {
    let gaps: Vec<_> = (1..frames.len()).filter(|at| is_gap(frames[at - 1], frames[*at])).collect();
    gaps.windows(2).map(|pair| &frames[pair[0] - 1..pair[1]]).collect()
}

fn is_gap(one: Last, next: Last) -> bool {
    next.timestamp.wrapping_sub(one.timestamp).cast_signed() > FRAME * 3 / 2
}

/// How many milliseconds each frame of a part took; nothing where its gap did not come out.
fn followed(segment: &[Last], output: &[Last]) -> Vec<f64> {
    let behind = |frame: &Last, of: &Last| frame.at.checked_duration_since(of.at).filter(|time| *time < LONGEST);
    let gap = (1..output.len())
        .find(|at| is_gap(output[at - 1], output[*at]) && behind(&output[at - 1], &segment[0]).is_some());
    let Some(first) = gap.map(|at| output[at - 1]) else { return Vec::new() };
    let delay = |frame: &Last| {
        let due = first.timestamp.wrapping_add(frame.timestamp.wrapping_sub(segment[0].timestamp));
        let same = |out: &&Last| out.timestamp.wrapping_sub(due).cast_signed().abs() < FRAME / 2;
        let out = output.iter().filter(same).find(|out| behind(out, frame).is_some())?;
        Some(behind(out, frame)?.as_secs_f64() * 1000.0)
    };
    segment[1..].iter().filter_map(delay).collect()
}

/// A packet socket without the link's header, as root only.
fn open() -> rustix::io::Result<OwnedFd> {
    let all = RawProtocol::new(ALL).map(Protocol::from_raw);
    let socket = socket(AddressFamily::PACKET, SocketType::DGRAM, all)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_millis(100)))?;
    sockopt::set_socket_recv_buffer_size(&socket, 8 << 20)?;
    Ok(socket)
}

/// Of RFC 791, 8200, 768 and 3550: an RTP packet with its marker set, which for video ends a frame.
fn last_of_frame(ip: &[u8]) -> Option<Last> {
    const UDP: u8 = 17;
    let at = Instant::now();
    let is_v4 = ip.first()? >> 4 == 4;
    let (protocol, length) = if is_v4 { (ip.get(9)?, usize::from(ip[0] & 0x0F) * 4) } else { (ip.get(6)?, 40) };
    let (udp, rtp) = (ip.get(length..length + 8)?, ip.get(length + 8..)?);
    let source: IpAddr = if is_v4 {
        <[u8; 4]>::try_from(ip.get(12..16)?).ok()?.into()
    } else {
        <[u8; 16]>::try_from(ip.get(8..24)?).ok()?.into()
    };
    let word = |at: usize| Some(u32::from_be_bytes(rtp.get(at..at + 4)?.try_into().ok()?));
    let (second, is_rtp) = (*rtp.get(1)?, *protocol == UDP && rtp.first()? >> 6 == 2);
    // RTCP's kinds lie among those with the marker (RFC 5761).
    let is_last = second & 0x80 != 0 && !(192..224).contains(&second);
    let from = SocketAddr::new(source, u16::from_be_bytes([udp[0], udp[1]]));
    (is_rtp && is_last).then_some(Last { at, from, ssrc: word(8)?, timestamp: word(4)? })
}
