//! Gives both streams of a session the same segment, so that what is told of their clocks is true.
//!
//! `rtpgccbwe` keeps packets for some milliseconds and lets events pass, so behind it a packet
//! of the picture may be counted in the segment of the sound. Where these differ, as with x264
//! whose times begin at 1000 hours, every fourth sender report names a moment that is hours away,
//! and a browser that believes it pulls sound and picture apart.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;

type TimeSegment = gst::FormattedSegment<gst::ClockTime>;

/// Has all that goes into this pad timed in running time, in a segment that begins at zero.
pub(super) fn time_plainly(pad: &gst::Pad) {
    let segment = Mutex::new(TimeSegment::new());
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        // What is kept cannot be half written.
        let mut segment = segment.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut info.data {
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Segment(change) = event.view()
                    && let Some(new) = change.segment().downcast_ref::<gst::ClockTime>()
                {
                    *segment = new.clone();
                    *event = gst::event::Segment::builder(&TimeSegment::new()).seqnum(change.seqnum()).build();
                }
            }
            Some(gst::PadProbeData::Buffer(buffer)) => retime(buffer.make_mut(), &segment),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn retime(buffer: &mut gst::BufferRef, segment: &TimeSegment) {
    let running = |time: Option<gst::ClockTime>| {
        let time = segment.to_running_time_full(time)?;
        // Only what was to be decoded before the beginning is negative.
        time.positive()
    };
    let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
    buffer.set_pts(pts);
    buffer.set_dts(dts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_an_encoder_that_begins_at_1000_hours_become_running_times() {
        gst::init().unwrap();
        let hours = gst::ClockTime::from_seconds(3_600_000);
        let mut segment = TimeSegment::new();
        segment.set_start(hours);
        segment.set_base(gst::ClockTime::SECOND);
        let mut buffer = gst::Buffer::new();
        let fields = buffer.make_mut();
        fields.set_pts(hours + gst::ClockTime::from_seconds(2));
        fields.set_dts(hours - gst::ClockTime::from_seconds(2));
        retime(fields, &segment);
        assert_eq!((fields.pts(), fields.dts()), (Some(gst::ClockTime::from_seconds(3)), None));
    }
}
