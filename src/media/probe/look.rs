//! Looking into a video stream: every access unit is inspected, the first picture decoded.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    Chroma, KeyFrames,
    announced::{Announced, from_caps},
    report::{Packets, Video, rounded},
};
use crate::{
    config::{ElementChoice, Fingerprint},
    i18n::gettext,
    media::{
        IngestEvent, InputCodec, MediaError, MediaFault, Memory, Picture, choose_decoder,
        element::{add_and_link, caps_filter, make},
        ingest::stream_kind::{StreamKind, undecodable},
        stream_inspector::{StreamFormat, StreamInspector},
    },
};

/// How long a first key frame is waited for. A camera that refreshes its picture bit by bit
/// sends none at all.
const KEY_FRAME_PATIENCE: Duration = Duration::from_secs(10);

/// What is seen, while it is seen. Copies share it.
#[derive(Clone)]
pub(super) struct Look(Arc<Mutex<Seen>>);

/// What has been seen so far.
pub(super) struct Seen {
    start: Instant,
    pub(super) streams: Vec<Announced>,
    /// What an encrypted camera showed, where none was kept.
    pub(super) certificate: Option<Fingerprint>,
    pub(super) described: Option<Duration>,
    pub(super) first_packet: Option<Duration>,
    pub(super) first_picture: Option<Duration>,
    jitter_buffers: Vec<gst::glib::WeakRef<gst::Element>>,
    video: Option<InVideo>,
}

/// What has been seen of the video.
struct InVideo {
    codec: String,
    /// The element that decodes it; `None` for pictures that are not compressed.
    decoder: Option<String>,
    inspector: StreamInspector,
    /// What its caps announce.
    announced_framerate: Option<f64>,
    picture: Option<gst_video::VideoInfo>,
}

impl Look {
    /// A look that begins now.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Seen {
            start: Instant::now(),
            streams: Vec::new(),
            certificate: None,
            described: None,
            first_packet: None,
            first_picture: None,
            jitter_buffers: Vec::new(),
            video: None,
        })))
    }

    /// What has been seen so far.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no holder of this lock should panic")
    }

    /// Takes a pad of the source: the first video is looked into, the rest is only named.
    pub(super) fn take(&self, pipeline: &gst::Pipeline, pad: &gst::Pad, sender: &UnboundedSender<IngestEvent>) {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let is_first = self.seen().video.is_none();
        self.seen().note_stream(&caps);
        let taken = match StreamKind::of(&caps) {
            StreamKind::Packets(payload) if is_first => {
                self.watch_packets(pad, sender.clone());
                make(payload.depayloader)
                    .map_err(MediaFault::from)
                    .and_then(|depayloader| self.look_into(pipeline, pad, payload.codec, Some(depayloader), sender))
            }
            StreamKind::Encoded(codec) if is_first => {
                self.watch_packets(pad, sender.clone());
                self.look_into(pipeline, pad, codec, None, sender)
            }
            StreamKind::Raw if is_first => {
                self.watch_packets(pad, sender.clone());
                self.look_at_pictures(pipeline, pad, sender)
            }
            StreamKind::Unknown(name) if is_first => Err(undecodable(&name)),
            _ => plug(pipeline, pad, &[]).map(drop).map_err(MediaFault::from),
        };
        if let Err(fault) = taken {
            let _ = sender.send(IngestEvent::Fault(fault));
        }
    }

    /// Notes the first packet, and tells of it.
    fn watch_packets(&self, pad: &gst::Pad, sender: UnboundedSender<IngestEvent>) {
        let look = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
            let mut seen = look.seen();
            seen.first_packet = Some(seen.start.elapsed());
            let _ = sender.send(IngestEvent::Packet);
            gst::PadProbeReturn::Remove
        });
    }

    /// Puts a parser and a decoder behind the pad.
    fn look_into(
        &self,
        pipeline: &gst::Pipeline,
        pad: &gst::Pad,
        codec: InputCodec,
        depayloader: Option<gst::Element>,
        sender: &UnboundedSender<IngestEvent>,
    ) -> Result<(), MediaFault> {
        // One picture is decoded, so the size that threads depend on does not matter.
        let chosen = choose_decoder(codec, &ElementChoice::Automatic)?;
        let decoder = chosen.build(chosen.threading_for(0, 0))?;
        let form = caps_filter(&form_of(codec))?;
        // Every JPEG picture is whole, and the parser is strict about what cameras send.
        let parser = codec.parser().filter(|_| codec != InputCodec::Mjpeg).map(make).transpose()?;
        self.seen().video =
            Some(InVideo::new(codec.to_string(), Some(chosen.element().to_owned()), StreamFormat::of(codec)));
        self.inspect(&form.static_pad("src").expect("a filter should have a source pad"));
        self.decode_one_picture(&decoder, sender.clone());
        let chain: Vec<_> = depayloader.into_iter().chain(parser).chain([form, decoder]).collect();
        Ok(plug(pipeline, pad, &chain)?)
    }

    /// Pictures that are not compressed need no decoder.
    fn look_at_pictures(
        &self,
        pipeline: &gst::Pipeline,
        pad: &gst::Pad,
        sender: &UnboundedSender<IngestEvent>,
    ) -> Result<(), MediaFault> {
        // Translators: pictures that are not compressed.
        self.seen().video = Some(InVideo::new(gettext("raw pictures"), None, StreamFormat::Intra));
        self.inspect(pad);
        self.wait_for_a_picture(pad, sender.clone());
        Ok(plug(pipeline, pad, &[])?)
    }

    /// Shows every access unit to the inspector.
    fn inspect(&self, pad: &gst::Pad) {
        let look = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer()
                && let Ok(data) = buffer.map_readable()
                && let Some(video) = &mut look.seen().video
            {
                let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                video.announced_framerate = video.announced_framerate.or_else(|| framerate_of(pad));
                video.inspector.push(&data, buffer.pts().map(Duration::from), is_key);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// One picture shows that the stream can be decoded; more would only keep the machine busy.
    /// Without a key frame it would be garbage that looks like a picture.
    fn decode_one_picture(&self, decoder: &gst::Element, sender: UnboundedSender<IngestEvent>) {
        let (input, output) = (decoder.static_pad("sink"), decoder.static_pad("src"));
        self.wait_for_a_picture(&output.expect("decoders should have a source pad"), sender);
        let (look, start, begun) = (self.clone(), Instant::now(), AtomicBool::new(false));
        let input = input.expect("decoders should have a sink pad");
        input.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let is_key = info.buffer().is_some_and(|buffer| !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
            let begins = is_key || start.elapsed() > KEY_FRAME_PATIENCE;
            let has_begun = begun.fetch_or(begins, Ordering::Relaxed) || begins;
            if has_begun && look.seen().first_picture.is_none() {
                gst::PadProbeReturn::Ok
            } else {
                gst::PadProbeReturn::Drop
            }
        });
    }

    /// Notes the first picture, and tells of it.
    fn wait_for_a_picture(&self, pad: &gst::Pad, sender: UnboundedSender<IngestEvent>) {
        let look = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
            let mut seen = look.seen();
            seen.first_picture = Some(seen.start.elapsed());
            if let Some(video) = &mut seen.video {
                video.picture = pad.current_caps().and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
                let _ = sender.send(IngestEvent::Picture(video.told()));
            }
            gst::PadProbeReturn::Remove
        });
    }
}

/// What the parser is held to.
fn form_of(codec: InputCodec) -> gst::Caps {
    let caps = gst::Caps::builder(codec.caps_name());
    match codec {
        InputCodec::H264 | InputCodec::H265 => {
            caps.field("stream-format", "byte-stream").field("alignment", "au").build()
        }
        _ => caps.build(),
    }
}

/// Adds a chain behind a pad, with nothing behind it.
fn plug(pipeline: &gst::Pipeline, pad: &gst::Pad, chain: &[gst::Element]) -> Result<(), MediaError> {
    let sink = make("fakesink")?;
    sink.set_property("sync", false);
    // Streams that nobody looks at may be without data, and must not hold up the others.
    sink.set_property("async", false);
    let chain: Vec<_> = chain.iter().chain([&sink]).collect();
    add_and_link(pipeline, &chain)?;
    for element in chain.iter().rev() {
        element.sync_state_with_parent()?;
    }
    let input = chain[0].static_pad("sink").expect("every element of the chain should have a sink pad");
    pad.link(&input).map_err(|_| gst::glib::bool_error!("the stream does not fit its parser"))?;
    Ok(())
}

impl InVideo {
    /// The picture as a feed tells of it.
    fn told(&self) -> Picture {
        let (width, height) = self.picture.as_ref().map_or((0, 0), |picture| (picture.width(), picture.height()));
        let decoder = self.decoder.clone().unwrap_or_default();
        Picture { width, height, codec: self.codec.clone(), decoder, held_back: 0, memory: Memory::default() }
    }

    fn new(codec: String, decoder: Option<String>, format: StreamFormat) -> Self {
        let inspector = StreamInspector::new(format);
        Self { codec, decoder, inspector, announced_framerate: None, picture: None }
    }
}

/// Frames a second, as a pad's caps announce them.
fn framerate_of(pad: &gst::Pad) -> Option<f64> {
    let caps = pad.current_caps()?;
    let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
    (rate.numer() > 0 && rate.denom() > 0).then(|| f64::from(rate.numer()) / f64::from(rate.denom()))
}

impl Seen {
    /// Notes that the source has said what it sends.
    pub(super) fn note_description(&mut self, streams: Vec<Announced>) {
        self.described = Some(self.start.elapsed());
        self.streams = streams;
    }

    /// Names a stream by its caps, where it was not announced.
    fn note_stream(&mut self, caps: &gst::Caps) {
        if self.described.is_none() {
            self.streams.push(from_caps(caps));
        }
    }

    /// Notes a jitter buffer, for [`packets`](Self::packets).
    pub(super) fn note_jitter_buffer(&mut self, buffer: &gst::Element) {
        self.jitter_buffers.push(buffer.downgrade());
    }

    /// How packets came; `None` without a jitter buffer.
    pub(super) fn packets(&self) -> Option<Packets> {
        let counted = self.jitter_buffers.iter().filter_map(gst::glib::WeakRef::upgrade);
        counted.map(|buffer| packets_of(&buffer.property::<gst::Structure>("stats"))).reduce(|one, other| Packets {
            received: one.received + other.received,
            lost: one.lost + other.lost,
            late: one.late + other.late,
            jitter_ms: one.jitter_ms.max(other.jitter_ms),
        })
    }

    /// What the video is; `None` before its first picture.
    pub(super) fn video(&self) -> Option<Video> {
        let video = self.video.as_ref()?;
        let picture = video.picture.as_ref()?;
        let facts = video.inspector.facts();
        let parameters = facts.parameters.as_ref();
        let said = self.streams.iter().find(|stream| stream.media == "video").and_then(|stream| stream.framerate);
        let in_stream = parameters.and_then(|set| set.framerate).or(video.announced_framerate);
        let is_interlaced = picture.interlace_mode() != gst_video::VideoInterlaceMode::Progressive;
        Some(Video {
            codec: video.codec.clone(),
            profile: parameters.map(|set| set.profile.clone()),
            level: parameters.map(|set| set.level.clone()),
            width: picture.width(),
            height: picture.height(),
            framerate: facts.framerate.map(rounded),
            announced_framerate: in_stream.or(said).map(rounded),
            bitrate_kbps: facts.bitrate_kbps.map(rounded),
            key_frames: KeyFrames {
                distance_seconds: facts.key_frames.distance_seconds.map(rounded),
                ..facts.key_frames
            },
            b_frames: facts.b_frames,
            interlaced: parameters.map_or(is_interlaced, |set| set.is_interlaced),
            chroma: parameters.map(|set| set.chroma).or_else(|| chroma_of(picture)),
            bit_depth: parameters.map_or_else(|| picture.format_info().bits(), |set| set.bit_depth),
            frames: facts.frames,
            seconds: rounded(facts.seconds),
            decoder: video.decoder.clone(),
        })
    }
}

/// Of the decoded picture, where the stream has no parameter sets.
fn chroma_of(picture: &gst_video::VideoInfo) -> Option<Chroma> {
    let format = picture.format_info();
    if format.is_gray() {
        return Some(Chroma::Grey);
    }
    match (format.w_sub().get(1)?, format.h_sub().get(1)?) {
        (1, 1) => Some(Chroma::Yuv420),
        (1, 0) => Some(Chroma::Yuv422),
        (0, 0) => Some(Chroma::Yuv444),
        _ => None,
    }
}

fn packets_of(stats: &gst::StructureRef) -> Packets {
    let count = |name: &str| stats.get::<u64>(name).unwrap_or(0);
    Packets {
        received: count("num-pushed"),
        lost: count("num-lost"),
        late: count("num-late"),
        jitter_ms: rounded(count("avg-jitter") as f64 / 1e6),
    }
}
