//! Every codec as viewers get it: each picture once and young, through a change of its size
//! and of its bitrate, in one session.
//!
//! All codecs at once, on one camera. Chromium decodes what it can; H.265, which it decodes only
//! with hardware, goes to GStreamer's own peer.

use std::time::Duration;

use gst::prelude::*;
use heliograph::{
    config::{Codec, ElementChoice, FeedId, Size},
    engine::FeedCommand,
};

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

/// Frames that are looked at before and after each change.
const STEADY: usize = 100;
/// Frames after a change that may be late: the first is a key frame, which is several times as
/// large as the others and takes as much longer to be made, sent and decoded.
const SETTLING: usize = FRAMERATE as usize;
/// What may be missing at a change.
const GAP: u32 = FRAMERATE as u32;
/// How old a picture may be once it is decoded, in milliseconds: two frames.
const OLDEST_MS: u32 = 2 * 1000 / FRAMERATE as u32;
/// Of a hundred pictures this many may be older: a camera, five encoders, five decoders, a browser
/// and whatever else runs share the cores, and now and then one has to wait for its turn.
const LATE: usize = 25;
/// And this is how old none may be, in milliseconds: older is stuck, and not only late.
const STUCK_MS: u32 = 1000;

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

/// All viewers: what each saw so far, by codec.
struct Viewers {
    browser: Browser,
    tab: Tab,
    peer: Peer,
}

impl Viewers {
    fn seen(&mut self) -> Vec<(Codec, Vec<Seen>)> {
        let marks = self.browser.eval(self.tab, "frameMarks");
        let of_page = |codec: Codec| (codec, serde_json::from_value(marks[id(codec).as_ref()].clone()).unwrap());
        let mut all: Vec<_> = IN_CHROMIUM.iter().copied().map(of_page).collect();
        all.push((Codec::H265, self.peer.seen.lock().unwrap().clone()));
        all
    }

    /// How many frames each saw, once it is so for all.
    fn wait(&mut self, what: &str, is_so: impl Fn(usize, &[Seen]) -> bool) -> Vec<usize> {
        let limit = Duration::from_secs(20);
        wait_for(what, limit, || {
            let seen = self.seen();
            seen.iter().enumerate().all(|(viewer, (_, seen))| is_so(viewer, seen)).then(|| counts(&seen))
        })
    }

    /// Waits for enough frames to look at, after some more to settle.
    fn wait_steady(&mut self, from: &[usize]) -> Vec<usize> {
        self.wait("steady frames", |viewer, seen| seen.len() >= from[viewer] + SETTLING + STEADY)
    }
}

fn counts(seen: &[(Codec, Vec<Seen>)]) -> Vec<usize> {
    seen.iter().map(|(_, seen)| seen.len()).collect()
}

const IN_CHROMIUM: [Codec; 4] = [Codec::H264, Codec::Vp8, Codec::Vp9, Codec::Av1];

fn viewers(station: &SmallStation) -> Viewers {
    let peer = Peer::watch(&station.server, &id(Codec::H265));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    browser.wait(tab, "heliograph.tiles().filter(t => t.framesDecoded > 15 && !t.stale).length === 4", 20_000);
    wait_for("a picture at GStreamer's peer", Duration::from_secs(10), || peer.seen.lock().unwrap().first().copied());
    assert_eq!(browser.eval(tab, FRAME_MARKS), IN_CHROMIUM.len());
    Viewers { browser, tab, peer }
}

/// Hardly any older than two frames.
fn is_steady(codec: Codec, part: &str, seen: &[Seen]) {
    let oldest = seen.iter().map(|seen| seen.age_ms).max().unwrap();
    let missing = seen[seen.len() - 1].counter.unwrap() - seen[0].counter.unwrap() + 1 - seen.len() as u32;
    println!("{codec} {part}: {} frames, {missing} missing, the oldest {oldest} ms", seen.len());
    let late: Vec<_> = seen.iter().filter(|seen| seen.age_ms > OLDEST_MS).collect();
    assert!(late.len() * 100 <= seen.len() * LATE, "{codec} {part}: older than {OLDEST_MS} ms: {late:?}");
    assert!(oldest <= STUCK_MS, "{codec} {part}: {late:?}");
}

/// No frame twice, none out of order, none unreadable, whatever is changed meanwhile; and no
/// longer gap than it takes to start anew.
fn is_continuous(codec: Codec, seen: &[Seen]) {
    for pair in seen.windows(2) {
        let (Some(before), Some(after)) = (pair[0].counter, pair[1].counter) else {
            panic!("{codec}: a mark that cannot be read: {pair:?}");
        };
        assert!(before < after && after - before <= GAP, "{codec}: {pair:?}");
    }
}

#[test]
fn every_codec_reaches_viewers_through_changes_of_size_and_bitrate() {
    let station = SmallStation::start();
    let feeds: Vec<FeedId> = Codec::ALL.iter().map(|codec| add(&station, *codec, ElementChoice::Automatic)).collect();
    let command_all = |command| feeds.iter().for_each(|feed| station.command(feed, command));
    let mut viewers = viewers(&station);
    let sessions = "heliograph.tiles().map(t => t.peerId === 'h265' ? null : t.sessionId)";
    let sessions_before = viewers.browser.eval(viewers.tab, sessions);

    let start = counts(&viewers.seen());
    let before = viewers.wait_steady(&start);
    command_all(FeedCommand::SetSize { size: Some(SMALL) });
    let changed =
        viewers.wait("the smaller picture", |_, seen| seen.last().is_some_and(|seen| seen.width == SMALL.width));
    let resized = viewers.wait_steady(&changed);
    command_all(FeedCommand::SetBitrate { kbps: FEWER_KBPS });
    let end = viewers.wait_steady(&resized);

    assert_eq!(viewers.browser.eval(viewers.tab, sessions), sessions_before, "a session was lost");
    for (viewer, (codec, seen)) in viewers.seen().iter().enumerate() {
        let part = |from: &[usize], to: &[usize]| &seen[from[viewer] + SETTLING..to[viewer]];
        is_continuous(*codec, &seen[start[viewer]..]);
        is_steady(*codec, "before", part(&start, &before));
        is_steady(*codec, "with another size", part(&changed, &resized));
        is_steady(*codec, "with another bitrate", part(&resized, &end));
        assert!(part(&start, &before).iter().all(|seen| seen.width == LARGE.width), "{codec}");
        assert!(part(&changed, &end).iter().all(|seen| seen.width == SMALL.width), "{codec}");
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

    station.command(&feed, FeedCommand::SetBitrate { kbps: FEWER_KBPS });
    wait_for("an encoder of the new bitrate alone", Duration::from_secs(5), || {
        let rates: Vec<u32> =
            elements::alive_of(name).iter().map(|encoder| encoder.property("target-bitrate")).collect();
        (rates == [FEWER_KBPS]).then_some(())
    });
    let so_far = browser.eval(tab, "heliograph.tiles()[0].framesDecoded").as_u64().unwrap();
    browser.wait(tab, &decoded(so_far + 30), 10_000);
    assert_eq!(browser.eval(tab, "heliograph.tiles()[0].sessionId"), session);
}
