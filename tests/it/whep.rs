//! Players that speak WHEP, on a page of another origin: one that does what the draft says, and one from npm.

use std::time::{Duration, Instant};

use heliograph::{
    config::{AudioSource, FeedConfig, FeedId, PathChoice, ServerConfig, Size, Token},
    connector::local::LocalServer,
    engine::{FeedEvent, FeedState},
};
use serde_json::{Value, json};

use crate::support::{
    browser::{Browser, Tab},
    elements::{self, encoders_for_viewers},
    lines::carry,
    station::SmallStation,
    wait_for,
};

const TOKEN: &str = "planted-token-for-tests";
/// How long a feed runs on while nobody watches.
const LINGER: Duration = Duration::from_millis(500);
/// A player that says nothing any more is gone by then: the program's limit, and what its reports are late.
const GONE_WITHIN: Duration = Duration::from_secs(22);

/// A feed that rests, a server that asks for a token, and a page with players.
struct Scene {
    small: SmallStation,
    server: LocalServer,
    feed: FeedId,
    browser: Browser,
    tab: Tab,
}

impl Scene {
    fn start(audio: AudioSource) -> Self {
        Self::start_with(SmallStation::SIZE, |feed| feed.audio.source = audio)
    }

    fn start_with(size: Size, change: impl FnOnce(&mut FeedConfig)) -> Self {
        elements::watch();
        let mut small = SmallStation::start_of(size, 1);
        small.station.engine.rest_after(LINGER);
        let listen = "127.0.0.1:0".parse().unwrap();
        let settings = ServerConfig { listen, token: Some(Token::new(TOKEN).unwrap()), ..ServerConfig::default() };
        let server = small.block_on(small.station.listen(&settings)).unwrap();
        let feed = small.add("bow", |feed| {
            feed.keep_warm = false;
            change(feed);
        });
        wait_rest(&mut small, &feed);
        let mut browser = Browser::start();
        let tab = browser.open(&json!({ "do": "open", "kind": "whep" }));
        browser.wait(tab, "window.whep !== undefined", 10_000);
        Self { small, server, feed, browser, tab }
    }

    fn address(&self, path: &str) -> String {
        format!("{}whep/{path}", self.server.url())
    }

    fn play(&mut self, player: &str, path: &str) -> Value {
        let address = self.address(path);
        let begun = Instant::now();
        let answer = self.browser.eval(self.tab, &format!("whep.play('{player}', '{address}', '{TOKEN}')"));
        self.browser.wait(self.tab, "whep.decoded().then(frames => frames > 30)", 30_000);
        println!("{player}: 30 pictures {:?} after it was asked to play", begun.elapsed());
        answer
    }

    fn stop(&mut self) -> Value {
        let answer = self.browser.eval(self.tab, "whep.stop()");
        wait_rest(&mut self.small, &self.feed);
        wait_for("the end of the encoder", Duration::from_secs(5), || {
            (encoders_for_viewers("x264enc") == 0).then_some(())
        });
        answer
    }

    /// What the server says to the page that asks for something.
    fn ask(&mut self, address: &str, options: &Value) -> Value {
        self.browser.eval(self.tab, &format!("whep.ask('{address}', {options})"))
    }
}

fn wait_rest(small: &mut SmallStation, feed: &FeedId) {
    wait_for("the feed to rest", GONE_WITHIN + Duration::from_secs(10), || {
        matches!(small.station.engine.feed(feed).unwrap().state, FeedState::Standby).then_some(())
    });
}

#[test]
fn players_of_another_origin_wake_a_feed_and_leave_it() {
    let mut scene = Scene::start(AudioSource::None);
    let answer = scene.play("plain", "bow?name=bridge");
    assert_eq!((&answer["status"], &answer["trickled"]), (&json!(201), &json!(204)), "{answer}");
    assert_eq!(encoders_for_viewers("x264enc"), 1);
    let feed = scene.feed.clone();
    scene.small.wait("the player among the viewers", &feed, |event| match event {
        FeedEvent::Stats(sample) => {
            let mut viewers = sample.viewers.iter();
            viewers.any(|viewer| viewer.viewer.as_deref() == Some("bridge") && viewer.rendition.is_some()).then_some(())
        }
        _ => None,
    });
    assert_eq!(scene.stop(), json!([200, 404]));

    scene.play("packaged", "bow");
    scene.stop();
    let log = scene.browser.log(scene.tab);
    assert!(!log.to_string().contains("response: "), "{log}");

    scene.play("plain", "bow");
    scene.browser.eval(scene.tab, "void (location.href = 'about:blank')");
    let left = Instant::now();
    wait_rest(&mut scene.small, &feed);
    println!("gone {:?} after it vanished", left.elapsed());
    assert!(left.elapsed() < GONE_WITHIN + LINGER, "{:?}", left.elapsed());
}

#[test]
fn a_page_is_told_why_nothing_is_played() {
    let mut scene = Scene::start(AudioSource::Tone);
    let post = |token: &str, kind: &str, body: &str| json!({ "method": "POST", "body": body, "headers": { "authorization": token, "content-type": kind } });
    let bearer = format!("Bearer {TOKEN}");
    let bow = scene.address("bow");
    let cases = [
        (bow.clone(), post("Bearer wrong", "application/sdp", "v=0"), 401, "not the right one"),
        (bow.clone(), post(&bearer, "application/json", "{}"), 415, "application/sdp"),
        (bow.clone(), post(&bearer, "application/sdp", "hello"), 400, "no offer"),
        (scene.address("stern"), post(&bearer, "application/sdp", "v=0"), 404, "no feed “stern”"),
    ];
    for (address, options, status, words) in cases {
        let answer = scene.ask(&address, &options);
        assert!(answer["status"] == status && answer["text"].as_str().unwrap().contains(words), "{answer}");
    }
    // Offers that look like some, and of which few can be answered: each is in time, and ends nothing else.
    scene.play("plain", "bow");
    let offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n";
    let fingerprint = ["AB"; 32].join(":");
    let whole = format!(
        "{offer}a=mid:0\r\na=rtcp-mux\r\na=setup:actpass\r\na=fingerprint:sha-256 {fingerprint}\r\na=ice-ufrag:abcd\r\n\
         a=ice-pwd:0123456789012345678901\r\n"
    );
    let numbers = whole.replace("96", "99999");
    let extension = format!("{whole}a=extmap:x urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:\r\n");
    for (odd, statuses) in [(offer, &[422][..]), (&whole, &[201]), (&numbers, &[422]), (&extension, &[201, 422])] {
        let asked = Instant::now();
        let answer = scene.ask(&bow, &post(&bearer, "application/sdp", odd));
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
        assert!(statuses.iter().any(|status| answer["status"] == *status), "{answer} to {odd}");
    }
    let before = scene.browser.eval(scene.tab, "whep.decoded()").as_u64().unwrap();
    scene.browser.wait(scene.tab, &format!("whep.decoded().then(frames => frames > {before} + 30)"), 15_000);
    scene.browser.wait(scene.tab, "whep.heard().then(packets => packets > 30)", 10_000);
    assert_eq!(scene.browser.eval(scene.tab, "whep.stop()"), json!([200, 404]));
}

#[test]
fn a_slow_player_is_moved_to_a_small_picture_and_back() {
    // Large enough that a small one is worth making.
    let large = Size { width: 1280, height: 720 };
    let mut scene = Scene::start_with(large, |feed| feed.path = PathChoice::Automatic);
    scene.play("plain", "bow");
    for (kbps, width) in [(8000, 1280), (100, 640), (8000, 1280)] {
        carry(0, kbps);
        scene.browser.wait(scene.tab, &format!("whep.width().then(width => width === {width})"), 20_000);
    }
    assert_eq!(scene.stop(), json!([200, 404]));
}
