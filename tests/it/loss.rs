//! A viewer whose line loses packets asks for key frames, which all get: it must not cost them.

use std::time::Duration;

use heliograph::{
    config::{FeedConfig, FeedId, FileConfig, RenditionRole, SourceConfig},
    engine::{EngineEvent, FeedEvent},
    stats::{KeyFrames, StreamSample},
};
use tokio::sync::broadcast::Receiver;

use crate::support::{media_file::MediaFile, peer::Peer, station::SmallStation};

/// What the others may notice, as a part of their bitrate.
const MOST: f64 = 0.1;
const LOSS_PERCENT: u32 = 10;
/// How long is measured.
const TIME: Duration = Duration::from_secs(8);

/// What a viewer is sent over some time.
struct Sent {
    kbps: f64,
    /// Requests for a key frame, and the key frames that were made.
    asked: u64,
    made: u64,
}

/// The next sample in which this session's picture is, if it has one; any session's otherwise.
async fn sample(events: &mut Receiver<EngineEvent>, session: Option<&str>) -> (String, StreamSample, KeyFrames) {
    loop {
        let EngineEvent::Feed { event: FeedEvent::Stats(stats), .. } = events.recv().await.unwrap() else { continue };
        let main = stats.encodings.iter().find(|encoding| encoding.rendition == RenditionRole::Main);
        let viewer = stats.viewers.iter().find(|viewer| session.is_none_or(|session| session == viewer.session));
        if let (Some(main), Some(viewer)) = (main, viewer)
            && let Some(picture) = &viewer.picture
        {
            return (viewer.session.clone(), picture.clone(), main.key_frames);
        }
    }
}

/// What is sent to this viewer from now on.
fn sent_to(station: &SmallStation, session: &str) -> Sent {
    let mut events = station.station.engine.subscribe();
    station.block_on(async {
        let (_, first, before) = sample(&mut events, Some(session)).await;
        tokio::time::sleep(TIME).await;
        let mut events = station.station.engine.subscribe();
        let (_, last, after) = sample(&mut events, Some(session)).await;
        let bits = (last.outbound.bytes_sent - first.outbound.bytes_sent) as f64 * 8.0;
        let kbps = bits / (last.timestamp - first.timestamp) / 1000.0;
        Sent { kbps, asked: after.asked - before.asked, made: after.made - before.made }
    })
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
    let session = station.block_on(async { sample(&mut station.station.engine.subscribe(), None).await.0 });
    let alone = sent_to(&station, &session);

    let bad = Peer::watch_with_loss(&station.server, &id, LOSS_PERCENT);
    bad.wait_frames(60, Duration::from_secs(20));
    let (good_before, bad_before) = (good.seen.lock().unwrap().len(), bad.seen.lock().unwrap().len());
    let beside = sent_to(&station, &session);
    let (good_after, bad_after) = (good.seen.lock().unwrap().len(), bad.seen.lock().unwrap().len());
    println!(
        "{:.0} kbit/s alone, {:.0} beside it, {} key frames, {} were asked for; {} and {} frames",
        alone.kbps,
        beside.kbps,
        beside.made,
        beside.asked,
        good_after - good_before,
        bad_after - bad_before
    );
    assert!(good_after - good_before >= TIME.as_secs() as usize * 27, "the good line has all frames");
    let change = beside.kbps / alone.kbps - 1.0;
    assert!(change.abs() <= MOST, "{:.0} kbit/s alone, {:.0} beside a bad line", alone.kbps, beside.kbps);
    // Requests are merged: two a second at most.
    assert!(beside.made <= 2 * TIME.as_secs() + 1, "{} key frames", beside.made);
    // It may have been moved to the low rendition, of 15 frames a second.
    assert!(bad_after - bad_before >= TIME.as_secs() as usize * 12, "the bad line has a picture");
}
