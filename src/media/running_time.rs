//! Streams whose timestamps are running time, so that several can take turns at one place.
//!
//! Elements choose their segments as they like: x264enc begins at 1000 hours, for its timestamps
//! may become negative. Two such streams in turn would need a new segment before every frame. And
//! `rtpgccbwe` holds packets of picture and sound back but lets segments pass: behind it packets
//! would be taken for those of the other's segment, and sender reports be wrong by 1000 hours.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

type Segment = gst::FormattedSegment<gst::ClockTime>;

/// Gives what passes this pad its running time as its timestamps, and one segment that fits all.
pub(super) fn stamp_running_time(pad: &gst::Pad) {
    let segment = Arc::new(Mutex::new(Segment::new()));
    let current = segment.clone();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && let gst::EventView::Segment(event) = event.view()
            && let Some(segment) = event.segment().downcast_ref::<gst::ClockTime>()
        {
            *current.lock().expect("no holder of this lock should panic") = segment.clone();
            let plain = gst::event::Segment::builder(&Segment::new()).seqnum(event.seqnum()).build();
            info.data = Some(gst::PadProbeData::Event(plain));
        }
        gst::PadProbeReturn::Ok
    });
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let segment = segment.lock().expect("no holder of this lock should panic").clone();
        if let Some(buffer) = info.buffer_mut() {
            let running = |time: Option<gst::ClockTime>| segment.to_running_time(time?);
            let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
            if (pts, dts) != (buffer.pts(), buffer.dts()) {
                let buffer = buffer.make_mut();
                buffer.set_pts(pts);
                buffer.set_dts(dts);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// When what passes this pad with a buffer is to be shown, since the pipeline began.
pub(super) fn running_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    segment.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_become_running_time() {
        crate::media::init().unwrap();
        let hours = gst::ClockTime::from_seconds(3_600_000);
        let (second, frame) = (gst::ClockTime::SECOND, gst::ClockTime::from_mseconds(40));
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = received.clone();
        let sink = gst::Pad::builder(gst::PadDirection::Sink).chain_function(move |pad, _, buffer| {
            let event = pad.sticky_event::<gst::event::Segment>(0).unwrap();
            let segment = event.segment().downcast_ref::<gst::ClockTime>().unwrap().clone();
            kept.lock().unwrap().push((buffer.pts(), buffer.dts(), segment.to_running_time(buffer.pts())));
            Ok(gst::FlowSuccess::Ok)
        });
        let (source, sink) = (gst::Pad::new(gst::PadDirection::Src), sink.build());
        stamp_running_time(&sink);
        source.link(&sink).unwrap();
        source.set_active(true).unwrap();
        sink.set_active(true).unwrap();
        source.push_event(gst::event::StreamStart::new("stream"));
        let mut segment = Segment::new();
        segment.set_start(hours);
        segment.set_base(second);
        source.push_event(gst::event::Segment::new(&segment));
        let mut buffer = gst::Buffer::new();
        buffer.make_mut().set_pts(hours + frame);
        buffer.make_mut().set_dts(hours);
        source.push(buffer).unwrap();
        let received = received.lock().unwrap();
        assert_eq!(*received, [(Some(second + frame), Some(second), Some(second + frame))]);
    }
}
