//! A camera's sound: out of RTP, decoded, made into Opus; a camera's own Opus goes through as it is.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use gst::prelude::*;
use gst_utils::ConsumptionLink;

use super::{AudioFault, CameraTap, Lane, decoding::Decoding, opus};
use crate::media::{
    FeedClock, MediaError,
    element::{add_and_link, consumer_settings, end, watch_errors},
};

/// RTP packets that may wait for the decoder, which takes them at once unless
/// the machine is stuck; then the oldest are dropped.
const WAITING_PACKETS: u64 = 200;
const WAITING_TIME: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// The running sound of one connection to a camera. Dropping it ends it.
#[derive(Debug)]
pub(super) struct CameraSound {
    pipeline: gst::Pipeline,
    input: ConsumptionLink,
}

/// How far the sound has come, for saying where it is stuck.
#[derive(Debug, Default)]
struct Progress {
    codec: Mutex<&'static str>,
    arrived: AtomicBool,
}

impl CameraSound {
    /// Starts to decode what comes from the tap into the lane.
    pub(super) fn start(
        tap: &CameraTap,
        lane: &Arc<Lane>,
        bitrate_kbps: u32,
        clock: &FeedClock,
    ) -> Result<Self, MediaError> {
        let pipeline = gst::Pipeline::with_name("camera-sound");
        clock.apply(&pipeline);
        let source = gst_app::AppSrc::builder().name("packets").build();
        pipeline.add(&source)?;
        let progress = Arc::new(Progress::default());
        decode_when_described(&source, &pipeline, tap, lane, bitrate_kbps, &progress);
        watch_errors(&pipeline, {
            let (lane, progress) = (lane.clone(), progress.clone());
            move |error| {
                tracing::debug!("The camera's sound cannot be decoded: {}", error.error());
                lane.fail(&progress.broken());
            }
        });
        lane.expect({
            let tap = tap.clone();
            move |came_before| progress.explain(tap.is_described(), came_before)
        });
        let input = ConsumptionLink::disconnected_with(source, consumer_settings(WAITING_PACKETS, WAITING_TIME));
        // Every packet of sound stands for itself.
        input.set_wait_for_keyframe(false);
        let mut sound = Self { pipeline, input };
        sound.pipeline.set_state(gst::State::Playing)?;
        sound.input.change_producer(tap.packets(), false).expect("a camera's sound should be consumed once");
        Ok(sound)
    }
}

impl Drop for CameraSound {
    fn drop(&mut self) {
        self.input.disconnect();
        end(&self.pipeline);
    }
}

impl Progress {
    /// Why nothing is heard.
    fn explain(&self, described: bool, came_before: bool) -> AudioFault {
        match (described, self.arrived.swap(false, Ordering::Relaxed), came_before) {
            // Something came since this was asked last, and nothing came of it.
            (_, true, false) => self.broken(),
            (_, _, true) => AudioFault::Stopped,
            (true, ..) => AudioFault::NeverSent,
            (false, ..) => AudioFault::NotOffered,
        }
    }

    fn broken(&self) -> AudioFault {
        AudioFault::Broken { codec: (*self.codec.lock().expect("no holder of this lock should panic")).into() }
    }
}

/// Builds the decoder when the first packet says what it is, and anew where that changes.
fn decode_when_described(
    source: &gst_app::AppSrc,
    pipeline: &gst::Pipeline,
    tap: &CameraTap,
    lane: &Arc<Lane>,
    bitrate_kbps: u32,
    progress: &Arc<Progress>,
) {
    let (pipeline, tap, lane, progress) = (pipeline.downgrade(), tap.clone(), lane.clone(), progress.clone());
    let pad = source.static_pad("src").expect("an appsrc should have a src pad");
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(_)) => {
                progress.arrived.store(true, Ordering::Relaxed);
                // Nobody takes what cannot be decoded: an unlinked pad would end the flow for good.
                if !pad.is_linked() {
                    return gst::PadProbeReturn::Drop;
                }
            }
            Some(gst::PadProbeData::Event(event)) => {
                if let (gst::EventView::Caps(caps), Some(pipeline), false) =
                    (event.view(), pipeline.upgrade(), pad.is_linked())
                    && let Err(fault) = decode(&pipeline, pad, caps.caps(), &tap, &lane, bitrate_kbps, &progress)
                {
                    lane.fail(&fault);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn decode(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    caps: &gst::CapsRef,
    tap: &CameraTap,
    lane: &Arc<Lane>,
    bitrate_kbps: u32,
    progress: &Progress,
) -> Result<(), AudioFault> {
    let decoding = Decoding::of(caps).map_err(|codec| AudioFault::Undecodable { codec })?;
    *progress.codec.lock().expect("no holder of this lock should panic") = decoding.name;
    let mut chain = decoding.build(caps)?;
    if !decoding.passes_through {
        chain.extend(opus::encoder(bitrate_kbps)?);
    }
    let sync = tap.sync().clone();
    chain.push(lane.shifted_entrance(move || sync.shift()).upcast());
    add_and_link(pipeline, &chain.iter().collect::<Vec<_>>())?;
    for element in chain.iter().rev() {
        element.sync_state_with_parent().map_err(MediaError::from)?;
    }
    let input = chain[0].static_pad("sink").expect("depayloaders should have a sink pad");
    pad.link(&input).map_err(|_| AudioFault::Broken { codec: decoding.name.into() })?;
    Ok(())
}
