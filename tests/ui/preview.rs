//! The operator's own picture: from a camera into a paintable, and away again.

use std::time::{Duration, Instant};

use gtk::prelude::*;
use heliograph::{
    config::{Config, FeedConfig, FeedId, KeyringStore, Secrets, SourceConfig},
    engine::FeedState,
    media::{self, Preview},
    station::Station,
};

use crate::support;

#[gtk::test]
fn a_preview_shows_the_camera_and_leaves_its_stream_alone() {
    support::start();
    media::init().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _guard = runtime.enter();
    let station = Station::new(runtime.handle().clone(), Secrets::new(KeyringStore::without_prompts()));
    let feed = FeedConfig::new(FeedId::from_name("demo"), "Demo", SourceConfig::Demo);
    let id = feed.id.clone();
    station.add_feeds(&Config { feeds: vec![feed], ..Config::default() }).unwrap();

    for _ in 0..3 {
        let (preview, paintable) = Preview::new(640, 640).unwrap();
        let guard = station.engine.attach_preview(&id, preview).unwrap();
        support::until("a picture in the preview", || paintable.intrinsic_width() > 0);
        // Scaled to fit, in the camera's shape.
        assert_eq!((paintable.intrinsic_width(), paintable.intrinsic_height()), (640, 360));
        drop(guard);
        support::settle();
    }
    assert!(matches!(station.engine.feeds()[0].state, FeedState::Live { .. }));

    // On another thread: the last preview may still need this one's main loop.
    let ended = runtime.spawn(async move { station.engine.shutdown().await });
    support::until("the engine's end", || ended.is_finished());
}

#[gtk::test]
fn a_tile_wakes_a_feed_that_rests() {
    support::start();
    media::init().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _guard = runtime.enter();
    let station = Station::new(runtime.handle().clone(), Secrets::new(KeyringStore::without_prompts()));
    station.engine.rest_after(Duration::from_millis(500));
    let feed = FeedConfig::new(FeedId::from_name("demo"), "Demo", SourceConfig::Demo);
    let id = feed.id.clone();
    station.add_feeds(&Config { feeds: vec![feed], ..Config::default() }).unwrap();
    let state = || station.engine.feeds()[0].state.clone();

    for _ in 0..2 {
        support::until("rest", || state() == FeedState::Standby);
        let (preview, paintable) = Preview::new(640, 640).unwrap();
        let asked = Instant::now();
        let guard = station.engine.attach_preview(&id, preview).unwrap();
        support::until("a picture in the preview", || paintable.intrinsic_width() > 0);
        println!("a picture in the tile after {:?}", asked.elapsed());
        assert!(matches!(state(), FeedState::Live { .. }));
        // While the tile is there, the feed runs.
        let later = Instant::now() + Duration::from_millis(1500);
        support::until("some time", || Instant::now() >= later);
        assert!(matches!(state(), FeedState::Live { .. }));
        drop(guard);
    }
    let ended = runtime.spawn(async move { station.engine.shutdown().await });
    support::until("the engine's end", || ended.is_finished());
}
