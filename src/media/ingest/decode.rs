//! From a source's pad to pictures.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use gst::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    IngestEvent, IngestPlan,
    arrivals::{Arrivals, Making},
    camera_stream::{self, Watch, sendable},
    decode_gate::DecodeGate,
    stream_kind::{Payload, StreamKind, undecodable},
};
use crate::{
    config::ElementRole,
    i18n::{gettext, gettext_f},
    media::{
        CameraTap, Decoder, FaultKind, InputCodec, MediaError, MediaFault, Memory,
        adapt::meeting_place,
        choose_decoder,
        element::{add_and_link, caps_filter, make},
        live_settings::LiveSettings,
        source::Source,
    },
};

/// How long a first key frame is waited for: some cameras send one every 30 s. One that
/// refreshes its picture bit by bit may send none at all, and mark no place to begin
/// either; its garbage clears up by itself.
const KEY_FRAME_PATIENCE: Duration = Duration::from_secs(32);

/// Builds what is needed between a source's pads and the ingest's pictures.
pub(super) struct Decode {
    pub(super) pipeline: gst::glib::WeakRef<gst::Pipeline>,
    pub(super) sink: gst::glib::WeakRef<gst_app::AppSink>,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) plan: IngestPlan,
    pub(super) sound: Option<CameraTap>,
    pub(super) events: UnboundedSender<IngestEvent>,
    pub(super) gate: Arc<DecodeGate>,
    /// What the operator set on the elements.
    pub(super) settings: LiveSettings,
    /// What takes the camera's packets.
    pub(super) depayloader: Mutex<Option<gst::glib::WeakRef<gst::Element>>>,
}

impl Decode {
    /// Takes a pad of the source; what is no video ends in nothing, or it would hold up the video.
    pub(super) fn take(self: &Arc<Self>, pad: &gst::Pad) {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let kind = StreamKind::of(&caps);
        let is_encoded = !matches!(kind, StreamKind::Raw);
        let plugged = match kind {
            StreamKind::Packets(payload) => self.depayload(pad, payload),
            StreamKind::Encoded(codec) => self.parse(pad, codec, Vec::new()),
            StreamKind::Raw => self.convert(pad),
            StreamKind::Unknown(name) => Err(undecodable(&name)),
            StreamKind::Sound => return self.listen(pad),
            StreamKind::Other => return self.discard(pad),
        };
        self.tell_of_packets(pad, is_encoded);
        if let Err(fault) = plugged {
            self.tell(IngestEvent::Fault(fault));
        }
    }

    fn listen(&self, pad: &gst::Pad) {
        match &self.sound {
            Some(tap) if tap.wants(pad) => {
                tap.describe();
                tap.take(pad);
            }
            _ => self.discard(pad),
        }
    }

    fn discard(&self, pad: &gst::Pad) {
        let discarded = make("fakesink").and_then(|sink| {
            sink.set_property("async", false);
            self.plug(pad, &[sink])
        });
        if let Err(error) = discarded {
            tracing::warn!("A stream of the source that is not wanted cannot be discarded: {error}");
        }
    }

    /// Sets the operator's properties on elements that do not run yet.
    pub(super) fn set_up(&self, role: ElementRole, elements: &[gst::Element]) {
        let refused = self.settings.take(role, elements);
        if !refused.is_empty() {
            self.tell(IngestEvent::Refused(refused));
        }
    }

    fn tell(&self, event: IngestEvent) {
        let _ = self.events.send(event);
    }

    /// Notes all packets, and tells of the first. Bytes of raw pictures say nothing.
    fn tell_of_packets(&self, pad: &gst::Pad, is_encoded: bool) {
        let (arrivals, events) = (self.arrivals.clone(), self.events.clone());
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            let bytes = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) if is_encoded => buffer.size(),
                Some(gst::PadProbeData::BufferList(list)) if is_encoded => list.calculate_size(),
                _ => 0,
            };
            arrivals.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            if arrivals.packets.note() {
                let _ = events.send(IngestEvent::Packet);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// A camera that changes its SSRC goes on at a pad of its own: what decoded the pad
    /// before decodes this one.
    fn depayload(self: &Arc<Self>, pad: &gst::Pad, payload: &Payload) -> Result<(), MediaFault> {
        let mut depayloader = self.depayloader.lock().expect("no holder of this lock should panic");
        if let Some(present) = depayloader.as_ref().and_then(gst::glib::WeakRef::upgrade) {
            return Ok(take_over(pad, &present)?);
        }
        let new = make(payload.depayloader)?;
        if matches!(self.plan.source, Source::Received(_)) && new.has_property("request-keyframe") {
            // Such a sender makes a key frame when it is asked, and may make none otherwise.
            new.set_property("request-keyframe", true);
        }
        self.set_up(ElementRole::Depayloader, std::slice::from_ref(&new));
        *depayloader = Some(new.downgrade());
        let mut chain = vec![new];
        chain.extend(framed(payload.codec).map(|caps| caps_filter(&caps)).transpose()?);
        self.parse(pad, payload.codec, chain)
    }

    /// Parses the stream; the decoder follows once the parser knows the size.
    fn parse(
        self: &Arc<Self>,
        pad: &gst::Pad,
        codec: InputCodec,
        mut chain: Vec<gst::Element>,
    ) -> Result<(), MediaFault> {
        let parser = codec.parser().map(make).transpose()?;
        if let Some(parser) = parser.as_ref().filter(|parser| parser.has_property("config-interval")) {
            // Viewers join at any key frame, and need the parameter sets there.
            parser.set_property("config-interval", -1_i32);
        }
        chain.extend(parser);
        // Parsers ask what stands behind them, and some do not bear that nothing does.
        let decoder = self.choose(codec)?;
        let form = if self.plan.pass_through.is_some() { with_start_codes(codec) } else { None };
        chain.push(caps_filter(&form.unwrap_or_else(|| self::form(&decoder)))?);
        self.plug(pad, &chain)?;
        let last = chain.last().expect("the chain should hold an element");
        let end = last.static_pad("src").expect("a capsfilter should have a src pad");
        self.decode_when_the_size_is_known(&end, decoder);
        Ok(())
    }

    /// A fork for the stream as it is, where that is wanted; the pad for the decoder.
    fn fork(&self, pad: &gst::Pad, codec: InputCodec, caps: &gst::CapsRef) -> Result<gst::Pad, MediaError> {
        let sendable = self.plan.pass_through.zip(sendable(codec, caps)).zip(self.pipeline.upgrade());
        let Some(((terms, codec), pipeline)) = sendable else { return Ok(pad.clone()) };
        let arrivals = self.arrivals.clone();
        let watch = Watch {
            role: self.plan.role,
            terms,
            gate: self.gate.clone(),
            arrived: Box::new(move || _ = arrivals.pictures.note()),
            events: self.events.clone(),
        };
        camera_stream::fork(&pipeline, pad, codec, watch)
    }

    /// Adds a chain behind a pad.
    fn plug(&self, pad: &gst::Pad, chain: &[gst::Element]) -> Result<(), MediaError> {
        let Some(pipeline) = self.pipeline.upgrade() else { return Ok(()) };
        add_and_link(&pipeline, &chain.iter().collect::<Vec<_>>())?;
        for element in chain.iter().rev() {
            element.sync_state_with_parent()?;
        }
        let input = chain[0].static_pad("sink").expect("the first element should have a sink pad");
        pad.link(&input).map_err(|_| gst::glib::bool_error!("the camera's stream does not fit its depayloader"))?;
        Ok(())
    }

    /// How many threads a decoder may use depends on the size. The decoder is put in from
    /// inside the caps event, before any picture passes.
    fn decode_when_the_size_is_known(self: &Arc<Self>, end: &gst::Pad, decoder: Decoder) {
        let decode = self.clone();
        end.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            let Some(gst::EventView::Caps(caps)) = info.event().map(|event| event.view()) else {
                return gst::PadProbeReturn::Ok;
            };
            if let Err(fault) = decode.decode(pad, &decoder, caps.caps()) {
                decode.tell(IngestEvent::Fault(fault));
            }
            gst::PadProbeReturn::Remove
        });
    }

    fn decode(&self, pad: &gst::Pad, decoder: &Decoder, caps: &gst::CapsRef) -> Result<(), MediaFault> {
        let (width, height) = size_of(caps);
        let threading = decoder.threading_for(width, height);
        let element = decoder.build(threading)?;
        self.set_up(ElementRole::Decoder, std::slice::from_ref(&element));
        begin_with_a_key_frame(&element);
        self.gate.guard(&element);
        let place = meeting_place(decoder.output_memory(), self.plan.encoder_memory, &self.plan.picture);
        *self.arrivals.making.lock().expect("no holder of this lock should panic") = Making {
            codec: decoder.codec().to_string(),
            decoder: decoder.element().to_owned(),
            held_back: decoder.added_frames(threading),
            memory: place,
        };
        let mut chain = vec![element];
        chain.extend(bridge(decoder.output_memory(), place)?);
        self.finish(&self.fork(pad, decoder.codec(), caps)?, &chain)?;
        Ok(())
    }

    /// The decoder asked for, or the best; never one that failed for this camera.
    fn choose(&self, codec: InputCodec) -> Result<Decoder, MediaFault> {
        let IngestPlan { decoder: choice, broken_decoders: broken, .. } = &self.plan;
        if broken.is_empty() {
            return Ok(choose_decoder(codec, choice)?);
        }
        let whole =
            Decoder::installed(codec).into_iter().find(|decoder| !broken.iter().any(|name| name == decoder.element()));
        whole.ok_or_else(|| all_decoders_failed(codec, broken))
    }

    /// A camera that sends pictures needs no decoder.
    fn convert(&self, pad: &gst::Pad) -> Result<(), MediaFault> {
        self.arrivals.making.lock().expect("no holder of this lock should panic").codec =
            // Translators: pictures that are not compressed.
            gettext("raw pictures");
        Ok(self.finish(pad, &[make("identity")?])?)
    }

    /// Puts the last chain in, with the ingest's sink behind it.
    fn finish(&self, pad: &gst::Pad, chain: &[gst::Element]) -> Result<(), MediaError> {
        let (Some(pipeline), Some(sink)) = (self.pipeline.upgrade(), self.sink.upgrade()) else { return Ok(()) };
        add_and_link(&pipeline, &chain.iter().collect::<Vec<_>>())?;
        chain.last().expect("the chain should hold an element").link(&sink)?;
        for element in chain.iter().rev() {
            element.sync_state_with_parent()?;
        }
        let input = chain[0].static_pad("sink").expect("the first element should have a sink pad");
        pad.link(&input).map_err(|_| gst::glib::bool_error!("the camera's stream does not fit its decoder"))?;
        Ok(())
    }
}

/// Links a pad in place of the one that is linked.
fn take_over(pad: &gst::Pad, depayloader: &gst::Element) -> Result<(), MediaError> {
    let input = depayloader.static_pad("sink").expect("a depayloader should have a sink pad");
    if let Some(before) = input.peer() {
        before.unlink(&input)?;
    }
    pad.link(&input).map_err(|_| gst::glib::bool_error!("the camera's new stream does not fit its depayloader"))?;
    Ok(())
}

fn all_decoders_failed(codec: InputCodec, broken: &[String]) -> MediaFault {
    MediaFault::new(
        FaultKind::UndecodableCodec,
        gettext_f("The camera's {codec} cannot be decoded.", &[("codec", &codec.to_string())]),
        gettext("Set the camera to H.264 with 4:2:0 colours, which every decoder takes."),
    )
    // Translators: {decoders} is a list of names.
    .with_detail(gettext_f("These decoders failed: {decoders}.", &[("decoders", &broken.join(", "))]))
}

/// The form in which packets become access units, where a codec has several: with lengths, not with
/// start codes. `h264parse` looks for start codes in broken streams until it breaks down itself
/// (GStreamer 1.26); of units with lengths it drops those that are wrong.
fn framed(codec: InputCodec) -> Option<gst::Caps> {
    let form = match codec {
        InputCodec::H264 => "avc",
        InputCodec::H265 => "hvc1",
        _ => return None,
    };
    let caps = gst::Caps::builder(codec.caps_name());
    Some(caps.field("stream-format", form).field("alignment", "au").build())
}

/// The form that viewers take, where a codec has several.
fn with_start_codes(codec: InputCodec) -> Option<gst::Caps> {
    framed(codec)?;
    let caps = gst::Caps::builder(codec.caps_name());
    Some(caps.field("stream-format", "byte-stream").field("alignment", "au").build())
}

/// The form that a decoder needs: any, unless it takes one only.
fn form(decoder: &Decoder) -> gst::Caps {
    let codec = decoder.codec();
    let any = gst::Caps::builder(codec.caps_name()).build();
    let Some(framed) = framed(codec) else { return any };
    let factory = gst::ElementFactory::find(decoder.element());
    let takes_any = factory.is_none_or(|factory| factory.can_sink_any_caps(&framed));
    if takes_any { any } else { with_start_codes(codec).unwrap_or(any) }
}

/// Width and height as the stream's parameters tell; 0 where they do not.
fn size_of(caps: &gst::CapsRef) -> (u32, u32) {
    let side = |name| caps.structure(0).and_then(|fields| fields.get::<i32>(name).ok()).unwrap_or_default();
    (side("width").unsigned_abs(), side("height").unsigned_abs())
}

/// What carries pictures from one memory to another; nothing where they may stay.
fn bridge(from: Memory, to: Memory) -> Result<Option<gst::Element>, MediaError> {
    let factory = match (from, to) {
        (from, to) if from == to => return Ok(None),
        (Memory::Cuda, _) => "cudadownload",
        (Memory::Va, _) => "vapostproc",
        (Memory::Nvmm, _) => "nvvidconv",
        // Where an encoder's memory is wanted, it is reached from the processor's, before the encoder.
        (Memory::System, _) => return Ok(None),
    };
    make(factory).map(Some)
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
