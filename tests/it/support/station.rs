//! A station with feeds of one small demo camera, in this process.

use heliograph::{
    config::{
        FeedConfig, FeedId, KeyringStore, PathChoice, RtspConfig, Secrets, ServerConfig, SetpointChange, Size,
        SourceAddress, SourceConfig,
    },
    connector::local::LocalServer,
    engine::{ChangedBy, EngineEvent, FeedCommand, FeedEvent},
    media::{
        self,
        source::{DemoCamera, DemoSettings, Transport},
    },
    station::Station,
};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};
use tokio::{
    runtime::{Handle, Runtime},
    sync::broadcast::Receiver,
    time::{Instant, timeout_at},
};

/// A camera, feeds of it, and the server for their viewers.
pub struct SmallStation {
    pub server: LocalServer,
    pub station: Station,
    runtime: Runtime,
    events: Receiver<EngineEvent>,
    camera: DemoCamera,
    second: Option<DemoCamera>,
}

impl SmallStation {
    /// The camera's.
    pub const SIZE: Size = Size { width: 640, height: 360 };
    /// That of the camera's second stream.
    pub const SECOND_SIZE: Size = Size { width: 320, height: 180 };
    /// The camera's, in frames per second.
    pub const FRAMERATE: u16 = 15;

    pub fn start() -> Self {
        Self::start_with(1)
    }

    /// With so many seconds from one of the camera's key frames to the next.
    pub fn start_with(gop_s: u32) -> Self {
        Self::start_of(Self::SIZE, gop_s)
    }

    /// With a camera of this size.
    pub fn start_of(size: Size, gop_s: u32) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // Shown where a test fails: what the camera, which is in this process, has to say of itself.
        let _ = tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::WARN).try_init();
        media::init().unwrap();
        let (width, height) = (size.width.cast_signed(), size.height.cast_signed());
        let framerate = Self::FRAMERATE.into();
        // Over UDP a busy machine loses packets, and pictures are damaged until the next key frame.
        let transport = Some(Transport::Tcp);
        let settings = DemoSettings { transport, width, height, framerate, gop_s, ..DemoSettings::default() };
        let camera = DemoCamera::start(settings).unwrap();
        let runtime = Runtime::new().unwrap();
        let station = Station::new(runtime.handle().clone(), Secrets::new(KeyringStore::without_prompts()));
        let settings = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
        let server = runtime.block_on(station.listen(&settings)).unwrap();
        let events = station.engine.subscribe();
        Self { server, station, runtime, events, camera, second: None }
    }

    /// Gives the camera a second stream, at a port of its own.
    pub fn add_second_stream(&mut self, port: u16) {
        let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let (width, height) = (Self::SECOND_SIZE.width.cast_signed(), Self::SECOND_SIZE.height.cast_signed());
        let framerate = Self::FRAMERATE.into();
        let transport = Some(Transport::Tcp);
        let settings = DemoSettings { listen, transport, width, height, framerate, ..DemoSettings::default() };
        self.second = Some(DemoCamera::start(settings).unwrap());
    }

    /// The second stream goes, with its connections.
    pub fn lose_second_stream(&mut self) {
        self.second.take().unwrap();
    }

    /// Connections that are open at the second stream's port.
    pub fn second_connections(&self) -> usize {
        self.second.as_ref().map_or(0, connections)
    }

    /// Adds a feed of the camera, with some settings changed. It has an encoder of its own, whatever
    /// the camera sends, and runs whoever watches, unless these say otherwise.
    pub fn add(&self, name: &str, change: impl FnOnce(&mut FeedConfig)) -> FeedId {
        let (address, _) = SourceAddress::parse(&self.camera.url()).unwrap();
        let id = FeedId::from_name(name);
        let mut rtsp = RtspConfig::new(address);
        rtsp.sub_address = self.second.as_ref().map(|second| SourceAddress::parse(&second.url()).unwrap().0);
        let mut feed = FeedConfig::new(id.clone(), name, SourceConfig::Rtsp(rtsp));
        feed.path = PathChoice::Transcode;
        feed.keep_warm = true;
        change(&mut feed);
        self.station.engine.add(feed).unwrap();
        id
    }

    /// Waits for something that runs beside the station.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// What runs beside the station.
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Connections that are open at the camera's port.
    pub fn camera_connections(&self) -> usize {
        connections(&self.camera)
    }

    pub fn command(&self, feed: &FeedId, command: FeedCommand) {
        self.station.engine.command(feed, command).unwrap();
    }

    /// Holds a feed to another setpoint, as a person would.
    pub fn apply(&self, feed: &FeedId, change: SetpointChange) {
        self.command(feed, FeedCommand::Apply { change, by: ChangedBy::Person });
    }

    /// Waits for the first event of this feed that `pick` takes; those before are gone.
    pub fn wait<T>(&mut self, what: &str, feed: &FeedId, pick: impl Fn(&FeedEvent) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(20);
        let mut seen = Vec::new();
        self.runtime.block_on(async {
            loop {
                match timeout_at(end, self.events.recv()).await {
                    Ok(Ok(EngineEvent::Feed { feed: of, event })) if of == *feed => match pick(&event) {
                        Some(picked) => return picked,
                        None if matches!(event, FeedEvent::Stats(_)) => {}
                        None => seen.push(event),
                    },
                    Ok(Ok(_)) => {}
                    other => panic!("waited in vain for {what} ({other:?}); there was {seen:?}"),
                }
            }
        })
    }

    /// The element that encodes this feed from now on, and why.
    pub fn wait_encoder(&mut self, feed: &FeedId) -> (String, String) {
        self.wait("an encoder", feed, |event| match event {
            FeedEvent::Encoder(encoder) => Some((encoder.element.clone(), encoder.reason.clone())),
            _ => None,
        })
    }
}

/// Connections that are open at a camera's port.
fn connections(camera: &DemoCamera) -> usize {
    let url = camera.url();
    let port: u16 = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap().parse().unwrap();
    let table = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map(|file| std::fs::read_to_string(file).unwrap());
    let local = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() > 3 && words[1].ends_with(&local) && words[3] == "01"
    };
    table.iter().flat_map(|table| table.lines()).filter(is_open).count()
}

impl Drop for SmallStation {
    fn drop(&mut self) {
        self.runtime.block_on(self.station.engine.shutdown());
    }
}
