//! One encoded form of a feed: adapt, encode, parse. Made once, for any number of viewers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use gst::prelude::*;
use gst_utils::StreamProducer;

use super::{
    EncodedStream, FeedClock, KeyFrameCounts, MediaError, Memory,
    adapt::{self, Ends},
    element::{add_and_link, caps_filter, consumer_settings, end, producer_sink, watch_errors},
    encode_meter::EncodeMeter,
    encoder::Encoder,
    gop_cache::CacheLimits,
    key_frames::BETWEEN_KEY_FRAMES,
    live_settings::LiveSettings,
    meter::Meter,
    rate_limit::RateLimit,
    running_time::running_time,
    thread_load::used_by,
};
use crate::{
    config::{ElementRole, ElementSettings, PictureConfig, RenditionRole, Size},
    stats::{EncodingSample, KeyFrames},
};

/// Raw frames that may wait for the encoder; an encoder that is slower than
/// the camera skips frames instead of falling behind.
const WAITING_FRAMES: u64 = 3;
const WAITING_TIME: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// Pictures a second of a camera that is not limited, to space key frames by.
const USUAL_FRAMERATE: u32 = 30;

/// What is kept for viewers who join. Where the last key frame is older than this, the next is made at
/// once for whoever asks; where it would take longer to send what is kept, it is better to wait for that.
const KEPT: CacheLimits = CacheLimits {
    // A slow camera's frame more: that is how late the one that was asked for may come.
    time: gst::ClockTime::from_mseconds(BETWEEN_KEY_FRAMES.as_millis() as u64 + 200),
    bytes: 256 << 10,
};

/// Renditions started so far.
static NUMBERS: AtomicU32 = AtomicU32::new(0);

/// What a rendition is to be made of.
#[derive(Clone, Debug)]
pub struct RenditionPlan {
    /// What it is to its feed.
    pub role: RenditionRole,
    /// In kbit/s.
    pub bitrate_kbps: u32,
    /// What is done to the pictures first.
    pub picture: PictureConfig,
    /// Where the camera's pictures lie.
    pub from: Memory,
    /// Properties of its elements that the operator set.
    pub elements: ElementSettings,
}

impl RenditionPlan {
    /// Pictures as they come, from the processor's memory, at this bitrate (kbit/s).
    pub fn new(bitrate_kbps: u32) -> Self {
        Self {
            role: RenditionRole::Main,
            bitrate_kbps,
            picture: PictureConfig::default(),
            from: Memory::System,
            elements: ElementSettings::new(),
        }
    }
}

/// Why a rendition stopped.
#[derive(Clone, Debug)]
pub struct RenditionFailure {
    /// The element that encoded.
    pub encoder: String,
    /// Whether the encoder itself failed; another may not.
    pub by_encoder: bool,
    /// What GStreamer said.
    pub reason: String,
}

/// A running encoder. Dropping it stops it.
#[derive(Debug)]
pub struct Rendition {
    pipeline: gst::Pipeline,
    input: gst_utils::ConsumptionLink,
    stream: EncodedStream,
    element: gst::Element,
    setpoint: gst::Element,
    rate: RateLimit,
    encoder: Encoder,
    /// Where the camera's pictures lie.
    from: Memory,
    settings: LiveSettings,
    /// Why properties that the operator set were left out.
    refused: Vec<String>,
    /// The name of the threads that adapt and encode.
    thread: String,
    /// What went out of the queue in front.
    taken: Arc<Meter>,
    pictures: Arc<EncodeMeter>,
    /// The most that was left out so far: what waits is counted a moment after what was pushed.
    left_out: AtomicU64,
}

impl Rendition {
    /// Builds and starts an encoder, with no camera at its input yet. Should it
    /// fail later, `failed` hears why; the rendition is of no use then.
    ///
    /// # Errors
    /// An element is missing or the pipeline does not start.
    pub fn start(
        encoder: &Encoder,
        plan: &RenditionPlan,
        clock: &FeedClock,
        failed: impl Fn(RenditionFailure) + Send + Sync + 'static,
    ) -> Result<Self, MediaError> {
        let pipeline = gst::Pipeline::with_name("rendition");
        clock.apply(&pipeline);

        // The name by which its threads are known: see `thread_load`.
        let name = format!("enc{}", NUMBERS.fetch_add(1, Ordering::Relaxed) % 100_000);
        let input = gst_app::AppSrc::builder().name(&name).build();
        let element = encoder.build(plan.bitrate_kbps, plan.picture.framerate.unwrap_or(USUAL_FRAMERATE))?;
        let settings = LiveSettings::new(plan.elements.clone());
        let mut refused = settings.take(ElementRole::Encoder, std::slice::from_ref(&element));
        let ends = Ends { from: plan.from, to: encoder.nearest_memory(plan.from), formats: encoder.raw_formats() };
        let adapt::Chain { elements, converters, setpoint, rate } = adapt::build(&adapt::plan(&plan.picture, &ends))?;
        refused.extend(settings.take(ElementRole::Converter, &converters));
        let sink = producer_sink("encoded");
        let mut chain = vec![input.clone().upcast::<gst::Element>()];
        chain.extend(elements);
        chain.push(element.clone());
        chain.push(caps_filter(&encoder.output_caps())?);
        chain.extend(encoder.build_parser()?);
        chain.push(sink.clone().upcast());
        add_and_link(&pipeline, &chain.iter().collect::<Vec<_>>())?;
        let queue = input.static_pad("src").expect("an appsrc should have a src pad");
        let taken = Meter::watch(&queue);
        keep_time_running(&queue);
        let out = sink.static_pad("sink").expect("an appsink should have a sink pad");
        hide_gaps(&out);
        let stream = EncodedStream::offer(&sink, plan.role, encoder.codec(), KEPT);
        let into = element.static_pad("sink").expect("an encoder should have a sink pad");
        let pictures = EncodeMeter::watch(&into, &out);
        watch_errors(&pipeline, {
            let (name, element) = (encoder.element().to_owned(), element.downgrade());
            move |error| failed(failure(&name, element.upgrade().as_ref(), error))
        });

        let rendition = Self {
            input: gst_utils::ConsumptionLink::disconnected_with(
                input,
                consumer_settings(WAITING_FRAMES, WAITING_TIME),
            ),
            stream,
            pipeline,
            element,
            setpoint,
            rate,
            encoder: encoder.clone(),
            from: plan.from,
            settings,
            refused,
            thread: format!("{name}:src"),
            taken,
            pictures,
            left_out: AtomicU64::new(0),
        };
        rendition.pipeline.set_state(gst::State::Playing)?;
        Ok(rendition)
    }

    /// Feeds the encoder from this camera from now on.
    pub fn connect(&mut self, raw: &StreamProducer) {
        self.input.change_producer(raw, false).expect("a rendition should consume one camera at a time");
    }

    /// The encoded stream.
    pub fn stream(&self) -> &EncodedStream {
        &self.stream
    }

    /// Applies a bitrate in kbit/s, live.
    pub fn set_bitrate(&self, kbps: u32) {
        self.encoder.set_bitrate(&self.element, kbps);
    }

    /// Applies a size, live; `None` is the camera's own.
    pub fn set_size(&self, size: Option<Size>) {
        self.setpoint.set_property("caps", adapt::setpoint(size, self.from, self.encoder.raw_formats()));
    }

    /// Sends at most this many pictures a second from now on; `None` is as many as the camera.
    pub fn set_framerate(&self, framerate: Option<u32>) {
        self.rate.set(framerate);
    }

    /// Where the encoder would rather have its pictures.
    pub fn memory(&self) -> Memory {
        self.encoder.input_memory()
    }

    /// Sets a property of the encoder or of what adapts its pictures, while they run.
    ///
    /// # Errors
    /// A sentence that says why it was not set, and what to do.
    pub fn set_property(&self, role: ElementRole, name: &str, value: &str) -> Result<(), String> {
        self.settings.set(role, name, value)
    }

    /// Why properties that the operator set were left out, a sentence each.
    pub fn refused_settings(&self) -> &[String] {
        &self.refused
    }

    /// What is counted of it; what it is to its feed, its owner knows.
    pub fn sample(&self) -> EncodingSample {
        let KeyFrameCounts { asked, passed, made } = self.stream.key_frames();
        let (frame_width, frame_height) = self.made_size().unzip();
        let waiting = self.input.appsrc().current_level_time();
        EncodingSample {
            rendition: self.stream.role(),
            codec: self.stream.codec(),
            encoder: self.encoder_name().to_owned(),
            frame_width,
            frame_height,
            bytes_encoded: self.stream.bytes(),
            frames_in: self.pictures.entered(),
            frames_encoded: self.pictures.encoded(),
            frames_dropped: self.left_out(),
            key_frames: KeyFrames { asked, passed, made },
            total_encode_time: self.pictures.taken().as_secs_f64(),
            queue_age: Some(waiting.seconds_f64()),
            ..EncodingSample::default()
        }
    }

    /// Pictures that were pushed into the queue, neither came out of it nor are in it.
    fn left_out(&self) -> u64 {
        let (taken, pushed) = (self.taken.buffers(), self.input.pushed());
        let left_out = pushed.saturating_sub(taken + self.input.appsrc().current_level_buffers());
        self.left_out.fetch_max(left_out, Ordering::Relaxed).max(left_out)
    }

    /// Width and height of what comes out.
    fn made_size(&self) -> Option<(u32, u32)> {
        let caps = self.stream.producer().appsink().static_pad("sink")?.current_caps()?;
        let fields = caps.structure(0)?;
        let side = |name| fields.get::<i32>(name).ok().and_then(|side| u32::try_from(side).ok());
        Some((side("width")?, side("height")?))
    }

    /// Processor time that adapting and encoding has used so far.
    pub fn used_time(&self) -> Duration {
        used_by(&self.thread)
    }

    /// The element that encodes, such as `x264enc`.
    pub fn encoder_name(&self) -> &str {
        self.encoder.element()
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }
}

impl Drop for Rendition {
    fn drop(&mut self) {
        self.input.disconnect();
        end(&self.pipeline);
    }
}

/// Drops pictures that are no newer than the one before.
///
/// The first of another camera may be older than the last of the one before. vp8enc and
/// vp9enc then move it on in time, do not find it again by its time when it is encoded, and
/// drop it: a key frame, without which all that follows is of no use (GStreamer 1.26).
fn keep_time_running(pad: &gst::Pad) {
    let last = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let captured = info.buffer().and_then(|buffer| running_time(pad, buffer));
        match captured.map(gst::ClockTime::nseconds) {
            // One more, so that a picture at zero is newer than none.
            Some(captured) if last.fetch_max(captured + 1, Ordering::Relaxed) > captured => gst::PadProbeReturn::Drop,
            _ => gst::PadProbeReturn::Ok,
        }
    });
}

/// A gap in what the encoder got is marked in what it makes, and whoever passes that on would drop
/// it and wait for a key frame. But it is encoded against what went out before: nothing is missing.
fn hide_gaps(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && buffer.flags().contains(gst::BufferFlags::DISCONT)
        {
            buffer.make_mut().unset_flags(gst::BufferFlags::DISCONT);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Errors come from the element that had one, or from an element inside it.
fn failure(name: &str, encoder: Option<&gst::Element>, error: &gst::message::Error) -> RenditionFailure {
    let by_encoder = match (error.src(), encoder) {
        (Some(source), Some(encoder)) => source == encoder || source.has_as_ancestor(encoder),
        _ => false,
    };
    RenditionFailure { encoder: name.to_owned(), by_encoder, reason: error.error().to_string() }
}
