//! webrtcsink itself: made for streams that are encoded already.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use gst::{glib, prelude::*};
use gst_webrtc::WebRTCSessionDescription;
use gstrswebrtc::{
    signaller::Signallable,
    webrtcsink::{BaseWebRTCSink, WebRTCSinkCongestionControl},
};
use tokio::sync::mpsc::UnboundedSender;

use super::{OutletEvent, OutletPlan, peers::Peers, properties::Properties, transport::Transport};
use crate::media::{MediaError, key_frames::request_urgently};

/// Bounds of the bandwidth estimate, kbit/s. webrtcsink's own lower bound is 1 kbit/s.
const ESTIMATE_KBPS: std::ops::RangeInclusive<u32> = 100..=50_000;

/// Frames at which a key frame is asked for at the start: the discovery is usually
/// running by the second; on a busy machine it may take a second.
const KEYFRAMES_FOR_DISCOVERY: [u32; 4] = [2, 10, 30, 60];
/// The count of frames while no discovery waits.
const NONE_WAITS: u32 = 1000;

/// A way into webrtcsink for one stream, and webrtcsink's end of it.
pub(super) fn add_input(
    pipeline: &gst::Pipeline,
    sink: &BaseWebRTCSink,
    template: &str,
) -> Result<(gst_app::AppSrc, gst::Pad), MediaError> {
    let source = gst_app::AppSrc::builder().build();
    pipeline.add(&source)?;
    let pad = sink.request_pad_simple(template).ok_or_else(|| glib::bool_error!("webrtcsink gave no pad"))?;
    source
        .static_pad("src")
        .expect("an appsrc should have a src pad")
        .link(&pad)
        .map_err(|_| glib::bool_error!("webrtcsink does not take the stream"))?;
    Ok((source, pad))
}

/// Sets webrtcsink up, and answers its transport, which can change later.
pub(super) fn configure(sink: &BaseWebRTCSink, plan: &OutletPlan, peers: Peers, properties: Properties) -> Transport {
    let kbps = |kbps: u32| kbps * 1000;
    sink.set_property("congestion-control", WebRTCSinkCongestionControl::GoogleCongestionControl);
    sink.set_property("min-bitrate", kbps(*ESTIMATE_KBPS.start()));
    sink.set_property("max-bitrate", kbps(*ESTIMATE_KBPS.end()));
    sink.set_property("start-bitrate", kbps(plan.start_kbps));
    Transport::set_up(sink, &plan.transport, plan.priority, peers, properties)
}

/// Takes out the two elements' waits for the clock: they would hold every
/// frame for the whole latency of the pipelines before.
pub(super) fn send_at_once(sink: &BaseWebRTCSink) {
    for element in sink.iterate_recurse().into_iter().flatten() {
        let Some(factory) = element.factory() else { continue };
        if matches!(factory.name().as_str(), "clocksync" | "appsink") {
            element.set_property("sync", false);
        }
        if factory.name() == "appsink" {
            leave_out_dye(&element.static_pad("sink").expect("an appsink should have a sink pad"));
        }
    }
}

/// What webrtcsink puts on each frame, the name of its stream, to find metas that are to be forwarded.
/// None are, and it would be copied to each packet of each viewer, several times: a tenth of their cost.
const DYE: &str = "webrtcsink-dye";

fn leave_out_dye(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && let Ok(dye) = gst::meta::CustomMeta::from_mut_buffer(buffer.make_mut(), DYE)
        {
            let _ = dye.remove();
        }
        gst::PadProbeReturn::Ok
    });
}

/// Tells of the first frame, and has webrtcsink's discoveries served.
///
/// webrtcsink finds out how to announce the stream in a pipeline of its own,
/// which it starts at the first frame and which needs a key frame after that.
/// It asks nobody for one, so the first viewer would wait for the next by chance.
/// For a viewer who makes the offer it does so once more, and that one would wait.
pub(super) fn tell_when_ready(
    pad: &gst::Pad,
    sink: &BaseWebRTCSink,
    signaller: &Signallable,
    events: UnboundedSender<OutletEvent>,
) {
    let frames = Arc::new(AtomicU32::new(0));
    let waiting = Arc::new(AtomicU32::new(0));
    let (begun, more) = (frames.clone(), waiting.clone());
    signaller.connect("session-requested", false, move |args| {
        if args.get(3)?.get::<Option<WebRTCSessionDescription>>().ok()?.is_some() {
            more.fetch_add(1, Ordering::Relaxed);
            begun.store(0, Ordering::Relaxed);
        }
        None
    });
    // By then its discovery is over.
    let begun = frames.clone();
    sink.connect("consumer-added", false, move |_| {
        let before = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| Some(count.saturating_sub(1)));
        if before == Ok(1) {
            begun.store(NONE_WAITS, Ordering::Relaxed);
        }
        None
    });
    let is_told = AtomicBool::new(false);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        if !is_told.swap(true, Ordering::Relaxed) {
            let _ = events.send(OutletEvent::Ready);
        }
        let next = |frame: u32| (frame < NONE_WAITS).then_some(frame + 1);
        let frame = frames.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        if frame.is_ok_and(|frame| KEYFRAMES_FOR_DISCOVERY.contains(&frame)) {
            request_urgently(pad);
        }
        gst::PadProbeReturn::Ok
    });
}
