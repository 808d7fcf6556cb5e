//! What of a viewer's messages is on its way, read from the SCTP packets that carry them.
//!
//! SCTP as GStreamer has it (usrsctp) gives a message up only once it has been sent and got lost. One
//! that finds the window closed, as after an outage, waits for it to open, however long that takes,
//! and arrives then. So nothing that may get lost is handed to
//! it unless it will leave at once. Whether it will shows in the packets: what leaves, and what
//! the far end has (RFC 9260, section 3.3).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What the window always takes, in bytes: it begins with more, and after ordinary losses never is
/// less (RFC 9260, section 7.2: four packets).
const WINDOW: usize = 4 * PACKET;
/// What it takes after an outage: one packet, as GStreamer makes them.
const PACKET: usize = 1100;
/// Between two messages that are sent to see whether the line is back, as a part of the outage…
const PROBES: u32 = 8;
/// …and at least.
const PROBE_EVERY: Duration = Duration::from_millis(40);
/// How long what was handed over may take to leave: it goes through other threads.
const LEAVES_WITHIN: Duration = Duration::from_millis(50);
/// Of more, the oldest are forgotten.
const MOST_IN_FLIGHT: usize = 8192;

const COMMON_HEADER: usize = 12;
const DATA_HEADER: usize = 16;
const DATA: u8 = 0;
const SELECTIVE_ACK: u8 = 3;
const FORWARD_TSN: u8 = 192;
/// The protocol of channels that are being opened (RFC 8832), whose messages are not counted here.
const OPENING: u32 = 50;

/// The messages of all channels of one viewer that are on their way to it.
#[derive(Debug, Default)]
pub struct Flight {
    /// What was sent and is neither acknowledged nor given up, in the order of its numbers.
    sent: VecDeque<Chunk>,
    /// The highest number that was sent.
    highest: Option<u32>,
    /// Bytes that were handed over, and those of them that left.
    handed: u64,
    left: u64,
    /// Since when some of it waits.
    waits_since: Option<Instant>,
    /// When the newest acknowledged chunk was sent: then, the line carried.
    carried: Option<Instant>,
    probed: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Chunk {
    number: u32,
    length: usize,
    at: Instant,
}

impl Flight {
    /// A message of this length was handed over.
    pub fn hand_over(&mut self, length: usize, now: Instant) {
        if self.waiting() == 0 {
            self.waits_since = Some(now);
        }
        // An empty message travels as one byte (RFC 8831, section 6.6).
        self.handed += length.max(1) as u64;
    }

    /// It was not taken.
    pub fn take_back(&mut self, length: usize) {
        self.handed -= length.max(1) as u64;
    }

    /// Bytes that were handed over and have not left.
    pub fn waiting(&self) -> u64 {
        self.handed.saturating_sub(self.left)
    }

    /// Whether a message of this length, handed over now, leaves at once, on a line that carried
    /// what was sent up to `patience` ago. On one that does not, this is seldom so: what is sent
    /// then is likely lost, but shows when the line is back.
    pub fn may_send(&mut self, length: usize, patience: Duration, now: Instant) -> bool {
        let waiting = self.waiting();
        let is_stuck = self.waits_since.is_some_and(|since| now.duration_since(since) > LEAVES_WITHIN.min(patience));
        if waiting > 0 && is_stuck {
            return false;
        }
        let on_its_way: usize = self.sent.iter().map(|chunk| chunk.length).sum();
        let in_flight = on_its_way + waiting as usize;
        let outage = self.outage(now);
        if outage <= patience {
            return in_flight == 0 || in_flight + length <= WINDOW;
        }
        let pause = PROBE_EVERY.max(outage / PROBES);
        let is_due = self.probed.is_none_or(|probed| now.duration_since(probed) >= pause);
        let fits = in_flight + length <= PACKET;
        if is_due && fits {
            self.probed = Some(now);
        }
        is_due && fits
    }

    /// Since when what is sent seems not to arrive: the age of the oldest chunk that was sent after
    /// the newest that did.
    fn outage(&self, now: Instant) -> Duration {
        let is_after = |chunk: &&Chunk| self.carried.is_none_or(|carried| chunk.at > carried);
        self.sent.iter().filter(is_after).map(|chunk| now.duration_since(chunk.at)).max().unwrap_or_default()
    }

    /// A packet left for the viewer.
    pub fn outgoing(&mut self, packet: &[u8], now: Instant) {
        for (kind, chunk) in chunks(packet) {
            match kind {
                DATA => self.leave(chunk, now),
                FORWARD_TSN => {
                    if let Some(number) = number_at(chunk, 4) {
                        self.forget_up_to(number);
                    }
                }
                _ => {}
            }
        }
    }

    /// A packet came from the viewer.
    pub fn incoming(&mut self, packet: &[u8]) {
        for (_, chunk) in chunks(packet).filter(|(kind, _)| *kind == SELECTIVE_ACK) {
            self.acknowledge(chunk);
        }
    }

    fn leave(&mut self, chunk: &[u8], now: Instant) {
        let Some((number, protocol)) = number_at(chunk, 4).zip(number_at(chunk, 12)) else { return };
        // One that is sent again has left before.
        if self.highest.is_some_and(|highest| !is_after(number, highest)) {
            return;
        }
        self.highest = Some(number);
        let length = chunk.len().saturating_sub(DATA_HEADER);
        if protocol != OPENING {
            self.left += length as u64;
        }
        self.sent.push_back(Chunk { number, length: chunk.len(), at: now });
        if self.sent.len() > MOST_IN_FLIGHT {
            self.sent.pop_front();
        }
    }

    fn acknowledge(&mut self, chunk: &[u8]) {
        let Some(up_to) = number_at(chunk, 4) else { return };
        let blocks = chunk.get(12..14).map_or(0, |bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])));
        let block = |bytes: &[u8]| {
            let edge = |at: usize| u32::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            (up_to.wrapping_add(edge(0)), up_to.wrapping_add(edge(2)))
        };
        let gaps: Vec<_> = chunk.get(16..).unwrap_or_default().chunks_exact(4).take(blocks).map(block).collect();
        let has = |number: u32| {
            let is_in = |(first, last): &(u32, u32)| !is_after(*first, number) && !is_after(number, *last);
            !is_after(number, up_to) || gaps.iter().any(is_in)
        };
        let acknowledged = self.sent.iter().filter(|chunk| has(chunk.number)).map(|chunk| chunk.at).max();
        self.carried = self.carried.max(acknowledged);
        self.sent.retain(|chunk| !has(chunk.number));
    }

    fn forget_up_to(&mut self, number: u32) {
        self.sent.retain(|chunk| is_after(chunk.number, number));
    }
}

/// The chunks of a packet, with their headers: their kind and bytes.
fn chunks(packet: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = packet.get(COMMON_HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let &[kind, _, high, low] = rest.first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let chunk = rest.get(..length).filter(|chunk| chunk.len() >= 4)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, chunk))
    })
}

fn number_at(chunk: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(chunk.get(at..at + 4)?.try_into().ok()?))
}

/// Numbers begin anew after the last (RFC 1982).
fn is_after(number: u32, other: u32) -> bool {
    number.wrapping_sub(other).cast_signed() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    fn packet(chunk: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; COMMON_HEADER];
        packet.extend(chunk);
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet
    }

    fn data(number: u32, length: usize) -> Vec<u8> {
        let mut chunk = vec![DATA, 3];
        chunk.extend((DATA_HEADER as u16 + length as u16).to_be_bytes());
        chunk.extend(number.to_be_bytes());
        chunk.extend([0, 1, 0, 0]);
        chunk.extend(51_u32.to_be_bytes());
        chunk.extend(vec![b'x'; length]);
        packet(&chunk)
    }

    fn ack(up_to: u32, gaps: &[(u16, u16)]) -> Vec<u8> {
        let mut chunk = vec![SELECTIVE_ACK, 0];
        chunk.extend((16 + 4 * gaps.len() as u16).to_be_bytes());
        chunk.extend(up_to.to_be_bytes());
        chunk.extend([0; 4]);
        chunk.extend((gaps.len() as u16).to_be_bytes());
        chunk.extend([0; 2]);
        for (first, last) in gaps {
            chunk.extend(first.to_be_bytes());
            chunk.extend(last.to_be_bytes());
        }
        packet(&chunk)
    }

    fn send(flight: &mut Flight, number: u32, length: usize, now: Instant) {
        flight.hand_over(length, now);
        flight.outgoing(&data(number, length), now);
    }

    #[test]
    fn what_leaves_and_arrives_makes_room() {
        let (mut flight, now) = (Flight::default(), Instant::now());
        assert!(flight.may_send(16_000, PATIENCE, now), "nothing is in flight");
        flight.hand_over(10, now);
        assert_eq!(flight.waiting(), 10);
        assert!(flight.may_send(10, PATIENCE, now), "it leaves in a moment");
        assert!(!flight.may_send(10, PATIENCE, now + Duration::from_millis(60)), "it did not");
        flight.outgoing(&data(u32::MAX, 10), now);
        flight.outgoing(&data(u32::MAX, 10), now);
        assert_eq!(flight.waiting(), 0, "what is sent again left once");
        for number in 0..4 {
            send(&mut flight, number, 1000, now);
        }
        assert!(!flight.may_send(1000, PATIENCE, now));
        flight.incoming(&ack(u32::MAX, &[(2, 3)]));
        assert_eq!(flight.sent.iter().map(|chunk| chunk.number).collect::<Vec<_>>(), [0, 3]);
        assert!(flight.may_send(1000, PATIENCE, now));
    }

    #[test]
    fn on_a_line_that_is_cut_only_probes_are_sent_and_fewer_and_fewer() {
        let (mut flight, start) = (Flight::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        send(&mut flight, 1, 10, start);
        flight.incoming(&ack(1, &[]));
        let (mut number, mut sent) = (1, Vec::new());
        for ms in (10..5000).step_by(10) {
            if flight.may_send(10, PATIENCE, at(ms)) {
                number += 1;
                send(&mut flight, number, 10, at(ms));
                sent.push(ms);
            }
        }
        let after = |ms: u64| sent.iter().filter(|at| **at > ms).count();
        assert!((1..=8).contains(&after(2500)), "{sent:?}");
        assert!(after(120) < 40, "{sent:?}");
        flight.incoming(&ack(1, &[(number as u16 - 1, number as u16 - 1)]));
        assert!(flight.may_send(10, PATIENCE, at(5000)), "one probe arrived: the line is back");
        assert!(flight.may_send(10, PATIENCE, at(5001)));
    }

    #[test]
    fn what_is_given_up_is_in_flight_no_more() {
        let (mut flight, now) = (Flight::default(), Instant::now());
        for number in 1..=4 {
            send(&mut flight, number, 1000, now);
        }
        let mut chunk = vec![FORWARD_TSN, 0, 0, 8];
        chunk.extend(3_u32.to_be_bytes());
        flight.outgoing(&packet(&chunk), now);
        assert_eq!(flight.sent.len(), 1);
    }

    #[test]
    fn nonsense_is_no_packet() {
        let mut flight = Flight::default();
        for bytes in [&[][..], &[0; 12], &[0; 14], &[3; 16], &[255; 64], &packet(&[3, 0, 0, 4]), &packet(&[0, 0, 0, 0])]
        {
            flight.incoming(bytes);
            flight.outgoing(bytes, Instant::now());
        }
        assert_eq!(flight.waiting(), 0);
        assert!(flight.sent.is_empty());
    }
}
