//! How much passes a pad.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gst::prelude::*;

/// Counts the bytes that pass a pad.
#[derive(Debug, Default)]
pub(super) struct Meter(AtomicU64);

impl Meter {
    pub(super) fn watch(pad: &gst::Pad) -> Arc<Self> {
        let meter = Arc::new(Self::default());
        let counted = meter.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let size = info.buffer().map_or(0, |buffer| buffer.size());
            counted.0.fetch_add(size as u64, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
        meter
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
