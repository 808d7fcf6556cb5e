//! NAL units into RTP packets (RFC 3550, RFC 6184, RFC 7798).

use super::clip::{Coding, Unit};

/// The most a payload may hold.
const LARGEST: usize = 1200;

/// An RTP packet, before it is bytes.
#[derive(Clone)]
pub struct Packet {
    pub payload_type: u8,
    /// Ends a picture.
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

impl Packet {
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0x80, u8::from(self.marker) << 7 | self.payload_type];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

/// The payloads of a picture.
pub fn payloads(coding: Coding, unit: &Unit) -> Vec<Vec<u8>> {
    unit.nals
        .iter()
        .flat_map(|nal| if nal.len() <= LARGEST { vec![nal.clone()] } else { fragments(coding, nal) })
        .collect()
}

/// A NAL unit in fragments, each with the unit's type, the first and the last so marked.
pub fn fragments(coding: Coding, nal: &[u8]) -> Vec<Vec<u8>> {
    let (indicator, kind, body) = match coding {
        Coding::H264 => (vec![nal[0] & 0xe0 | 0x1c], nal[0] & 0x1f, &nal[1..]),
        Coding::H265 => (vec![nal[0] & 0x81 | 0x31 << 1, nal[1]], nal[0] >> 1 & 0x3f, &nal[2..]),
    };
    let parts: Vec<&[u8]> = body.chunks(LARGEST.min(body.len().div_ceil(2))).collect();
    let last = parts.len() - 1;
    let fragment = |(index, part): (usize, &&[u8])| {
        let header = u8::from(index == 0) << 7 | u8::from(index == last) << 6 | kind;
        [&indicator, [header].as_slice(), part].concat()
    };
    parts.iter().enumerate().map(fragment).collect()
}

/// An RTCP sender report (RFC 3550, section 6.4.1).
pub fn sender_report(ssrc: u32, timestamp: u32, unix: std::time::Duration) -> Vec<u8> {
    // From 1900, not 1970.
    let seconds = (unix.as_secs() + 2_208_988_800) as u32;
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    let words = [0x80c8_0006, ssrc, seconds, fraction as u32, timestamp, 0, 0];
    words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect()
}

/// An RTCP goodbye (RFC 3550, section 6.6), behind the empty report that has to lead it.
pub fn goodbye(ssrc: u32) -> Vec<u8> {
    let words = [0x80c9_0001, ssrc, 0x81cb_0001, ssrc];
    words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect()
}
