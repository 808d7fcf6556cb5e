//! Writes Matroska (RFC 9559), as far as recordings need it: one picture, one sound, as they are.
//!
//! Every frame is written when it comes, into clusters whose length is filled in when they end. So a
//! file that was cut off, by whatever, holds all frames up to there, and players read it. An orderly
//! end adds what players seek by, and the duration.

use std::io::{self, Seek, SeekFrom, Write};

/// What a track holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// In pixels.
    Video { width: u32, height: u32 },
    /// Opus, which is always 48 kHz.
    Audio { channels: u8 },
}

/// A track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    /// Such as `V_VP8`.
    pub(super) codec: &'static str,
    /// What a decoder begins with.
    pub(super) private: Vec<u8>,
    pub(super) content: Content,
}

/// A frame of a track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    /// Counted from 1.
    pub(super) track: u8,
    /// After the file's beginning, in milliseconds; never less than that of the block before by more
    /// than 32 s.
    pub(super) time_ms: u64,
    /// It needs no other.
    pub(super) is_key: bool,
    pub(super) data: &'a [u8],
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Matroska<W> {
    out: W,
    /// Bytes written so far.
    at: u64,
    /// Where places in the segment are counted from.
    segment: u64,
    /// Where the list of parts is put, and the duration.
    seek_head: u64,
    duration: u64,
    cluster: Option<Cluster>,
    cues: Vec<Cue>,
    ends_ms: u64,
}

#[derive(Debug)]
struct Cluster {
    /// Where its length stands.
    length_at: u64,
    time_ms: u64,
}

/// Where a key frame is.
#[derive(Debug)]
struct Cue {
    time_ms: u64,
    cluster: u64,
}

/// A cluster begins with every key frame, and after this.
const CLUSTER_MS: u64 = 5000;
/// Room for the list of parts, in bytes.
const SEEK_HEAD: usize = 64;
/// The length of what has not ended (RFC 8794, section 6.2), in eight bytes.
const UNKNOWN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/// How long a decoder of Opus needs to be in tune, in nanoseconds (RFC 7845, section 4.6).
const OPUS_PREROLL: u64 = 80_000_000;

mod id {
    pub(super) const EBML: u32 = 0x1a45_dfa3;
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
    pub(super) const INFO: u32 = 0x1549_a966;
    pub(super) const TRACKS: u32 = 0x1654_ae6b;
    pub(super) const CLUSTER: u32 = 0x1f43_b675;
    pub(super) const CUES: u32 = 0x1c53_bb6b;
    pub(super) const VOID: u32 = 0xec;
    pub(super) const DURATION: u32 = 0x4489;
}

impl<W: Write + Seek> Matroska<W> {
    /// Begins a file: `title` is for people, `began_ns` is when, in nanoseconds since the Unix epoch.
    pub(super) fn begin(mut out: W, title: &str, began_ns: i128, tracks: &[Track]) -> io::Result<Self> {
        let mut head = element(id::EBML, &ebml_head());
        head.extend(id_bytes(id::SEGMENT));
        head.extend(UNKNOWN);
        let segment = head.len() as u64;
        head.extend(void(SEEK_HEAD));
        let (info, duration) = info(title, began_ns);
        let duration = head.len() as u64 + duration;
        head.extend(info);
        let tracks: Vec<u8> = (1..).zip(tracks).flat_map(|(number, track)| track_entry(number, track)).collect();
        head.extend(element(id::TRACKS, &tracks));
        out.write_all(&head)?;
        let at = head.len() as u64;
        Ok(Self { out, at, segment, seek_head: segment, duration, cluster: None, cues: Vec::new(), ends_ms: 0 })
    }

    /// Bytes written so far.
    pub(super) fn length(&self) -> u64 {
        self.at
    }

    /// Writes a frame.
    pub(super) fn write(&mut self, block: Block<'_>) -> io::Result<()> {
        let Block { track, time_ms, is_key, data } = block;
        let is_beginning = track == 1 && is_key;
        let is_due = |cluster: &Cluster| {
            is_beginning || time_ms >= cluster.time_ms + CLUSTER_MS || cluster.time_ms > time_ms + CLUSTER_MS
        };
        if self.cluster.as_ref().is_none_or(is_due) {
            self.begin_cluster(time_ms, is_beginning)?;
        }
        let base = self.cluster.as_ref().map_or(0, |cluster| cluster.time_ms);
        let relative = i16::try_from(time_ms.cast_signed() - base.cast_signed()).unwrap_or_default();
        let mut head = id_bytes(0xa3);
        head.extend(length_bytes(data.len() as u64 + 4));
        head.push(0x80 | track);
        head.extend(relative.to_be_bytes());
        head.push(if is_key { 0x80 } else { 0 });
        self.put(&head)?;
        self.put(data)?;
        self.ends_ms = self.ends_ms.max(time_ms);
        Ok(())
    }

    /// Hands on what was written so far.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the file, whose last frame is shown for this long, and answers what it was written to.
    pub(super) fn finish(mut self, last_ms: u64) -> io::Result<W> {
        self.end_cluster()?;
        let cues_at = self.at - self.segment;
        let cues: Vec<u8> = self.cues.iter().flat_map(Cue::bytes).collect();
        if !cues.is_empty() {
            self.put(&element(id::CUES, &cues))?;
            let seek = [element(0x53ab, &id_bytes(id::CUES)), unsigned(0x53ac, cues_at)].concat();
            let mut seek_head = element(id::SEEK_HEAD, &element(0x4dbb, &seek));
            seek_head.extend(void(SEEK_HEAD - seek_head.len()));
            self.put_at(self.seek_head, &seek_head)?;
        }
        let duration = float(id::DURATION, (self.ends_ms + last_ms) as f64);
        self.put_at(self.duration, &duration)?;
        let length = self.at - self.segment;
        self.put_at(self.segment - 8, &long_length(length))?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn begin_cluster(&mut self, time_ms: u64, has_key: bool) -> io::Result<()> {
        self.end_cluster()?;
        if has_key {
            self.cues.push(Cue { time_ms, cluster: self.at - self.segment });
        }
        let mut head = id_bytes(id::CLUSTER);
        let length_at = self.at + head.len() as u64;
        head.extend(UNKNOWN);
        head.extend(unsigned(0xe7, time_ms));
        self.put(&head)?;
        self.cluster = Some(Cluster { length_at, time_ms });
        Ok(())
    }

    fn end_cluster(&mut self) -> io::Result<()> {
        let Some(Cluster { length_at, .. }) = self.cluster.take() else { return Ok(()) };
        self.put_at(length_at, &long_length(self.at - length_at - 8))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn put_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.out.seek(SeekFrom::Start(place))?;
        self.out.write_all(bytes)?;
        self.out.seek(SeekFrom::Start(self.at))?;
        Ok(())
    }
}

impl Cue {
    fn bytes(&self) -> Vec<u8> {
        let position = [unsigned(0xf7, 1), unsigned(0xf1, self.cluster)].concat();
        element(0xbb, &[unsigned(0xb3, self.time_ms), element(0xb7, &position)].concat())
    }
}

fn ebml_head() -> Vec<u8> {
    [
        unsigned(0x4286, 1),
        unsigned(0x42f7, 1),
        unsigned(0x42f2, 4),
        unsigned(0x42f3, 8),
        element(0x4282, b"matroska"),
        unsigned(0x4287, 4),
        unsigned(0x4285, 2),
    ]
    .concat()
}

/// What is said of the whole, and where in it there is room for the duration.
fn info(title: &str, began_ns: i128) -> (Vec<u8>, u64) {
    /// From the Unix epoch to Matroska's, the year 2001, in nanoseconds.
    const EPOCH: i128 = 978_307_200_000_000_000;
    let date = i64::try_from(began_ns - EPOCH).unwrap_or_default();
    let duration = void(float(id::DURATION, 0.0).len());
    let rest = [
        unsigned(0x002a_d7b1, 1_000_000),
        element(0x4461, &date.to_be_bytes()),
        element(0x4d80, b"Heliograph"),
        element(0x5741, concat!("Heliograph ", env!("CARGO_PKG_VERSION")).as_bytes()),
        element(0x7ba9, title.as_bytes()),
    ]
    .concat();
    let info = element(id::INFO, &[duration.clone(), rest].concat());
    let at = info.windows(duration.len()).position(|window| window == duration).unwrap_or_default();
    (info, at as u64)
}

fn track_entry(number: u8, track: &Track) -> Vec<u8> {
    let mut entry = [
        unsigned(0xd7, number.into()),
        unsigned(0x73c5, number.into()),
        unsigned(0x9c, 0),
        element(0x86, track.codec.as_bytes()),
    ]
    .concat();
    if !track.private.is_empty() {
        entry.extend(element(0x63a2, &track.private));
    }
    match track.content {
        Content::Video { width, height } => {
            entry.extend(unsigned(0x83, 1));
            let size = [unsigned(0xb0, width.into()), unsigned(0xba, height.into())].concat();
            entry.extend(element(0xe0, &size));
        }
        Content::Audio { channels } => {
            entry.extend(unsigned(0x83, 2));
            entry.extend(unsigned(0x56bb, OPUS_PREROLL));
            let form = [float(0xb5, 48_000.0), unsigned(0x9f, channels.into())].concat();
            entry.extend(element(0xe1, &form));
        }
    }
    element(0xae, &entry)
}

// ---- EBML (RFC 8794) ---------------------------------------------------------

fn id_bytes(id: u32) -> Vec<u8> {
    let bytes = id.to_be_bytes();
    bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(3)..].to_vec()
}

fn long_length(length: u64) -> [u8; 8] {
    (length | 1 << 56).to_be_bytes()
}

/// In as few bytes as it takes; all ones would be the unknown length.
fn length_bytes(length: u64) -> Vec<u8> {
    let size = (1..8).find(|size| length < (1 << (7 * size)) - 1).unwrap_or(8);
    let bytes = (length | 1 << (7 * size)).to_be_bytes();
    bytes[8 - size..].to_vec()
}

fn element(id: u32, content: &[u8]) -> Vec<u8> {
    [&id_bytes(id)[..], &length_bytes(content.len() as u64), content].concat()
}

fn unsigned(id: u32, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    element(id, &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(7)..])
}

fn float(id: u32, value: f64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// So many bytes of nothing, at least two.
fn void(bytes: usize) -> Vec<u8> {
    let mut void = id_bytes(id::VOID);
    void.extend(length_bytes(bytes as u64 - 2));
    void.resize(bytes, 0);
    void
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_few_bytes_as_they_need() {
        assert_eq!(length_bytes(0), [0x80]);
        assert_eq!(length_bytes(126), [0xfe]);
        assert_eq!(length_bytes(127), [0x40, 0x7f]);
        assert_eq!(length_bytes(16_383), [0x20, 0x3f, 0xff]);
        assert_eq!(long_length(5), [1, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(void(2), [0xec, 0x80]);
        assert_eq!(void(64).len(), 64);
        assert_eq!(float(id::DURATION, 1.0).len(), void(11).len());
        assert_eq!(unsigned(0xd7, 0), [0xd7, 0x81, 0]);
    }

    #[test]
    fn an_ended_file_has_its_length_its_duration_and_where_its_key_frames_are() {
        let track = Track { codec: "V_VP8", private: vec![], content: Content::Video { width: 2, height: 2 } };
        let mut file = Matroska::begin(io::Cursor::new(Vec::new()), "bow", 0, &[track]).unwrap();
        for (time_ms, is_key) in [(0, true), (40, false), (80, true), (6000, false)] {
            file.write(Block { track: 1, time_ms, is_key, data: b"frame" }).unwrap();
        }
        let (length, segment, duration) = (file.length(), file.segment as usize, file.duration as usize);
        assert_eq!(file.cues.len(), 2);
        let bytes = file.finish(40).unwrap().into_inner();
        assert!(bytes.len() as u64 > length);
        let stands = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap()) & !(1 << 56);
        assert_eq!(stands(segment - 8), (bytes.len() - segment) as u64);
        assert_eq!(bytes[duration..duration + 11], float(id::DURATION, 6040.0));
        // Each cluster's length leads to the next.
        let mut at = bytes.windows(4).position(|four| four == 0x1f43_b675_u32.to_be_bytes()).unwrap();
        let mut clusters = 0;
        while bytes[at..].starts_with(&0x1f43_b675_u32.to_be_bytes()) {
            at += 12 + stands(at + 4) as usize;
            clusters += 1;
        }
        assert_eq!(clusters, 3);
        assert!(bytes[at..].starts_with(&id_bytes(id::CUES)));
    }
}
