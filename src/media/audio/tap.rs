//! Where a camera's sound leaves its connection: as it comes, before anything could break.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use gst::prelude::*;
use gst_utils::StreamProducer;

use super::lip_sync::LipSync;
use crate::media::{
    MediaError,
    element::{producer, producer_sink},
};

/// A camera's sound as the camera sends it.
#[derive(Clone, Debug)]
pub struct CameraTap {
    packets: StreamProducer,
    described: Arc<AtomicBool>,
    sync: Arc<LipSync>,
}

impl CameraTap {
    /// A tap in the camera's pipeline, with nothing connected to it yet.
    pub(in crate::media) fn new(pipeline: &gst::Pipeline) -> Result<Self, MediaError> {
        let sink = producer_sink("sound");
        // Not a sink in the pipeline's eyes: the end of the picture is the end
        // of the stream, whether or not there was sound.
        sink.unset_element_flags(gst::ElementFlags::SINK);
        pipeline.add(&sink)?;
        Ok(Self { packets: producer(&sink), described: Arc::default(), sync: Arc::default() })
    }

    /// Whether this pad is to be taken: the first sound of a file that may have several, and
    /// every pad of packets. A camera is asked for one sound only, and goes on at a pad of its
    /// own when it changes its SSRC.
    pub(in crate::media) fn wants(&self, pad: &gst::Pad) -> bool {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let is_packets = caps.structure(0).is_some_and(|fields| fields.name() == "application/x-rtp");
        is_packets || !self.input().is_linked()
    }

    fn input(&self) -> gst::Pad {
        self.packets.appsink().static_pad("sink").expect("an appsink should have a sink pad")
    }

    /// Takes the sound at this pad. It takes whatever comes, so it cannot fail later.
    pub(in crate::media) fn take(&self, pad: &gst::Pad) {
        let input = self.input();
        if let Some(before) = input.peer() {
            let _ = before.unlink(&input);
        }
        if let Err(error) = pad.link(&input) {
            tracing::warn!("The camera's sound cannot be taken: {error}.");
        }
    }

    /// Notes that the camera describes sound, whether or not it sends any; true for its first stream.
    pub(in crate::media) fn describe(&self) -> bool {
        !self.described.swap(true, Ordering::Relaxed)
    }

    /// Whether the camera says that it has sound.
    pub(super) fn is_described(&self) -> bool {
        self.described.load(Ordering::Relaxed)
    }

    /// How far the sound is to be moved to fit the picture.
    pub(super) fn sync(&self) -> &Arc<LipSync> {
        &self.sync
    }

    pub(super) fn packets(&self) -> &StreamProducer {
        &self.packets
    }
}
