//! The viewers' side of a feed: webrtcsink, fed with an encoded stream.
//!
//! webrtcsink makes one webrtcbin per viewer and packetizes for it; it encodes
//! nothing. Who may watch, and how offers travel, is the signaller's business.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use gst::{glib, prelude::*};
use gst_utils::{ConsumptionLink, StreamProducer};
use gst_webrtc::WebRTCStatsType;
use gstrswebrtc::{
    signaller::Signallable,
    webrtcsink::{BaseWebRTCSink, WebRTCSinkCongestionControl},
};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    FeedClock, IceAddresses, MediaError,
    element::{consumer_settings, end, require, watch_errors},
};

/// Encoded frames that may wait for webrtcsink, which takes them at once unless the
/// machine is stuck. More room than for raw frames: what follows a lost one is
/// broken until the viewers have asked for a key frame.
const WAITING_FRAMES: u64 = 120;
const WAITING_TIME: gst::ClockTime = gst::ClockTime::from_seconds(1);

/// Bounds of the bandwidth estimate, kbit/s. webrtcsink's own lower bound is 1 kbit/s.
const ESTIMATE_KBPS: std::ops::RangeInclusive<u32> = 100..=50_000;

/// Frames at which a key frame is asked for at the start: the discovery is usually
/// running by the second; on a busy machine it may take a second.
const KEYFRAMES_FOR_DISCOVERY: [u32; 4] = [2, 10, 30, 60];

/// What webrtcsink puts into each session. Without them it logs, and viewers wait for ever.
const SESSION_ELEMENTS: [&str; 4] = ["webrtcbin", "nicesink", "dtlssrtpenc", "srtpenc"];

/// What an outlet has to tell.
#[derive(Clone, Debug)]
pub enum OutletEvent {
    /// webrtcsink has seen the stream: sessions may be offered.
    Ready,
    /// A viewer's session began or ended; this many are there now.
    Viewers(usize),
    /// A frame left for a viewer: what ties its RTP timestamp to its capture.
    Clock(PictureClock),
    /// The outlet failed and has to be rebuilt.
    Failed(String),
}

/// Ties RTP time to the moment of capture, for one session.
#[derive(Clone, Debug)]
pub struct PictureClock {
    /// The session whose RTP time this is.
    pub session: String,
    /// RTP timestamp of a frame.
    pub rtp_timestamp: u32,
    /// RTP ticks per second.
    pub clock_rate: u32,
    /// How old that frame was when this was sent.
    pub age: Duration,
}

/// What webrtcsink counts for one viewer.
#[derive(Clone, Debug)]
pub struct ViewerStats {
    /// The viewer's session.
    pub session: String,
    /// Bytes of RTP sent so far.
    pub bytes_sent: u64,
    /// Round-trip time, from the viewer's receiver reports; none before the first.
    pub round_trip: Option<Duration>,
}

/// How long webrtcsink may take to let go of its sessions' peers, and how often that is looked at.
const PEERS_MAY_TAKE: Duration = Duration::from_secs(2);
const PEERS_CHECKED_EVERY: Duration = Duration::from_millis(10);
/// How long after that the rest of them may take.
const PEERS_SETTLE_IN: Duration = Duration::from_secs(1);

/// A running webrtcsink. Dropping it ends its sessions.
#[derive(Debug)]
pub struct Outlet {
    pipeline: gst::Pipeline,
    sink: BaseWebRTCSink,
    input: ConsumptionLink,
    sound: Option<ConsumptionLink>,
    /// Each session's peer, for as long as it is not gone.
    peers: Peers,
}

type Peers = Arc<Mutex<Vec<glib::WeakRef<gst::Element>>>>;

impl Outlet {
    /// Builds and starts an outlet, with this sound beside the picture, if any.
    ///
    /// # Errors
    /// An element is missing or the pipeline does not start.
    pub fn start(
        signaller: Signallable,
        start_kbps: u32,
        clock: &FeedClock,
        sound: Option<&StreamProducer>,
        ice: &IceAddresses,
        events: UnboundedSender<OutletEvent>,
    ) -> Result<Self, MediaError> {
        require(&SESSION_ELEMENTS)?;
        let pipeline = gst::Pipeline::with_name("outlet");
        clock.apply(&pipeline);
        let sink = BaseWebRTCSink::with_signaller(signaller);
        configure(&sink, start_kbps, ice);
        pipeline.add(&sink)?;
        let (source, pad) = add_input(&pipeline, &sink, "video_%u")?;
        let sound_source = sound.map(|_| add_input(&pipeline, &sink, "audio_%u")).transpose()?;

        tell_when_ready(&pad, events.clone());
        watch_viewers(&sink, &events);
        let peers = remember_peers(&sink);
        watch_sessions(&sink, clock, events.clone());
        // The debug text holds whole backtraces; the message is enough.
        watch_errors(&pipeline, move |error| {
            let _ = events.send(OutletEvent::Failed(error.error().to_string()));
        });
        // Before the start: an appsrc that starts unconfigured counts bytes, not time.
        let input = ConsumptionLink::disconnected_with(source, consumer_settings(WAITING_FRAMES, WAITING_TIME));
        let mut sound_input = sound_source.map(|(source, _)| {
            let input = ConsumptionLink::disconnected_with(source, consumer_settings(WAITING_FRAMES, WAITING_TIME));
            input.set_wait_for_keyframe(false);
            input
        });
        pipeline.set_state(gst::State::Playing)?;
        send_at_once(&sink);
        if let (Some(input), Some(sound)) = (&mut sound_input, sound) {
            input.change_producer(sound, false).expect("an outlet should send one stream of sound");
        }
        Ok(Self { pipeline, sink, input, sound: sound_input, peers })
    }

    /// Sends this stream from its next key frame on.
    pub fn connect(&mut self, encoded: &StreamProducer) {
        self.input.set_wait_for_keyframe(true);
        self.input.change_producer(encoded, false).expect("an outlet should send one rendition at a time");
        // A gap before the encoder is marked in its output, but what follows is
        // encoded against what went out before: no key frame is needed.
        self.input.set_wait_for_keyframe(false);
    }

    /// What webrtcsink counts for each viewer.
    pub fn stats(&self) -> Vec<ViewerStats> {
        let sessions = self.sink.property::<gst::Structure>("stats");
        sessions
            .iter()
            .filter_map(|(session, stats)| {
                let stats = stats.get::<gst::Structure>().ok()?;
                Some(viewer_stats(session.as_str(), &stats))
            })
            .collect()
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.input.disconnect();
        if let Some(sound) = &mut self.sound {
            sound.disconnect();
        }
        // webrtcsink blocks on a runtime of its own while it ends its sessions,
        // which is forbidden on a thread that belongs to a runtime, as the caller's may.
        let (pipeline, sink, peers) = (self.pipeline.clone(), self.sink.clone(), self.peers.clone());
        let ended = std::thread::spawn(move || {
            end(&pipeline);
            // From here on beside everything else: nobody has to wait for it.
            std::thread::spawn(move || outlive(&peers, (sink, pipeline)));
        });
        let _ = ended.join();
    }
}

/// A way into webrtcsink for one stream, and webrtcsink's end of it.
fn add_input(
    pipeline: &gst::Pipeline,
    sink: &BaseWebRTCSink,
    template: &str,
) -> Result<(gst_app::AppSrc, gst::Pad), MediaError> {
    let source = gst_app::AppSrc::builder().build();
    pipeline.add(&source)?;
    let pad = sink.request_pad_simple(template).ok_or_else(|| glib::bool_error!("webrtcsink gave no pad"))?;
    source
        .static_pad("src")
        .expect("an appsrc should have a src pad")
        .link(&pad)
        .map_err(|_| glib::bool_error!("webrtcsink does not take the stream"))?;
    Ok((source, pad))
}

fn configure(sink: &BaseWebRTCSink, start_kbps: u32, ice: &IceAddresses) {
    let kbps = |kbps: u32| kbps * 1000;
    sink.set_property("congestion-control", WebRTCSinkCongestionControl::GoogleCongestionControl);
    sink.set_property("min-bitrate", kbps(*ESTIMATE_KBPS.start()));
    sink.set_property("max-bitrate", kbps(*ESTIMATE_KBPS.end()));
    sink.set_property("start-bitrate", kbps(start_kbps));
    // On encoded input webrtcsink's default means sending everything twice.
    sink.set_property("do-fec", false);
    sink.set_property("do-retransmission", true);
    // Its default is a public server: Heliograph contacts nobody unasked.
    sink.set_property("stun-server", ice.stun.as_deref());
    sink.set_property("turn-servers", gst::Array::new(&ice.turn));
}

/// Takes out the two elements' waits for the clock: they would hold every
/// frame for the whole latency of the pipelines before.
fn send_at_once(sink: &BaseWebRTCSink) {
    for element in sink.iterate_recurse().into_iter().flatten() {
        let is_waiting = element.factory().is_some_and(|f| matches!(f.name().as_str(), "clocksync" | "appsink"));
        if is_waiting {
            element.set_property("sync", false);
        }
    }
}

/// Tells of the first frame, and has webrtcsink's discovery served.
///
/// webrtcsink finds out how to announce the stream in a pipeline of its own,
/// which it starts at the first frame and which needs a key frame after that.
/// It asks nobody for one, so the first viewer would wait for the next by chance.
fn tell_when_ready(pad: &gst::Pad, events: UnboundedSender<OutletEvent>) {
    let frames = AtomicU32::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        let frame = frames.fetch_add(1, Ordering::Relaxed);
        if frame == 0 {
            let _ = events.send(OutletEvent::Ready);
        }
        if KEYFRAMES_FOR_DISCOVERY.contains(&frame) {
            pad.push_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
        }
        if KEYFRAMES_FOR_DISCOVERY.last() == Some(&frame) {
            return gst::PadProbeReturn::Remove;
        }
        gst::PadProbeReturn::Ok
    });
}

fn watch_viewers(sink: &BaseWebRTCSink, events: &UnboundedSender<OutletEvent>) {
    for signal in ["consumer-added", "consumer-removed"] {
        let events = events.clone();
        sink.connect(signal, false, move |args| {
            let sink = args[0].get::<BaseWebRTCSink>().ok()?;
            let sessions = sink.emit_by_name::<Vec<String>>("get-sessions", &[]);
            let _ = events.send(OutletEvent::Viewers(sessions.len()));
            None
        });
    }
}

/// Remembers every session's peer without keeping it alive.
fn remember_peers(sink: &BaseWebRTCSink) -> Peers {
    let peers = Peers::default();
    let remembered = peers.clone();
    sink.connect("consumer-added", false, move |args| {
        let peer = args[2].get::<gst::Element>().ok()?;
        let mut peers = remembered.lock().expect("no holder of this lock should panic");
        peers.retain(|peer| peer.upgrade().is_some());
        peers.push(peer.downgrade());
        None
    });
    peers
}

/// Lets go of `kept` once the peers are gone, which webrtcsink ends on threads of its own.
///
/// Its handlers on each peer are bound to the sink. Where both go at the same time on two
/// threads, `GObject` looks for a handler that is not there any more, and aborts the program.
fn outlive(peers: &Peers, kept: impl Send) {
    let is_alive = |peer: &glib::WeakRef<gst::Element>| peer.upgrade().is_some();
    for _ in 0..PEERS_MAY_TAKE.as_millis() / PEERS_CHECKED_EVERY.as_millis() {
        if !peers.lock().expect("no holder of this lock should panic").iter().any(is_alive) {
            break;
        }
        std::thread::sleep(PEERS_CHECKED_EVERY);
    }
    // A peer counts as gone before its handlers and the elements in it are.
    std::thread::sleep(PEERS_SETTLE_IN);
    drop(kept);
}

/// Looks into each session's pipeline for what ties RTP time to capture time.
fn watch_sessions(sink: &BaseWebRTCSink, clock: &FeedClock, events: UnboundedSender<OutletEvent>) {
    let clock = clock.clone();
    sink.connect("consumer-pipeline-created", false, move |args| {
        let pipeline = args[2].get::<gst::Pipeline>().ok()?;
        // webrtcsink names the pipeline after the session and tells it nowhere else.
        let session = pipeline.name().strip_prefix("session-pipeline-")?.to_owned();
        let (clock, events) = (clock.clone(), events.clone());
        pipeline.connect_deep_element_added(move |_, _, element| {
            if element.name().starts_with("codec-parser-caps") {
                keep_parameter_sets_in_band(element);
            }
            let is_payloader = element
                .factory()
                .and_then(|factory| factory.metadata("klass").map(|klass| klass.contains("Payloader/Network/RTP")))
                .unwrap_or(false);
            if is_payloader && let Some(pad) = element.static_pad("src") {
                clock_packets(&pad, session.clone(), clock.clone(), events.clone());
            }
        });
        None
    });
}

/// webrtcsink has H.264 parsed into the form with the parameter sets apart, in the caps, and its
/// parser does not renew these when another encoder of the same size takes over: viewers would
/// decode the new stream by the old sets, which is to say not at all.
fn keep_parameter_sets_in_band(filter: &gst::Element) {
    let caps = filter.property::<gst::Caps>("caps");
    if caps.structure(0).is_some_and(|fields| fields.name() == "video/x-h264") {
        let in_band = gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").field("alignment", "au");
        filter.set_property("caps", in_band.build());
    }
}

/// About once a second, tells how old the frame of a packet is.
fn clock_packets(pad: &gst::Pad, session: String, clock: FeedClock, events: UnboundedSender<OutletEvent>) {
    let next = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, info| {
        let now = clock.running_time();
        if now.nseconds() < next.load(Ordering::Relaxed) {
            return gst::PadProbeReturn::Ok;
        }
        // Viewers are told how old a picture is, not its sound, which has a clock of its own.
        if is_sound(pad) {
            return gst::PadProbeReturn::Remove;
        }
        let buffer = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => Some(buffer.clone()),
            Some(gst::PadProbeData::BufferList(list)) => list.get_owned(0),
            _ => None,
        };
        if let Some((rtp_timestamp, captured)) = buffer.and_then(|buffer| rtp_and_capture(pad, &buffer)) {
            next.store((now + gst::ClockTime::SECOND).nseconds(), Ordering::Relaxed);
            let age = now.saturating_sub(captured).into();
            let _ = events.send(OutletEvent::Clock(PictureClock {
                session: session.clone(),
                rtp_timestamp,
                clock_rate: 90_000,
                age,
            }));
        }
        gst::PadProbeReturn::Ok
    });
}

fn is_sound(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps();
    let media = caps.as_ref().and_then(|caps| caps.structure(0)?.get::<&str>("media").ok());
    media == Some("audio")
}

/// RTP timestamp (RFC 3550, bytes 4 to 7) and running time of a packet's frame.
fn rtp_and_capture(pad: &gst::Pad, buffer: &gst::Buffer) -> Option<(u32, gst::ClockTime)> {
    let map = buffer.map_readable().ok()?;
    let bytes = map.get(4..8)?.try_into().ok()?;
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
    let captured = segment.to_running_time(buffer.pts()?)?;
    Some((u32::from_be_bytes(bytes), captured))
}

/// Reads one session's statistics: a structure of structures, one per stream and direction.
fn viewer_stats(session: &str, stats: &gst::StructureRef) -> ViewerStats {
    let mut viewer = ViewerStats { session: session.to_owned(), bytes_sent: 0, round_trip: None };
    for (_, value) in stats {
        let Ok(entry) = value.get::<gst::Structure>() else { continue };
        match entry.get::<WebRTCStatsType>("type") {
            Ok(WebRTCStatsType::OutboundRtp) => viewer.bytes_sent += entry.get::<u64>("bytes-sent").unwrap_or(0),
            Ok(WebRTCStatsType::RemoteInboundRtp) => viewer.round_trip = round_trip(&entry),
            _ => {}
        }
    }
    viewer
}

/// 0 means that no report has told yet.
fn round_trip(entry: &gst::StructureRef) -> Option<Duration> {
    let seconds = entry.get::<f64>("round-trip-time").ok().filter(|seconds| *seconds > 0.0)?;
    Duration::try_from_secs_f64(seconds).ok()
}
