//! Pass-through: whether a camera's stream may go to viewers as it is, neither decoded nor
//! encoded again.
//!
//! ```text
//! caps ──► Suitability ◄── every access unit, parsed
//!            ├─ StreamInspector   order of pictures and slices, parameter sets
//!            ├─ Gops              how far key frames are apart
//!            ├─ kind              what browsers decode
//!            └─► Verdict          Unknown, Suitable or Unsuitable, with one sentence for people
//! ```
//!
//! Browsers show pictures in the order in which they come, so B-frames rule a stream out, and
//! cameras do not always say whether they send any: they are looked for in the stream. Who decodes
//! H.265 is no matter here: it goes to those who take it, and to nobody else.

mod gops;
mod kind;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

pub use self::verdict::{Reason, Verdict};
use self::{
    gops::Gops,
    kind::{Kind, refused_kind},
};
use super::{
    InputCodec,
    stream_inspector::{BFrames, StreamFormat, StreamInspector},
};
use crate::config::Codec;

/// Whole GOPs that are looked at: B-frames come within one, unless its end cut them off.
const ENOUGH_GOPS: u32 = 2;

/// So long a look is enough where the parameter sets rule B-frames out.
const ENOUGH_TIME: Duration = Duration::from_secs(2);

/// What is asked of a stream before it goes to viewers as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How far key frames may be apart: a viewer who lost one waits for the next.
    pub longest_gop: Duration,
    /// The operator insists: how rare key frames are is no matter then. What no browser shows rightly is
    /// unsuitable all the same.
    pub is_forced: bool,
    /// A stream whose parameters rule B-frames out is taken before anything else of it was seen:
    /// where whoever waits for it has something worse meanwhile. Key frames too far apart show later.
    pub is_urgent: bool,
}

impl Default for Terms {
    /// For viewers of whom nothing is known.
    fn default() -> Self {
        Self { longest_gop: Duration::from_secs(10), is_forced: false, is_urgent: false }
    }
}

/// Watches one camera's stream and judges it, again with every access unit.
#[derive(Clone, Debug)]
pub struct Suitability {
    terms: Terms,
    stream: Option<Stream>,
    inspector: StreamInspector,
    gops: Gops,
    verdict: Verdict,
}

/// What caps say of a stream, as far as another would be a stream of its own.
#[derive(Clone, Debug, PartialEq)]
struct Stream {
    codec: Result<InputCodec, String>,
    codec_data: Option<gst::Buffer>,
}

impl Suitability {
    /// A watch over a stream that has not begun.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            stream: None,
            inspector: StreamInspector::new(StreamFormat::Other),
            gops: Gops::default(),
            verdict: Verdict::Unknown,
        }
    }

    /// What was found so far.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Takes the stream's caps; with another codec or other parameter sets the watch begins anew.
    /// True where that changed the verdict.
    pub fn set_caps(&mut self, caps: &gst::CapsRef) -> bool {
        let stream = caps.structure(0).map(Stream::of);
        if stream == self.stream {
            return false;
        }
        self.inspector = stream.as_ref().map_or(StreamInspector::new(StreamFormat::Other), Stream::inspector);
        self.stream = stream;
        self.gops = Gops::default();
        self.judge()
    }

    /// Takes an access unit, whole and in the order of decoding. True where it changed the verdict.
    pub fn push(&mut self, unit: &gst::BufferRef) -> bool {
        let Ok(data) = unit.map_readable() else { return false };
        let is_key = !unit.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let before = self.inspector.parameters().map(Kind::of);
        self.inspector.push(&data, unit.pts().map(Duration::from), is_key);
        let after = self.inspector.parameters().map(Kind::of);
        if before.is_some() && before != after {
            // The camera was set to something else: what its old stream showed is no longer true.
            self.inspector.forget_order();
            self.gops = Gops::default();
        }
        self.gops.push(unit.dts_or_pts().map(Duration::from), self.inspector.is_beginning());
        self.judge()
    }

    fn judge(&mut self) -> bool {
        let verdict = match (self.obstacle(), self.codec()) {
            (Some(reason), _) => Verdict::Unsuitable(reason),
            (None, Some(codec)) if self.was_seen() => Verdict::Suitable(codec),
            (None, _) => Verdict::Unknown,
        };
        let is_new = verdict != self.verdict;
        self.verdict = verdict;
        is_new
    }

    /// What the stream would be for viewers.
    fn codec(&self) -> Option<Codec> {
        match &self.stream.as_ref()?.codec {
            Ok(InputCodec::H264) => Some(Codec::H264),
            Ok(InputCodec::H265) => Some(Codec::H265),
            _ => None,
        }
    }

    /// What keeps the stream from the viewers.
    fn obstacle(&self) -> Option<Reason> {
        let stream = self.stream.as_ref()?;
        let Some(codec) = self.codec() else { return Some(Reason::Codec { codec: stream.codec_words() }) };
        match self.inspector.parameters() {
            None if self.gops.whole() >= ENOUGH_GOPS => return Some(Reason::NoParameterSets { codec }),
            None => {}
            Some(parameters) => {
                let refused = refused_kind(codec, parameters, self.inspector.has_free_slices());
                if refused.is_some() {
                    return refused;
                }
                if self.inspector.b_frames() == BFrames::Yes {
                    return Some(Reason::BFrames { codec, profile: parameters.profile.clone() });
                }
            }
        }
        let longest = self.terms.longest_gop;
        let is_long = self.gops.longest() > longest + gops::SLACK && !self.terms.is_forced;
        is_long.then_some(Reason::LongGop { longest_s: longest.as_secs() })
    }

    /// Whether enough was seen for what did not come to be missing.
    fn was_seen(&self) -> bool {
        let is_long_enough = self.gops.seen() >= ENOUGH_TIME;
        self.inspector.parameters().is_some()
            && match self.inspector.b_frames() {
                BFrames::No => self.terms.is_urgent || self.gops.whole() >= ENOUGH_GOPS || is_long_enough,
                BFrames::NotSeen => self.gops.whole() >= ENOUGH_GOPS,
                BFrames::Yes | BFrames::Unknown => false,
            }
    }
}

impl Stream {
    fn of(fields: &gst::StructureRef) -> Self {
        let name = fields.name();
        Self {
            codec: InputCodec::from_caps_name(name).ok_or_else(|| name.to_string()),
            codec_data: fields.get("codec_data").ok(),
        }
    }

    fn codec_words(&self) -> String {
        self.codec.as_ref().map_or_else(Clone::clone, ToString::to_string)
    }

    fn inspector(&self) -> StreamInspector {
        let format = self.codec.as_ref().map_or(StreamFormat::Other, |codec| StreamFormat::of(*codec));
        let mut inspector = StreamInspector::new(format);
        if let Some(record) = self.codec_data.as_ref().and_then(|data| data.map_readable().ok()) {
            inspector.configure(&record);
        }
        inspector
    }
}
