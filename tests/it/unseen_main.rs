//! A rendition that nobody sees is not made: where all viewers see little, the main one ends, and it
//! is there again at once for whoever joins or is moved up.

use std::time::Duration;

use heliograph::config::{FeedConfig, FeedId, FileConfig, PathChoice, SourceConfig};

use crate::support::{elements, lines::carry, media_file::MediaFile, peer::Peer, station::SmallStation, wait_for};

const SOON: Duration = Duration::from_secs(10);
/// Who is moved up is tried on the main rendition after 10 s, and after a trial that failed 20 s later.
const AFTER_TRIALS: Duration = Duration::from_secs(50);
/// The film's; the low rendition has 360 lines.
const LARGE: u32 = 960;
const SMALL: u32 = 640;
const GOOD_KBPS: u32 = 8000;
const SLOW_KBPS: u32 = 450;
/// Two frames of the low rendition, and what a key frame takes longer than another.
const LONGEST_GAP_MS: f64 = 2.0 * 1000.0 / 15.0 + 100.0;
/// Frames by which it is known what is sent.
const STEADY: usize = 90;
/// A hiccup of the machine is no fault of the change: one round without is enough.
const ROUNDS: usize = 3;

fn wait_encoders(count: usize) {
    wait_for(&format!("{count} encoders"), SOON, || (elements::encoders_for_viewers("x264enc") == count).then_some(()));
}

/// Moves the only viewer down, until the main rendition has ended, and up again; the longest time
/// between two of its pictures on the way up.
fn down_and_up(peer: &Peer) -> f64 {
    peer.wait_frames(STEADY, SOON);
    carry(0, SLOW_KBPS);
    peer.wait_width(SMALL, SOON);
    wait_encoders(1);
    peer.wait_frames(15, SOON);
    let from = peer.seen.lock().unwrap().len() - 1;
    carry(0, GOOD_KBPS);
    peer.wait_width(LARGE, AFTER_TRIALS);
    wait_encoders(1);
    let seen = peer.seen.lock().unwrap()[from..].to_vec();
    let gap = seen.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).fold(0.0, f64::max);
    println!("the longest gap on the way up: {gap:.0} ms");
    gap
}

#[test]
fn a_main_rendition_that_nobody_sees_is_not_made() {
    elements::watch();
    let film = MediaFile::noisy();
    let station = SmallStation::start();
    let feed = FeedId::from_name("bow");
    let source = SourceConfig::File(FileConfig { path: film.path() });
    let config = FeedConfig { path: PathChoice::Transcode, ..FeedConfig::new(feed.clone(), "bow", source) };
    station.station.engine.add(config).unwrap();
    let slow = Peer::watch(&station.server, &feed);
    slow.wait_width(LARGE, SOON);
    carry(0, GOOD_KBPS);
    wait_encoders(1);
    let smooth = (0..ROUNDS).any(|_| down_and_up(&slow) <= LONGEST_GAP_MS);
    assert!(smooth, "the change was seen each time");

    slow.wait_frames(STEADY, SOON);
    carry(0, SLOW_KBPS);
    slow.wait_width(SMALL, SOON);
    wait_encoders(1);
    let other = Peer::watch(&station.server, &feed);
    other.wait_width(LARGE, SOON);
    wait_encoders(2);
    drop(other);
    wait_encoders(1);
    slow.wait_width(SMALL, SOON);
}
