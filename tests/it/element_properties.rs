//! Properties of a feed's elements: set on what is made, changed while somebody watches, and
//! refused with a sentence.

use std::{collections::BTreeMap, time::Duration};

use gst::prelude::*;
use heliograph::{
    config::{ElementChoice, ElementRole, FeedId},
    engine::{FeedCommand, FeedEvent},
};

use crate::support::{elements, peer::Peer, station::SmallStation, wait_for};

/// The pipeline that an element is in the end a part of.
fn pipeline_of(element: &gst::Element) -> String {
    let mut object = element.clone().upcast::<gst::Object>();
    while let Some(parent) = object.parent() {
        object = parent;
    }
    object.name().into()
}

/// The elements of a factory in pipelines whose name begins so: neither the camera's nor the viewer's.
fn made_for_the_feed(factory: &str, pipeline: &str) -> Vec<gst::Element> {
    let is_ours = |element: &gst::Element| pipeline_of(element).starts_with(pipeline);
    elements::alive_of(factory).into_iter().filter(is_ours).collect()
}

/// A property of the newest of them, as a text.
fn value(factory: &str, pipeline: &str, property: &str) -> Option<String> {
    let element = made_for_the_feed(factory, pipeline).pop()?;
    Some(element.property_value(property).serialize().unwrap().to_string())
}

fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn set(station: &SmallStation, feed: &FeedId, role: ElementRole, name: &str, value: &str) {
    station.command(feed, FeedCommand::SetElement { role, name: name.into(), value: value.into() });
}

fn next_notice(station: &mut SmallStation, feed: &FeedId) -> String {
    station.wait("a notice", feed, |event| match event {
        FeedEvent::Notice { sentence } => Some(sentence.clone()),
        _ => None,
    })
}

/// Adds a feed whose elements are known by name, with these properties.
fn add(station: &SmallStation, elements: &[(ElementRole, &[(&str, &str)])]) -> FeedId {
    station.add("bow", |feed| {
        feed.decoder = ElementChoice::Named("avdec_h264".into());
        feed.encoder = ElementChoice::Named("x264enc".into());
        for (role, pairs) in elements {
            feed.set_settings_of(*role, settings(pairs));
        }
    })
}

const SESSION: &str = "session-pipeline-";
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn every_role_has_its_properties_and_they_change_in_mid_stream() {
    elements::watch();
    let mut station = SmallStation::start();
    let feed = add(
        &station,
        &[
            (ElementRole::Source, &[("do-rtsp-keep-alive", "false"), ("user-agent", "Bridge/2")]),
            (ElementRole::Depayloader, &[("max-reorder", "50")]),
            (ElementRole::Decoder, &[("max-errors", "7")]),
            (ElementRole::Converter, &[("n-threads", "2"), ("method", "lanczos")]),
            (ElementRole::Encoder, &[("ip-factor", "1.5"), ("vbv-buf-capacity", "300")]),
            (ElementRole::Payloader, &[("config-interval", "3")]),
            (
                ElementRole::Transport,
                &[
                    ("latency", "150"),
                    ("max-size-time", "700"),
                    ("throttle_time", "1"),
                    ("estimator", "linear-regression"),
                ],
            ),
        ],
    );
    let peer = Peer::watch(&station.server, &feed);
    peer.wait_frames(10, LIMIT);
    for (factory, pipeline, property, expected) in [
        ("rtspsrc", "ingest", "do-rtsp-keep-alive", "false"),
        ("rtspsrc", "ingest", "user-agent", "Bridge/2"),
        ("rtph264depay", "ingest", "max-reorder", "50"),
        ("avdec_h264", "ingest", "max-errors", "7"),
        ("videoconvert", "rendition", "n-threads", "2"),
        ("videoscale", "rendition", "n-threads", "2"),
        ("videoscale", "rendition", "method", "lanczos"),
        ("x264enc", "rendition", "ip-factor", "1.5"),
        ("x264enc", "rendition", "vbv-buf-capacity", "300"),
        ("rtph264pay", SESSION, "config-interval", "3"),
        ("webrtcbin", SESSION, "latency", "150"),
        ("rtprtxsend", SESSION, "max-size-time", "700"),
        ("nicesink", SESSION, "throttle-time", "1"),
        ("rtpgccbwe", SESSION, "estimator", "linear-regression"),
    ] {
        assert_eq!(value(factory, pipeline, property).as_deref(), Some(expected), "{factory} {property}");
    }

    let [encoder] = &made_for_the_feed("x264enc", "rendition")[..] else { panic!("one encoder at work") };
    let [payloader] = &made_for_the_feed("rtph264pay", SESSION)[..] else { panic!("one payloader at work") };
    set(&station, &feed, ElementRole::Encoder, "vbv-buf-capacity", "450");
    set(&station, &feed, ElementRole::Payloader, "config-interval", "1");
    set(&station, &feed, ElementRole::Depayloader, "max-reorder", "60");
    wait_for("the change", LIMIT, || {
        let is_changed = encoder.property::<u32>("vbv-buf-capacity") == 450
            && payloader.property::<i32>("config-interval") == 1
            && value("rtph264depay", "ingest", "max-reorder").as_deref() == Some("60");
        is_changed.then_some(())
    });
    peer.wait_frames(10, LIMIT);
    assert_eq!(made_for_the_feed("rtph264pay", SESSION), std::slice::from_ref(payloader), "another session");
    assert_eq!(made_for_the_feed("x264enc", "rendition"), std::slice::from_ref(encoder), "another encoder");

    // What is built later has the changed ones.
    let second = Peer::watch(&station.server, &feed);
    second.wait_frames(10, LIMIT);
    let intervals: Vec<i32> = made_for_the_feed("rtph264pay", SESSION)
        .iter()
        .map(|payloader| payloader.property::<i32>("config-interval"))
        .collect();
    assert_eq!(intervals, [1, 1]);

    for (role, name, text, expected) in [
        (ElementRole::Encoder, "threads", "3", "threads of x264enc does not change while it runs; write it into"),
        (ElementRole::Encoder, "bframes", "2", "bframes would make pictures wait for later ones"),
        (ElementRole::Encoder, "vbv-buf-capacity", "99999", "vbv-buf-capacity of x264enc takes a number from 0 to"),
        (ElementRole::Source, "latency", "1", "write `latency_ms` instead of latency"),
        (ElementRole::Payloader, "config-intervall", "1", "rtph264pay has no property config-intervall; perhaps it is"),
        (ElementRole::Transport, "estimator", "kalman", "estimator of rtpgccbwe does not change while it runs"),
        (ElementRole::Transport, "warp", "1", "webrtcbin, nicesink, rtprtxsend, rtpgccbwe has no property warp"),
    ] {
        set(&station, &feed, role, name, text);
        let sentence = next_notice(&mut station, &feed);
        assert!(sentence.starts_with(&format!("The property {name} was not set: {expected}")), "{sentence}");
    }
    peer.wait_frames(10, LIMIT);
    assert_eq!(encoder.property::<u32>("vbv-buf-capacity"), 450);
}

#[test]
fn what_no_element_takes_is_told_once_and_the_rest_is_set() {
    elements::watch();
    let mut station = SmallStation::start();
    let feed = add(
        &station,
        &[
            (ElementRole::Source, &[("warp", "1"), ("do-rtcp", "maybe")]),
            (ElementRole::Decoder, &[("max-errors", "-7"), ("output-corrupt", "false")]),
            (ElementRole::Converter, &[("warp", "1")]),
            (ElementRole::Encoder, &[("thread", "1")]),
            (ElementRole::Payloader, &[("stats", "1")]),
            (ElementRole::Transport, &[("latencys", "1")]),
        ],
    );
    // While the camera is dialled.
    set(&station, &feed, ElementRole::Depayloader, "max-reorder", "61");
    let peer = Peer::watch(&station.server, &feed);
    let mut missing = vec![
        "rtspsrc has no property warp; leave it out",
        "do-rtcp of rtspsrc takes true or false",
        "max-errors of avdec_h264 takes a number from",
        "videoconvert, videoscale has no property warp; leave it out",
        "x264enc has no property thread; perhaps it is threads",
        "stats of rtph264pay can only be read; leave it out",
        "webrtcbin, nicesink, rtprtxsend, rtpgccbwe has no property latencys; perhaps it is latency",
    ];
    let mut told = Vec::new();
    while !missing.is_empty() {
        let sentence = next_notice(&mut station, &feed);
        missing.retain(|expected| !sentence.starts_with(expected));
        assert!(!told.contains(&sentence), "{sentence} was told before");
        told.push(sentence);
    }
    peer.wait_frames(10, LIMIT);
    assert_eq!(value("avdec_h264", "ingest", "output-corrupt").as_deref(), Some("false"));
    assert_eq!(value("rtph264depay", "ingest", "max-reorder").as_deref(), Some("61"));
}
