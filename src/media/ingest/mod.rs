//! The camera's side of a feed: source, depayloader, decoder.

mod arrivals;
mod camera_stream;
mod decode;
mod decode_gate;
pub(super) mod stream_kind;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use gst::prelude::*;
use gst_utils::StreamProducer;
use tokio::sync::mpsc::UnboundedSender;

use self::{
    arrivals::{Arrivals, watch_frames},
    decode::Decode,
    decode_gate::DecodeGate,
    stream_kind::ended,
};
use super::{
    CameraTap, EncodedStream, FeedClock, MediaFault, Memory,
    element::{end, producer, producer_sink},
    live_settings::LiveSettings,
    pass_through::{Terms, Verdict},
    source::{Explain, Opened, RtspSource, Source},
};
use crate::config::{ElementChoice, ElementRole, ElementSettings, Fingerprint, PictureConfig, RenditionRole};

pub use arrivals::Picture;

/// A camera whose last packet is younger than this sends.
const SENDS_EVERY: Duration = Duration::from_millis(500);

/// What an ingest has to tell.
#[derive(Clone, Debug)]
pub enum IngestEvent {
    /// The camera showed this certificate, and none was kept to compare it with.
    Certificate(Fingerprint),
    /// The camera said what it sends; packets should follow.
    Answered,
    /// The first packet came: the camera sends.
    Packet,
    /// The first picture came, or the first of another size.
    Picture(Picture),
    /// The camera's stream can be had as it is, whether or not viewers may take it.
    Stream(EncodedStream),
    /// Whether viewers may take the camera's stream as it is.
    Judged(Verdict),
    /// Properties that the operator set were left out, for these reasons.
    Refused(Vec<String>),
    /// The decoder of this name failed; another may not.
    DecoderFailed(String),
    /// The camera's stream ended or failed; nothing more will come.
    Fault(MediaFault),
}

/// What is connected to, and how its pictures are made.
#[derive(Clone, Debug)]
pub struct IngestPlan {
    /// Where the pictures come from.
    pub source: Source,
    /// Which decoder makes them.
    pub decoder: ElementChoice,
    /// Decoders that are not to be used: they failed before.
    pub broken_decoders: Vec<String>,
    /// Where the encoder wants its pictures.
    pub encoder_memory: Memory,
    /// What will be done to them on their way there.
    pub picture: PictureConfig,
    /// Whether the sound is wanted, too; otherwise a camera is not even asked for it.
    pub sound: bool,
    /// Whether the camera's stream is wanted as it is, and what is asked of it then.
    pub pass_through: Option<Terms>,
    /// Which rendition that stream is.
    pub role: RenditionRole,
    /// Properties of its elements that the operator set.
    pub elements: ElementSettings,
}

/// The source with the best decoder, its pictures in the processor's memory.
impl From<&RtspSource> for IngestPlan {
    fn from(source: &RtspSource) -> Self {
        Source::Rtsp(source.clone()).into()
    }
}

impl From<Source> for IngestPlan {
    fn from(source: Source) -> Self {
        Self {
            source,
            decoder: ElementChoice::Automatic,
            broken_decoders: Vec::new(),
            encoder_memory: Memory::System,
            picture: PictureConfig::default(),
            sound: false,
            pass_through: None,
            role: RenditionRole::Camera,
            elements: ElementSettings::new(),
        }
    }
}

/// A running connection to a camera. Dropping it hangs up.
#[derive(Debug)]
pub struct Ingest {
    pipeline: gst::Pipeline,
    frames: StreamProducer,
    sound: Option<CameraTap>,
    arrivals: Arc<Arrivals>,
    gate: Arc<DecodeGate>,
    settings: LiveSettings,
}

impl Ingest {
    /// Starts to connect; what happens then arrives at `events`.
    ///
    /// # Errors
    /// An element is missing, a device or file cannot be opened, or the pipeline does not start.
    pub fn start(
        plan: impl Into<IngestPlan>,
        clock: &FeedClock,
        events: UnboundedSender<IngestEvent>,
    ) -> Result<Self, MediaFault> {
        let plan = plan.into();
        let pipeline = gst::Pipeline::with_name("ingest");
        clock.apply(&pipeline);
        let sound = plan.sound.then(|| CameraTap::new(&pipeline)).transpose()?;
        let Opened { element, explain } = plan.source.open(clock, sound.clone(), &events)?;
        let sink = producer_sink("frames");
        let ingest = Self {
            frames: producer(&sink),
            sound,
            pipeline,
            arrivals: Arc::new(Arrivals::new()),
            gate: DecodeGate::new(),
            settings: LiveSettings::new(plan.elements.clone()),
        };
        ingest.assemble(plan, &element, &sink, events, explain)?;
        Ok(ingest)
    }

    fn assemble(
        &self,
        plan: IngestPlan,
        source: &gst::Element,
        sink: &gst_app::AppSink,
        events: UnboundedSender<IngestEvent>,
        explain: Explain,
    ) -> Result<(), super::MediaError> {
        self.pipeline.add(source)?;
        self.pipeline.add(sink)?;
        watch_frames(sink, &self.arrivals, events.clone());
        watch_bus(&self.pipeline, events.clone(), explain);
        let decode = Arc::new(Decode {
            pipeline: self.pipeline.downgrade(),
            sink: sink.downgrade(),
            arrivals: self.arrivals.clone(),
            plan,
            sound: self.sound.clone(),
            events,
            gate: self.gate.clone(),
            settings: self.settings.clone(),
            depayloader: Mutex::default(),
        });
        decode.set_up(ElementRole::Source, &sources(source));
        for pad in source.src_pads() {
            decode.take(&pad);
        }
        source.connect_pad_added(move |_, pad| decode.take(pad));
        self.pipeline.set_state(gst::State::Playing)?;
        Ok(())
    }

    /// Sets a property of the source, depayloader or decoder, while they run.
    ///
    /// # Errors
    /// A sentence that says why it was not set, and what to do.
    pub fn set_property(&self, role: ElementRole, name: &str, value: &str) -> Result<(), String> {
        self.settings.set(role, name, value)
    }

    /// The properties that the operator set on elements of this role, those included that will come.
    pub fn properties(&self, role: ElementRole) -> BTreeMap<String, String> {
        self.settings.of(role)
    }

    /// The decoded pictures.
    pub fn frames(&self) -> &StreamProducer {
        &self.frames
    }

    /// Whether pictures are made: they need not be while everybody takes the stream as it is.
    pub fn set_decoding(&self, is_needed: bool) {
        self.gate.set_open(is_needed);
    }

    /// The sound, where it is wanted.
    pub fn sound(&self) -> Option<&CameraTap> {
        self.sound.as_ref()
    }

    /// How long ago the last picture came; `None` before the first.
    pub fn silence(&self) -> Option<Duration> {
        self.arrivals.pictures.age()
    }

    /// Encoded bytes that came, with the headers of RTP where it is that; `None` while there are none.
    pub fn received_bytes(&self) -> Option<u64> {
        Some(self.arrivals.bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// Pictures that came, whether or not they were decoded.
    pub fn pictures(&self) -> u64 {
        self.arrivals.pictures.count()
    }

    /// Whether packets come, or came a moment ago, whatever becomes of them.
    pub fn is_sent_to(&self) -> bool {
        self.arrivals.packets.age().is_some_and(|age| age < SENDS_EVERY)
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        end(&self.pipeline);
    }
}

/// What brings the pictures: the source itself, or what Heliograph has put into a bin for it.
fn sources(source: &gst::Element) -> Vec<gst::Element> {
    let brings_pictures = |element: &gst::Element| {
        element.factory().is_some_and(|factory| {
            factory.metadata("klass").is_some_and(|klass| klass.contains("Source") && !klass.contains("Audio"))
        })
    };
    match source.downcast_ref::<gst::Bin>() {
        Some(bin) if !brings_pictures(source) => bin.children().into_iter().filter(brings_pictures).collect(),
        _ => vec![source.clone()],
    }
}

/// Turns the pipeline's errors and its end into events.
fn watch_bus(pipeline: &gst::Pipeline, events: UnboundedSender<IngestEvent>, explain: Explain) {
    let bus = pipeline.bus().expect("a pipeline should have a bus");
    bus.set_sync_handler(move |_, message| {
        let event = match message.view() {
            gst::MessageView::Error(error) if is_one_packets(error) => None,
            gst::MessageView::Error(error) => Some(failure(error, &explain)),
            gst::MessageView::Eos(_) => Some(IngestEvent::Fault(ended())),
            _ => None,
        };
        if let Some(event) = event {
            let _ = events.send(event);
        }
        gst::BusSyncReply::Drop
    });
}

/// A depayloader calls it an error when a packet makes no sense, and goes on with the next.
/// Where none ever makes sense, the silence is noticed.
fn is_one_packets(error: &gst::message::Error) -> bool {
    let origin = error.src().and_then(|object| object.downcast_ref::<gst::Element>());
    let is_depayloader = origin
        .and_then(gst::Element::factory)
        .is_some_and(|factory| factory.has_type(gst::ElementFactoryType::DEPAYLOADER));
    is_depayloader && error.error().is::<gst::StreamError>()
}

/// A decoder's failure is not the camera's.
fn failure(error: &gst::message::Error, explain: &Explain) -> IngestEvent {
    let origin = error.src().and_then(|object| object.downcast_ref::<gst::Element>());
    let failed = origin.and_then(gst::Element::factory).filter(|factory| {
        factory.has_type(gst::ElementFactoryType::DECODER) && factory.has_type(gst::ElementFactoryType::MEDIA_VIDEO)
    });
    match failed {
        Some(factory) => IngestEvent::DecoderFailed(factory.name().into()),
        None => IngestEvent::Fault(explain(error)),
    }
}
