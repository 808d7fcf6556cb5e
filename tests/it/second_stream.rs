//! A camera's second stream goes out as it is, in place of an encoder, to whoever needs less than its
//! first one: nothing is encoded, and its loss costs nobody the picture.

use std::time::Duration;

use heliograph::{
    config::{
        Credentials, FeedId, Password, PasswordSource, PathChoice, RtspConfig, SetpointChange, Size, SourceConfig,
    },
    engine::{FeedEvent, PathInUse},
    media::source::{DemoCamera, DemoCertificate, DemoSettings},
};

use crate::support::{
    browser::{Browser, Tab},
    elements, free_port,
    lines::carry,
    peer::Peer,
    station::SmallStation,
    wait_for,
};

/// How long a viewer may see the same picture at a change: it may be frozen for two frames more than it always is.
const LONGEST_GAP_MS: f64 = 3.0 * 1000.0 / SmallStation::FRAMERATE as f64;
/// A hiccup of the machine is no fault of the change: one round without is enough.
const ROUNDS: usize = 3;
/// Until the second stream is there, and its next key frame, with some patience for a busy machine.
const SOON: Duration = Duration::from_secs(10);
/// More and less than the camera sends, in kbit/s.
const GOOD_KBPS: u32 = 8000;
const SLOW_KBPS: u32 = 100;

/// Large enough that an encoder's low rendition would be worth making.
const SIZE: Size = Size { width: 1280, height: 720 };
const LARGE: u32 = SIZE.width;
const SMALL: u32 = SmallStation::SECOND_SIZE.width;
/// What an encoder makes for slow viewers.
const LOW: u32 = 640;

fn add(station: &SmallStation) -> FeedId {
    station.add("bow", |feed| feed.path = PathChoice::Automatic)
}

/// Waits for a path whose sentence contains this.
fn wait_path(station: &mut SmallStation, feed: &FeedId, words: &str) -> PathInUse {
    station.wait(words, feed, |event| match event {
        FeedEvent::Path(path) if path.sentence.contains(words) => Some(path.clone()),
        _ => None,
    })
}

fn encoders() -> usize {
    elements::encoders_for_viewers("x264enc")
}

fn wait_encoders(count: usize) {
    wait_for(&format!("{count} encoders"), SOON, || (encoders() == count).then_some(()));
}

fn wait_second_connections(station: &SmallStation, count: usize) {
    wait_for("connections at the second stream", SOON, || (station.second_connections() == count).then_some(()));
}

fn wait_width(browser: &mut Browser, tab: Tab, width: u32) {
    browser.wait(tab, &format!("heliograph.tiles().some(t => t.width === {width} && !t.stale)"), 10_000);
}

/// To the second stream because a smaller picture is asked for, and back; the longest gap at the page.
fn there_and_back(station: &mut SmallStation, feed: &FeedId, browser: &mut Browser, tab: Tab) -> f64 {
    browser.longest_gap(tab);
    station.apply(feed, SetpointChange::size(Some(SmallStation::SECOND_SIZE)));
    let path = wait_path(station, feed, "Camera's second stream, 320×180");
    assert!(path.passes_through && path.sentence.ends_with("goes out as it is"), "{}", path.sentence);
    wait_width(browser, tab, SMALL);
    assert_eq!(encoders(), 0, "nothing is encoded for it");
    station.apply(feed, SetpointChange::size(None));
    wait_path(station, feed, "Camera's H.264 goes to the viewers as it is");
    wait_width(browser, tab, LARGE);
    wait_second_connections(station, 0);
    let gap = browser.longest_gap(tab);
    println!("the longest gap there and back: {gap:.0} ms");
    gap
}

#[test]
fn less_than_the_camera_sends_is_its_second_stream_and_an_encoder_only_without_it() {
    elements::watch();
    let mut station = SmallStation::start_of(SIZE, 1);
    let port = free_port();
    station.add_second_stream(port);
    let feed = add(&station);
    wait_path(&mut station, &feed, "Camera's H.264 goes to the viewers as it is");
    wait_encoders(0);
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 15 && !t.stale)", 10_000);
    browser.watch_gaps(tab);
    let session = browser.eval(tab, "heliograph.tiles().map(t => [t.sessionId, t.sessions])");
    assert_eq!(station.second_connections(), 0, "nobody needs it");

    let smooth = (0..ROUNDS).any(|_| there_and_back(&mut station, &feed, &mut browser, tab) <= LONGEST_GAP_MS);
    assert!(smooth, "each change was seen");

    station.apply(&feed, SetpointChange::size(Some(SmallStation::SECOND_SIZE)));
    wait_path(&mut station, &feed, "Camera's second stream, 320×180");
    wait_width(&mut browser, tab, SMALL);
    station.lose_second_stream();
    wait_path(&mut station, &feed, "Another size is asked for than the camera's: transcoding with ");
    wait_encoders(1);
    wait_width(&mut browser, tab, SMALL);
    station.add_second_stream(port);
    wait_path(&mut station, &feed, "Camera's second stream, 320×180");
    wait_encoders(0);
    wait_width(&mut browser, tab, SMALL);
    assert_eq!(browser.eval(tab, "heliograph.tiles().map(t => [t.sessionId, t.sessions])"), session);
}

#[test]
fn a_slow_viewer_gets_the_second_stream_and_an_encoder_only_without_it() {
    elements::watch();
    let mut station = SmallStation::start_of(SIZE, 1);
    let port = free_port();
    station.add_second_stream(port);
    let feed = add(&station);
    wait_path(&mut station, &feed, "Camera's H.264 goes to the viewers as it is");
    let [good, slow] = [0, 1].map(|viewer| {
        let peer = Peer::watch(&station.server, &feed);
        peer.wait_frames(15, SOON);
        carry(viewer, GOOD_KBPS);
        peer
    });
    wait_encoders(0);

    carry(1, SLOW_KBPS);
    wait_path(&mut station, &feed, "; slow viewers get its second stream, 320×180");
    slow.wait_width(SMALL, 2 * SOON);
    assert_eq!(encoders(), 0, "nothing is encoded for it");
    station.lose_second_stream();
    slow.wait_width(LOW, 2 * SOON);
    wait_encoders(1);
    station.add_second_stream(port);
    slow.wait_width(SMALL, 2 * SOON);
    wait_encoders(0);

    carry(1, GOOD_KBPS);
    slow.wait_width(LARGE, 2 * SOON);
    wait_second_connections(&station, 0);
    let seen = good.seen.lock().unwrap().clone();
    assert!(seen.iter().all(|seen| seen.width == LARGE), "the other one notices nothing");
}

/// A camera that speaks TLS and asks for the login.
fn locked(size: Size, certificate: &DemoCertificate) -> DemoCamera {
    let login = Some(Credentials { user: "me".into(), password: Password::new("right") });
    let (width, height) = (size.width.cast_signed(), size.height.cast_signed());
    let framerate = SmallStation::FRAMERATE.into();
    let certificate = Some(certificate.clone());
    DemoCamera::start(DemoSettings { login, certificate, width, height, framerate, ..DemoSettings::default() }).unwrap()
}

#[test]
fn fewer_bits_than_a_locked_camera_sends_are_its_second_stream_and_more_its_first_again() {
    elements::watch();
    let mut station = SmallStation::start();
    let certificate = DemoCertificate::make().unwrap();
    let [first, second] = [SIZE, SmallStation::SECOND_SIZE].map(|size| locked(size, &certificate));
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "right").unwrap();
    let address = |camera: &DemoCamera| camera.url().parse().unwrap();
    let rtsp = RtspConfig { sub_address: Some(address(&second)), ..RtspConfig::new(address(&first)) };
    let rtsp = rtsp.with_user("me", PasswordSource::File(password));
    let feed = station.add("bow", |feed| {
        feed.source = SourceConfig::Rtsp(rtsp);
        feed.path = PathChoice::Automatic;
        feed.bitrate_kbps = 10_000;
    });
    wait_path(&mut station, &feed, "Camera's H.264 goes to the viewers as it is");
    let sent = station.wait("the camera's bitrate", &feed, |event| match event {
        FeedEvent::Stats(sample) => sample.camera.received_kbps.filter(|kbps| *kbps > 0.0),
        _ => None,
    });
    println!("the first stream sends {sent:.0} kbit/s");
    station.apply(&feed, SetpointChange::bitrate((sent / 2.0) as u32));
    let path = wait_path(&mut station, &feed, "Camera's second stream, 320×180");
    assert!(path.passes_through && encoders() == 0, "{}", path.sentence);
    station.apply(&feed, SetpointChange::bitrate(10_000));
    wait_path(&mut station, &feed, "Camera's H.264 goes to the viewers as it is");
    wait_encoders(0);
}
