//! Viewers that take different codecs watch one feed, and a feed changes its codec while watched.

use std::{sync::Arc, time::Duration};

use heliograph::{
    config::{
        Codec, ConnectorId, ElementChoice, FeedConfig, FeedId, KeyringStore, PathChoice, RtspConfig, Secrets,
        ServerConfig, SourceAddress, SourceConfig, TestConfig, TransportConfig,
    },
    connector::{
        Announcement, Connection, Connector, Needs,
        hub::{Hub, HubConnector},
        local::{LocalServer, LocalSettings},
    },
    engine::{Beside, Engine, FeedCommand, FeedEvent},
    media,
};
use tokio::runtime::Runtime;

use crate::support::{
    bad_camera::{BadCamera, Vice},
    browser::{Browser, Tab},
    elements,
    peer::Peer,
    station::SmallStation,
    wait_for,
};

fn wait_encoders(name: &str, count: usize) {
    wait_for(&format!("{count} of {name}"), Duration::from_secs(10), || {
        (elements::encoders_for_viewers(name) == count).then_some(())
    });
}

/// Chromium without a graphics card decodes no H.265, and GStreamer's peer says that it does.
#[test]
fn each_gets_of_an_h265_camera_what_it_takes_and_one_encoder_runs() {
    elements::watch();
    let mut station = SmallStation::start();
    let camera = station.block_on(BadCamera::start(Vice::H265));
    let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
    let feed = FeedId::from_name("bow");
    let mut config = FeedConfig::new(feed.clone(), "bow", SourceConfig::Rtsp(RtspConfig::new(address)));
    config.keep_warm = true;
    station.station.engine.add(config).unwrap();
    let sentence = station.wait("a stream as it is", &feed, |event| match event {
        FeedEvent::Path(path) if path.passes_through => Some(path.sentence.clone()),
        _ => None,
    });
    assert_eq!(sentence, "Camera's H.265 goes to the viewers as it is");
    wait_encoders("x264enc", 0);

    let peer = Peer::watch_taking(&station.server, &feed, &[Codec::H265, Codec::H264]);
    peer.wait_frames(10, Duration::from_secs(15));
    assert!(peer.offer().contains("H265/90000"), "{}", peer.offer());
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 15 && t.numbers.codec === 'H.264')", 20_000);
    let beside = [Beside { codec: Codec::H264, viewers: 1, instead_of: Codec::H265 }];
    assert_eq!(station.station.engine.feed(&feed).unwrap().beside, beside);
    assert_eq!(beside[0].words(), "H.264 for 1 viewer that does not take H.265");
    wait_encoders("x264enc", 1);
    wait_encoders("x265enc", 0);
    peer.wait_frames(10, Duration::from_secs(5));

    drop(browser);
    wait_encoders("x264enc", 0);
    peer.wait_frames(10, Duration::from_secs(5));
}

/// Looks at the page every few milliseconds: how long a picture stays, and whether there is one.
const WATCH: &str = "(() => {
    window.seen = { gapMs: 0, dark: 0, looks: 0, notLive: 0 };
    const canvas = new OffscreenCanvas(16, 9);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    setInterval(() => {
        const { sinceFrameMs, stale } = heliograph.tiles()[0];
        seen.looks += 1;
        seen.gapMs = Math.max(seen.gapMs, sinceFrameMs);
        if (stale) seen.notLive += 1;
        // What is on top is seen.
        const shown = [...document.querySelectorAll('.picture > *')].at(-1);
        context.clearRect(0, 0, 16, 9);
        if (shown) context.drawImage(shown, 0, 0, 16, 9);
        const { data } = context.getImageData(0, 0, 16, 9);
        const light = data.filter((_, n) => n % 4 < 3).reduce((sum, value) => sum + value, 0) / (16 * 9 * 3);
        if (light < 16) seen.dark += 1;
    }, 20);
    return true;
})()";

/// How long the same picture may stay at a change of codec: it decodes beside the old one.
const LONGEST_GAP_MS: f64 = 300.0;
const ROUNDS: usize = 3;

fn change(station: &SmallStation, feed: &FeedId, browser: &mut Browser, tab: Tab, codec: Codec) -> f64 {
    browser.eval(tab, "(() => { Object.assign(seen, { gapMs: 0, looks: 0 }); return true; })()");
    station.command(feed, FeedCommand::SetCodec { codec, encoder: ElementChoice::Automatic });
    let shown = format!("heliograph.tiles().every(t => t.numbers?.codec === '{codec}' && t.framesDecoded > 15)");
    browser.wait(tab, &shown, 15_000);
    let seen = browser.eval(tab, "seen");
    println!("to {codec}: {seen}");
    assert_eq!(seen["dark"], 0, "{seen}");
    assert!(seen["looks"].as_u64().unwrap() > 10, "{seen}");
    seen["gapMs"].as_f64().unwrap()
}

#[test]
fn another_codec_reaches_the_page_while_the_old_picture_goes_on() {
    elements::watch();
    let mut station = SmallStation::start();
    let feed = station.add("bow", |_| {});
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 15 && t.numbers.codec === 'H.264')", 20_000);
    let foreign = Peer::watch(&station.server, &feed);
    foreign.wait_frames(5, Duration::from_secs(10));
    let connections = station.camera_connections();
    browser.eval(tab, WATCH);

    // A hiccup of the machine is no fault of the change: one round without is enough.
    let smooth = (0..ROUNDS).any(|_| {
        let there = change(&station, &feed, &mut browser, tab, Codec::Vp8);
        // With its last viewer the old codec is gone: the foreign client was sent away.
        wait_encoders("x264enc", 0);
        let back = change(&station, &feed, &mut browser, tab, Codec::H264);
        wait_encoders("vp8enc", 0);
        there.max(back) <= LONGEST_GAP_MS
    });
    assert!(smooth, "each change was seen");
    assert_eq!(station.camera_connections(), connections);
    assert_eq!(station.station.engine.feed(&feed).unwrap().config.codec, Codec::H264);
    station.wait("one viewer", &feed, |event| (*event == FeedEvent::Viewers { count: 1 }).then_some(()));
}

/// A destination that carries nothing but H.264.
struct OnlyH264(HubConnector);

impl Connector for OnlyH264 {
    fn open(&self, feed: Announcement<'_>) -> Box<dyn Connection> {
        self.0.open(feed)
    }

    fn transport(&self) -> TransportConfig {
        self.0.transport()
    }

    fn needs(&self) -> Needs {
        Needs::in_codec(Codec::H264)
    }
}

#[test]
fn a_destination_that_carries_only_h264_has_it_of_a_vp9_feed() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    media::init().unwrap();
    let runtime = Runtime::new().unwrap();
    let settings = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
    let serve =
        |hub: &Arc<Hub>| runtime.block_on(LocalServer::start(LocalSettings::from(&settings), hub.clone())).unwrap();
    let (any, narrow) = (Hub::new(), Hub::new());
    let (server, narrow_server) = (serve(&any), serve(&narrow));
    let secrets = Arc::new(Secrets::new(KeyringStore::without_prompts()));
    let engine = Engine::new(runtime.handle().clone(), secrets);
    engine.set_connector(ConnectorId::local(), Arc::new(HubConnector::new(any)));
    engine.set_connector("narrow".parse().unwrap(), Arc::new(OnlyH264(HubConnector::new(narrow))));
    let feed = FeedId::from_name("bow");
    let picture = TestConfig { size: SmallStation::SIZE, framerate: 15, ..TestConfig::default() };
    let mut config = FeedConfig::new(feed.clone(), "Bow", SourceConfig::Test(picture));
    (config.codec, config.path) = (Codec::Vp9, PathChoice::Transcode);
    engine.add(config).unwrap();

    let takes_both = [Codec::H264, Codec::Vp9];
    let here = Peer::watch_taking(&server, &feed, &takes_both);
    let there = Peer::watch_taking(&narrow_server, &feed, &takes_both);
    here.wait_frames(5, Duration::from_secs(20));
    there.wait_frames(5, Duration::from_secs(20));
    assert!(here.offer().contains("VP9/90000") && there.offer().contains("H264/90000"));

    // The feed goes over to a codec whose encoder is at work already; that is the feed's from now on.
    let encoder = || Some(engine.feed(&feed)?.encoder?.element);
    assert_ne!(encoder().as_deref(), Some("x264enc"));
    engine.command(&feed, FeedCommand::SetCodec { codec: Codec::H264, encoder: ElementChoice::Automatic }).unwrap();
    wait_for("the encoder that is told", Duration::from_secs(5), || encoder().filter(|encoder| encoder == "x264enc"));
    runtime.block_on(engine.shutdown());
}
