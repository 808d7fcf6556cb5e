//! Windows of `heliograph receive`: pictures, and why there is none.

use adw::prelude::*;
use heliograph::{
    config::{
        ConnectorConfig, FeedConfig, FeedId, KeyringStore, RtspConfig, Secrets, ServerConfig, SourceConfig, TestConfig,
    },
    connector::{
        FORMS,
        bigfootbot::serve_relay,
        local::{LocalSettings, Serves},
    },
    media,
    station::Station,
    ui::{
        PreviewTile,
        model::Desk,
        picture_wall::{picture_window, show_all_from_now_on},
        register_resources,
    },
};
use tokio::runtime::Runtime;

use crate::{
    rig::{all, says},
    support,
};

fn feed(name: &str, source: SourceConfig) -> FeedConfig {
    FeedConfig::new(FeedId::from_name(name), name, source)
}

#[gtk::test]
fn pictures_fill_a_window_and_one_that_is_missing_says_why() {
    support::start();
    media::init().unwrap();
    register_resources();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = Runtime::new().unwrap();
    let test = SourceConfig::Test(TestConfig { size: "320x240".parse().unwrap(), ..TestConfig::default() });
    // Nobody listens at the discard port.
    let nobody = SourceConfig::Rtsp(RtspConfig::new("ws://127.0.0.1:9".parse().unwrap()));
    let feeds = [("one", test.clone()), ("two", test), ("robot", nobody)].map(|(name, source)| feed(name, source));
    let desk = Desk::of_feeds(runtime.handle(), feeds.into_iter().map(|feed| (feed, None)).collect());
    let feeds: Vec<_> = desk.feeds().iter().flatten().collect();
    let window = picture_window(&desk, &feeds);
    window.present();
    let tiles: Vec<PreviewTile> = all(&window);
    assert_eq!(tiles.len(), 3);
    support::until("two pictures", || tiles[..2].iter().all(PreviewTile::is_live));
    support::until("why there is no third", || says(&window, "Nothing listens at 127.0.0.1:9"));
    assert!(!tiles[2].is_live());
    // Two columns and two rows, whatever shape the window has.
    let (width, height) = (window.width(), window.height());
    assert!((tiles[0].width() * 2 - width).abs() <= 4 && (tiles[0].height() * 2 - height).abs() <= 100);
    support::picture_of(&window).keep("received");

    end(&window, desk);
}

fn end(window: &gtk::ApplicationWindow, desk: Desk) {
    window.destroy();
    let ended = std::rc::Rc::new(std::cell::Cell::new(false));
    let told = ended.clone();
    gtk::glib::spawn_future_local(async move {
        desk.shut().await;
        told.set(true);
    });
    support::until("the end of all feeds", || ended.get());
}

#[gtk::test]
fn what_a_robot_has_beside_its_first_picture_comes_into_the_grid() {
    support::start();
    media::init().unwrap();
    register_resources();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = Runtime::new().unwrap();
    let server = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
    let serves = Serves::Everybody { without_token: true };
    let relay = runtime.block_on(serve_relay(LocalSettings { serves, ..LocalSettings::from(&server) })).unwrap();
    let address = format!("ws://{}", relay.address());
    let robot = Station::new(runtime.handle().clone(), Secrets::new(KeyringStore::without_prompts()));
    let test = SourceConfig::Test(TestConfig { size: "320x240".parse().unwrap(), ..TestConfig::default() });
    for name in ["bow", "aft", "mast"] {
        robot.engine.add(feed(name, test.clone())).unwrap();
    }
    let connector = ConnectorConfig::from_line(&format!("robot=bigfootbot,address={address}"), FORMS).unwrap();
    runtime.block_on(async { robot.connect(&[connector]) });

    let received = SourceConfig::Rtsp(RtspConfig::new(address.parse().unwrap()));
    let desk = Desk::of_feeds(runtime.handle(), vec![(feed("robot", received), None)]);
    desk.set_gathers(true);
    let feeds: Vec<_> = desk.feeds().iter().flatten().collect();
    let window = picture_window(&desk, &feeds);
    show_all_from_now_on(&window, &desk);
    window.present();
    support::until("three pictures", || {
        let tiles: Vec<PreviewTile> = all(&window);
        tiles.len() == 3 && tiles.iter().all(PreviewTile::is_live)
    });
    end(&window, desk);
    runtime.block_on(async {
        robot.engine.shutdown().await;
        relay.stop().await;
    });
}
