//! A feed's sound: every source of it, what is told when it is missing, and that the
//! picture never waits for it.

use std::{
    net::SocketAddr,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use gst::prelude::*;
use heliograph::{
    config::{
        AudioConfig, AudioSource, FeedConfig, KeyringStore, RtspConfig, Secrets, ServerConfig, SourceAddress,
        SourceConfig,
    },
    connector::local::LocalServer,
    engine::{EngineEvent, FeedEvent},
    media::{
        self, AudioRendition, AudioState, FeedClock, Ingest, IngestPlan,
        source::{DemoCamera, DemoSettings, DemoSound, RtspSource, Source, Transport},
    },
    station::Station,
};
use serde_json::Value;
use tokio::{runtime::Runtime, sync::broadcast::Receiver};

use crate::support::browser::{Browser, Tab};

/// Heliograph with one feed, in this process.
struct Rig {
    events: Receiver<EngineEvent>,
    server: LocalServer,
    station: Station,
    runtime: Runtime,
}

impl Rig {
    fn start(camera: &str, audio: AudioSource) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Runtime::new().unwrap();
        let station = Station::new(runtime.handle().clone(), Secrets::new(KeyringStore::without_prompts()));
        let events = station.engine.subscribe();
        let settings = ServerConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ServerConfig::default() };
        let server = runtime.block_on(station.listen(&settings)).unwrap();
        let (address, _) = SourceAddress::parse(camera).unwrap();
        let mut config = FeedConfig::new("feed".parse().unwrap(), "Feed", SourceConfig::Rtsp(RtspConfig::new(address)));
        config.keep_warm = true;
        config.audio = AudioConfig { source: audio, ..AudioConfig::default() };
        station.engine.add(config).unwrap();
        Self { events, server, station, runtime }
    }

    /// Waits until the feed's sound is as asked.
    fn wait(&mut self, what: &str, is_right: impl Fn(&AudioState) -> bool) {
        let limit = Duration::from_secs(15);
        let found = self.runtime.block_on(async {
            let right = async {
                loop {
                    if let EngineEvent::Feed { event: FeedEvent::Audio(state), .. } = self.events.recv().await.unwrap()
                        && is_right(&state)
                    {
                        return;
                    }
                }
            };
            tokio::time::timeout(limit, right).await
        });
        assert!(found.is_ok(), "waited {limit:?} in vain for {what}");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.runtime.block_on(self.station.engine.shutdown());
    }
}

fn demo(sound: DemoSound) -> DemoCamera {
    media::init().unwrap();
    let settings = DemoSettings { width: 640, height: 360, sound, flash: true, ..DemoSettings::default() };
    DemoCamera::start(settings).unwrap()
}

fn audible(rig: &Rig, browser: &mut Browser) -> Tab {
    let tab = browser.open_viewer(&rig.server.url());
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale && t.hasSound)", 20_000);
    let before =
        browser.eval(tab, "[document.querySelector('.sound').ariaPressed, document.querySelector('video').muted]");
    assert_eq!(before, serde_json::json!(["false", true]), "nothing is heard unasked");
    browser.eval(tab, KEEP_CONNECTIONS);
    browser.eval(tab, "document.querySelector('.sound').click()");
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale && t.audible && t.sessions === 2)", 20_000);
    let after =
        browser.eval(tab, "[document.querySelector('.sound').ariaPressed, document.querySelector('video').muted]");
    assert_eq!(after, serde_json::json!(["true", false]));
    tab
}

/// How far sound and picture may be apart, in milliseconds.
const LIP_SYNC_MS: f64 = 40.0;

/// Run in the page: the first before its sound is on, the second for milliseconds from flash to beep.
const KEEP_CONNECTIONS: &str = include_str!("../browser/connections.js");
const MEASURE: &str = include_str!("../browser/lip-sync.js");

fn offsets(browser: &mut Browser, tab: Tab) -> Vec<f64> {
    let found = browser.eval(tab, MEASURE);
    found.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measured once, from 3 s after the sound is on.
#[test]
fn sound_and_picture_stay_together_in_the_browser() {
    let mut browser = Browser::start();
    let camera = demo(DemoSound::Opus);
    let mut rig = Rig::start(&camera.url(), AudioSource::Camera);
    rig.wait("sound", |state| *state == AudioState::Live);
    let tab = audible(&rig, &mut browser);
    let offsets = offsets(&mut browser, tab);
    println!("from flash to beep, ms: {offsets:.1?}");
    assert!(offsets.len() >= 8, "flashes without a beep: {offsets:.1?}");
    assert!(median(offsets.clone()).abs() <= LIP_SYNC_MS, "sound and picture are apart: {offsets:.1?}");
}

#[test]
fn a_camera_without_sound_shows_its_picture_and_says_so() {
    let mut browser = Browser::start();
    let camera = demo(DemoSound::None);
    let mut rig = Rig::start(&camera.url(), AudioSource::Camera);
    rig.wait(
        "a sentence",
        |state| matches!(state, AudioState::Missing { sentence } if sentence.contains("offers no sound")),
    );
    // Silence takes the sound's place: a viewer that joins waits for nothing.
    audible(&rig, &mut browser);
}

#[test]
fn a_device_that_is_absent_is_named_and_the_picture_goes_on() {
    let mut browser = Browser::start();
    let camera = demo(DemoSound::None);
    let mut rig = Rig::start(&camera.url(), AudioSource::Device("No such microphone".into()));
    rig.wait(
        "a sentence",
        |state| matches!(state, AudioState::Missing { sentence } if sentence.contains("“No such microphone”")),
    );
    audible(&rig, &mut browser);
}

#[test]
fn a_tone_is_heard_by_the_npm_client_beside_the_picture() {
    let mut browser = Browser::start();
    let camera = demo(DemoSound::None);
    let mut rig = Rig::start(&camera.url(), AudioSource::Tone);
    rig.wait("the tone", |state| *state == AudioState::Live);
    let signalling = format!("ws://{}/", rig.server.address());
    let tab = browser.open_npm_client(Some(&signalling));
    browser.wait(tab, "npmClient.producers().length === 1", 10_000);
    browser.consume(tab, "feed");
    browser.wait(tab, "npmClient.video().then(([v]) => v.framesDecoded > 30 && v.errors.length === 0)", 20_000);
    let kinds = browser.eval(tab, "document.querySelector('video').srcObject.getTracks().map(t => t.kind).sort()");
    assert_eq!(kinds, serde_json::json!(["audio", "video"]));
    browser.wait(tab, LOUD, 10_000);
}

/// True once something is heard in the page's first video.
const LOUD: &str = "(async () => {
    const audio = new AudioContext();
    await audio.resume();
    const analyser = audio.createAnalyser();
    audio.createMediaStreamSource(document.querySelector('video').srcObject).connect(analyser);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    await audio.close();
    return samples.some((sample) => Math.abs(sample) > 0.05);
})()";

/// When flashes and beeps are, by the timestamps that leave for the viewers.
struct Timestamps {
    _ingest: Ingest,
    _audio: AudioRendition,
    flashes: mpsc::Receiver<gst::ClockTime>,
    beeps: mpsc::Receiver<gst::ClockTime>,
    listener: gst::Pipeline,
    _link: gst_utils::ConsumptionLink,
}

impl Timestamps {
    fn of(camera: &DemoCamera) -> Self {
        let clock = FeedClock::new();
        let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
        let source = Source::Rtsp(RtspSource::new(address, Transport::Tcp));
        let plan = IngestPlan { sound: true, ..IngestPlan::from(source) };
        let (events, _) = tokio::sync::mpsc::unbounded_channel();
        let ingest = Ingest::start(plan, &clock, events).unwrap();
        let config = AudioConfig { source: AudioSource::Camera, ..AudioConfig::default() };
        let mut audio = AudioRendition::start(&config, &clock, |_| {}).unwrap().unwrap();
        audio.connect(ingest.sound());
        let flashes = onsets(ingest.frames().appsink(), |frame| frame[frame.len() / 3] > 128);
        let (listener, link, beeps) = listen(audio.output(), &clock);
        Self { _ingest: ingest, _audio: audio, flashes, beeps, listener, _link: link }
    }
}

impl Drop for Timestamps {
    fn drop(&mut self) {
        self.listener.set_state(gst::State::Null).unwrap();
    }
}

/// Times of the first of several buffers that are as asked.
fn onsets(
    sink: &gst_app::AppSink,
    is_on: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
) -> mpsc::Receiver<gst::ClockTime> {
    let (sender, receiver) = mpsc::channel();
    let was_on = AtomicBool::new(true);
    sink.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer().unwrap();
        let on = is_on(&buffer.map_readable().unwrap());
        if !was_on.swap(on, Ordering::Relaxed) && on {
            let _ = sender.send(buffer.pts().unwrap());
        }
        gst::PadProbeReturn::Ok
    });
    receiver
}

/// Decodes the sound as a viewer does; tells when beeps begin, to the sample.
fn listen(
    sound: &gst_utils::StreamProducer,
    clock: &FeedClock,
) -> (gst::Pipeline, gst_utils::ConsumptionLink, mpsc::Receiver<gst::ClockTime>) {
    let pipeline = gst::Pipeline::new();
    clock.apply(&pipeline);
    let source = gst_app::AppSrc::builder().build();
    let decoder = gst::ElementFactory::make("opusdec").build().unwrap();
    let sink = gst_app::AppSink::builder().sync(false).async_(false).build();
    pipeline.add_many([source.upcast_ref::<gst::Element>(), &decoder, sink.upcast_ref()]).unwrap();
    gst::Element::link_many([source.upcast_ref::<gst::Element>(), &decoder, sink.upcast_ref()]).unwrap();
    let (sender, receiver) = mpsc::channel();
    let quiet_samples = AtomicU64::new(0);
    sink.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let channels = pad.current_caps().unwrap().structure(0).unwrap().get::<i32>("channels").unwrap() as usize;
        let buffer = info.buffer().unwrap();
        let start = buffer.pts().unwrap();
        for (place, sample) in buffer.map_readable().unwrap().chunks_exact(2 * channels).enumerate() {
            if i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() < 3000 {
                quiet_samples.fetch_add(1, Ordering::Relaxed);
            } else if quiet_samples.swap(0, Ordering::Relaxed) > 24_000 {
                let _ = sender.send(start + gst::ClockTime::from_nseconds(place as u64 * 1_000_000_000 / 48_000));
            }
        }
        gst::PadProbeReturn::Ok
    });
    let mut link = gst_utils::ConsumptionLink::disconnected(source);
    link.set_wait_for_keyframe(false);
    pipeline.set_state(gst::State::Playing).unwrap();
    link.change_producer(sound, false).unwrap();
    (pipeline, link, receiver)
}

impl Timestamps {
    /// Milliseconds from the next flash to its beep.
    fn next_offset(&self) -> f64 {
        let limit = Duration::from_secs(10);
        let flash = self.flashes.recv_timeout(limit).expect("a flash every second");
        loop {
            let beep = self.beeps.recv_timeout(limit).expect("a beep every second");
            let offset = (beep.nseconds() as f64 - flash.nseconds() as f64) / 1e6;
            if offset > -500.0 {
                return offset;
            }
        }
    }
}

#[test]
fn flash_and_beep_leave_with_the_same_time() {
    let sounds = [DemoSound::Opus, DemoSound::Aac, DemoSound::Pcmu, DemoSound::L16];
    let measure = |sound| {
        let camera = demo(sound);
        let timestamps = Timestamps::of(&camera);
        // A camera tells of its clocks within some seconds; what comes before is a guess.
        let offsets: Vec<f64> = (0..18).map(|_| timestamps.next_offset()).collect();
        println!("{sound:?}: from flash to beep, ms: {offsets:.1?}");
        median(offsets[10..].to_vec())
    };
    let medians = std::thread::scope(|scope| {
        sounds.map(|sound| scope.spawn(move || (sound, measure(sound)))).map(|thread| thread.join().unwrap())
    });
    for (sound, median) in medians {
        assert!(median.abs() <= LIP_SYNC_MS, "{sound:?}: {median} ms");
    }
}
