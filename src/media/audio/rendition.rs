//! A feed's sound as viewers get it: Opus, unbroken from the first moment.

use std::sync::Arc;

use gst::prelude::*;
use gst_utils::StreamProducer;

use super::{AudioFault, AudioState, CameraTap, Lane, camera::CameraSound, device::DeviceSound, opus, tone::ToneSound};
use crate::{
    config::{AudioConfig, AudioSource},
    media::{
        FeedClock, MediaError,
        element::{add_and_link, end, producer, producer_sink},
    },
};

/// Where the sound comes from at present.
#[derive(Debug)]
enum Source {
    Silence,
    Camera(Option<CameraSound>),
    #[allow(dead_code, reason = "kept, not read")]
    Tone(ToneSound),
    #[allow(dead_code, reason = "kept, not read")]
    Device(DeviceSound),
}

/// A running stream of sound. Dropping it stops it.
#[derive(Debug)]
pub struct AudioRendition {
    // Before the rest: sources end before what they flow into.
    source: Source,
    metronome: Metronome,
    pipeline: gst::Pipeline,
    output: StreamProducer,
    lane: Arc<Lane>,
    clock: FeedClock,
    bitrate_kbps: u32,
}

impl AudioRendition {
    /// Starts the sound that the operator asked for; `None` where that is none. What
    /// becomes of it reaches `tell`, on any thread. A source that cannot be had is
    /// told there too, and replaced by silence.
    ///
    /// # Errors
    /// An element is missing or the pipeline does not start.
    pub fn start(
        config: &AudioConfig,
        clock: &FeedClock,
        tell: impl Fn(AudioState) + Send + Sync + 'static,
    ) -> Result<Option<Self>, MediaError> {
        if config.source == AudioSource::None {
            return Ok(None);
        }
        let pipeline = gst::Pipeline::with_name("sound");
        clock.apply(&pipeline);
        let out = gst_app::AppSrc::builder()
            .name("lane")
            .caps(&opus::caps())
            .format(gst::Format::Time)
            .is_live(true)
            .leaky_type(gst_app::AppLeakyType::Downstream)
            .max_time(gst::ClockTime::SECOND)
            .build();
        let sink = producer_sink("opus");
        add_and_link(&pipeline, &[out.upcast_ref(), sink.upcast_ref()])?;
        let lane = Arc::new(Lane::new(clock.clone(), out, tell));
        let mut rendition = Self {
            source: Source::Silence,
            metronome: Metronome::start(clock, &lane),
            output: producer(&sink),
            pipeline,
            lane,
            clock: clock.clone(),
            bitrate_kbps: config.bitrate_kbps,
        };
        rendition.pipeline.set_state(gst::State::Playing)?;
        rendition.source = rendition.open(&config.source);
        Ok(Some(rendition))
    }

    fn open(&self, source: &AudioSource) -> Source {
        let (lane, kbps, clock) = (&self.lane, self.bitrate_kbps, &self.clock);
        match source {
            AudioSource::None | AudioSource::Silence => Source::Silence,
            AudioSource::Camera => Source::Camera(None),
            AudioSource::Device(name) => Source::Device(DeviceSound::start(name, lane, kbps, clock)),
            AudioSource::Tone => match ToneSound::start(lane, kbps, clock) {
                Ok(tone) => Source::Tone(tone),
                Err(error) => {
                    lane.fail(&AudioFault::from(error));
                    Source::Silence
                }
            },
        }
    }

    /// Takes the camera's own sound from this tap from now on, where that is what is to be
    /// heard; `None` while there is no camera.
    pub fn connect(&mut self, tap: Option<&CameraTap>) {
        let Source::Camera(sound) = &mut self.source else { return };
        *sound = None;
        self.lane.expect_nothing();
        let Some(tap) = tap else { return };
        match CameraSound::start(tap, &self.lane, self.bitrate_kbps, &self.clock) {
            Ok(started) => *sound = Some(started),
            Err(error) => self.lane.fail(&AudioFault::from(error)),
        }
    }

    /// The stream of Opus packets.
    pub fn output(&self) -> &StreamProducer {
        &self.output
    }
}

impl Drop for AudioRendition {
    fn drop(&mut self) {
        self.source = Source::Silence;
        self.metronome.stop();
        end(&self.pipeline);
    }
}

/// Looks after the lane once per packet, whatever the source does.
#[derive(Debug)]
struct Metronome(gst::PeriodicClockId);

impl Metronome {
    fn start(clock: &FeedClock, lane: &Arc<Lane>) -> Self {
        let beats = clock.every(opus::PACKET);
        let lane = Arc::downgrade(lane);
        let _ = beats.wait_async(move |_, _, _| {
            if let Some(lane) = lane.upgrade() {
                lane.tick();
            }
        });
        Self(beats)
    }

    fn stop(&self) {
        self.0.unschedule();
    }
}
