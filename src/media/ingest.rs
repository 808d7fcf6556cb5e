//! The camera's side of a feed: source, depayloader, decoder.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_utils::StreamProducer;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    FaultKind, FeedClock, MediaError, MediaFault,
    element::{add_and_link, end, make, producer, producer_sink},
    source::{RtspSource, build_rtsp, fault_from},
};
use crate::i18n::{gettext, gettext_f};

/// How long a first key frame is waited for. A camera that refreshes its picture bit
/// by bit sends none at all, and its garbage clears up by itself.
const KEY_FRAME_PATIENCE: Duration = Duration::from_secs(10);

/// What a camera sends: how it travels and how it is made into pictures.
struct Decoding {
    encoding_name: &'static str,
    depayloader: &'static str,
    parser: Option<&'static str>,
    decoder: &'static str,
    name: &'static str,
}

const DECODINGS: &[Decoding] = &[
    Decoding {
        encoding_name: "H264",
        depayloader: "rtph264depay",
        parser: Some("h264parse"),
        decoder: "avdec_h264",
        name: "H.264",
    },
    Decoding {
        encoding_name: "H265",
        depayloader: "rtph265depay",
        parser: Some("h265parse"),
        decoder: "avdec_h265",
        name: "H.265",
    },
    Decoding {
        encoding_name: "JPEG",
        depayloader: "rtpjpegdepay",
        parser: None,
        decoder: "jpegdec",
        name: "Motion JPEG",
    },
];

/// What the camera sends right now.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The camera's codec, as people call it.
    pub codec: String,
}

/// What an ingest has to tell.
#[derive(Clone, Debug)]
pub enum IngestEvent {
    /// The camera said what it sends; packets should follow.
    Answered,
    /// The first packet came: the camera sends.
    Packet,
    /// The first picture came, or the first of another size.
    Picture(Picture),
    /// The camera's stream ended or failed; nothing more will come.
    Fault(MediaFault),
}

/// A running connection to a camera. Dropping it hangs up.
#[derive(Debug)]
pub struct Ingest {
    pipeline: gst::Pipeline,
    frames: StreamProducer,
    arrivals: Arc<Arrivals>,
}

impl Ingest {
    /// Starts to connect; what happens then arrives at `events`.
    ///
    /// # Errors
    /// An element is missing or the pipeline does not start.
    pub fn start(
        source: &RtspSource,
        clock: &FeedClock,
        events: UnboundedSender<IngestEvent>,
    ) -> Result<Self, MediaError> {
        let pipeline = gst::Pipeline::with_name("ingest");
        clock.apply(&pipeline);
        let (element, findings) = build_rtsp(source, {
            let events = events.clone();
            move || drop(events.send(IngestEvent::Answered))
        })?;
        pipeline.add(&element)?;
        let sink = producer_sink("frames");
        pipeline.add(&sink)?;

        let codec = Arc::new(Mutex::new(""));
        let arrivals = Arc::new(Arrivals::new());
        watch_frames(&sink, &arrivals, codec.clone(), events.clone());
        decode_when_described(&element, &pipeline, &sink, codec, events.clone());
        watch_bus(&pipeline, events, {
            let source = source.clone();
            move |error| fault_from(error, &source, &findings)
        });

        let ingest = Self { frames: producer(&sink), pipeline, arrivals };
        ingest.pipeline.set_state(gst::State::Playing)?;
        Ok(ingest)
    }

    /// The decoded pictures.
    pub fn frames(&self) -> &StreamProducer {
        &self.frames
    }

    /// How long ago the last picture came; `None` before the first.
    pub fn silence(&self) -> Option<Duration> {
        self.arrivals.age()
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        end(&self.pipeline);
    }
}

/// When pictures came.
#[derive(Debug)]
struct Arrivals {
    start: Instant,
    /// Nanoseconds from `start` to the last picture; 0 before the first.
    last: AtomicU64,
}

impl Arrivals {
    fn new() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Notes a picture; true for the first.
    fn note(&self) -> bool {
        self.last.swap(self.start.elapsed().as_nanos() as u64, Ordering::Relaxed) == 0
    }

    fn age(&self) -> Option<Duration> {
        match self.last.load(Ordering::Relaxed) {
            0 => None,
            last => Some(self.start.elapsed().saturating_sub(Duration::from_nanos(last))),
        }
    }
}

/// Notes when pictures come, and tells of the first of each size.
fn watch_frames(
    sink: &gst_app::AppSink,
    arrivals: &Arc<Arrivals>,
    codec: Arc<Mutex<&'static str>>,
    events: UnboundedSender<IngestEvent>,
) {
    let arrivals = arrivals.clone();
    let told: Mutex<Option<Picture>> = Mutex::new(None);
    let pad = sink.static_pad("sink").expect("an appsink should have a sink pad");
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Caps => {
                told.lock().expect("no holder of this lock should panic").take();
            }
            Some(gst::PadProbeData::Buffer(_)) => {
                arrivals.note();
                let mut told = told.lock().expect("no holder of this lock should panic");
                if told.is_none() {
                    let name = *codec.lock().expect("no holder of this lock should panic");
                    *told = picture_of(pad, name);
                    if let Some(picture) = told.clone() {
                        let _ = events.send(IngestEvent::Picture(picture));
                    }
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn picture_of(pad: &gst::Pad, codec: &str) -> Option<Picture> {
    let caps = pad.current_caps()?;
    let video = gst_video::VideoInfo::from_caps(&caps).ok()?;
    Some(Picture { width: video.width(), height: video.height(), codec: codec.into() })
}

/// Builds the decoder once the camera has said what it sends.
fn decode_when_described(
    source: &gst::Element,
    pipeline: &gst::Pipeline,
    sink: &gst_app::AppSink,
    codec: Arc<Mutex<&'static str>>,
    events: UnboundedSender<IngestEvent>,
) {
    let (pipeline, sink) = (pipeline.downgrade(), sink.downgrade());
    source.connect_pad_added(move |_, pad| {
        let (Some(pipeline), Some(sink)) = (pipeline.upgrade(), sink.upgrade()) else { return };
        let encoding = encoding_name(pad);
        let Some(decoding) = DECODINGS.iter().find(|row| row.encoding_name == encoding) else {
            let _ = events.send(IngestEvent::Fault(undecodable(&encoding)));
            return;
        };
        tell_of_packets(pad, events.clone());
        *codec.lock().expect("no holder of this lock should panic") = decoding.name;
        if let Err(error) = add_decoder(&pipeline, pad, decoding, &sink) {
            let _ = events.send(IngestEvent::Fault(error.into()));
        }
    });
}

fn tell_of_packets(pad: &gst::Pad, events: UnboundedSender<IngestEvent>) {
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
        let _ = events.send(IngestEvent::Packet);
        gst::PadProbeReturn::Remove
    });
}

fn encoding_name(pad: &gst::Pad) -> String {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps.structure(0).and_then(|s| s.get::<String>("encoding-name").ok());
    name.unwrap_or_default().to_uppercase()
}

fn undecodable(encoding: &str) -> MediaFault {
    let known = DECODINGS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
    MediaFault::new(
        FaultKind::UndecodableCodec,
        gettext_f("The camera sends {codec}, which Heliograph cannot decode.", &[("codec", name_of(encoding))]),
        gettext_f("Set the camera to one of: {codecs}.", &[("codecs", &known)]),
    )
}

/// What people call an encoding of the RTP parameters registry.
fn name_of(encoding: &str) -> &str {
    match encoding {
        "MP4V-ES" => "MPEG-4 Part 2",
        "MPV" => "MPEG-1 or MPEG-2",
        "MP2T" => "an MPEG transport stream",
        "H261" => "H.261",
        other if other.starts_with("H263") => "H.263",
        "" => "video of an unknown kind",
        other => other,
    }
}

fn add_decoder(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    decoding: &Decoding,
    sink: &gst_app::AppSink,
) -> Result<(), MediaError> {
    let depayloader = make(decoding.depayloader)?;
    let decoder = make(decoding.decoder)?;
    if decoder.has_property("thread-type") {
        // Frame threads would hold back one frame per thread.
        decoder.set_property_from_str("thread-type", "slice");
    }
    let mut chain = vec![depayloader.clone()];
    chain.extend(decoding.parser.map(make).transpose()?);
    chain.push(decoder.clone());
    begin_with_a_key_frame(&decoder);
    add_and_link(pipeline, &chain.iter().collect::<Vec<_>>())?;
    chain.last().expect("the chain should hold a decoder").link(sink)?;
    for element in chain.iter().rev() {
        element.sync_state_with_parent()?;
    }
    let input = depayloader.static_pad("sink").expect("depayloaders should have a sink pad");
    pad.link(&input).map_err(|_| gst::glib::bool_error!("the camera's stream does not fit its depayloader"))?;
    Ok(())
}

/// Keeps back what comes before the first key frame: decoded without it, it is
/// grey garbage that looks like a picture.
fn begin_with_a_key_frame(decoder: &gst::Element) {
    let start = Instant::now();
    let pad = decoder.static_pad("sink").expect("decoders should have a sink pad");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let is_delta = info.buffer().is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
        if is_delta && start.elapsed() < KEY_FRAME_PATIENCE {
            return gst::PadProbeReturn::Drop;
        }
        gst::PadProbeReturn::Remove
    });
}

/// Turns the pipeline's errors and its end into events.
fn watch_bus(
    pipeline: &gst::Pipeline,
    events: UnboundedSender<IngestEvent>,
    explain: impl Fn(&gst::message::Error) -> MediaFault + Send + Sync + 'static,
) {
    let bus = pipeline.bus().expect("a pipeline should have a bus");
    bus.set_sync_handler(move |_, message| {
        let fault = match message.view() {
            gst::MessageView::Error(error) => Some(explain(error)),
            gst::MessageView::Eos(_) => Some(MediaFault::new(
                FaultKind::Closed,
                gettext("The camera ended the stream."),
                gettext("Heliograph connects again by itself."),
            )),
            _ => None,
        };
        if let Some(fault) = fault {
            let _ = events.send(IngestEvent::Fault(fault));
        }
        gst::BusSyncReply::Drop
    });
}
