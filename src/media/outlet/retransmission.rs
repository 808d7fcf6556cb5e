//! What is sent again: whatever was sent in the last second, and no packet of a rendition that the
//! viewer has left.
//!
//! Who is moved to a smaller rendition for want of bandwidth has just lost packets of the larger
//! one, and asks for them: sent again, they would take what the smaller one needs to arrive.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use gst::prelude::*;

use super::picture_clock::is_sound;

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
}

impl Floor {
    /// The next packet is the first of another rendition.
    pub(super) fn raise(&self) {
        self.has_moved.store(true, Ordering::Relaxed);
    }

    /// Reads the numbers of the packets that leave this payloader.
    pub(super) fn watch_payloader(self: &Arc<Self>, pad: &gst::Pad) {
        let floor = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, info| {
            // For every packet, so no more than that unless the viewer was moved.
            if !floor.has_moved.load(Ordering::Relaxed) {
                return gst::PadProbeReturn::Ok;
            }
            if is_sound(pad) {
                return gst::PadProbeReturn::Remove;
            }
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

    /// Keeps back requests for older packets.
    pub(super) fn watch_retransmissions(self: &Arc<Self>, sender: &gst::Element) {
        let floor = self.clone();
        let pad = sender.static_pad("src").expect("rtprtxsend should have a src pad");
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let asked = info.event().and_then(|event| event.structure()).filter(|fields| fields.name() == REQUEST);
            let number = asked.and_then(|fields| fields.get::<u32>("seqnum").ok());
            match number {
                Some(number) if floor.is_below(number as u16) => gst::PadProbeReturn::Drop,
                _ => gst::PadProbeReturn::Ok,
            }
        });
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
