//! What the camera sends, as it is: for viewers who can take that, beside the decoder.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use super::{IngestEvent, decode_gate::DecodeGate};
use crate::{
    config::{Codec, RenditionRole},
    media::{
        EncodedStream, InputCodec, MediaError,
        element::producer_sink,
        gop_cache::CacheLimits,
        pass_through::{Suitability, Terms},
    },
};

/// The codec of a stream that viewers could take; `None` for one that has to be encoded anew anyway.
pub(super) fn sendable(codec: InputCodec, caps: &gst::CapsRef) -> Option<Codec> {
    let form = caps.structure(0).and_then(|fields| fields.get::<&str>("stream-format").ok());
    match (codec, form) {
        (InputCodec::H264, Some("byte-stream")) => Some(Codec::H264),
        (InputCodec::H265, Some("byte-stream")) => Some(Codec::H265),
        _ => None,
    }
}

/// What the camera's stream is judged by, and told with.
pub(super) struct Watch {
    /// Which of the camera's streams it is.
    pub(super) role: RenditionRole,
    pub(super) terms: Terms,
    pub(super) gate: Arc<DecodeGate>,
    pub(super) arrived: Box<dyn Fn() + Send + Sync>,
    pub(super) events: UnboundedSender<IngestEvent>,
}

/// A fork behind `pad`: one end for the decoder, and one for the stream as it is.
pub(super) fn fork(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    codec: Codec,
    watch: Watch,
) -> Result<gst::Pad, MediaError> {
    let tee = gst::ElementFactory::make("tee").build()?;
    let sink = producer_sink("stream");
    pipeline.add_many([&tee, sink.upcast_ref()])?;
    tee.link(&sink)?;
    let to_decoder =
        tee.request_pad_simple("src_%u").ok_or_else(|| gst::glib::bool_error!("a tee should give pads"))?;
    let events = watch.events.clone();
    let _ = events.send(IngestEvent::Stream(offer(&sink, codec, watch)));
    sink.sync_state_with_parent()?;
    tee.sync_state_with_parent()?;
    let input = tee.static_pad("sink").expect("a tee should have a sink pad");
    pad.link(&input).map_err(|_| gst::glib::bool_error!("the camera's stream does not fit a tee"))?;
    Ok(to_decoder)
}

fn offer(sink: &gst_app::AppSink, codec: Codec, watch: Watch) -> EncodedStream {
    let pad = sink.static_pad("sink").expect("an appsink should have a sink pad");
    let role = watch.role;
    judge(&pad, watch);
    EncodedStream::offer(sink, role, codec, CacheLimits::default())
}

/// Judges the stream by its caps and every access unit.
fn judge(pad: &gst::Pad, watch: Watch) {
    let suitability = Mutex::new(Suitability::new(watch.terms));
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |_, info| {
        let mut suitability = suitability.lock().expect("no holder of this lock should panic");
        let is_new = match &info.data {
            Some(gst::PadProbeData::Buffer(unit)) => {
                if !watch.gate.is_open() {
                    (watch.arrived)();
                }
                suitability.push(unit)
            }
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Caps(caps) => suitability.set_caps(caps.caps()),
                _ => false,
            },
            _ => false,
        };
        if is_new {
            let _ = watch.events.send(IngestEvent::Judged(suitability.verdict().clone()));
        }
        gst::PadProbeReturn::Ok
    });
}
