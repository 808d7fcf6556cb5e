//! A look into the pipeline that webrtcsink makes for each viewer.

use gst::prelude::*;
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use tokio::sync::mpsc::UnboundedSender;

use super::{OutletEvent, picture_clock::clock_packets};
use crate::media::FeedClock;

/// Looks into each session's pipeline for what ties RTP time to capture time.
pub(super) fn watch_sessions(sink: &BaseWebRTCSink, clock: &FeedClock, events: UnboundedSender<OutletEvent>) {
    let clock = clock.clone();
    sink.connect("consumer-pipeline-created", false, move |args| {
        let pipeline = args[2].get::<gst::Pipeline>().ok()?;
        // webrtcsink names the pipeline after the session and tells it nowhere else.
        let session = pipeline.name().strip_prefix("session-pipeline-")?.to_owned();
        let (clock, events) = (clock.clone(), events.clone());
        pipeline.connect_deep_element_added(move |_, _, element| {
            if element.name().starts_with("codec-parser-caps") {
                keep_parameter_sets_in_band(element);
            }
            let is_payloader = element
                .factory()
                .and_then(|factory| factory.metadata("klass").map(|klass| klass.contains("Payloader/Network/RTP")))
                .unwrap_or(false);
            if is_payloader && let Some(pad) = element.static_pad("src") {
                clock_packets(&pad, session.clone(), clock.clone(), events.clone());
            }
        });
        None
    });
}

/// webrtcsink has H.264 parsed into the form with the parameter sets apart, in the caps, and its
/// parser does not renew these when another encoder of the same size takes over: viewers would
/// decode the new stream by the old sets, which is to say not at all.
fn keep_parameter_sets_in_band(filter: &gst::Element) {
    let caps = filter.property::<gst::Caps>("caps");
    if caps.structure(0).is_some_and(|fields| fields.name() == "video/x-h264") {
        let in_band = gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").field("alignment", "au");
        filter.set_property("caps", in_band.build());
    }
}
