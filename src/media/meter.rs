//! How much passes a pad.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gst::prelude::*;

/// Counts the buffers that pass a pad, and their bytes.
#[derive(Debug, Default)]
pub(super) struct Meter {
    bytes: AtomicU64,
    buffers: AtomicU64,
}

impl Meter {
    pub(super) fn watch(pad: &gst::Pad) -> Arc<Self> {
        let meter = Arc::new(Self::default());
        let counted = meter.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let size = info.buffer().map_or(0, |buffer| buffer.size());
            counted.bytes.fetch_add(size as u64, Ordering::Relaxed);
            counted.buffers.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
        meter
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Buffers so far.
    pub(super) fn buffers(&self) -> u64 {
        self.buffers.load(Ordering::Relaxed)
    }
}
