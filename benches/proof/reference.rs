//! What Heliograph is held against: the same elements with nothing around them, in a process of its own.

use std::sync::atomic::{AtomicU32, Ordering};

use gst::prelude::*;
use heliograph::{
    config::{Codec, ElementChoice, RtspConfig},
    media::{self, Encoder, InputCodec},
};

use crate::{
    shared::{Fault, child::Kept},
    support::free_port,
};

const KBPS: u32 = 2000;
const FRAMERATE: u32 = 30;

/// How long webrtcsink may take to find out about its stream: who asks before is never heard.
const DISCOVERY: std::time::Duration = std::time::Duration::from_secs(6);

/// What becomes of the camera's stream, which is decoded first but for the last.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Encoded, and sent as plain RTP to this machine.
    Udp,
    /// Encoded, and handed to a webrtcsink without congestion control.
    Encoded,
    /// The same with congestion control, as Heliograph has it.
    Controlled,
    /// Handed to a webrtcsink, which encodes for each viewer.
    Raw,
    /// Not decoded: handed to a webrtcsink without congestion control as it came.
    Through,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Encoded => "encoded",
            Self::Controlled => "controlled",
            Self::Raw => "raw",
            Self::Through => "through",
        }
    }
}

/// A reference, ended with this value.
pub(crate) struct Reference {
    process: Kept,
    port: u16,
}

impl Reference {
    pub(crate) fn start(kind: Kind, url: &str) -> Result<Self, Fault> {
        let port = free_port();
        let process = Kept::myself(&["reference", kind.word(), url, &port.to_string()])?;
        if !matches!(kind, Kind::Udp) {
            crate::support::wait_for("the reference", std::time::Duration::from_secs(20), || {
                std::net::TcpStream::connect(("127.0.0.1", port)).ok()
            });
            std::thread::sleep(DISCOVERY);
        }
        Ok(Self { process, port })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where its viewers speak with it.
    pub(crate) fn signalling(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }
}

/// Is the reference, until the process is ended.
pub(crate) fn run(kind: &str, url: &str, port: u16) -> Result<(), Fault> {
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("rtspsrc").property("location", url).property_from_str("protocols", "udp");
    let source = source.property("latency", RtspConfig::DEFAULT_LATENCY_MS).build()?;
    let mut chain = if kind == "through" { Vec::new() } else { decoding()? };
    // Somebody has to read what is sent, or the sender hears of it.
    let reader = std::net::UdpSocket::bind("127.0.0.1:0")?;
    match kind {
        "udp" => {
            chain.extend(encoding()?);
            chain.push(
                gst::ElementFactory::make("rtph264pay").property_from_str("aggregate-mode", "zero-latency").build()?,
            );
            let place = i32::from(reader.local_addr()?.port());
            let sink = gst::ElementFactory::make("udpsink").property("host", "127.0.0.1").property("port", place);
            chain.push(sink.property("sync", false).property("async", false).build()?);
        }
        "encoded" | "controlled" => {
            chain.extend(encoding()?);
            ask_for_key_frames(chain.last().ok_or("no encoder")?)?;
            let sink = webrtcsink(port)?;
            if kind == "controlled" {
                sink.set_property_from_str("congestion-control", "gcc");
            }
            chain.push(sink);
        }
        "through" => {
            for element in ["rtph264depay", "h264parse"] {
                chain.push(gst::ElementFactory::make(element).build()?);
            }
            chain.push(webrtcsink(port)?);
        }
        _ => chain.push(webrtcsink(port)?),
    }
    pipeline.add(&source)?;
    pipeline.add_many(&chain)?;
    gst::Element::link_many(&chain)?;
    let first = chain[0].static_pad("sink").ok_or("a depayloader without a pad")?;
    source.connect_pad_added(move |_, pad| {
        let _ = pad.link(&first);
    });
    pipeline.set_state(gst::State::Playing)?;
    let bus = pipeline.bus().ok_or("a pipeline without a bus")?;
    match bus.timed_pop_filtered(None, &[gst::MessageType::Error]).as_deref().map(gst::MessageRef::view) {
        Some(gst::MessageView::Error(error)) => Err(error.error().into()),
        _ => Ok(()),
    }
}

/// From packets to pictures, and a thread for what comes after.
fn decoding() -> Result<Vec<gst::Element>, Fault> {
    let decoder = media::choose_decoder(InputCodec::H264, &ElementChoice::Automatic)?;
    let queue = gst::ElementFactory::make("queue").property("max-size-buffers", 3_u32);
    Ok(vec![
        gst::ElementFactory::make("rtph264depay").build()?,
        gst::ElementFactory::make("h264parse").build()?,
        decoder.build(decoder.threading_for(1280, 720))?,
        queue.build()?,
        gst::ElementFactory::make("videoconvert").build()?,
    ])
}

/// From pictures to a stream, with Heliograph's settings.
fn encoding() -> Result<Vec<gst::Element>, Fault> {
    let encoder = x264()?;
    let filter = gst::ElementFactory::make("capsfilter").property("caps", encoder.output_caps()).build()?;
    Ok([encoder.build(KBPS, FRAMERATE)?, filter].into_iter().chain(encoder.build_parser()?).collect())
}

/// webrtcsink finds out about a stream at a key frame, and asks for none.
fn ask_for_key_frames(encoder: &gst::Element) -> Result<(), Fault> {
    let frames = AtomicU32::new(0);
    let pad = encoder.static_pad("src").ok_or("an encoder without a pad")?;
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        match frames.fetch_add(1, Ordering::Relaxed) {
            10 | 30 | 60 => {
                let request = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
                pad.send_event(request);
            }
            61.. => return gst::PadProbeReturn::Remove,
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

fn x264() -> Result<Encoder, Fault> {
    let mut encoders = Encoder::installed().into_iter();
    Ok(encoders.find(|encoder| encoder.codec() == Codec::H264 && encoder.element() == "x264enc").ok_or("no x264enc")?)
}

/// With a signalling server of its own, without congestion control: nothing changes the bitrate.
fn webrtcsink(port: u16) -> Result<gst::Element, Fault> {
    let sink = gst::ElementFactory::make("webrtcsink").build()?;
    sink.set_property("stun-server", None::<String>);
    sink.set_property("do-fec", false);
    sink.set_property_from_str("congestion-control", "disabled");
    sink.set_property("start-bitrate", KBPS * 1000);
    sink.set_property("video-caps", gst::Caps::new_empty_simple("video/x-h264"));
    sink.set_property("run-signalling-server", true);
    sink.set_property("signalling-server-host", "127.0.0.1");
    sink.set_property("signalling-server-port", u32::from(port));
    sink.property::<gst::glib::Object>("signaller").set_property("uri", format!("ws://127.0.0.1:{port}"));
    let settings = x264()?.build(KBPS, FRAMERATE)?;
    sink.connect("encoder-setup", false, move |args| {
        let encoder = args.get(3)?.get::<gst::Element>().ok()?;
        let is_x264 = encoder.factory() == settings.factory();
        if is_x264 {
            copy_settings(&settings, &encoder);
        }
        Some(is_x264.to_value())
    });
    Ok(sink)
}

/// Only what was set: x264enc takes whatever it is told, defaults included, for more than its preset.
fn copy_settings(from: &gst::Element, to: &gst::Element) {
    for spec in from.list_properties().iter().filter(|spec| !matches!(spec.name(), "name" | "parent")) {
        let (needed, value) = (gst::glib::ParamFlags::READWRITE, from.property_value(spec.name()));
        let is_set = value.compare(spec.default_value()) != Some(std::cmp::Ordering::Equal);
        let can_be = spec.flags().contains(needed) && !spec.flags().contains(gst::glib::ParamFlags::CONSTRUCT_ONLY);
        if is_set && can_be {
            to.set_property_from_value(spec.name(), &value);
        }
    }
}
