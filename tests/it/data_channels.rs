//! Messages beside the picture: between viewers, programs at a Unix socket, and the engine.

use std::{
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use heliograph::{
    channels::{DataMessage, Frame, Payload},
    config::{ChannelLabel, DataChannelConfig, Delivery, FeedId, Senders, SocketPlace},
    engine::{FeedCommand, FeedEvent},
};
use tempfile::TempDir;

use crate::support::{browser::Browser, peer::Peer, station::SmallStation, wait_for};

fn text(text: &str) -> Payload {
    Payload::Text(text.into())
}

fn label(text: &str) -> ChannelLabel {
    text.parse().unwrap()
}

/// A channel on which everybody may send, with a socket here.
fn channel(name: &str, place: &Path, delivery: Delivery) -> DataChannelConfig {
    DataChannelConfig {
        ordered: delivery == Delivery::Reliable,
        delivery,
        senders: Senders::All,
        per_second: 1000,
        socket: SocketPlace::Path(place.to_owned()),
        ..DataChannelConfig::new(label(name))
    }
}

/// A program at a socket.
struct Program(UnixStream);

impl Program {
    fn connect(place: &Path) -> Self {
        let connect = || UnixStream::connect(place).ok();
        let stream = wait_for("the socket", Duration::from_secs(10), connect);
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(stream)
    }

    fn read(&mut self) -> std::io::Result<Frame> {
        let mut head = [0; Frame::HEAD];
        self.0.read_exact(&mut head)?;
        let mut body = vec![0; Frame::length(head, 16_384).unwrap()];
        self.0.read_exact(&mut body)?;
        Ok(Frame::read(&body).unwrap())
    }

    fn write(&mut self, session: Option<&str>, payload: Payload) {
        let frame = Frame { session: session.map(str::to_owned), payload };
        self.0.write_all(&frame.write()).unwrap();
    }
}

#[test]
fn text_and_bytes_travel_between_a_viewer_a_program_and_the_engine() {
    let (folder, station) = (TempDir::new().unwrap(), SmallStation::start());
    let place = folder.path().join("steer.sock");
    let feed = station.add("bow", |feed| {
        feed.data_channels = vec![channel("steer", &place, Delivery::Reliable), DataChannelConfig::new(label("news"))];
    });
    let peer = Peer::watch(&station.server, &feed);
    let mut program = Program::connect(&place);
    assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
    peer.messages.open("steer");
    peer.messages.open("news");
    assert_eq!(peer.messages.labels(), ["news", "steer"], "it does not report");

    let mut heard = station.station.engine.subscribe_data();
    peer.messages.send("steer", &text("left"));
    peer.messages.send("steer", &Payload::Binary(vec![0, 1, 255]));
    let first = program.read().unwrap();
    assert_eq!((&first.payload, program.read().unwrap().payload), (&text("left"), Payload::Binary(vec![0, 1, 255])));
    let session = first.session.unwrap();
    let DataMessage { channel, session: of, payload, .. } = station.block_on(heard.recv()).unwrap();
    assert_eq!((channel, &of, payload), (label("steer"), &session, text("left")));

    program.write(Some(&session), text("yes"));
    program.write(None, Payload::Binary(vec![7]));
    assert_eq!(peer.messages.next("steer"), text("yes"));
    assert_eq!(peer.messages.next("steer"), Payload::Binary(vec![7]));
    let news = FeedCommand::SendData { channel: "news".into(), session: Some(session), payload: text("from afar") };
    station.command(&feed, news);
    assert_eq!(peer.messages.next("news"), text("from afar"));

    // Nobody may send on the other one.
    peer.messages.send("news", &text("no"));
    let counts = || station.station.engine.exchange(&feed).unwrap().counts(&label("news"));
    wait_for("a refusal", Duration::from_secs(5), || (counts().refused == 1).then_some(()));
    assert_eq!(counts().received, 0);

    station.command(&feed, FeedCommand::Stop);
    assert!(program.read().is_err(), "the program hears the end");
    wait_for("the socket's end", Duration::from_secs(5), || (!place.exists()).then_some(()));
}

/// A named viewer may steer, others only listen; and the page tells what its browser counts.
#[test]
fn a_page_carries_messages_and_tells_what_its_browser_counts() {
    let (folder, mut station) = (TempDir::new().unwrap(), SmallStation::start());
    let place = folder.path().join("steer.sock");
    let feed = station.add("bow", |feed| {
        let steer = channel("steer", &place, Delivery::LifetimeMs(500));
        feed.data_channels =
            vec![DataChannelConfig { senders: Senders::Named(vec!["pilot".into()]), max_bytes: 64, ..steer }];
    });
    let mut browser = Browser::start();
    let url = |name: &str| format!("{}?name={name}", station.server.url());
    let (pilot, guest) = (browser.open_viewer(&url("pilot")), browser.open_viewer(&url("guest")));
    let mut program = Program::connect(&place);
    for tab in [pilot, guest] {
        browser.wait(tab, "heliograph.channels('bow').includes('steer')", 20_000);
        browser.eval(
            tab,
            "window.came = []; document.addEventListener('heliograph-data', e => came.push(e.detail.data)); 1",
        );
    }
    assert_eq!(browser.eval(guest, "heliograph.send('bow', 'steer', 'mine')"), true);
    assert_eq!(browser.eval(pilot, "heliograph.send('bow', 'steer', 'x'.repeat(65))"), true);
    assert_eq!(browser.eval(pilot, "heliograph.send('bow', 'brake', 'x')"), false);
    assert_eq!(browser.eval(pilot, "heliograph.send('bow', 'steer', 'left')"), true);
    let frame = program.read().unwrap();
    assert_eq!(frame.payload, text("left"), "neither the guest's word nor one that is too long");
    assert_eq!(browser.eval(pilot, "heliograph.send('bow', 'steer', new Uint8Array([1, 2]))"), true);
    assert_eq!(program.read().unwrap().payload, Payload::Binary(vec![1, 2]));

    program.write(None, text("all"));
    program.write(frame.session.as_deref(), text("you"));
    browser.wait(pilot, "came.join() === 'all,you'", 5_000);
    browser.wait(guest, "came.join() === 'all'", 5_000);

    let report = station.wait("a report", &feed, |event| match event {
        FeedEvent::Stats(sample) => {
            let pilot = sample.viewers.iter().find(|viewer| viewer.viewer.as_deref() == Some("pilot"))?;
            pilot.report.clone().filter(|report| report.frames_decoded > 30 && report.picture_age.is_some())
        }
        _ => None,
    });
    let numbers = browser.eval(pilot, "heliograph.tiles()[0].numbers");
    println!("reported {report:?}, on the page {numbers}");
    // The page may have counted again meanwhile.
    let is_near = |name: &str, reported: u64, most: f64| {
        let shown = numbers[name].as_f64().unwrap();
        let since = shown - reported as f64;
        assert!((0.0..=most).contains(&since), "{name}: {shown} on the page, {reported} reported");
    };
    is_near("framesDecoded", report.frames_decoded, 3.0 * f64::from(SmallStation::FRAMERATE));
    is_near("framesDropped", report.frames_dropped, 5.0);
    is_near("freezes", report.freeze_count, 2.0);
    assert_eq!(report.frame_width, Some(SmallStation::SIZE.width));
    assert!(report.picture_age.is_some_and(|age| age < 2.0) && report.total_decode_time > 0.0, "{report:?}");
    assert_eq!(station.station.engine.exchange(&feed).unwrap().refused_reports(), 0);

    let nonsense = Peer::watch_reporting(&station.server, &feed);
    nonsense.messages.send("heliograph-stats", &text("[1, 2]"));
    nonsense.messages.send("heliograph-stats", &text(&"x".repeat(5000)));
    let refused = || station.station.engine.exchange(&feed).unwrap().refused_reports();
    wait_for("refused reports", Duration::from_secs(5), || (refused() == 2).then_some(()));
}

/// The lifetime of what is sent over the bad line.
const LIFETIME: Duration = Duration::from_millis(150);
/// What timers, threads and a busy machine may add to it.
const SLACK: Duration = Duration::from_millis(100);
const EVERY: Duration = Duration::from_millis(20);

/// A message that tells when it was sent, after the beginning.
fn stamped(begin: Instant) -> Payload {
    Payload::Binary(begin.elapsed().as_nanos().to_be_bytes().to_vec())
}

/// How old a message is that came just now.
fn age(came: Instant, begin: Instant, payload: &Payload) -> Duration {
    let sent = u128::from_be_bytes(payload.bytes().try_into().unwrap());
    came.duration_since(begin).saturating_sub(Duration::from_nanos(sent.try_into().unwrap()))
}

/// Sends at an even pace for this long, and answers how many.
fn send_evenly(time: Duration, mut send: impl FnMut()) -> usize {
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed() < time {
        send();
        count += 1;
        std::thread::sleep((begin + EVERY * count).saturating_duration_since(Instant::now()));
    }
    count as usize
}

#[test]
fn on_a_line_that_loses_packets_nothing_arrives_that_outlived_its_lifetime() {
    let (folder, station) = (TempDir::new().unwrap(), SmallStation::start());
    let place = folder.path().join("steer.sock");
    let delivery = Delivery::LifetimeMs(LIFETIME.as_millis() as u32);
    let feed: FeedId = station.add("bow", |feed| feed.data_channels = vec![channel("steer", &place, delivery)]);
    let peer = Peer::watch(&station.server, &feed);
    peer.messages.open("steer");
    let (mut program, begin) = (Program::connect(&place), Instant::now());
    let mut reader = Program(program.0.try_clone().unwrap());
    let (heard, ages) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok(frame) = reader.read() {
            let _ = heard.send(age(Instant::now(), begin, &frame.payload));
        }
    });
    // Five of a hundred, then nothing gets through for longer than the lifetime, then five again.
    for (name, percent, time) in [("5 %", 5, 6000), ("cut", 100, 1000), ("5 % again", 5, 5000)] {
        peer.messages.lose_percent(percent);
        let sent = send_evenly(Duration::from_millis(time), || {
            program.write(None, stamped(begin));
            // What this viewer sends during a cut waits in its own SCTP, which is GStreamer's.
            if percent < 100 {
                peer.messages.send("steer", &stamped(begin));
            }
        });
        std::thread::sleep(LIFETIME);
        let to_viewer: Vec<_> =
            peer.messages.take().iter().map(|(came, _, payload)| age(*came, begin, payload)).collect();
        let to_program: Vec<_> = ages.try_iter().collect();
        for (way, ages) in [("to the viewer", &to_viewer), ("to the program", &to_program)] {
            let oldest = ages.iter().max().copied().unwrap_or_default();
            println!("{name}, {way}: {} of {sent}, the oldest {oldest:?}", ages.len());
            assert!(oldest <= LIFETIME + SLACK, "{name}, {way}: {oldest:?}");
            assert!(percent == 100 || ages.len() * 100 >= sent * 60, "{name}, {way}: {} of {sent}", ages.len());
        }
    }

    // Who is cut off with messages on the way, and goes, is not in the way of who comes then.
    peer.messages.lose_percent(100);
    send_evenly(Duration::from_millis(200), || program.write(None, stamped(begin)));
    drop(peer);
    Peer::watch(&station.server, &feed).messages.open("steer");
}
