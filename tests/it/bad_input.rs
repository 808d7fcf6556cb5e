//! Whatever is wrong with a camera, its feed says so in a sentence with the next
//! step, in the log and on the page; other feeds do not notice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use heliograph::{
    config::SourceAddress,
    media::{
        self, FaultKind, FeedClock, Ingest, IngestEvent,
        source::{RtspSource, Transport},
    },
};

use crate::support::{
    browser::{Browser, Tab},
    camera::Camera,
    free_port,
    media_file::MediaFile,
    no_camera::NoCamera,
    program::Program,
};

/// A camera in trouble, and what has to be told of it.
struct Trouble {
    feed: &'static str,
    url: String,
    state: &'static str,
    sentence: String,
    next_step: &'static str,
}

impl Trouble {
    fn new(feed: &'static str, url: String, state: &'static str, sentence: &str, next_step: &'static str) -> Self {
        let sentence = sentence.replace("{url}", &url);
        Self { feed, url, state, sentence, next_step }
    }

    fn is_told(&self, program: &Program, browser: &mut Browser, tab: Tab) {
        let words = format!("{} {}", self.sentence, self.next_step);
        let line = program.wait_line(&words, Duration::from_secs(30));
        let named = format!("feed={} state=\"{}\"", self.feed, self.state);
        assert!(line.contains(&named), "no {named}: {line}");
        let on_page = format!(
            "heliograph.tiles().some(t => t.peerId === '{}' && t.text.includes({}))",
            self.feed,
            serde_json::to_string(&words).unwrap()
        );
        browser.wait(tab, &on_page, 10_000);
    }
}

/// Servers in all kinds of trouble.
struct Cameras {
    sound: Camera,
    mpeg4: Camera,
    locked: Camera,
    web: NoCamera,
    mute: NoCamera,
    /// Where nothing listens.
    nobody: u16,
}

impl Cameras {
    fn start() -> Self {
        Self {
            sound: Camera::vlc(free_port(), MediaFile::sound()),
            mpeg4: Camera::vlc(free_port(), MediaFile::mpeg4()),
            locked: Camera::locked(free_port(), "right"),
            web: NoCamera::web(),
            mute: NoCamera::mute(),
            nobody: free_port(),
        }
    }

    fn unreachable(&self) -> [Trouble; 4] {
        let place = |port: u16| (format!("rtsp://127.0.0.1:{port}/s"), format!("at port {port} of 127.0.0.1"));
        let (nobody, nobody_there) = place(self.nobody);
        let (web, web_there) = place(self.web.port());
        let (mute, mute_there) = place(self.mute.port());
        let backoff = |feed, url, sentence: &str, next_step| Trouble::new(feed, url, "backoff", sentence, next_step);
        [
            backoff(
                "nohost",
                "rtsp://no-such-host.invalid/s".into(),
                "The host name “no-such-host.invalid” cannot be found.",
                "Check its spelling",
            ),
            backoff("refused", nobody, &format!("Nothing listens {nobody_there}."), "Check the port"),
            backoff("web", web, &format!("What answers {web_there} does not speak RTSP."), "Check the port"),
            backoff(
                "mute",
                mute,
                &format!("What listens {mute_there} takes connections and says nothing."),
                "Check the port",
            ),
        ]
    }

    fn unwilling(&self) -> [Trouble; 5] {
        let locked = self.locked.url();
        let failed = |feed, url, sentence: &str, next_step| Trouble::new(feed, url, "failed", sentence, next_step);
        [
            failed("nologin", locked.clone(), "The camera at {url} asks for a user and a password.", "Enter both"),
            failed(
                "wrong",
                locked.replace("rtsp://", "rtsp://me:wrong@"),
                &format!("The camera at {locked} refuses this user and password."),
                "Correct them in the feed's settings;",
            ),
            Trouble::new(
                "nostream",
                locked.replace("/demo", "/nothing"),
                "backoff",
                "The camera has no stream at {url}.",
                "Look up the stream's path",
            ),
            failed(
                "sound",
                self.sound.url(),
                "The stream at {url} has no video in it.",
                "Enter the address of one of the camera's video streams.",
            ),
            failed(
                "mpeg4",
                self.mpeg4.url(),
                "The camera sends MPEG-4 Part 2, which Heliograph cannot decode.",
                "Set the camera to one of: H.264",
            ),
        ]
    }
}

#[test]
fn every_trouble_has_a_sentence_of_its_own_and_others_stay_live() {
    let cameras = Cameras::start();
    let troubles: Vec<Trouble> = cameras.unreachable().into_iter().chain(cameras.unwilling()).collect();
    let feeds: Vec<String> = troubles.iter().map(|trouble| format!("{}={}", trouble.feed, trouble.url)).collect();
    let mut args = vec!["--demo"];
    args.extend(feeds.iter().flat_map(|feed| ["--feed", feed]));
    let program = Program::serve(&args);
    program.wait_line("Viewers: http", Duration::from_secs(10));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    for trouble in &troubles {
        trouble.is_told(&program, &mut browser, tab);
    }

    browser.wait(tab, "heliograph.tiles().some(t => t.peerId === 'demo' && !t.stale && t.framesDecoded > 30)", 20_000);
    let of_demo: Vec<_> = program.lines().into_iter().filter(|line| line.contains("feed=demo state=")).collect();
    assert_eq!(of_demo.len(), 2, "the demo feed should connect, be live, and stay so: {of_demo:?}");
}

#[test]
fn a_camera_that_sends_over_one_transport_only_is_taken_as_it_is() {
    let cameras = ["tcp", "udp"].map(|transport| (transport, Camera::over(free_port(), transport)));
    let feeds = cameras.each_ref().map(|(transport, camera)| format!("{transport}={}", camera.url()));
    let program = Program::serve(&["--feed", &feeds[0], "--feed", &feeds[1]]);
    for (transport, _) in &cameras {
        program.wait_line(&format!("feed={transport} state=\"live\""), Duration::from_secs(20));
    }
}

#[test]
fn a_feed_recovers_when_the_cause_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (password, config) = (folder.path().join("password"), folder.path().join("heliograph.toml"));
    std::fs::write(&password, "wrong\n").unwrap();
    let locked = Camera::locked(free_port(), "right");
    std::fs::write(
        &config,
        format!(
            "version = 1\n[[feeds]]\nname = \"Locked\"\naddress = \"{}\"\nuser = \"me\"\npassword_file = \"{}\"\n",
            locked.url(),
            password.display()
        ),
    )
    .unwrap();
    let (web, mute) = (NoCamera::web(), NoCamera::mute());
    let ports = [web.port(), mute.port()];
    let [web_feed, mute_feed] = ports.map(|port| format!("at{port}=rtsp://127.0.0.1:{port}/demo"));
    let config = config.display().to_string();
    let program = Program::serve(&["--config", &config, "--feed", &web_feed, "--feed", &mute_feed]);

    program.wait_line("refuses this user and password", Duration::from_secs(10));
    std::fs::write(&password, "right\n").unwrap();
    program.wait_line("does not speak RTSP", Duration::from_secs(10));
    program.wait_line("takes connections and says nothing", Duration::from_secs(20));
    drop((web, mute));
    let _cameras = ports.map(|port| Camera::gstreamer(port, "640x360"));
    for port in ports {
        program.wait_line(&format!("feed=at{port} state=\"live\""), Duration::from_secs(15));
    }
    // Slow on purpose: a camera may lock out whoever is wrong too often.
    program.wait_line("feed=locked state=\"live\"", Duration::from_secs(70));
}

#[test]
fn a_wrong_password_is_not_sent_again_and_again() {
    let guesses = Arc::new(AtomicUsize::new(0));
    let camera = NoCamera::distrustful(guesses.clone());
    let program = Program::serve(&["--feed", &format!("bow=rtsp://me:wrong@127.0.0.1:{}/s", camera.port())]);
    program.wait_line("refuses this user and password", Duration::from_secs(10));
    std::thread::sleep(Duration::from_secs(5));
    let guesses = guesses.load(Ordering::Relaxed);
    assert!((1..=2).contains(&guesses), "{guesses} times; many a camera locks out whoever is wrong too often");
}

#[tokio::test]
async fn a_transport_that_the_camera_refuses_is_named() {
    media::init().unwrap();
    for (offered, asked) in [("tcp", Transport::Udp), ("udp", Transport::Tcp)] {
        let camera = Camera::over(free_port(), offered);
        let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
        let source = RtspSource::new(address, asked);
        let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
        let _ingest = Ingest::start(&source, &FeedClock::new(), events).unwrap();
        let fault = loop {
            if let IngestEvent::Fault(fault) = told.recv().await.unwrap() {
                break fault;
            }
        };
        assert_eq!(fault.kind, FaultKind::NoTransport, "{fault} {}", fault.detail);
        assert_eq!(fault.message, format!("The camera at {} does not send over {asked}.", camera.url()));
    }
}
