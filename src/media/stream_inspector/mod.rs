//! What a compressed stream is made of, found out while it passes.
//!
//! A [`StreamInspector`] is fed one access unit after another and answers what it has seen
//! so far: B-frames or not, how far apart the key frames are, how many frames and bits come
//! a second. It decodes nothing, keeps no picture and reads only the head of each unit, so it
//! may stay in a running stream, where it helps to decide whether viewers can take the
//! camera's stream as it is.

mod bits;
mod framing;
mod h264;
mod h265;
mod order;
mod parameters;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::{
    framing::{Framing, Record},
    order::{Order, Showing},
};
pub use self::{
    order::BFrames,
    parameters::{Chroma, Parameters},
};
use super::InputCodec;

/// How a stream is compressed, as far as that decides how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFormat {
    /// H.264, one access unit a buffer: in Annex B form, unless there is a
    /// [configuration](StreamInspector::configure).
    H264,
    /// H.265, likewise.
    H265,
    /// Every picture for itself, such as Motion JPEG.
    Intra,
    /// Anything else: only its timestamps are looked at.
    Other,
}

impl StreamFormat {
    /// How a camera's codec is read.
    pub fn of(codec: InputCodec) -> Self {
        match codec {
            InputCodec::H264 => Self::H264,
            InputCodec::H265 => Self::H265,
            InputCodec::Mjpeg => Self::Intra,
            InputCodec::Vp8 | InputCodec::Vp9 | InputCodec::Av1 => Self::Other,
        }
    }
}

/// Whether a decoder can begin with this access unit in Annex B form and nothing else: it brings
/// its parameter sets, and refers to no other picture.
pub fn stands_alone(format: StreamFormat, unit: &[u8]) -> bool {
    let mut inspector = StreamInspector::new(format);
    inspector.push(unit, None, true);
    let has_sets = match format {
        StreamFormat::H264 | StreamFormat::H265 => inspector.parameters().is_some() && inspector.has_picture_set,
        StreamFormat::Intra | StreamFormat::Other => true,
    };
    has_sets && inspector.is_beginning
}

/// What has been seen of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamFacts {
    /// Frames that came.
    pub frames: u64,
    /// Seconds from the first frame to the end of the last, by their timestamps.
    pub seconds: f64,
    /// Frames a second, by their timestamps; `None` for fewer than two.
    pub framerate: Option<f64>,
    /// kbit/s of the stream itself, without packet headers; `None` for fewer than two frames.
    pub bitrate_kbps: Option<f64>,
    /// Key frames, and how far they are apart.
    pub key_frames: KeyFrames,
    /// Whether frames refer to later ones.
    pub b_frames: BFrames,
    /// What the newest parameter sets say; `None` where there are none.
    pub parameters: Option<Parameters>,
}

/// Key frames, and how far they are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeyFrames {
    /// How many came.
    pub seen: u64,
    /// The greatest distance of two that came one after the other, in frames; `None` for fewer than two.
    pub distance_frames: Option<u64>,
    /// The same in seconds.
    pub distance_seconds: Option<f64>,
}

/// Watches one stream.
#[derive(Clone, Debug)]
pub struct StreamInspector {
    format: StreamFormat,
    frames: u64,
    bytes: u64,
    /// The earliest and the latest time of showing.
    span: Option<(Duration, Duration)>,
    key_frames: KeyFrames,
    /// Number and time of the newest key frame.
    last_key: Option<(u64, Option<Duration>)>,
    order: Order,
    framing: Framing,
    has_free_slices: bool,
    is_beginning: bool,
    has_picture_set: bool,
    h264: Option<h264::Sequence>,
    h265: Option<h265::Sequence>,
    h265_picture: h265::Picture,
}

impl StreamInspector {
    /// A watch over a stream that has not begun.
    pub fn new(format: StreamFormat) -> Self {
        Self {
            format,
            frames: 0,
            bytes: 0,
            span: None,
            key_frames: KeyFrames::default(),
            last_key: None,
            order: Order::default(),
            framing: Framing::default(),
            has_free_slices: false,
            is_beginning: false,
            has_picture_set: false,
            h264: None,
            h265: None,
            h265_picture: h265::Picture::default(),
        }
    }

    /// Reads the record that stands beside a stream without start codes, GStreamer's `codec_data`:
    /// parameter sets, and how long a length is. False where it cannot be read, or the format
    /// has none; the stream is then read as if it had start codes.
    pub fn configure(&mut self, record: &[u8]) -> bool {
        let record = match self.format {
            StreamFormat::H264 => Record::of_h264(record),
            StreamFormat::H265 => Record::of_h265(record),
            StreamFormat::Intra | StreamFormat::Other => None,
        };
        let Some(Record { framing, sets }) = record else { return false };
        self.framing = framing;
        for set in sets {
            match self.format {
                StreamFormat::H264 => drop(self.read_h264_unit(set)),
                _ => drop(self.read_h265_unit(set)),
            }
        }
        true
    }

    /// Takes note of an access unit: its bytes, when it is to be shown (PTS), as far as that is
    /// known, and whether decoding can begin with it. Units come in the order in which they are
    /// decoded, so the time of decoding would add nothing; cameras do not send it either.
    pub fn push(&mut self, unit: &[u8], shown: Option<Duration>, is_key: bool) {
        let showing = match self.format {
            StreamFormat::H264 => self.read_h264(unit),
            StreamFormat::H265 => self.read_h265(unit),
            StreamFormat::Intra | StreamFormat::Other => {
                self.is_beginning = is_key;
                Showing::default()
            }
        };
        self.order.note(showing, shown);
        if is_key {
            self.note_key_frame(shown);
        }
        self.frames += 1;
        self.bytes += unit.len() as u64;
        if let Some(shown) = shown {
            let (first, last) = self.span.unwrap_or((shown, shown));
            self.span = Some((first.min(shown), last.max(shown)));
        }
    }

    /// What has been seen so far.
    pub fn facts(&self) -> StreamFacts {
        let span = self.span.map(|(first, last)| last.saturating_sub(first).as_secs_f64()).filter(|_| self.frames > 1);
        let framerate = span.filter(|span| *span > 0.0).map(|span| (self.frames - 1) as f64 / span);
        let seconds = framerate.map_or(0.0, |framerate| self.frames as f64 / framerate);
        let bitrate_kbps = framerate.map(|_| self.bytes as f64 * 8.0 / 1000.0 / seconds);
        StreamFacts {
            frames: self.frames,
            seconds,
            framerate,
            bitrate_kbps,
            key_frames: self.key_frames,
            b_frames: self.b_frames(),
            parameters: self.parameters().cloned(),
        }
    }

    /// Whether frames refer to later ones, as far as that was seen.
    pub fn b_frames(&self) -> BFrames {
        match self.format {
            StreamFormat::Intra => BFrames::No,
            _ => self.order.verdict(self.parameters().and_then(|parameters| parameters.reorder)),
        }
    }

    /// Whether the newest access unit is one with which a viewer can begin: an IDR picture of
    /// H.264, an IRAP picture of H.265. Of H.264, GStreamer's parser also takes recovery points for
    /// key frames, where a picture is refreshed bit by bit; browsers do not begin there.
    pub fn is_beginning(&self) -> bool {
        self.is_beginning
    }

    /// Whether slices were seen in an order of their own, or in groups (ASO and FMO): H.264's
    /// Baseline profile allows it, and next to nothing decodes it.
    pub fn has_free_slices(&self) -> bool {
        self.has_free_slices
    }

    /// Forgets what was seen of the order of pictures and slices: another encoder took over.
    pub fn forget_order(&mut self) {
        self.order = Order::default();
        self.has_free_slices = false;
    }

    /// What the newest parameter sets say; `None` where there are none.
    pub fn parameters(&self) -> Option<&Parameters> {
        let h264 = self.h264.as_ref().map(|sequence| &sequence.parameters);
        h264.or(self.h265.as_ref().map(|sequence| &sequence.parameters))
    }

    fn note_key_frame(&mut self, shown: Option<Duration>) {
        let keys = &mut self.key_frames;
        keys.seen += 1;
        if let Some((number, time)) = self.last_key {
            let frames = self.frames - number;
            if keys.distance_frames.is_none_or(|greatest| frames > greatest) {
                keys.distance_frames = Some(frames);
                let seconds = shown.zip(time).map(|(shown, time)| shown.saturating_sub(time).as_secs_f64());
                keys.distance_seconds = seconds;
            }
        }
        self.last_key = Some((self.frames, shown));
    }

    /// Reads as far as the first slice of the picture, or all slices where their order matters.
    fn read_h264(&mut self, data: &[u8]) -> Showing {
        let mut first: Option<h264::Slice> = None;
        let mut last_macroblock = 0;
        for unit in self.framing.units(data) {
            let Some(slice) = self.read_h264_unit(unit) else { continue };
            let first = first.get_or_insert(slice);
            // Back at the start is the next picture, where the packet that ends this one was lost.
            let is_next = slice.first_macroblock == 0 && first.first_macroblock == 0;
            self.has_free_slices |= slice.first_macroblock < last_macroblock && !is_next;
            last_macroblock = slice.first_macroblock;
            if !self.h264.as_ref().is_some_and(|sequence| sequence.may_have_free_slices) {
                break;
            }
        }
        self.is_beginning = first.is_some_and(|slice| slice.resets_order);
        first.map_or_else(Showing::default, |slice| Showing {
            is_told: true,
            is_b: slice.is_b,
            resets: slice.resets_order,
            place: slice.order,
        })
    }

    fn read_h264_unit(&mut self, unit: &[u8]) -> Option<h264::Slice> {
        match h264::read(unit, self.h264.as_ref()) {
            h264::Unit::Sequence(sequence) => self.h264 = Some(*sequence),
            h264::Unit::Picture(picture) => {
                self.has_picture_set = true;
                self.has_free_slices |= picture.has_slice_groups;
            }
            h264::Unit::Slice(slice) => return Some(slice),
            h264::Unit::Other => {}
        }
        None
    }

    /// Reads as far as the first slice of the picture.
    fn read_h265(&mut self, data: &[u8]) -> Showing {
        let slice = self.framing.units(data).find_map(|unit| self.read_h265_unit(unit));
        self.is_beginning = slice.is_some_and(|slice| slice.begins);
        slice.map_or_else(Showing::default, |slice| Showing {
            resets: slice.resets_order,
            place: slice.order,
            ..Showing::default()
        })
    }

    fn read_h265_unit(&mut self, unit: &[u8]) -> Option<h265::Slice> {
        match h265::read(unit, self.h265.as_ref(), self.h265_picture) {
            h265::Unit::Sequence(sequence) => self.h265 = Some(*sequence),
            h265::Unit::Picture(picture) => {
                self.has_picture_set = true;
                self.h265_picture = picture;
            }
            h265::Unit::Slice(slice) => return Some(slice),
            h265::Unit::Other => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
