//! What is sent again: whatever was sent in the last second, as far as [`Repair`] allows, and no packet
//! of before the viewer's picture began anew.
//!
//! Who is moved to a smaller rendition for want of bandwidth has just lost packets of the larger
//! one, and asks for them: sent again, they would take what the smaller one needs to arrive. So it is
//! with a way that has broken down and goes on with a key frame.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{
    interruption::{Frame, Interruption},
    picture_clock::is_sound,
    repair::{Answer, Repair},
};
use crate::{media::key_frames::request_urgently, stats::PathReport};

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

/// A first packet is the first for this long: nothing older is kept, and numbers begin anew behind 65535.
const FIRST_FOR: Duration = Duration::from_millis(2 * KEPT_MS as u64);

/// The first packet of what a viewer sees now, and what is sent again of what came since.
#[derive(Debug, Default)]
pub(super) struct Floor {
    is_raised: AtomicBool,
    /// RTP sequence number (RFC 3550, section 5.1), and when that was sent; `None` while the viewer's
    /// picture never began anew.
    first: Mutex<Option<(u16, Instant)>>,
    mending: Mutex<Mending>,
}

/// What becomes of what the viewer lacks.
#[derive(Debug, Default)]
struct Mending {
    repair: Repair,
    interruption: Interruption,
}

impl Floor {
    /// The next packet is the first of another rendition, or of another beginning.
    pub(super) fn raise(&self) {
        self.is_raised.store(true, Ordering::Relaxed);
    }

    /// Reads the numbers of the packets that leave this payloader, and holds back what goes in.
    pub(super) fn watch_payloader(self: &Arc<Self>, pad: &gst::Pad) {
        self.watch_requests(pad);
        if let Some(way_in) = pad.parent_element().and_then(|payloader| payloader.static_pad("sink")) {
            self.watch_frames(&way_in);
        }
        let floor = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, info| {
            // For every packet, so no more than that unless the picture begins anew.
            if !floor.is_raised.load(Ordering::Relaxed) {
                return gst::PadProbeReturn::Ok;
            }
            if is_sound(pad) {
                return gst::PadProbeReturn::Remove;
            }
            if floor.is_raised.swap(false, Ordering::Relaxed) {
                let first = match &info.data {
                    Some(gst::PadProbeData::Buffer(buffer)) => sequence_number(buffer),
                    Some(gst::PadProbeData::BufferList(list)) => list.get(0).and_then(sequence_number),
                    _ => None,
                };
                let first = first.map(|first| (first, Instant::now()));
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
                Some(number) if !floor.sends_again(number as u16, Instant::now()) => gst::PadProbeReturn::Drop,
                _ => gst::PadProbeReturn::Ok,
            }
        });
    }

    /// What became of what was sent last, and how long it took until that was known.
    pub(super) fn learn(&self, report: &PathReport, trip: Duration) {
        let mut mending = self.mending();
        mending.repair.learn(report, trip);
        mending.interruption.learn(report, Instant::now());
    }

    /// Holds frames back that would not be shown, and has a key frame asked for.
    fn watch_frames(self: &Arc<Self>, pad: &gst::Pad) {
        let floor = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let caps = pad.current_caps();
            if caps.is_some_and(|caps| caps.structure(0).is_some_and(|fields| fields.name().starts_with("audio/"))) {
                return gst::PadProbeReturn::Remove;
            }
            let Some(buffer) = info.buffer() else { return gst::PadProbeReturn::Ok };
            let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            let frame = floor.send(is_key, buffer.size(), Instant::now());
            if frame.asks {
                request_urgently(pad);
            }
            if frame.is_dropped { gst::PadProbeReturn::Drop } else { gst::PadProbeReturn::Ok }
        });
    }

    fn watch_requests(self: &Arc<Self>, pad: &gst::Pad) {
        let floor = self.clone();
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let is_request = info.event().is_some_and(|event| gst_video::ForceKeyUnitEvent::is(event));
            let waits = is_request && floor.mending().interruption.is_emptying();
            if waits { gst::PadProbeReturn::Drop } else { gst::PadProbeReturn::Ok }
        });
    }

    /// What becomes of a frame of so many bytes.
    fn send(&self, is_key: bool, bytes: usize, now: Instant) -> Frame {
        let mut mending = self.mending();
        let frame = mending.interruption.frame(is_key, now);
        if !frame.is_dropped {
            mending.repair.earn(bytes);
        }
        if frame != Frame::default() {
            tracing::trace!(is_key, bytes, ?frame, "interrupted");
        }
        if frame.begins_anew {
            self.raise();
        }
        frame
    }

    fn sends_again(&self, number: u16, now: Instant) -> bool {
        let mut mending = self.mending();
        if self.is_below(number, now) || mending.interruption.is_emptying() {
            return false;
        }
        let answer = mending.repair.ask(number, now);
        tracing::trace!(number, ?answer, "asked for again");
        if answer == Answer::Refused {
            mending.interruption.miss(now);
        }
        answer == Answer::Met
    }

    fn mending(&self) -> MutexGuard<'_, Mending> {
        self.mending.lock().expect("no holder of this lock should panic")
    }

    fn is_below(&self, number: u16, now: Instant) -> bool {
        let first = *self.first.lock().expect("no holder of this lock should panic");
        first.is_some_and(|(first, at)| now.duration_since(at) < FIRST_FOR && number.wrapping_sub(first) > u16::MAX / 2)
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
    fn only_packets_before_the_beginning_are_below() {
        let (floor, now) = (Floor::default(), Instant::now());
        assert!(!floor.is_below(7, now), "it began with the session");
        *floor.first.lock().unwrap() = Some((3, now));
        assert!(floor.is_below(2, now) && floor.is_below(65_530, now), "numbers begin anew behind 65535");
        assert!(!floor.is_below(3, now) && !floor.is_below(500, now));
        assert!(!floor.is_below(40_000, now + Duration::from_mins(2)), "that is a packet of now");
    }

    #[test]
    fn what_is_lost_is_sent_again_for_as_long_as_a_session_lasts() {
        let (floor, start) = (Floor::default(), Instant::now());
        for number in 0..u16::MAX {
            let now = start + Duration::from_millis(3) * u32::from(number);
            assert_eq!(floor.send(false, 1200, now), Frame::default());
            assert!(!number.is_multiple_of(10) || floor.sends_again(number, now), "{number}");
        }
    }

    #[test]
    fn who_asks_in_vain_gets_a_key_frame_and_nothing_of_before_it() {
        let (floor, start) = (Floor::default(), Instant::now());
        let ms = |ms| start + Duration::from_millis(ms);
        let lost = |number| (0..5).filter(|time| floor.sends_again(number, ms(100 * time))).count();
        assert_eq!(lost(7), 4);
        assert!(floor.send(false, 1200, ms(500)).asks);
        assert!(floor.send(true, 9000, ms(540)).begins_anew);
        assert!(floor.is_raised.load(Ordering::Relaxed));
        assert_eq!(floor.send(false, 1200, ms(580)), Frame::default());
    }
}
