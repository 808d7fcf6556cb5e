//! The newest GOP of an encoded stream, for a viewer who joins in the middle of it.
//!
//! A viewer of a stream that is passed through would see nothing before the camera's next key
//! frame. Instead it gets, in one go, the last key frame and all that came since, and from
//! there on the live stream.
//!
//! What the cache asks of the pad that it watches:
//! * whole access units with start codes, key frames without the flag `DELTA_UNIT`;
//! * parameter sets in every key frame, as `h264parse` and `h265parse` put them there with
//!   `config-interval=-1` and `stream-format=byte-stream`: a decoder begins with nothing else, so
//!   a key frame without them is no beginning here either;
//! * no B-frames, so that the order of decoding is the order of showing.

mod replay;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard};

use gst::prelude::*;

use super::{
    InputCodec,
    stream_inspector::{StreamFormat, stands_alone},
};

/// How much is kept at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// From the key frame to the newest picture.
    pub time: gst::ClockTime,
    /// Bytes of the stream; what they are kept in takes a little more.
    pub bytes: usize,
}

impl Default for CacheLimits {
    /// The longest GOP that is passed through without being forced, and 12 Mbit/s of it.
    fn default() -> Self {
        Self { time: gst::ClockTime::from_seconds(10), bytes: 16 << 20 }
    }
}

/// What the cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheState {
    /// Nothing: no key frame came yet, or the stream broke off.
    #[default]
    Empty,
    /// A key frame and what came since.
    Filled {
        /// Access units.
        units: usize,
        /// All of their bytes.
        bytes: usize,
    },
    /// Nothing until the next key frame, because the GOP was too long.
    TooLong,
    /// Nothing until the next key frame, because the GOP was too big.
    TooBig,
}

/// The newest GOP of one stream; for all threads.
#[derive(Debug, Default)]
pub struct GopCache {
    limits: CacheLimits,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    units: Vec<gst::Buffer>,
    bytes: usize,
    /// Why there is nothing, where that has a reason.
    given_up: Option<CacheState>,
    caps: Option<gst::Caps>,
    segment: gst::FormattedSegment<gst::ClockTime>,
}

impl GopCache {
    /// An empty cache.
    pub fn new(limits: CacheLimits) -> Self {
        Self { limits, kept: Mutex::default() }
    }

    /// Keeps what passes this pad from now on, for as long as the cache is held.
    pub fn watch(pad: &gst::Pad, limits: CacheLimits) -> Arc<Self> {
        let cache = Arc::new(Self::new(limits));
        let watcher = Arc::downgrade(&cache);
        let kinds = gst::PadProbeType::BUFFER
            | gst::PadProbeType::BUFFER_LIST
            | gst::PadProbeType::EVENT_DOWNSTREAM
            | gst::PadProbeType::EVENT_FLUSH;
        pad.sticky_events_foreach(|event| {
            cache.note(event);
            std::ops::ControlFlow::Continue(gst::EventForeachAction::Keep)
        });
        pad.add_probe(kinds, move |_, info| {
            let Some(cache) = watcher.upgrade() else { return gst::PadProbeReturn::Remove };
            match &info.data {
                Some(gst::PadProbeData::Buffer(unit)) => cache.push(unit),
                Some(gst::PadProbeData::BufferList(units)) => units.iter_owned().for_each(|unit| cache.push(&unit)),
                Some(gst::PadProbeData::Event(event)) => cache.note(event),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
        cache
    }

    /// Takes the next access unit. A key frame begins anew; a GOP that outgrows the limits is
    /// given up, or it would be missing its beginning, and the cache stays empty until the next.
    pub fn push(&self, unit: &gst::Buffer) {
        let mut kept = self.kept();
        if kept.is_beginning(unit) {
            kept.empty(None);
        } else if kept.units.is_empty() {
            return;
        }
        // A copy of the bytes: those of a camera on this machine are its driver's few buffers, and
        // those of packets hold on to more than is counted here.
        let Ok(copy) = unit.copy_deep() else { return kept.empty(None) };
        kept.bytes += unit.size();
        kept.units.push(copy);
        if let Some(reason) = kept.outgrown(&self.limits) {
            kept.empty(Some(reason));
            tracing::debug!("A GOP is too large to be kept for viewers who join ({reason:?}): they wait for the next.");
        }
    }

    /// What is held now.
    pub fn state(&self) -> CacheState {
        let kept = self.kept();
        match kept.given_up {
            Some(reason) => reason,
            None if kept.units.is_empty() => CacheState::Empty,
            None => CacheState::Filled { units: kept.units.len(), bytes: kept.bytes },
        }
    }

    /// Says what the units are; another stream does not go together with what is held.
    pub fn set_caps(&self, caps: &gst::CapsRef) {
        let mut kept = self.kept();
        if kept.caps.as_deref() != Some(caps) {
            kept.caps = Some(caps.to_owned());
            kept.empty(None);
        }
    }

    /// The caps of what is held; `None` before the watched pad had any.
    pub fn caps(&self) -> Option<gst::Caps> {
        self.kept().caps.clone()
    }

    /// The time of the key frame that is held, by which one GOP is told from the next.
    pub fn beginning(&self) -> Option<gst::ClockTime> {
        self.kept().units.first()?.pts()
    }

    /// The GOP up to now, for a viewer's own source in front of the live stream; empty where
    /// none is held. The copies share the pictures' memory.
    ///
    /// Times are those of the pad's segment. The newest picture keeps its own, but none is later
    /// than `now`, a running time of the pad's pipeline; all before it are moved up to it, 1 ms
    /// apart, so that they are shown in a flash and the viewer does not stay a GOP behind.
    pub fn replay(&self, now: gst::ClockTime) -> Vec<gst::Buffer> {
        let kept = self.kept();
        let now = kept.segment.position_from_running_time(now).unwrap_or(now);
        replay::compressed(&kept.units, now)
    }

    /// A change of the stream: what came before it does not go together with what comes.
    fn note(&self, event: &gst::EventRef) {
        match event.view() {
            gst::EventView::Caps(caps) => self.set_caps(caps.caps()),
            gst::EventView::Segment(event) => {
                let mut kept = self.kept();
                if let Some(segment) = event.segment().downcast_ref::<gst::ClockTime>()
                    && *segment != kept.segment
                {
                    kept.segment = segment.clone();
                    kept.empty(None);
                }
            }
            gst::EventView::FlushStop(_) | gst::EventView::Eos(_) => self.kept().empty(None),
            _ => {}
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no holder of this lock should panic")
    }
}

impl Kept {
    fn empty(&mut self, reason: Option<CacheState>) {
        self.units.clear();
        self.bytes = 0;
        self.given_up = reason;
    }

    /// Not every unit without the flag is one: see [`StreamInspector::is_beginning`].
    ///
    /// [`StreamInspector::is_beginning`]: super::stream_inspector::StreamInspector::is_beginning
    fn is_beginning(&self, unit: &gst::Buffer) -> bool {
        if unit.flags().contains(gst::BufferFlags::DELTA_UNIT) {
            return false;
        }
        let name = self.caps.as_ref().and_then(|caps| caps.structure(0)).map(gst::StructureRef::name);
        let codec = name.and_then(|name| InputCodec::from_caps_name(name));
        let format = codec.map_or(StreamFormat::Other, StreamFormat::of);
        unit.map_readable().is_ok_and(|data| stands_alone(format, &data))
    }

    fn outgrown(&self, limits: &CacheLimits) -> Option<CacheState> {
        let time = |unit: Option<&gst::Buffer>| unit.and_then(|unit| unit.dts_or_pts());
        let first = time(self.units.first());
        let length = time(self.units.last()).zip(first).map(|(last, first)| last.saturating_sub(first));
        if length.is_some_and(|length| length > limits.time) {
            Some(CacheState::TooLong)
        } else if self.bytes > limits.bytes {
            Some(CacheState::TooBig)
        } else {
            None
        }
    }
}
