//! A viewer whose line loses packets asks for key frames, which all get: it must not cost them.

use std::time::Duration;

use heliograph::{
    config::{FeedConfig, FeedId, FileConfig, SourceConfig},
    engine::{EngineEvent, FeedEvent},
};

use crate::support::{media_file::MediaFile, peer::Peer, station::SmallStation};

/// What the others may notice, as a part of their bitrate.
const MOST: f64 = 0.1;
const LOSS_PERCENT: u32 = 10;
/// How long is measured.
const TIME: Duration = Duration::from_secs(8);

/// The mean of what is sent to all viewers from now on, in kbit/s.
fn sent_kbps(station: &SmallStation) -> f64 {
    let mut events = station.station.engine.subscribe();
    let mut rates = Vec::new();
    station.block_on(async {
        let end = tokio::time::Instant::now() + TIME;
        while let Ok(event) = tokio::time::timeout_at(end, events.recv()).await {
            if let EngineEvent::Feed { event: FeedEvent::Stats(stats), .. } = event.unwrap() {
                rates.extend(stats.rates.sent_kbps);
            }
        }
    });
    rates.iter().sum::<f64>() / rates.len() as f64
}

#[test]
fn a_line_that_loses_packets_costs_the_other_viewers_nothing() {
    let film = MediaFile::noisy();
    let station = SmallStation::start();
    let id = FeedId::from_name("bow");
    let source = SourceConfig::File(FileConfig { path: film.path() });
    let mut feed = FeedConfig::new(id.clone(), "bow", source);
    feed.bitrate_kbps = 1000;
    station.station.engine.add(feed).unwrap();
    let good = Peer::watch(&station.server, &id);
    good.wait_frames(60, Duration::from_secs(20));
    let alone = sent_kbps(&station);

    let bad = Peer::watch_with_loss(&station.server, &id, LOSS_PERCENT);
    bad.wait_frames(60, Duration::from_secs(20));
    let (good_before, bad_before) = (good.seen.lock().unwrap().len(), bad.seen.lock().unwrap().len());
    let both = sent_kbps(&station);
    let (good_after, bad_after) = (good.seen.lock().unwrap().len(), bad.seen.lock().unwrap().len());
    println!(
        "{alone:.0} kbit/s to one, {both:.0} to both; {} and {} frames",
        good_after - good_before,
        bad_after - bad_before
    );
    assert!(good_after - good_before >= TIME.as_secs() as usize * 27, "the good line has all frames");
    // What is sent to the bad line contains what is sent again.
    let most = 2.0 * (1.0 + MOST) * alone + f64::from(LOSS_PERCENT) / 100.0 * 2.0 * alone;
    assert!(both <= most, "{both} kbit/s to both, {alone} to one");
    // It may have been moved to the low rendition, of 15 frames a second.
    assert!(bad_after - bad_before >= TIME.as_secs() as usize * 12, "the bad line has a picture");
}
