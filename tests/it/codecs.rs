//! Every codec as viewers get it: each picture once and young, through a change of its size
//! and of its bitrate, in one session.
//!
//! All codecs at once, on one camera. Chromium decodes what it can; H.265, which it decodes only
//! with hardware, goes to GStreamer's own peer.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use gst::prelude::*;
use heliograph::config::{Codec, ElementChoice, FeedId, SetpointChange, Size};

use crate::support::{
    browser::{Browser, Tab},
    elements,
    peer::{Peer, Seen},
    station::SmallStation,
    wait_for,
};

const FRAMERATE: u16 = SmallStation::FRAMERATE;
/// Five encoders, five decoders and a browser share the machine: small, and smaller.
const LARGE: Size = SmallStation::SIZE;
const SMALL: Size = Size { width: 320, height: 180 };
const KBPS: u32 = 800;
const FEWER_KBPS: u32 = 300;

/// As many frames in a row show a part: before the changes, between them, after them.
const STEADY: usize = 100;
/// What may be missing at a change.
const GAP: i64 = FRAMERATE as i64;
/// How old a picture may be once it is decoded, in milliseconds: two frames.
const OLDEST_MS: u32 = 2 * 1000 / FRAMERATE as u32;
/// How long the frames of a part are waited for. A camera, five encoders, five decoders, a browser
/// and whatever else runs share the cores, and now and then a frame has to wait for its turn: the
/// row begins anew behind it. Behind an encoder that holds frames back it would never begin.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often viewers are asked what they saw.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs in the page: collects the marks of all frames.
const FRAME_MARKS: &str = include_str!("../browser/frame-marks.js");

fn id(codec: Codec) -> FeedId {
    FeedId::from_name(codec.key())
}

fn add(station: &SmallStation, codec: Codec, encoder: ElementChoice) -> FeedId {
    station.add(codec.key(), |feed| {
        feed.codec = codec;
        feed.encoder = encoder;
        feed.bitrate_kbps = KBPS;
        // Told, so that it is not taken for the usual size when the machine is shared out.
        feed.picture.size = Some(LARGE);
    })
}

/// All viewers, and what each saw so far.
struct Viewers {
    browser: Browser,
    tab: Tab,
    peer: Peer,
    seen: BTreeMap<Codec, Vec<Seen>>,
}

impl Viewers {
    fn look(&mut self) {
        let mut marks = self.browser.eval(self.tab, "takeFrameMarks()");
        for codec in IN_CHROMIUM {
            let new: Vec<Seen> = serde_json::from_value(marks[id(codec).as_ref()].take()).unwrap();
            self.seen.entry(codec).or_default().extend(new);
        }
        self.seen.insert(Codec::H265, self.peer.seen.lock().unwrap().clone());
    }

    /// How many frames each saw.
    fn counts(&mut self) -> BTreeMap<Codec, usize> {
        self.look();
        self.seen.iter().map(|(codec, seen)| (*codec, seen.len())).collect()
    }

    /// Waits until each saw as many frames in a row of this size, from now on.
    fn wait_steady(&mut self, part: &str, size: Size) {
        let from = self.counts();
        let end = Instant::now() + PATIENCE;
        loop {
            std::thread::sleep(LOOK_EVERY);
            self.look();
            let rows: Vec<_> =
                self.seen.iter().map(|(codec, seen)| (codec, steady_row(&seen[from[codec]..], size))).collect();
            if rows.iter().all(|(_, row)| row.is_ok()) {
                for (codec, row) in &rows {
                    println!("{codec} {part}: {}", row.as_ref().unwrap());
                }
                return;
            }
            assert!(Instant::now() < end, "{part}: {STEADY} frames in a row were waited for in vain: {rows:?}");
        }
    }
}

/// Frames in a row.
#[derive(Debug)]
struct Row {
    /// Frames that were looked at until it was long enough.
    looked_at: usize,
    /// Rows that were begun, this one included.
    begun: usize,
    oldest_ms: u32,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { looked_at, begun, oldest_ms } = self;
        write!(f, "{STEADY} in a row after {looked_at} frames, {begun} begun, the oldest {oldest_ms} ms")
    }
}

/// How far the rows came that were not long enough.
#[derive(Debug)]
#[expect(dead_code, reason = "shown when the test fails")]
struct TooShort {
    looked_at: usize,
    longest: usize,
    median_ms: Option<u32>,
}

/// The first row that is long enough: each frame young and of this size, each the next or, where
/// one was missed, the next but one.
fn steady_row(seen: &[Seen], size: Size) -> Result<Row, TooShort> {
    let (mut length, mut longest, mut begun) = (0, 0, 0);
    for (index, frame) in seen.iter().enumerate() {
        let goes_on = length > 0 && steps(&seen[index - 1], frame).is_some_and(|steps| (1..=2).contains(&steps));
        if frame.age_ms > OLDEST_MS || frame.width != size.width || frame.counter.is_none() {
            length = 0;
            continue;
        }
        if !goes_on {
            length = 0;
            begun += 1;
        }
        length += 1;
        longest = longest.max(length);
        if length == STEADY {
            let row = &seen[index + 1 - length..=index];
            let oldest_ms = row.iter().map(|frame| frame.age_ms).max().unwrap();
            return Ok(Row { looked_at: index + 1, begun, oldest_ms });
        }
    }
    let mut ages: Vec<u32> = seen.iter().map(|frame| frame.age_ms).collect();
    ages.sort_unstable();
    Err(TooShort { looked_at: seen.len(), longest, median_ms: ages.get(ages.len() / 2).copied() })
}

/// From one frame to the other, where both can be read.
fn steps(before: &Seen, after: &Seen) -> Option<i64> {
    Some(i64::from(after.counter?) - i64::from(before.counter?))
}

#[test]
fn frames_that_are_late_or_shown_twice_are_no_steady_row() {
    let young = OLDEST_MS - 30;
    let frames = |count, age_ms| {
        (0..count).map(move |counter| Seen { counter: Some(counter), age_ms, width: LARGE.width, at_ms: 0.0 })
    };
    let row = |frames: &[Seen]| steady_row(frames, LARGE).map(|row| (row.looked_at, row.begun));
    let steady: Vec<Seen> = frames(250, young).collect();
    assert_eq!(row(&steady).unwrap(), (STEADY, 1));
    let changed = |change: &dyn Fn(&mut Seen)| {
        let mut frames = steady.clone();
        change(&mut frames[50]);
        row(&frames).unwrap()
    };
    assert_eq!(changed(&|frame| frame.age_ms = OLDEST_MS + 1), (STEADY + 51, 2), "late");
    assert_eq!(changed(&|frame| frame.counter = None), (STEADY + 51, 2), "unreadable");
    assert_eq!(changed(&|frame| frame.width = SMALL.width), (STEADY + 51, 2), "of another size");
    assert_eq!(changed(&|frame| frame.counter = Some(49)), (STEADY + 50, 2), "shown twice");

    // An encoder that holds one frame back, and a viewer that sees every third only.
    let held: Vec<Seen> = frames(250, young + 1000 / u32::from(FRAMERATE)).collect();
    assert_eq!(row(&held).unwrap_err().longest, 0);
    let rare: Vec<Seen> = steady.into_iter().step_by(3).collect();
    assert_eq!(row(&rare).unwrap_err().longest, 1);
}

const IN_CHROMIUM: [Codec; 4] = [Codec::H264, Codec::Vp8, Codec::Vp9, Codec::Av1];

fn viewers(station: &SmallStation) -> Viewers {
    let peer = Peer::watch_taking(&station.server, &id(Codec::H265), &[Codec::H265]);
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    browser.wait(
        tab,
        "heliograph.tiles().filter(t => t.peerId !== 'h265' && t.framesDecoded > 15 && !t.stale).length === 4",
        20_000,
    );
    wait_for("a picture at GStreamer's peer", Duration::from_secs(10), || peer.seen.lock().unwrap().first().copied());
    // Of the feed in H.265 it gets H.264, which is looked at elsewhere.
    let watched = browser.eval(tab, FRAME_MARKS).as_u64().unwrap();
    assert!(watched >= IN_CHROMIUM.len() as u64, "{watched}");
    Viewers { browser, tab, peer, seen: BTreeMap::new() }
}

/// No frame twice, none out of order, none unreadable, whatever is changed meanwhile; and no
/// longer gap than it takes to start anew.
fn is_continuous(codec: Codec, seen: &[Seen]) {
    for (index, pair) in seen.windows(2).enumerate() {
        let steps =
            steps(&pair[0], &pair[1]).unwrap_or_else(|| panic!("{codec}: a mark that cannot be read: {pair:?}"));
        let around = &seen[index.saturating_sub(5)..seen.len().min(index + 7)];
        assert!((1..=GAP).contains(&steps), "{codec}: {pair:?} among {around:?}");
        assert!(pair[0].width >= pair[1].width, "{codec}: large again: {pair:?}");
    }
}

#[test]
fn every_codec_reaches_viewers_through_changes_of_size_and_bitrate() {
    let station = SmallStation::start();
    let feeds: Vec<FeedId> = Codec::ALL.iter().map(|codec| add(&station, *codec, ElementChoice::Automatic)).collect();
    let command_all = |change| feeds.iter().for_each(|feed| station.apply(feed, change));
    let mut viewers = viewers(&station);
    let sessions = "heliograph.tiles().map(t => t.peerId === 'h265' ? null : t.sessionId)";
    let sessions_before = viewers.browser.eval(viewers.tab, sessions);

    // The peer has seen its first frame earlier, and maybe missed some since.
    let start = viewers.counts();
    viewers.wait_steady("before", LARGE);
    command_all(SetpointChange::size(Some(SMALL)));
    viewers.wait_steady("with another size", SMALL);
    command_all(SetpointChange::bitrate(FEWER_KBPS));
    viewers.wait_steady("with another bitrate", SMALL);

    assert_eq!(viewers.browser.eval(viewers.tab, sessions), sessions_before, "a session was lost");
    for (codec, seen) in &viewers.seen {
        is_continuous(*codec, &seen[start[codec]..]);
    }
}

/// An encoder that takes a bitrate only when it is built is built anew, behind the same session.
#[test]
fn a_bitrate_that_needs_another_encoder_keeps_the_session() {
    let name = "svtav1enc";
    elements::watch();
    let mut station = SmallStation::start();
    let feed = add(&station, Codec::Av1, ElementChoice::Named(name.into()));
    assert_eq!(station.wait_encoder(&feed).0, name);
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    let decoded = |more: u64| format!("heliograph.tiles().some(t => t.framesDecoded > {more} && !t.stale)");
    browser.wait(tab, &decoded(15), 20_000);
    let session = browser.eval(tab, "heliograph.tiles()[0].sessionId");

    station.apply(&feed, SetpointChange::bitrate(FEWER_KBPS));
    wait_for("an encoder of the new bitrate alone", Duration::from_secs(5), || {
        let rates: Vec<u32> =
            elements::alive_of(name).iter().map(|encoder| encoder.property("target-bitrate")).collect();
        (rates == [FEWER_KBPS]).then_some(())
    });
    let so_far = browser.eval(tab, "heliograph.tiles()[0].framesDecoded").as_u64().unwrap();
    browser.wait(tab, &decoded(so_far + 30), 10_000);
    assert_eq!(browser.eval(tab, "heliograph.tiles()[0].sessionId"), session);
}
