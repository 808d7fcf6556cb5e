//! Takes a stream in the form that is recorded, without holding it up.

use gst::prelude::*;
use gst_utils::{ConsumptionLink, StreamProducer};

use super::{
    Intake,
    deck::Message,
    tracks::{Lane, Unit, track},
};
use crate::{
    config::Codec,
    media::{
        EncodedStream, FeedClock, MediaError,
        element::{add_and_link, caps_filter, consumer_settings, end, make, watch_errors},
    },
};

/// Frames that may wait for the parser, which takes them at once unless the machine is stuck.
const WAITING_FRAMES: u64 = 120;
const WAITING_TIME: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// A pipeline behind a stream. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Tap {
    pipeline: gst::Pipeline,
    input: ConsumptionLink,
    producer: StreamProducer,
}

impl Tap {
    /// Taps what is sent of the picture, from its next key frame on.
    pub(super) fn picture(stream: &EncodedStream, clock: &FeedClock, intake: Intake) -> Result<Self, MediaError> {
        let tap = Self::new(Lane::Picture, stream.producer(), clock, intake, &form(stream.codec())?)?;
        // One is on its way only if it was asked for.
        tap.input
            .appsrc()
            .static_pad("src")
            .expect("an appsrc should have a src pad")
            .send_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
        Ok(tap)
    }

    /// Taps the sound.
    pub(super) fn sound(sound: &StreamProducer, clock: &FeedClock, intake: Intake) -> Result<Self, MediaError> {
        let tap = Self::new(Lane::Sound, sound, clock, intake, &[])?;
        tap.input.set_wait_for_keyframe(false);
        Ok(tap)
    }

    /// What is tapped.
    pub(super) fn producer(&self) -> &StreamProducer {
        &self.producer
    }

    fn new(
        lane: Lane,
        producer: &StreamProducer,
        clock: &FeedClock,
        intake: Intake,
        form: &[gst::Element],
    ) -> Result<Self, MediaError> {
        let pipeline = gst::Pipeline::with_name("tap");
        clock.apply(&pipeline);
        let source = gst_app::AppSrc::builder().build();
        let sink = gst_app::AppSink::builder().sync(false).async_(false).enable_last_sample(false).build();
        let mut chain = vec![source.upcast_ref()];
        chain.extend(form);
        chain.push(sink.upcast_ref());
        add_and_link(&pipeline, &chain)?;
        watch_errors(&pipeline, |error| tracing::warn!("What is to be recorded cannot be read: {}", error.error()));
        let settings = consumer_settings(WAITING_FRAMES, WAITING_TIME);
        StreamProducer::configure_consumer_with(&source, settings.clone());
        let input = ConsumptionLink::disconnected_with(source, settings);
        hand_over(&sink, lane, intake);
        pipeline.set_state(gst::State::Playing)?;
        let mut tap = Self { pipeline, input, producer: producer.clone() };
        tap.input.change_producer(producer, false).expect("a tap should consume one stream");
        Ok(tap)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.input.disconnect();
        end(&self.pipeline);
    }
}

/// What makes a stream into what Matroska holds.
fn form(codec: Codec) -> Result<Vec<gst::Element>, MediaError> {
    let caps = |name: &str, format: &str, alignment: &str| {
        gst::Caps::builder(name).field("stream-format", format).field("alignment", alignment).build()
    };
    Ok(match codec {
        Codec::H264 => vec![make("h264parse")?, caps_filter(&caps("video/x-h264", "avc", "au"))?],
        Codec::H265 => vec![make("h265parse")?, caps_filter(&caps("video/x-h265", "hvc1", "au"))?],
        Codec::Av1 => vec![make("av1parse")?, caps_filter(&caps("video/x-av1", "obu-stream", "tu"))?],
        Codec::Vp8 | Codec::Vp9 => Vec::new(),
    })
}

fn hand_over(sink: &gst_app::AppSink, lane: Lane, intake: Intake) {
    let mut known = None;
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(caps) = sample.caps()
            && known.as_deref() != Some(caps)
        {
            known = Some(caps.to_owned());
            let track = track(caps);
            let _ = intake.deck.send(match lane {
                Lane::Picture => Message::Picture(track),
                Lane::Sound => Message::Sound(track),
            });
        }
        if let Some(unit) = Unit::of(&sample, lane) {
            intake.take(unit);
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
}
