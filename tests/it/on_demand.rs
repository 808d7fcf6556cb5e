//! Nothing runs that nobody watches, and what somebody asks for is there soon.

use std::time::Duration;

use heliograph::{
    config::{FeedId, PathChoice},
    engine::{FeedCommand, FeedEvent, FeedState},
};

use crate::support::{
    browser::Browser,
    elements::{self, alive_of, encoders_for_viewers},
    station::SmallStation,
    wait_for,
};

/// How long these feeds run on while nobody watches.
const LINGER: Duration = Duration::from_millis(1500);
/// From the page's first moment to its first decoded frame.
const PICTURE_WITHIN: Duration = Duration::from_secs(3);
/// How long the end of what ran takes, once nobody watches and the time is over.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

/// What is in use for feeds: encoders, sources, connections at the camera.
fn in_use(small: &SmallStation) -> [usize; 3] {
    [encoders_for_viewers("x264enc"), alive_of("rtspsrc").len(), small.camera_connections()]
}

fn wait_state(small: &mut SmallStation, feed: &FeedId, name: &str) {
    small.wait(name, feed, |event| match event {
        FeedEvent::State(state) if state.name() == name => Some(()),
        _ => None,
    });
}

fn is_live(small: &SmallStation, feed: &FeedId) -> bool {
    matches!(small.station.engine.feed(feed).unwrap().state, FeedState::Live { .. })
}

/// Waits until nothing is in use any more.
fn wait_rest(small: &mut SmallStation, feed: &FeedId) {
    wait_state(small, feed, "standby");
    wait_for("the end of camera and encoder", ENDED_WITHIN, || (in_use(small) == [0, 0, 0]).then_some(()));
}

/// Has a page watch a feed that rests, and leave it again; how long the page waited for a
/// picture, from its first moment on.
fn watch_and_leave(small: &mut SmallStation, feed: &FeedId, browser: &mut Browser) -> Duration {
    let tab = browser.open_viewer(&format!("{}feed/{feed}", small.server.url()));
    browser.wait(tab, "heliograph.tiles().some(t => t.framesPresented > 0)", 20_000);
    let waited = Duration::from_secs_f64(browser.eval(tab, "performance.now()").as_f64().unwrap() / 1000.0);
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale && t.framesDecoded > 40)", 10_000);
    // Much longer than without viewers.
    std::thread::sleep(LINGER * 2);
    let tile = browser.tiles(tab).into_iter().find(|tile| tile.width > 0).unwrap();
    assert_eq!((tile.state.as_str(), tile.sessions), ("live", 1), "the session that waited is served");
    browser.eval(tab, "void (location.href = 'about:blank')");
    wait_rest(small, feed);
    waited
}

#[test]
fn a_feed_rests_while_nobody_watches_and_starts_for_whoever_does() {
    elements::watch();
    let mut small = SmallStation::start();
    small.station.engine.rest_after(LINGER);
    let mut browser = Browser::start();
    for (path, passes_through) in [(PathChoice::Transcode, false), (PathChoice::Automatic, true)] {
        let feed = small.add(&format!("{path:?}"), |feed| (feed.path, feed.keep_warm) = (path, false));
        wait_rest(&mut small, &feed);
        for viewer in 1..=2 {
            let waited = watch_and_leave(&mut small, &feed, &mut browser);
            println!("{path:?}, viewer {viewer}: the first frame {waited:?} after the page began to load");
            assert!(waited < PICTURE_WITHIN, "{waited:?}");
            let taken = small.station.engine.feed(&feed).unwrap().path.unwrap();
            assert_eq!(taken.passes_through, passes_through, "{}", taken.sentence);
        }
        small.command(&feed, FeedCommand::Stop);
        wait_state(&mut small, &feed, "stopped");
    }
}

#[test]
fn a_feed_that_is_kept_warm_runs_without_viewers() {
    elements::watch();
    let mut small = SmallStation::start();
    small.station.engine.rest_after(Duration::from_millis(500));
    let feed = small.add("warm", |feed| feed.keep_warm = true);
    wait_state(&mut small, &feed, "live");
    std::thread::sleep(Duration::from_secs(2));
    assert!(is_live(&small, &feed));
    assert_eq!(in_use(&small), [1, 1, 1]);
}
