//! A viewer whose line loses packets asks for key frames, which all get: it must not cost them.

use std::time::Duration;

use heliograph::{
    config::{FeedConfig, FeedId, FileConfig, SourceConfig},
    engine::FeedEvent,
};

use crate::support::{media_file::MediaFile, peer::Peer, station::SmallStation};

/// What the others may notice, as a part of their bitrate.
const MOST: f64 = 0.1;
const LOSS_PERCENT: u32 = 10;
/// How long is measured, in statistics of a second each.
const SECONDS: usize = 8;

/// The mean of what was sent to all viewers in so many seconds, in kbit/s.
fn sent_kbps(station: &mut SmallStation, feed: &FeedId) -> f64 {
    let rates = (0..SECONDS).map(|_| {
        station.wait("statistics", feed, |event| match event {
            FeedEvent::Stats(stats) => Some(stats.sent_kbps),
            _ => None,
        })
    });
    rates.sum::<f64>() / SECONDS as f64
}

#[test]
fn a_line_that_loses_packets_costs_the_other_viewers_nothing() {
    let film = MediaFile::noisy();
    let mut station = SmallStation::start();
    let id = FeedId::from_name("bow");
    let source = SourceConfig::File(FileConfig { path: film.path() });
    let mut feed = FeedConfig::new(id.clone(), "bow", source);
    feed.bitrate_kbps = 1000;
    station.station.engine.add(feed).unwrap();
    let good = Peer::watch(&station.server, &id);
    good.wait_frames(60, Duration::from_secs(20));
    let alone = sent_kbps(&mut station, &id);

    let bad = Peer::watch_with_loss(&station.server, &id, LOSS_PERCENT);
    bad.wait_frames(60, Duration::from_secs(20));
    let (good_before, bad_before) = (good.seen.lock().unwrap().len(), bad.seen.lock().unwrap().len());
    let both = sent_kbps(&mut station, &id);
    let (good_after, bad_after) = (good.seen.lock().unwrap().len(), bad.seen.lock().unwrap().len());
    println!(
        "{alone:.0} kbit/s to one, {both:.0} to both; {} and {} frames",
        good_after - good_before,
        bad_after - bad_before
    );
    assert!(good_after - good_before >= SECONDS * 27, "the good line has all frames");
    // What is sent to the bad line contains what is sent again.
    let most = 2.0 * (1.0 + MOST) * alone + f64::from(LOSS_PERCENT) / 100.0 * 2.0 * alone;
    assert!(both <= most, "{both} kbit/s to both, {alone} to one");
    assert!(bad_after - bad_before >= SECONDS * 20, "the bad line has most frames");
}
