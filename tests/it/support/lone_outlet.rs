//! An outlet without an engine: a test picture, an encoder, and a server for its viewers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gst::prelude::*;
use heliograph::{
    config::{
        AudioConfig, AudioSource, Codec, ElementChoice, ElementSettings, FeedId, PictureConfig, Priority,
        RenditionRole, ServerConfig, Size, TestConfig, TestPattern,
    },
    connector::{
        Announcement, Connector, Viewers,
        hub::{Hub, HubConnector},
        local::{LocalServer, LocalSettings},
    },
    media::{
        self, AudioRendition, FeedClock, Ingest, Outlet, OutletEvent, OutletPlan, Rendition, RenditionPlan,
        TransportPlan, choose_encoder, source::Source,
    },
};
use tokio::{runtime::Runtime, sync::mpsc::unbounded_channel, time::timeout};

/// Sends snow, which no encoder makes small: its rate is what was asked for. And a tone.
pub struct LoneOutlet {
    pub outlet: Outlet,
    pub server: LocalServer,
    pub feed: FeedId,
    encoded: Arc<AtomicU64>,
    rendition: Rendition,
    ingest: Ingest,
    clock: FeedClock,
    _sound: Option<AudioRendition>,
    _runtime: Runtime,
}

impl LoneOutlet {
    const KBPS: u32 = 1500;
    pub const SIZE: Size = Size { width: 640, height: 360 };
    pub const FRAMERATE: u32 = 20;

    pub fn start(transport: TransportPlan, priority: Priority) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        media::init().unwrap();
        let (runtime, hub, clock) = (Runtime::new().unwrap(), Hub::new(), FeedClock::new());
        let settings = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
        let server = runtime.block_on(LocalServer::start(LocalSettings::from(&settings), hub.clone())).unwrap();
        let feed = FeedId::from_name("snow");
        let connection = HubConnector::new(hub).open(Announcement {
            place: 0,
            id: &feed,
            name: "Snow",
            viewers: Viewers::Many,
            demand: Box::new(drop),
            tell: Arc::new(drop),
        });
        let door = connection.door(Codec::H264);

        let chosen = choose_encoder(Codec::H264, &ElementChoice::Automatic).unwrap();
        let mut rendition =
            Rendition::start(&chosen, &RenditionPlan::new(Self::KBPS), &clock, |failure| panic!("{failure:?}"))
                .unwrap();
        let encoded = count_bytes(&rendition);
        let tone = AudioConfig { source: AudioSource::Tone, ..AudioConfig::default() };
        let sound = AudioRendition::start(&tone, &clock, drop).unwrap();
        let plan = OutletPlan {
            signaller: door.signaller(),
            start_kbps: Self::KBPS,
            sound: sound.as_ref().map(|sound| sound.output().clone()),
            transport,
            priority,
            elements: ElementSettings::new(),
            data: None,
        };
        let (events, mut told) = unbounded_channel();
        let outlet = Outlet::start(&plan, &clock, events).unwrap();
        outlet.connect(rendition.stream());
        let picture = TestConfig { pattern: TestPattern::Snow, size: Self::SIZE, framerate: Self::FRAMERATE };
        let ingest = Ingest::start(Source::Test(picture), &clock, unbounded_channel().0).unwrap();
        rendition.connect(ingest.frames());

        let ready = async { while !matches!(told.recv().await, Some(OutletEvent::Ready) | None) {} };
        runtime.block_on(async { timeout(Duration::from_secs(20), ready).await }).expect("a first frame");
        door.stream_ready();
        runtime.spawn(async move {
            let _there = (door, connection);
            while told.recv().await.is_some() {}
        });
        Self { outlet, server, feed, encoded, rendition, ingest, clock, _sound: sound, _runtime: runtime }
    }

    /// The session of its only viewer.
    pub fn session(&self) -> String {
        self.outlet.counters().sessions_now().pop().expect("a viewer should be there")
    }

    /// A low rendition of the same picture, half as wide.
    pub fn low(&self) -> Rendition {
        let picture = PictureConfig {
            size: Some(Size { width: Self::SIZE.width / 2, height: Self::SIZE.height / 2 }),
            ..PictureConfig::default()
        };
        let plan = RenditionPlan { role: RenditionRole::Low, picture, ..RenditionPlan::new(Self::KBPS / 4) };
        let encoder = self.rendition.encoder();
        let mut low = Rendition::start(encoder, &plan, &self.clock, |failure| panic!("{failure:?}")).unwrap();
        low.connect(self.ingest.frames());
        low
    }

    /// Bytes sent for each byte that was encoded, during this time.
    pub fn overhead(&self, time: Duration) -> f64 {
        let now = || {
            let sent = self.sent_bytes();
            (sent as f64, self.encoded.load(Ordering::Relaxed) as f64)
        };
        let (sent, encoded) = now();
        std::thread::sleep(time);
        let (sent_then, encoded_then) = now();
        (sent_then - sent) / (encoded_then - encoded)
    }
}

impl LoneOutlet {
    /// Payload that was sent to all viewers so far.
    fn sent_bytes(&self) -> u64 {
        let counters = self.outlet.counters();
        counters.ask();
        std::thread::sleep(Duration::from_millis(100));
        let counted = counters.sessions_now().into_iter().filter_map(|session| counters.latest(&session));
        let streams = counted.flat_map(|counted| [counted.picture, counted.sound]).flatten();
        streams.map(|stream| stream.outbound.bytes_sent).sum()
    }
}

fn count_bytes(rendition: &Rendition) -> Arc<AtomicU64> {
    let bytes = Arc::<AtomicU64>::default();
    let pad = rendition.stream().producer().appsink().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, {
        let bytes = bytes.clone();
        move |_, info| {
            bytes.fetch_add(info.buffer().unwrap().size() as u64, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        }
    });
    bytes
}
