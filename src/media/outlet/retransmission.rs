//! What is sent again: whatever was sent in the last second, as far as [`Repair`] allows, and no packet
//! of a rendition that the viewer has left.
//!
//! Who is moved to a smaller rendition for want of bandwidth has just lost packets of the larger
//! one, and asks for them: sent again, they would take what the smaller one needs to arrive.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{
    picture_clock::is_sound,
    repair::{Frame, Repair},
};
use crate::stats::PathReport;

/// What `rtpsession` asks the sender of retransmissions for.
const REQUEST: &str = "GstRTPRetransmissionRequest";

/// How long packets are kept to be sent again, in milliseconds.
///
/// `rtprtxsend` keeps 100 of them by itself, which is 0.1 s at 8 Mbit/s: less than it takes to be asked
/// over many a mobile line.
const KEPT_MS: u32 = 1000;

/// Has this element keep packets by time, not by number, if it is one that sends them again.
pub(super) fn keep_by_time(element: &gst::Element) {
    if element.factory().is_none_or(|factory| factory.name() != "rtprtxsend") {
        return;
    }
    element.set_property("max-size-packets", 0_u32);
    element.set_property("max-size-time", KEPT_MS);
}

/// The first packet of what a viewer sees now.
#[derive(Debug, Default)]
pub(super) struct Floor {
    has_moved: AtomicBool,
    /// RTP sequence number (RFC 3550, section 5.1); `None` while the viewer was never moved.
    first: Mutex<Option<u16>>,
    repair: Mutex<Repair>,
}

impl Floor {
    /// The next packet is the first of another rendition.
    pub(super) fn raise(&self) {
        self.has_moved.store(true, Ordering::Relaxed);
    }

    /// Reads the numbers of the packets that leave this payloader, and holds back what goes in.
    pub(super) fn watch_payloader(self: &Arc<Self>, pad: &gst::Pad) {
        self.watch_requests(pad);
        if let Some(way_in) = pad.parent_element().and_then(|payloader| payloader.static_pad("sink")) {
            self.watch_frames(&way_in);
        }
        let floor = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, info| {
            // For every packet, so no more than that unless the viewer was moved.
            if !floor.has_moved.load(Ordering::Relaxed) {
                return gst::PadProbeReturn::Ok;
            }
            if is_sound(pad) {
                return gst::PadProbeReturn::Remove;
            }
            floor.note(info.data.as_ref());
            if floor.has_moved.swap(false, Ordering::Relaxed) {
                let first = match &info.data {
                    Some(gst::PadProbeData::Buffer(buffer)) => sequence_number(buffer),
                    Some(gst::PadProbeData::BufferList(list)) => list.get(0).and_then(sequence_number),
                    _ => None,
                };
                *floor.first.lock().expect("no holder of this lock should panic") = first;
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Keeps back requests for older packets, and for more than is good.
    pub(super) fn watch_retransmissions(self: &Arc<Self>, sender: &gst::Element) {
        let floor = self.clone();
        let pad = sender.static_pad("src").expect("rtprtxsend should have a src pad");
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let asked = info.event().and_then(|event| event.structure()).filter(|fields| fields.name() == REQUEST);
            let number = asked.and_then(|fields| fields.get::<u32>("seqnum").ok());
            match number {
                Some(number) if !floor.sends_again(number as u16) => gst::PadProbeReturn::Drop,
                _ => gst::PadProbeReturn::Ok,
            }
        });
    }

    /// A part of the picture goes out.
    fn note(&self, data: Option<&gst::PadProbeData<'_>>) {
        let bytes = match data {
            Some(gst::PadProbeData::Buffer(buffer)) => buffer.size(),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().map(gst::BufferRef::size).sum(),
            _ => 0,
        };
        self.repair().earn(bytes);
    }

    /// What became of what was sent last, and how long it took until that was known.
    pub(super) fn learn(&self, report: &PathReport, trip: Duration) {
        self.repair().learn(report, trip, Instant::now());
    }

    /// Holds frames back, and the viewer's own requests for key frames, while the way is emptied.
    fn watch_frames(self: &Arc<Self>, pad: &gst::Pad) {
        let floor = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let caps = pad.current_caps();
            if caps.is_some_and(|caps| caps.structure(0).is_some_and(|fields| fields.name().starts_with("audio/"))) {
                return gst::PadProbeReturn::Remove;
            }
            let is_key = info.buffer().is_some_and(|frame| !frame.flags().contains(gst::BufferFlags::DELTA_UNIT));
            let frame = floor.repair().frame(is_key, Instant::now());
            if frame == Frame::AsksForKey {
                pad.push_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
            }
            if frame == Frame::Passes { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Drop }
        });
    }

    fn watch_requests(self: &Arc<Self>, pad: &gst::Pad) {
        let floor = self.clone();
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let is_request = info.event().is_some_and(|event| gst_video::ForceKeyUnitEvent::is(event));
            let waits = is_request && floor.repair().is_emptying();
            if waits { gst::PadProbeReturn::Drop } else { gst::PadProbeReturn::Ok }
        });
    }

    fn sends_again(&self, number: u16) -> bool {
        !self.is_below(number) && self.repair().allows(number, Instant::now())
    }

    fn repair(&self) -> MutexGuard<'_, Repair> {
        self.repair.lock().expect("no holder of this lock should panic")
    }

    fn is_below(&self, number: u16) -> bool {
        let first = *self.first.lock().expect("no holder of this lock should panic");
        first.is_some_and(|first| number.wrapping_sub(first) > u16::MAX / 2)
    }
}

/// RTP sequence number (RFC 3550, bytes 2 and 3).
fn sequence_number(packet: &gst::BufferRef) -> Option<u16> {
    let map = packet.map_readable().ok()?;
    Some(u16::from_be_bytes(map.get(2..4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packets_before_the_move_are_below() {
        let floor = Floor::default();
        assert!(!floor.is_below(7), "nobody was moved");
        *floor.first.lock().unwrap() = Some(3);
        assert!(floor.is_below(2) && floor.is_below(65_530), "numbers begin anew behind 65535");
        assert!(!floor.is_below(3) && !floor.is_below(500));
    }
}
