//! Decoding only while somebody looks: a stream that goes out as it is need not be decoded.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use gst::prelude::*;

use crate::media::key_frames::request_key_frame;

/// Whether the camera's stream reaches its decoder.
#[derive(Debug)]
pub(super) struct DecodeGate {
    is_open: AtomicBool,
    /// What came before the next key frame was kept back: the decoder has to begin anew.
    has_gap: AtomicBool,
}

impl DecodeGate {
    /// Open: what a camera sends is decoded until somebody knows better.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { is_open: AtomicBool::new(true), has_gap: AtomicBool::new(false) })
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Opens it, from the next key frame on, or closes it.
    pub(super) fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::Relaxed);
    }

    /// Puts the gate in front of this decoder.
    pub(super) fn guard(self: &Arc<Self>, decoder: &gst::Element) {
        let gate = self.clone();
        let pad = decoder.static_pad("sink").expect("decoders should have a sink pad");
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let is_delta = info.buffer().is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
            if !gate.is_open() {
                gate.has_gap.store(true, Ordering::Relaxed);
                return gst::PadProbeReturn::Drop;
            }
            if !gate.has_gap.load(Ordering::Relaxed) {
                return gst::PadProbeReturn::Ok;
            }
            if is_delta {
                request_key_frame(pad);
                return gst::PadProbeReturn::Drop;
            }
            gate.has_gap.store(false, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_goes_on_with_a_key_frame() {
        crate::media::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let source = gst_app::AppSrc::builder().format(gst::Format::Time).build();
        let decoder = gst::ElementFactory::make("identity").build().unwrap();
        let sink = gst_app::AppSink::builder().sync(false).build();
        pipeline.add_many([source.upcast_ref::<gst::Element>(), &decoder, sink.upcast_ref()]).unwrap();
        gst::Element::link_many([source.upcast_ref::<gst::Element>(), &decoder, sink.upcast_ref()]).unwrap();
        let gate = DecodeGate::new();
        gate.guard(&decoder);
        pipeline.set_state(gst::State::Playing).unwrap();
        let passes = |number: u64, is_key: bool| {
            let mut buffer = gst::Buffer::new();
            let fields = buffer.get_mut().unwrap();
            fields.set_offset(number);
            fields.set_flags(if is_key { gst::BufferFlags::empty() } else { gst::BufferFlags::DELTA_UNIT });
            source.push_buffer(buffer).unwrap();
            sink.try_pull_sample(gst::ClockTime::from_mseconds(200)).is_some()
        };
        assert!(passes(0, true) && passes(1, false));
        gate.set_open(false);
        assert!(!passes(2, false) && !passes(3, true));
        gate.set_open(true);
        assert!(!passes(4, false), "it belongs to what was kept back");
        assert!(passes(5, true) && passes(6, false));
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
