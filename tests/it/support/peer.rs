//! A viewer by GStreamer's own peer, which decodes what browsers may not.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gst::prelude::*;
use gst_webrtc::prelude::*;
use heliograph::{
    config::{Codec, FeedId},
    connector::local::LocalServer,
    media::source::frame_mark::FrameMark,
};

use super::{messages::Messages, wait_for};

/// What a viewer read from a decoded frame.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct Seen {
    /// `None` where it could not be read.
    pub counter: Option<u32>,
    pub age_ms: u32,
    pub width: u32,
    /// When it was decoded, by a clock of the viewer's own in milliseconds.
    pub at_ms: f64,
}

/// What a viewer heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    /// Samples that were decoded, of one channel.
    pub samples: usize,
    /// The loudest of them, of 32768.
    pub peak: u16,
}

/// A viewer by GStreamer: decodes one feed and keeps what it saw.
pub struct Peer {
    pipeline: gst::Pipeline,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    heard: Arc<Mutex<Heard>>,
    candidates: Arc<Mutex<Vec<Candidate>>>,
    /// Its data channels.
    pub messages: Messages,
    is_mute: Arc<AtomicBool>,
}

/// How a viewer is connected.
#[derive(Default)]
struct Line<'a> {
    /// By this address of the machine only.
    address: Option<String>,
    token: Option<&'a str>,
    loss_percent: u32,
    is_mute: bool,
    /// What it says it takes; nothing at all where this is empty.
    codecs: &'a [Codec],
    /// It says that it reports as our page does.
    reports: bool,
}

/// A way to the sender, as it told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub place: SocketAddr,
    /// `host`, `srflx`, `relay`.
    pub kind: String,
}

impl Candidate {
    /// RFC 8839, section 5.1; `None` for the word that there are no more.
    fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let &[_, _, _, _, address, port, _, kind, ..] = words.as_slice() else { return None };
        let place = SocketAddr::new(address.parse().unwrap(), port.parse().unwrap());
        Some(Self { place, kind: kind.to_owned() })
    }
}

impl Peer {
    pub fn watch(server: &LocalServer, feed: &FeedId) -> Self {
        Self::start(server.address(), feed.as_ref(), Line::default())
    }

    /// Watches by this address of the machine only.
    pub fn watch_by(server: &LocalServer, feed: &FeedId, address: &str) -> Self {
        Self::start(server.address(), feed.as_ref(), Line { address: Some(address.to_owned()), ..Line::default() })
    }

    /// Says that it takes these codecs, and watches.
    pub fn watch_taking(server: &LocalServer, feed: &FeedId, codecs: &[Codec]) -> Self {
        Self::start(server.address(), feed.as_ref(), Line { codecs, ..Line::default() })
    }

    /// Watches a feed of whoever listens there.
    pub fn watch_at(listen: SocketAddr, feed: &str) -> Self {
        Self::start(listen, feed, Line::default())
    }

    /// Watches a feed of whoever listens there and asks for this token.
    pub fn watch_with_token(listen: SocketAddr, feed: &str, token: &str) -> Self {
        Self::start(listen, feed, Line { token: Some(token), ..Line::default() })
    }

    /// Watches over a line that loses so many packets of a hundred.
    pub fn watch_with_loss(server: &LocalServer, feed: &FeedId, percent: u32) -> Self {
        Self::start(server.address(), feed.as_ref(), Line { loss_percent: percent, ..Line::default() })
    }

    /// Watches and says nothing of what arrives.
    pub fn watch_mutely(server: &LocalServer, feed: &FeedId) -> Self {
        Self::start(server.address(), feed.as_ref(), Line { is_mute: true, ..Line::default() })
    }

    /// Watches and is to report, as our page does.
    pub fn watch_reporting(server: &LocalServer, feed: &FeedId) -> Self {
        Self::start(server.address(), feed.as_ref(), Line { reports: true, ..Line::default() })
    }

    /// From now on it tells what arrives (RFC 3550, section 6), or no longer.
    pub fn set_mute(&self, is_mute: bool) {
        self.is_mute.store(is_mute, Ordering::Relaxed);
    }

    fn start(listen: SocketAddr, feed: &str, line: Line<'_>) -> Self {
        let Line { address, token, loss_percent, is_mute, codecs, reports } = line;
        let is_mute = Arc::new(AtomicBool::new(is_mute));
        let source = gst::ElementFactory::make("webrtcsrc").build().unwrap();
        source.set_property("stun-server", None::<String>);
        let codecs = gst::Array::new(codecs.iter().map(|codec| codec.key().to_uppercase()));
        let meta = gst::Structure::builder("meta").field_if("codecs", &codecs, !codecs.is_empty());
        source.set_property("meta", meta.field_if("reports", true, reports).build());
        let signaller = source.property::<gst::glib::Object>("signaller");
        signaller.set_property("uri", format!("ws://{listen}/signalling"));
        if let Some(token) = token {
            let headers = gst::Structure::builder("headers").field("Authorization", format!("Bearer {token}"));
            signaller.set_property("headers", headers.build());
        }
        signaller.set_property("producer-peer-id", feed);
        let candidates = Arc::<Mutex<Vec<_>>>::default();
        signaller.connect("handle-ice", false, {
            let candidates = candidates.clone();
            move |args| {
                let candidate = Candidate::read(args[4].get().unwrap());
                candidates.lock().unwrap().extend(candidate);
                None
            }
        });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let caps = gst_video::VideoCapsBuilder::new().format(gst_video::VideoFormat::I420).build();
        let sink = gst_app::AppSink::builder().caps(&caps).sync(false).build();
        sink.set_callbacks({
            let seen = seen.clone();
            let look = move |sink: &gst_app::AppSink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                seen.lock().unwrap().push(look_at(&sample));
                Ok(gst::FlowSuccess::Ok)
            };
            gst_app::AppSinkCallbacks::builder().new_sample(look).build()
        });
        let messages = Messages::default();
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([&source, sink.upcast_ref()]).unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let ear = heard.clone();
        source.connect_pad_added(move |source, pad| {
            let sink = if pad.name().starts_with("video") { sink.upcast_ref() } else { &listen_in(source, &ear) };
            pad.link(&sink.static_pad("sink").unwrap()).unwrap();
        });
        let (taken, mute) = (messages.clone(), is_mute.clone());
        pipeline.connect_deep_element_added(move |_, _, element| {
            if let Some(address) = &address
                && element.factory().is_some_and(|made_by| made_by.name() == "webrtcbin")
            {
                element.property::<gst_webrtc::WebRTCICE>("ice-agent").emit_add_local_ip_address(address);
            }
            if loss_percent > 0 && element.factory().is_some_and(|made_by| made_by.name() == "nicesrc") {
                lose_packets(element, loss_percent);
            }
            if element.factory().is_some_and(|made_by| made_by.name() == "rtpsession") {
                keep_quiet(element, &mute);
            }
            bear_with_the_machine(element);
            taken.watch(element);
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, seen, heard, candidates, messages, is_mute }
    }

    /// What it was offered, in SDP (RFC 8866).
    pub fn offer(&self) -> String {
        self.description().expect("an offer should have come")
    }

    fn description(&self) -> Option<String> {
        let peer = self
            .pipeline
            .iterate_recurse()
            .into_iter()
            .flatten()
            .find(|element| element.factory().is_some_and(|made_by| made_by.name() == "webrtcbin"))?;
        let description = peer.property::<Option<gst_webrtc::WebRTCSessionDescription>>("remote-description")?;
        description.sdp().as_text().ok()
    }

    /// Waits until it has decoded so much sound, and tells what that was.
    pub fn wait_sound(&self, samples: usize, limit: Duration) -> Heard {
        wait_for("sound at GStreamer's peer", limit, || {
            Some(*self.heard.lock().unwrap()).filter(|heard| heard.samples >= samples)
        })
    }

    /// The candidates it was told so far (RFC 8839).
    pub fn candidates(&self) -> Vec<Candidate> {
        self.candidates.lock().unwrap().clone()
    }

    /// Waits until what it sees is so wide.
    pub fn wait_width(&self, width: u32, limit: Duration) {
        wait_for(&format!("pictures {width} wide"), limit, || {
            let seen = self.seen.lock().unwrap();
            let last = seen.last_chunk::<5>()?;
            last.iter().all(|seen| seen.width == width).then_some(())
        });
    }

    /// Waits until it has seen this many more frames.
    pub fn wait_frames(&self, more: usize, limit: Duration) {
        let wanted = self.seen.lock().unwrap().len() + more;
        wait_for("pictures at GStreamer's peer", limit, || (self.seen.lock().unwrap().len() >= wanted).then_some(()));
    }
}

/// What is looked at is Heliograph, not this viewer. Threads of its decoder would each hold a frame
/// back. And a packet that was late because the machine is busy would be given up after 0.2 s, and
/// what follows be garbage; packets that are in order do not wait for that time.
fn bear_with_the_machine(element: &gst::Element) {
    let Some(made_by) = element.factory() else { return };
    if made_by.name().starts_with("avdec_") && element.has_property("max-threads") {
        element.set_property("max-threads", 1);
    }
    if made_by.name() == "webrtcbin" {
        element.set_property("latency", 1000_u32);
    }
}

/// Sends no RTCP while it is mute.
fn keep_quiet(session: &gst::Element, is_mute: &Arc<AtomicBool>) {
    let is_mute = is_mute.clone();
    session.connect_pad_added(move |_, pad| {
        if pad.name() != "send_rtcp_src" {
            return;
        }
        let is_mute = is_mute.clone();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
            if is_mute.load(Ordering::Relaxed) { gst::PadProbeReturn::Drop } else { gst::PadProbeReturn::Ok }
        });
    });
}

/// Loses packets of media (RFC 7983), in an order that is the same in every run.
fn lose_packets(source: &gst::Element, percent: u32) {
    let random = AtomicU32::new(0x9E37_79B9);
    let is_lost = move |packet: &gst::BufferRef| {
        let mut head = [0; 2];
        let is_media = packet.copy_to_slice(0, &mut head).is_ok() && matches!(head, [128..=191, 0..192 | 224..]);
        let step = |seed: u32| seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        is_media && {
            let seed = random.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seed| Some(step(seed))).unwrap();
            (seed >> 8) % 100 < percent
        }
    };
    let pad = source.static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| match &mut info.data {
        Some(gst::PadProbeData::Buffer(packet)) if is_lost(packet) => gst::PadProbeReturn::Drop,
        Some(gst::PadProbeData::BufferList(packets)) => {
            let kept: gst::BufferList = packets.iter_owned().filter(|packet| !is_lost(packet)).collect();
            *packets = kept;
            gst::PadProbeReturn::Ok
        }
        _ => gst::PadProbeReturn::Ok,
    });
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// Takes a feed's sound, as it was decoded.
fn listen_in(source: &gst::Element, heard: &Arc<Mutex<Heard>>) -> gst::Element {
    let caps = gst::Caps::builder("audio/x-raw").field("format", "S16LE").field("channels", 1).build();
    let heard = heard.clone();
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let sound = sample.buffer().unwrap().map_readable().unwrap();
        let samples = sound.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample).unsigned_abs());
        let mut heard = heard.lock().unwrap();
        heard.samples += samples.len();
        heard.peak = samples.fold(heard.peak, u16::max);
        Ok(gst::FlowSuccess::Ok)
    };
    let sink = gst_app::AppSink::builder()
        .caps(&caps)
        .sync(false)
        .async_(false)
        .callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build())
        .build();
    let convert = gst::ElementFactory::make("audioconvert").build().unwrap();
    let pipeline = source.parent().and_downcast::<gst::Bin>().unwrap();
    pipeline.add_many([&convert, sink.upcast_ref()]).unwrap();
    convert.link(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    convert.sync_state_with_parent().unwrap();
    convert
}

fn look_at(sample: &gst::Sample) -> Seen {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u32;
    let at_ms = gst::get_timestamp().nseconds() as f64 / 1e6;
    let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer().unwrap(), &info).unwrap();
    let mark = FrameMark::read(frame.plane_data(0).unwrap(), info.width() as usize, info.stride()[0] as usize);
    Seen {
        counter: mark.map(|mark| mark.counter),
        age_ms: mark.map_or(0, |mark| now.wrapping_sub(mark.clock)),
        width: info.width(),
        at_ms,
    }
}
