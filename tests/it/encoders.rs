//! One encode per rendition, whatever the number of viewers.

use std::time::Duration;

use gst::prelude::*;
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use heliograph::{
    config::{
        Config, FeedConfig, FeedId, KeyringStore, PathChoice, RtspConfig, Secrets, ServerConfig, SourceAddress,
        SourceConfig,
    },
    media,
    station::Station,
};

use crate::support::{browser::Browser, camera::Camera, elements, elements::alive, free_port, wait_for};

/// Names of the video encoders alive in this process.
fn video_encoders() -> Vec<String> {
    let is_encoder =
        |factory: &gst::ElementFactory| factory.metadata("klass").is_some_and(|klass| klass.contains("Encoder/Video"));
    alive(is_encoder).iter().filter_map(gst::Element::factory).map(|factory| factory.name().to_string()).collect()
}

/// webrtcsink's own waits for the clock are out: they would hold every frame
/// for the latency of everything before.
fn webrtcsink_waits_for_nothing() {
    let mut waiting = alive(|factory| ["clocksync", "appsink"].contains(&factory.name().as_str()));
    waiting.retain(|element| element.parent().is_some_and(|parent| parent.is::<BaseWebRTCSink>()));
    assert_eq!(waiting.len(), 2, "webrtcsink is built differently: {waiting:?}");
    for element in waiting {
        assert!(!element.property::<bool>("sync"), "{} waits for the clock", element.name());
    }
}

#[test]
fn two_viewers_share_one_encoder() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    media::init().unwrap();
    elements::watch();
    let camera = Camera::gstreamer(free_port(), "1280x720");
    let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
    let mut feed = FeedConfig::new(FeedId::from_name("bow"), "Bow", SourceConfig::Rtsp(RtspConfig::new(address)));
    // Otherwise there would be none: viewers can take what this camera sends.
    feed.path = PathChoice::Transcode;

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _guard = runtime.enter();
    let station = Station::new(runtime.handle().clone(), Secrets::new(KeyringStore::without_prompts()));
    station.add_feeds(&Config { feeds: vec![feed], ..Config::default() }).unwrap();
    let config = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
    let server = runtime.block_on(station.listen(&config)).unwrap();

    let mut browser = Browser::start();
    let decoding = "heliograph.tiles().some(t => t.framesDecoded > 60 && t.width === 1280)";
    let tabs = [(), ()].map(|()| browser.open_viewer(&server.url()));
    for tab in tabs {
        browser.wait(tab, decoding, 20_000);
    }
    assert_eq!(station.engine.feeds()[0].viewers, 2);
    assert_eq!(video_encoders(), ["x264enc"]);
    webrtcsink_waits_for_nothing();
    wait_for("statistics from both viewers", Duration::from_secs(10), || {
        let rates = station.engine.feeds()[0].stats.as_ref()?.rates;
        // Two viewers of 2 Mbit/s each; the picture is simple, so it may be less.
        (rates.sent_kbps? > 500.0 && rates.round_trip_time? < 1.0).then_some(())
    });

    runtime.block_on(async {
        station.engine.shutdown().await;
        server.stop().await;
    });
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(video_encoders(), Vec::<String>::new(), "an encoder outlived its feed");
}
