//! A steady tone, for trying things out.

use std::sync::Arc;

use gst::prelude::*;

use super::{AudioFault, Lane, opus};
use crate::media::{
    FeedClock, MediaError,
    element::{add_and_link, end, make, watch_errors},
};

/// What an orchestra tunes to, in Hz.
const PITCH: f64 = 440.0;
/// Audible and not painful: 14 dB below full scale.
const VOLUME: f64 = 0.2;
/// Samples in 20 ms, a packet's worth.
const SAMPLES: i32 = 960;

/// A running tone. Dropping it ends it.
#[derive(Debug)]
pub(super) struct ToneSound(gst::Pipeline);

impl ToneSound {
    pub(super) fn start(lane: &Arc<Lane>, bitrate_kbps: u32, clock: &FeedClock) -> Result<Self, MediaError> {
        let pipeline = gst::Pipeline::with_name("tone");
        clock.apply(&pipeline);
        let source = make("audiotestsrc")?;
        source.set_property("is-live", true);
        source.set_property_from_str("wave", "sine");
        source.set_property("freq", PITCH);
        source.set_property("volume", VOLUME);
        source.set_property("samplesperbuffer", SAMPLES);
        // It counts from nought, wherever the feed's clock stands.
        source.set_property("timestamp-offset", clock.running_time().nseconds().cast_signed());
        let mut chain = vec![source];
        chain.extend(opus::encoder(bitrate_kbps)?);
        chain.push(lane.entrance().upcast());
        add_and_link(&pipeline, &chain.iter().collect::<Vec<_>>())?;
        let failed = lane.clone();
        watch_errors(&pipeline, move |error| failed.fail(&AudioFault::Media(error.error().to_string())));
        lane.expect(|_| AudioFault::Media(MediaError::State(gst::StateChangeError).to_string()));
        let tone = Self(pipeline);
        tone.0.set_state(gst::State::Playing)?;
        Ok(tone)
    }
}

impl Drop for ToneSound {
    fn drop(&mut self) {
        end(&self.0);
    }
}
