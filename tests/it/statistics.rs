//! What Heliograph knows of its viewers is what their browsers know.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use heliograph::{
    config::{FeedId, RenditionRole},
    stats::{FeedSample, SentPath},
};

use crate::support::{
    browser::Browser, free_port, media_file::MediaFile, network::Network, program::Program, station::SmallStation,
    wait_for,
};

const TOKEN: &str = "for-this-test-only";

/// The next sample of a feed that says what is asked for.
fn sample(station: &SmallStation, feed: &FeedId, is_it: impl Fn(&FeedSample) -> bool) -> FeedSample {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let latest = station.station.engine.feed(feed).unwrap().stats;
        if let Some(sample) = latest.filter(|sample| is_it(sample)) {
            return *sample;
        }
        assert!(Instant::now() < end, "waited in vain; the last sample is {:?}", station.station.engine.feed(feed));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn figures_are_those_of_the_browser() {
    let station = SmallStation::start();
    let feed = station.add("bow", |feed| feed.bitrate_kbps = 800);
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&format!("{}?name=bridge", station.server.url()));
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60)", 20_000);
    let known = |sample: &FeedSample| {
        let viewer = sample.viewers.first();
        viewer.is_some_and(|viewer| viewer.remote().is_some_and(|remote| remote.round_trip_time.is_some()))
    };
    sample(&station, &feed, known);

    // Both ends are read at about the same time, twice.
    let mut read = || {
        let numbers = browser.eval(tab, "heliograph.tiles()[0].numbers");
        (station.station.engine.feed(&feed).unwrap().stats.unwrap(), numbers)
    };
    let (before, numbers_before) = read();
    std::thread::sleep(Duration::from_secs(6));
    let (after, numbers) = read();
    let more = |name: &str| numbers[name].as_f64().unwrap() - numbers_before[name].as_f64().unwrap();
    let picture = |sample: &FeedSample| sample.viewers[0].picture.clone().unwrap();
    let sent = (picture(&after).outbound.bytes_sent - picture(&before).outbound.bytes_sent) as f64;
    println!("sent {sent} bytes, {} arrived; {after:?}", more("bytesReceived"));
    // They are read up to a second apart of six.
    assert!((more("bytesReceived") / sent - 1.0).abs() < 0.2);

    let viewer = &after.viewers[0];
    assert_eq!((viewer.viewer.as_deref(), viewer.rendition), (Some("bridge"), Some(RenditionRole::Main)));
    let remote = viewer.remote().expect("a report");
    let round_trip = remote.round_trip_time.unwrap();
    assert!(round_trip > 0.0 && round_trip < 0.25, "a round trip of {round_trip} s on one machine");
    assert!(remote.packets_lost == 0 && remote.fraction_lost == 0.0 && picture(&after).rates.loss == Some(0.0));
    assert!(remote.reports_received > 3, "{remote:?}");
    assert!(picture(&after).outbound.retransmitted_packets_sent.is_some(), "nobody counts what is sent again");
    let pair = viewer.candidate_pair.clone().expect("a pair");
    let (local, remote) = (pair.local.unwrap(), pair.remote.unwrap());
    assert!(["host", "prflx"].contains(&remote.candidate_type.as_str()), "{remote:?}");
    assert_eq!((local.candidate_type.as_str(), local.protocol.as_str()), ("host", "udp"));
    assert_eq!(local.address, remote.address, "one machine");

    // One encoder, one viewer: what is made is what is sent, and what arrives.
    let main = after.main().expect("an encoder");
    let made = main.rates.encoded_kbps.unwrap();
    assert_eq!((main.encoder.as_str(), main.target_kbps, after.path), ("x264enc", 800, Some(SentPath::Encoded)));
    assert_eq!((main.frame_width, main.frame_height), (Some(640), Some(360)));
    let framerate = main.rates.frames_per_second.unwrap();
    assert!((framerate - f64::from(SmallStation::FRAMERATE)).abs() <= 4.0, "{framerate}");
    let encode_time = main.rates.encode_time.expect("a time");
    assert!(encode_time > 0.0001 && encode_time < 0.2, "{encode_time}");
    assert!(main.key_frames.made > 0 && main.frames_dropped < 30 && main.queue_age.is_some());
    let viewer_sent = viewer.rates.sent_kbps.unwrap();
    assert!(made > 50.0 && viewer_sent > 50.0, "{made} kbit/s made, {viewer_sent} sent");
    assert!(viewer.goodput_kbps().unwrap() > 50.0 && viewer.estimate_kbps.is_some());
    assert!(after.camera.received_kbps.unwrap() > 50.0 && after.camera.frames_per_second.unwrap() > 5.0);
}

/// What Prometheus would read of one figure of one viewer.
fn figure(listen: SocketAddr, name: &str, viewer: &str) -> Option<f64> {
    let patience = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&listen, patience).ok()?;
    stream.set_read_timeout(Some(patience)).unwrap();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: {listen}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // Over a narrow line it may not come in time.
    stream.read_to_string(&mut answer).ok()?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let viewer = format!("viewer=\"{viewer}\"");
    let is_it = |line: &&str| line.starts_with(&format!("{name}{{")) && line.contains(&viewer);
    answer.lines().find(is_it).map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[test]
fn behind_a_narrow_line_estimate_and_goodput_fall_and_prometheus_sees_it() {
    let Some(network) = Network::lay() else { return };
    let port = free_port();
    let film = MediaFile::noisy();
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("heliograph.toml");
    let text = format!(
        "version = 1\n[[feeds]]\nname = \"Bow\"\nfile = {:?}\nbitrate_kbps = 1500\n",
        film.path().display().to_string()
    );
    std::fs::write(&settings, text).unwrap();
    let args = ["--config", settings.to_str().unwrap(), "--insecure-http", "--token", TOKEN];
    let program = Program::launch(network.program(), SocketAddr::from(([0, 0, 0, 0], port)), &args, &[]);
    program.wait_state("bow", "live", Duration::from_secs(20));
    network.limit(8000);
    let there = SocketAddr::from((Network::ADDRESS, port));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&format!("http://{there}/?name=pilot&token={TOKEN}"));
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60)", 20_000);
    let estimate = || figure(there, "heliograph_viewer_estimate_bits_per_second", "pilot");
    let goodput = || figure(there, "heliograph_viewer_goodput_bits_per_second", "pilot");
    wait_for("an estimate that allows the picture", Duration::from_secs(20), || {
        estimate().filter(|bits| *bits > 1.2e6)
    });
    wait_for("a goodput of about the picture's", Duration::from_secs(20), || goodput().filter(|bits| *bits > 1.0e6));

    network.limit(600);
    let narrow =
        wait_for("an estimate near the line's", Duration::from_secs(30), || estimate().filter(|bits| *bits < 0.8e6));
    // It is moved to the low rendition meanwhile.
    let arrives = wait_for("a goodput that fits", Duration::from_secs(30), || goodput().filter(|bits| *bits < 0.6e6));
    println!("estimate {narrow}, goodput {arrives}");
    // The browser's own figures come along.
    let decoded = || figure(there, "heliograph_viewer_frames_decoded_total", "pilot").filter(|frames| *frames > 0.0);
    wait_for("what the browser tells", Duration::from_secs(20), decoded);
}
