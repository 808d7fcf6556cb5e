//! The congestion control that webrtcsink puts before each viewer: `rtpgccbwe`. With it webrtcsink asks
//! viewers to tell of every packet, and that is all that it is there for.
//!
//! The element has packets wait, so that they leave no faster than its estimate, and wakes 200 times a
//! second to look which may. That is a third of what a viewer costs and up to 5 ms of delay, for little:
//! what is not used of the estimate is saved up without limit, so a frame leaves in one go wherever the
//! connection carries the stream, and where it does not, the viewer is moved. So packets go past it, and
//! reports end before it: what they tell is estimated elsewhere.

use gst::prelude::*;

/// Has packets go past the estimator, on the thread that brings them.
pub(super) fn let_packets_pass(estimator: &gst::Element) {
    let pad = |name| estimator.static_pad(name).expect("rtpgccbwe should have this pad");
    let (input, output) = (pad("sink"), pad("src"));
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    input.add_probe(kinds, move |_, info| {
        // What wakes. It begins whenever the pad does, so it is looked at each time.
        if output.task_state() == gst::TaskState::Started {
            let _ = output.pause_task();
        }
        info.flow_res = match info.data.take() {
            Some(gst::PadProbeData::Buffer(packet)) => output.push(packet),
            Some(gst::PadProbeData::BufferList(packets)) => output.push_list(packets),
            _ => return gst::PadProbeReturn::Ok,
        };
        gst::PadProbeReturn::Handled
    });
}
