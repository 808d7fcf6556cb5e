//! A feed that is held to another setpoint while somebody watches: presets, sizes, rates and
//! bitrates in one session, and no picture lost on the way.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use gst::prelude::*;
use heliograph::{
    config::{Codec, ElementChoice, FeedId, OrCamera, Preset, Setpoint, SetpointChange, Size, SourceAddress},
    engine::{ChangedBy, FeedCommand, FeedEvent, InForce},
    media::{
        self, FeedClock, Ingest, Rendition, RenditionPlan, choose_encoder,
        source::{DemoCamera, DemoSettings, RtspSource, Transport},
    },
};

use crate::support::{
    browser::{Browser, Tab},
    elements,
    peer::Seen,
    station::SmallStation,
    wait_for,
};

const CAMERA: Size = SmallStation::SIZE;
const FRAMERATE: u32 = SmallStation::FRAMERATE as u32;
const SMALL: Size = Size { width: 320, height: 180 };
/// A third of the camera's: every third picture passes.
const SLOW: u32 = 5;

/// For how long a picture may be seen, in frames: for two more than it always is.
const LONGEST_GAP: f64 = 3.0;
/// Frames that are looked at after a change has arrived.
const STEADY: usize = 20;
/// A busy machine may lose a picture or be late with it at any time; a change that does so does
/// it every time. So each has this many turns to show that it does not.
const ROUNDS: usize = 3;
/// What the feed starts with.
const KBPS: u32 = 1500;

/// Runs in the page: collects the marks of all frames.
const FRAME_MARKS: &str = include_str!("../browser/frame-marks.js");

/// A browser that watches one feed, and what it has seen of it.
struct Watch {
    browser: Browser,
    tab: Tab,
    feed: FeedId,
    /// All that it saw so far.
    seen: Vec<Seen>,
}

impl Watch {
    fn start(station: &SmallStation, feed: &FeedId) -> Self {
        let mut browser = Browser::start();
        let tab = browser.open_viewer(&station.server.url());
        browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 15 && !t.stale)", 20_000);
        assert_eq!(browser.eval(tab, FRAME_MARKS), 1);
        let mut watch = Self { browser, tab, feed: feed.clone(), seen: Vec::new() };
        watch.wait("steady pictures", |seen| seen.len() > STEADY);
        watch
    }

    fn seen(&mut self) -> Vec<Seen> {
        let marks = self.browser.eval(self.tab, "takeFrameMarks()");
        let new: Vec<Seen> = serde_json::from_value(marks[self.feed.as_ref()].clone()).unwrap();
        self.seen.extend(new);
        self.seen.clone()
    }

    fn wait(&mut self, what: &str, is_so: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        wait_for(what, Duration::from_secs(20), || Some(self.seen()).filter(|seen| is_so(seen)))
    }

    fn session(&mut self) -> serde_json::Value {
        self.browser.eval(self.tab, "heliograph.tiles().map(t => [t.sessionId, t.sessions])")
    }
}

/// How many of the camera's pictures lie between each frame and the one before; `None` where a
/// frame cannot be read.
fn steps(seen: &[Seen]) -> Option<Vec<u32>> {
    let counters: Vec<u32> = seen.iter().map(|seen| seen.counter).collect::<Option<_>>()?;
    Some(counters.windows(2).map(|pair| pair[1].checked_sub(pair[0]).expect("frames in order")).collect())
}

/// The encoder of the feed, not one of the camera or of a trial.
fn encoder_at_work(factory: &str) -> gst::Element {
    let is_at_work = |element: &gst::Element| element.parent().is_some_and(|pipeline| pipeline.name() == "rendition");
    elements::alive_of(factory).into_iter().find(is_at_work).expect("an encoder at work")
}

/// A change, and what a viewer should see of it.
struct Step {
    what: &'static str,
    change: SetpointChange,
    width: u32,
    /// Every how manieth of the camera's pictures comes.
    every: u32,
    kbps: u32,
}

/// A round of changes: after the last all is as before the first.
fn round() -> Vec<Step> {
    const THIRD: u32 = FRAMERATE / SLOW;
    let step = |what, change, width, every, kbps| Step { what, change, width, every, kbps };
    let small = SetpointChange::size(Some(SMALL));
    let slow = SetpointChange::framerate(Some(SLOW));
    let preset = Preset::named("ld").unwrap().change();
    vec![
        step("a smaller picture", small, SMALL.width, 1, KBPS),
        step("a slower rate", slow, SMALL.width, THIRD, KBPS),
        step("a preset, which is all three", preset, 640, 1, 400),
        step("smaller and slower", small.then(slow), SMALL.width, THIRD, 400),
        step("the camera's rate", SetpointChange::framerate(None), SMALL.width, 1, 400),
        step("the camera's size", SetpointChange::size(None), CAMERA.width, 1, 400),
        step("another bitrate", SetpointChange::bitrate(KBPS), CAMERA.width, 1, KBPS),
    ]
}

/// What is wrong with pictures of which at least every so manieth of the camera's should be there.
fn fault(what: &str, seen: &[Seen], every: u32) -> Option<String> {
    let missing = steps(seen).is_none_or(|steps| steps.iter().any(|step| *step > every));
    let gap = seen.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).fold(0.0, f64::max);
    let interval = f64::from(every) * 1000.0 / f64::from(FRAMERATE);
    println!("{what}: {} frames, the longest gap {gap:.0} ms at {interval:.0} ms a frame", seen.len());
    let is_wrong = missing || gap > LONGEST_GAP * interval;
    is_wrong.then(|| format!("{what}: a gap of {gap:.0} ms, missing or damaged: {missing}: {seen:?}"))
}

#[test]
fn every_change_arrives_in_one_session_without_a_gap() {
    elements::watch();
    let station = SmallStation::start();
    let feed = station.add("bow", |feed| feed.bitrate_kbps = KBPS);
    let mut watch = Watch::start(&station, &feed);
    let session = watch.session();
    let mut every_before = 1;
    let mut faults = vec![None; round().len()];
    for number in 0..ROUNDS {
        for (Step { what, change, width, every, kbps }, kept) in round().into_iter().zip(&mut faults) {
            let from = watch.seen().len() - 1;
            station.apply(&feed, change);
            let has_arrived = |seen: &[Seen]| {
                let Some(tail) = seen.len().checked_sub(STEADY).filter(|tail| *tail > from) else { return false };
                let tail = &seen[tail..];
                tail.iter().all(|seen| seen.width == width)
                    && steps(tail).map(|steps| steps.iter().sum()) == Some(every * (tail.len() as u32 - 1))
            };
            let seen = watch.wait(what, has_arrived);
            assert_eq!(encoder_at_work("x264enc").property::<u32>("bitrate"), kbps, "{what}");
            assert_eq!(watch.session(), session, "{what}: another session");
            let fault = fault(what, &seen[from..], every.max(every_before));
            *kept = if number == 0 { fault } else { kept.take().and(fault) };
            every_before = every;
        }
        if faults.iter().all(Option::is_none) {
            return;
        }
    }
    panic!("{:#?}", faults.into_iter().flatten().collect::<Vec<_>>());
}

/// The next setpoint that is told, and who it is from.
fn next(station: &mut SmallStation, feed: &FeedId) -> InForce {
    station.wait("another setpoint", feed, |event| match event {
        FeedEvent::Setpoint(in_force) => Some(in_force.clone()),
        _ => None,
    })
}

#[test]
fn an_agents_size_waits_for_its_time_and_nothing_else_does() {
    let mut station = SmallStation::start();
    let feed = station.add("bow", |feed| feed.bitrate_kbps = 1500);
    let start = next(&mut station, &feed);
    assert_eq!((start.setpoint.bitrate_kbps, start.by), (1500, ChangedBy::Settings));
    let agent = ChangedBy::Agent("gcc".into());
    let ask = |station: &SmallStation, change| {
        station.command(&feed, FeedCommand::Apply { change, by: agent.clone() });
    };

    ask(&station, SetpointChange::size(Some(SMALL)));
    assert_eq!(next(&mut station, &feed).setpoint.size, Some(SMALL));
    let changed = Instant::now();
    ask(&station, SetpointChange::size(None).then(SetpointChange::bitrate(900)));
    ask(&station, Preset::named("LD").unwrap().change());
    let early = next(&mut station, &feed);
    assert_eq!((early.setpoint.size, early.setpoint.bitrate_kbps), (Some(SMALL), 900));
    let early = next(&mut station, &feed);
    assert_eq!((early.setpoint.size, early.setpoint.bitrate_kbps), (Some(SMALL), 400));
    assert!(changed.elapsed() < Duration::from_secs(3), "only the size should wait");

    let late = next(&mut station, &feed);
    let waited = changed.elapsed();
    assert_eq!(late.setpoint.size, Some(Preset::named("LD").unwrap().size), "the latest should win");
    assert_eq!(late.by, agent);
    assert!(waited > Duration::from_millis(4900) && waited < Duration::from_secs(8), "{waited:?}");

    station.apply(&feed, SetpointChange::size(Some(SMALL)));
    let person = next(&mut station, &feed);
    assert_eq!((person.setpoint.size, person.by), (Some(SMALL), ChangedBy::Person));
    assert!(changed.elapsed() < waited + Duration::from_secs(3), "a person should wait for nobody");
    assert_eq!(station.station.engine.feed(&feed).unwrap().in_force.setpoint.size, Some(SMALL));
}

#[test]
fn what_is_refused_is_a_sentence_and_changes_nothing() {
    let mut station = SmallStation::start();
    let feed = station.add("bow", |feed| feed.bitrate_kbps = 1500);
    let start = next(&mut station, &feed);
    let size = |width, height| SetpointChange::size(Some(Size { width, height }));
    let fec = |percent| SetpointChange { fec_percent: Some(percent), ..SetpointChange::default() };
    let refused = [
        (SetpointChange::bitrate(0), "0 kbit/s"),
        (SetpointChange::bitrate(u32::MAX), "100000 kbit/s"),
        (size(641, 360), "641x360"),
        (size(0, 0), "0x0"),
        (size(640, 100_000), "8192 pixels"),
        (SetpointChange::framerate(Some(0)), "0 frames per second"),
        (SetpointChange::framerate(Some(1000)), "from 1 to 240"),
        (fec(101), "101 %"),
        // The good half of a bad change is not done either.
        (SetpointChange { framerate: Some(OrCamera::Set(0)), ..SetpointChange::bitrate(900) }, "0 frames"),
    ];
    for (change, named) in refused {
        let command = FeedCommand::Apply { change, by: ChangedBy::Agent("gcc".into()) };
        let sentence = station.station.engine.command(&feed, command).unwrap_err().to_string();
        assert!(sentence.contains(named) && sentence.contains("cannot be used. Choose"), "{sentence}");
    }
    // Commands are carried out in order: had one of these been done, it would be told first.
    station.apply(&feed, SetpointChange::bitrate(1600));
    let next = next(&mut station, &feed);
    assert_eq!(next.setpoint, Setpoint { bitrate_kbps: 1600, ..start.setpoint });
}

/// The times of encoded pictures.
fn times(rendition: &Rendition) -> mpsc::Receiver<gst::ClockTime> {
    let (sender, receiver) = mpsc::channel();
    let pad = rendition.stream().producer().appsink().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let _ = sender.send(info.buffer().unwrap().pts().unwrap());
        gst::PadProbeReturn::Ok
    });
    receiver
}

/// The usual time between two of the next pictures, in milliseconds, once it is this.
fn wait_interval(times: &mpsc::Receiver<gst::ClockTime>, expected: u64) -> bool {
    let mut last = times.recv_timeout(Duration::from_secs(10)).unwrap();
    let mut steady = 0;
    for _ in 0..60 {
        let next = times.recv_timeout(Duration::from_secs(10)).unwrap();
        let interval = (next - last).mseconds();
        steady = if interval.abs_diff(expected) <= expected / 4 { steady + 1 } else { 0 };
        last = next;
        if steady == 8 {
            return true;
        }
    }
    false
}

#[test]
fn every_codec_takes_another_rate_live() {
    media::init().unwrap();
    let settings = DemoSettings { width: 320, height: 180, framerate: 15, ..DemoSettings::default() };
    let camera = DemoCamera::start(settings).unwrap();
    let clock = FeedClock::new();
    let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let ingest = Ingest::start(&RtspSource::new(address, Transport::Tcp), &clock, events).unwrap();
    for codec in Codec::ALL {
        let encoder = choose_encoder(*codec, &ElementChoice::Automatic).unwrap();
        let (sender, failures) = mpsc::channel();
        let failed = move |failure| drop(sender.send(failure));
        let mut rendition = Rendition::start(&encoder, &RenditionPlan::new(500), &clock, failed).unwrap();
        rendition.connect(ingest.frames());
        let times = times(&rendition);
        for (framerate, interval) in [(None, 67), (Some(SLOW), 200), (None, 67)] {
            rendition.set_framerate(framerate);
            assert!(wait_interval(&times, interval), "{codec} by {encoder} at {framerate:?}");
        }
        assert!(failures.try_recv().is_err(), "{codec} by {encoder} failed");
    }
}
