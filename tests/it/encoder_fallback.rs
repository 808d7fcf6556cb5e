//! Encoders that fail while they work, and hardware that takes three feeds and no more: the
//! viewers keep their sessions, and the operator is told once.

use std::time::Duration;

use gst::prelude::*;
use heliograph::{
    config::{FeedId, Size},
    engine::{FeedCommand, FeedEvent, FeedState},
};

use crate::support::{
    browser::{Browser, Tab},
    card::Card,
    elements,
    peer::Peer,
    station::SmallStation,
    wait_for,
};

/// How long viewers may see nothing new when an encoder is replaced.
const INTERRUPTION: Duration = Duration::from_secs(2);

/// Has the encoder of the only feed fail, as a driver would.
fn fail(element: &str) {
    let encoders = elements::alive_of(element);
    let is_of_the_feed = |encoder: &&gst::Element| encoder.parent().is_some_and(|parent| parent.name() == "rendition");
    let encoder = encoders.iter().rev().find(is_of_the_feed).unwrap();
    gst::element_error!(encoder, gst::StreamError::Encode, ["The test had it fail"]);
}

fn notice(event: &FeedEvent) -> Option<String> {
    match event {
        FeedEvent::Notice { sentence } => Some(sentence.clone()),
        _ => None,
    }
}

fn viewers(station: &SmallStation, feed: &FeedId) -> usize {
    station.station.engine.feed(feed).unwrap().viewers
}

/// Waits until the page has decoded this many more frames.
fn wait_frames(browser: &mut Browser, tab: Tab, more: u64, limit_ms: u64) {
    let so_far = browser.eval(tab, "heliograph.tiles()[0]?.framesDecoded ?? 0").as_u64().unwrap();
    browser.wait(tab, &format!("heliograph.tiles().some(t => t.framesDecoded > {})", so_far + more), limit_ms);
}

#[test]
fn a_failing_encoder_falls_to_the_next_best_and_the_viewers_stay() {
    elements::watch();
    let mut station = SmallStation::start();
    let feed = station.add("bow", |_| {});
    assert_eq!(station.wait_encoder(&feed).0, "x264enc");
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    wait_frames(&mut browser, tab, 15, 20_000);
    station.wait("a viewer", &feed, |event| (*event == FeedEvent::Viewers { count: 1 }).then_some(()));

    fail("x264enc");
    // Viewers who come or go would be told between these.
    let (mut notices, mut next) = (Vec::new(), None);
    while notices.is_empty() || next.is_none() {
        match station.wait("another encoder and why", &feed, |event| Some(event.clone())) {
            FeedEvent::Notice { sentence } => notices.push(sentence),
            FeedEvent::Encoder(encoder) => next = Some(encoder.element),
            FeedEvent::Stats(_) | FeedEvent::Audio(_) | FeedEvent::Path(_) => {}
            other => panic!("{other:?} while the encoder was replaced"),
        }
    }
    assert_eq!(next.as_deref(), Some("openh264enc"));
    assert_eq!(notices, ["The encoder x264enc failed; streaming goes on with openh264enc."]);
    wait_frames(&mut browser, tab, 5, INTERRUPTION.as_millis() as u64);
    assert_eq!(viewers(&station, &feed), 1);

    fail("openh264enc");
    let sentence = station.wait("a sentence", &feed, notice);
    assert!(sentence.contains("No encoder for H.264 works"), "{sentence}");
    assert_eq!(station.wait_encoder(&feed).0, "x264enc", "all are tried again after a while");
    wait_frames(&mut browser, tab, 15, 5000);
    assert_eq!(viewers(&station, &feed), 1);
}

#[test]
fn the_fourth_feed_is_encoded_elsewhere_until_the_card_has_room() {
    let mut station = SmallStation::start();
    let card = Card::plug_in_as_tried();
    let feeds = ["one", "two", "three"].map(|name| {
        let feed = station.add(name, |_| {});
        let (element, words) = station.wait_encoder(&feed);
        assert_eq!((element.as_str(), words.as_str()), (Card::ENCODER, "Automatic: NVENC on GPU 0"));
        feed
    });
    let fourth = station.add("four", |_| {});
    let (element, words) = station.wait_encoder(&fourth);
    assert_eq!((element.as_str(), words.as_str()), ("x264enc", "Automatic: x264, because the hardware is full"));
    assert_eq!(Card::sessions(), Card::MOST_SESSIONS);
    let peer = Peer::watch(&station.server, &fourth);
    peer.wait_frames(15, Duration::from_secs(20));
    station.wait("a viewer", &fourth, |event| (*event == FeedEvent::Viewers { count: 1 }).then_some(()));

    // More pixels than any processor has time for.
    let fifth = station.add("five", |feed| feed.picture.size = Some(Size { width: 8192, height: 8192 }));
    let sentence = station.wait("a refusal", &fifth, |event| match event {
        FeedEvent::State(FeedState::Failed { fault, .. }) => Some(fault.to_string()),
        _ => None,
    });
    assert!(sentence.contains("no room for another encoder: the hardware is full"), "{sentence}");
    assert!(sentence.contains("Stop a feed"), "{sentence}");

    station.command(&feeds[1], FeedCommand::Stop);
    let (element, words) = station.wait_encoder(&fourth);
    assert_eq!((element.as_str(), words.as_str()), (Card::ENCODER, "Automatic: NVENC on GPU 0"));
    peer.wait_frames(5, INTERRUPTION);
    assert_eq!(viewers(&station, &fourth), 1);
    assert_eq!(Card::sessions(), Card::MOST_SESSIONS);
    drop((peer, station, card));
    wait_for("the card's sessions to end", Duration::from_secs(5), || (Card::sessions() == 0).then_some(()));
}
