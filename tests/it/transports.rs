//! Which way media travels from a camera, and what is said where the way is closed.

use std::{
    env,
    io::Write,
    process::{Command, Output},
    time::Duration,
};

use heliograph::{
    config::{
        Config, FeedConfig, FeedId, KeyringStore, RtspConfig, Secrets, ServerConfig, SourceConfig, StreamChoice,
        TransportChoice,
    },
    engine::{FeedCommand, FeedEvent, FeedState},
    media::{
        self, FaultKind,
        source::{DemoCamera, DemoSettings, Transport},
    },
    station::Station,
};

use crate::support::{browser::Browser, camera::Camera, engine::OneFeed, network::Network};

/// Says to this binary that it runs in a network of its own.
const INSIDE: &str = "HELIOGRAPH_TEST_INSIDE";

/// A camera that offers these ways only.
fn camera(transport: Option<Transport>) -> DemoCamera {
    sized(320, 240, transport)
}

fn sized(width: i32, height: i32, transport: Option<Transport>) -> DemoCamera {
    media::init().unwrap();
    DemoCamera::start(DemoSettings { width, height, transport, ..DemoSettings::default() }).unwrap()
}

fn over(camera: &DemoCamera, transport: TransportChoice) -> RtspConfig {
    at(&camera.url(), transport)
}

fn at(url: &str, transport: TransportChoice) -> RtspConfig {
    RtspConfig { transport, ..RtspConfig::new(url.parse().unwrap()) }
}

#[test]
fn a_forced_transport_that_the_camera_has_not_is_named_with_what_to_try() {
    let cases = [
        (TransportChoice::Udp, Transport::Tcp, "does not send over UDP.", "nothing but UDP; set its transport"),
        (TransportChoice::Tcp, Transport::Udp, "does not send over TCP.", "nothing but TCP; set its transport"),
        (TransportChoice::Multicast, Transport::Tcp, "offers no multicast.", "Switch multicast on"),
    ];
    for (choice, offered, message, hint) in cases {
        let camera = camera(Some(offered));
        let fault = OneFeed::start(over(&camera, choice)).wait_fault();
        assert_eq!(fault.kind, FaultKind::NoTransport, "{choice}: {fault} {}", fault.detail);
        assert!(fault.message.ends_with(message) && fault.hint.contains(hint), "{choice}: {fault}");
        // Automatic finds the way that is open.
        assert_eq!(OneFeed::start(over(&camera, TransportChoice::Automatic)).wait_live().width, 320);
    }
}

#[test]
fn a_camera_without_a_group_says_so() {
    let fault = OneFeed::start(over(&camera(None), TransportChoice::Multicast)).wait_fault();
    assert!(fault.message.ends_with("offers no multicast."), "{fault} {}", fault.detail);
}

#[test]
fn media_in_clear_is_not_sent_to_an_encrypted_address() {
    let encrypted =
        RtspConfig { transport: TransportChoice::Udp, ..RtspConfig::new("rtsps://127.0.0.1:9/s".parse().unwrap()) };
    let fault = OneFeed::start(encrypted).wait_fault();
    assert_eq!(fault.kind, FaultKind::Contradiction);
    assert!(fault.to_string().contains("in clear over UDP, while rtsps promises encryption. Set the"), "{fault}");
}

#[test]
fn a_group_is_received_over_multicast() {
    if env::var_os(INSIDE).is_none() {
        return in_a_network_of_its_own("transports::a_group_is_received_over_multicast");
    }
    let network = Network::lay().expect("this network is the test's own");
    network.carry_multicast();
    let camera = Camera::multicast(&network);
    let mut feeds = [(); 2].map(|()| OneFeed::start(at(&camera.url(), TransportChoice::Multicast)));
    for feed in &mut feeds {
        assert_eq!(feed.wait_live().width, 320);
    }
    let fault = OneFeed::start(at(&camera.url(), TransportChoice::Automatic)).wait_fault();
    assert_eq!(fault.kind, FaultKind::NoTransport, "{fault} {}", fault.detail);
}

/// Runs one of these tests again in a network namespace, where it may lay cables and routes.
fn in_a_network_of_its_own(test: &str) {
    let own = env::current_exe().unwrap();
    let unshare = |args: &[&str]| -> Output {
        Command::new("unshare").arg("--net").args(args).env(INSIDE, "1").output().unwrap()
    };
    if !unshare(&["ip", "link", "set", "lo", "up"]).status.success() {
        // Past the harness, which would keep the words of a test that passes to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no network namespace can be made here, try as root");
        return;
    }
    let output = unshare(&[own.to_str().unwrap(), "--exact", test, "--nocapture"]);
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn the_second_stream_replaces_the_first_while_the_feed_runs() {
    let (main, sub) = (sized(640, 360, None), sized(320, 180, None));
    let source = RtspConfig { sub_address: Some(sub.url().parse().unwrap()), ..over(&main, TransportChoice::Tcp) };
    let mut feed = OneFeed::start(source);
    assert_eq!(feed.wait_live().width, 640);
    for (stream, width) in [(StreamChoice::Sub, 320), (StreamChoice::Main, 640)] {
        feed.command(FeedCommand::SetStream { stream });
        let states = feed.wait_for_size(width);
        assert!(states.iter().all(|state| ["connecting", "live"].contains(state)), "{states:?}");
    }
    // The stream that is shown already is not dialled anew.
    feed.command(FeedCommand::SetStream { stream: StreamChoice::Main });
    feed.command(FeedCommand::Stop);
    let next = feed.wait("the stop", Duration::from_secs(5), |event| match event {
        FeedEvent::State(state) => Some(state.clone()),
        _ => None,
    });
    assert_eq!(next, FeedState::Stopped);
}

#[test]
fn a_viewer_keeps_its_session_when_the_stream_is_changed() {
    let (main, sub) = (sized(640, 360, None), sized(320, 180, None));
    let source =
        RtspConfig { sub_address: Some(sub.url().parse().unwrap()), ..over(&main, TransportChoice::Automatic) };
    let id = FeedId::from_name("bow");
    let feed = FeedConfig::new(id.clone(), "Bow", SourceConfig::Rtsp(source));
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _guard = runtime.enter();
    let station = Station::new(runtime.handle().clone(), Secrets::new(KeyringStore::without_prompts()));
    station.add_feeds(&Config { feeds: vec![feed], ..Config::default() }).unwrap();
    let config = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
    let server = runtime.block_on(station.listen(&config)).unwrap();

    let mut browser = Browser::start();
    let tab = browser.open_viewer(&server.url());
    let shows = |width: u32| format!("heliograph.tiles().some(t => t.width === {width} && !t.stale)");
    browser.wait(tab, &shows(640), 20_000);
    for (stream, width) in [(StreamChoice::Sub, 320), (StreamChoice::Main, 640)] {
        station.engine.command(&id, FeedCommand::SetStream { stream }).unwrap();
        browser.wait(tab, &shows(width), 10_000);
    }
    assert_eq!(browser.tiles(tab)[0].sessions, 1);
    runtime.block_on(async {
        station.engine.shutdown().await;
        server.stop().await;
    });
}
