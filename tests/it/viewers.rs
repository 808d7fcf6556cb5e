//! A feed reaches browsers: our own page and the unmodified npm client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::{browser::Browser, free_port, program::Program};

/// A picture that is this old on a busy two-core machine is still live.
const TOLERABLE_AGE_MS: f64 = 1000.0;

#[test]
fn the_viewer_page_shows_the_demo_camera() {
    let program = Program::serve_at(free_port(), &["--demo"], &[("RUST_LOG", "heliograph=debug")]);
    program.wait_line("Viewers: http://127.0.0.1", Duration::from_secs(10));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60 && !t.stale && t.ageMs !== null)", 20_000);

    let tile = browser.tiles(tab).remove(0);
    assert_eq!((tile.name.as_str(), tile.state.as_str()), ("Demo", "live"));
    assert_eq!((tile.width, tile.height, tile.sessions), (1280, 720, 1));
    assert!(tile.age_ms.is_some_and(|age| (0.0..TOLERABLE_AGE_MS).contains(&age)), "{tile:?}");
    the_picture_moves_and_is_as_young_as_the_page_says(&mut browser, tab);
    let short = |from: &str| format!("a session's short way is taken from=Some(\"{from}\")");
    for from in ["appsrc", "rtph264pay"] {
        assert!(program.lines().iter().any(|line| line.contains(&short(from))), "from {from}: {:?}", program.lines());
    }
}

/// Holds the age that the page shows against the clock in the picture itself.
fn the_picture_moves_and_is_as_young_as_the_page_says(browser: &mut Browser, tab: crate::support::browser::Tab) {
    let first = browser.mark(tab);
    std::thread::sleep(Duration::from_millis(500));
    let second = browser.mark(tab);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u32;
    assert!(first.ok && second.ok, "{first:?} {second:?}");
    assert!(second.counter > first.counter, "the picture stands still");
    let real_age = f64::from(now.wrapping_sub(second.clock));
    let shown_age = browser.tiles(tab)[0].age_ms.unwrap();
    // Reading the mark back takes a moment; capture in the camera comes before capture here.
    assert!(real_age < TOLERABLE_AGE_MS && (shown_age - real_age).abs() < 400.0, "{shown_age} against {real_age}");
}

#[test]
fn the_unmodified_npm_client_finds_feeds_where_it_looks_by_default() {
    let program = Program::serve_at(8443, &["--demo"], &[]);
    program.wait_line("live", Duration::from_secs(20));
    let mut browser = Browser::start();
    let tab = browser.open_npm_client(None);
    browser.wait(tab, "npmClient.producers().length === 1", 10_000);
    let producers = browser.producers(tab);
    assert_eq!(producers[0]["meta"]["name"], "Demo");
    browser.consume(tab, producers[0]["id"].as_str().unwrap());
    browser.wait(tab, "npmClient.video().then(videos => videos.some(v => v.framesDecoded > 60))", 20_000);
    let videos = browser.video(tab);
    assert_eq!((videos[0]["width"].as_u64(), videos[0]["height"].as_u64()), (Some(1280), Some(720)));
}

/// Once for each codec: the answer has to name the payload type of the offer.
#[test]
fn the_unmodified_npm_client_may_make_the_offer() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("heliograph.toml");
    let feed = |name: &str| {
        format!("[[feeds]]\nname = {name:?}\ncodec = {name:?}\npattern = \"ball\"\npattern_size = \"320x240\"\n")
    };
    let feeds: String = ["h264", "vp8", "vp9"].map(feed).concat();
    std::fs::write(&config, format!("version = 1\n{feeds}")).unwrap();
    let program = Program::serve(&["--config", config.to_str().unwrap()]);
    program.wait_line("Viewers: http://127.0.0.1", Duration::from_secs(10));
    let mut browser = Browser::start();
    let tab = browser.open_npm_client(Some(&program.url().replace("http", "ws")));
    browser.wait(tab, "npmClient.producers().length === 3", 10_000);
    for (viewing, feed) in ["h264", "vp8", "vp9"].into_iter().enumerate() {
        browser.eval(tab, &format!("npmClient.consume('{feed}', {{ offerToReceiveVideo: true }})"));
        let decodes = format!("npmClient.video().then(videos => videos[{viewing}].framesDecoded > 30)");
        browser.wait(tab, &decodes, 20_000);
        let video = &browser.video(tab)[viewing];
        assert_eq!(video["codec"].as_str().unwrap().to_lowercase(), format!("video/{feed}"));
        assert_eq!(video["errors"], serde_json::json!([]));
    }
    // Offers that are none end their own sessions, and nobody else's.
    browser.eval(tab, BAD_OFFERS);
    let before = browser.video(tab)[0]["framesDecoded"].as_u64().unwrap();
    let goes_on =
        format!("npmClient.video().then(videos => videos.every(v => v.framesDecoded > {before} + 45 && !v.closed))");
    browser.wait(tab, &goes_on, 15_000);
}

/// What somebody may offer: nothing that can be answered, formats that are none, extensions without a number.
const BAD_OFFERS: &str = r"new Promise((done) => {
    const head = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';
    const video = (more) => head + 'm=video 9 UDP/TLS/RTP/SAVPF 96 x 999999\r\na=rtpmap:96 H264/90000\r\n' + more;
    const offers = [
        'a=rtpmap:96 H264/90000',
        'm=video\r\na=rtpmap:96 H264/90000\r\n',
        video(''),
        video('a=fmtp:96 profile=0;level=x;profile-level-id=zz\r\na=sendrecv\r\n'),
        video('a=extmap:x http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n'),
        video('a=rtpmap:x H264/0\r\na=rtpmap:999999 VP8/90000\r\na=mid:\r\na=ice-ufrag:\r\na=setup:x\r\n'),
        video('m=audio 0 X 0\r\nm=application 9 X webrtc\r\n').repeat(3),
    ];
    const socket = new WebSocket(new URLSearchParams(location.search).get('signalling'));
    socket.onopen = () => {
        for (const offer of offers) socket.send(JSON.stringify({ type: 'startSession', peerId: 'h264', offer }));
        setTimeout(() => done(true), 3000);
    };
})";

#[test]
fn a_vp8_feed_reaches_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("heliograph.toml");
    std::fs::write(&config, "version = 1\n[[feeds]]\nname = \"Demo\"\ndemo = true\ncodec = \"vp8\"\n").unwrap();
    let program = Program::serve(&["--config", config.to_str().unwrap()]);
    program.wait_line("Viewers: http://127.0.0.1", Duration::from_secs(10));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60 && !t.stale)", 20_000);
    let tile = browser.tiles(tab).remove(0);
    assert_eq!((tile.width, tile.height), (1280, 720));
}
