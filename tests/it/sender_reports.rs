//! What viewers are told of the two clocks, from which they keep sound and picture together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use gst::prelude::*;
use heliograph::config::{AudioConfig, AudioSource, ElementChoice, FeedId};

use crate::support::{station::SmallStation, wait_for};

/// Sound and picture, in ticks a second.
const CLOCK_RATES: [f64; 2] = [48_000.0, 90_000.0];
/// Enough for any trouble that comes now and then.
const REPORTS: usize = 16;
/// They come twice a second, more or less.
const LONGEST_PAUSE: f64 = 1.5;
/// How far a report may be beside the others, in seconds.
const TOLERANCE: f64 = 0.010;

/// A moment: seconds since 1900, and the ticks of a stream.
type Report = (f64, u32);

/// A viewer that keeps the reports of each stream.
struct Listener {
    pipeline: gst::Pipeline,
    reports: Arc<Mutex<BTreeMap<u32, Vec<Report>>>>,
}

impl Listener {
    fn watch(station: &SmallStation, feed: &FeedId) -> Self {
        let source = gst::ElementFactory::make("webrtcsrc").build().unwrap();
        source.set_property("stun-server", None::<String>);
        // What is sent again is a stream of its own, with reports.
        source.set_property("do-retransmission", false);
        let signaller = source.property::<gst::glib::Object>("signaller");
        signaller.set_property("uri", format!("ws://{}/signalling", station.server.address()));
        signaller.set_property("producer-peer-id", feed.as_ref());
        let pipeline = gst::Pipeline::new();
        pipeline.add(&source).unwrap();
        let end = pipeline.downgrade();
        source.connect_pad_added(move |_, pad| {
            let sink = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false).build();
            let sink = sink.unwrap();
            end.upgrade().unwrap().add(&sink).unwrap();
            sink.sync_state_with_parent().unwrap();
            pad.link(&sink.static_pad("sink").unwrap()).unwrap();
        });
        let reports = Arc::<Mutex<BTreeMap<_, Vec<_>>>>::default();
        let kept = reports.clone();
        pipeline.connect_deep_element_added(move |_, _, element| {
            if element.factory().is_some_and(|made_by| made_by.name() == "rtpsession") {
                let kept = kept.clone();
                element.connect_pad_added(move |_, pad| keep_reports(pad, &kept));
            }
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, reports }
    }

    /// The reports of both streams, once there are enough.
    fn wait(&self) -> Vec<Vec<Report>> {
        wait_for("reports of both streams", Duration::from_secs(20), || {
            let reports: Vec<_> = self.reports.lock().unwrap().values().cloned().collect();
            (reports.len() == 2 && reports.iter().all(|reports| reports.len() >= REPORTS)).then_some(reports)
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let counts: Vec<_> = self.reports.lock().unwrap().values().map(Vec::len).collect();
        println!("reports of each stream: {counts:?}");
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

fn keep_reports(pad: &gst::Pad, kept: &Arc<Mutex<BTreeMap<u32, Vec<Report>>>>) {
    if pad.name() != "recv_rtcp_sink" {
        return;
    }
    let kept = kept.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let packets = info.buffer().unwrap().map_readable().unwrap();
        for (stream, report) in sender_reports(&packets) {
            kept.lock().unwrap().entry(stream).or_default().push(report);
        }
        gst::PadProbeReturn::Ok
    });
}

/// The sender reports (RFC 3550, section 6.4.1) of a compound packet, each with its stream.
fn sender_reports(mut packets: &[u8]) -> Vec<(u32, Report)> {
    const SENDER_REPORT: u8 = 200;
    let mut found = Vec::new();
    while let [_, kind, high, low, ..] = *packets {
        let word = |place: usize| u32::from_be_bytes(packets[4 * place..4 * place + 4].try_into().unwrap());
        if kind == SENDER_REPORT {
            let ntp = f64::from(word(2)) + f64::from(word(3)) / f64::from(u32::MAX);
            found.push((word(1), (ntp, word(4))));
        }
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        packets = packets.get(length..).unwrap_or_default();
    }
    found
}

/// Whether the ticks of all reports are those of one clock of this rate.
fn is_one_clock(reports: &[Report], rate: f64) -> bool {
    let (start, first) = reports[0];
    reports.iter().all(|(time, ticks)| {
        let by_ticks = f64::from(ticks.wrapping_sub(first).cast_signed()) / rate;
        (by_ticks - (time - start)).abs() < TOLERANCE
    })
}

#[test]
fn a_viewer_is_told_often_and_truly_which_moments_belong_together() {
    let mut station = SmallStation::start();
    let feed = station.add("feed", |feed| {
        feed.audio = AudioConfig { source: AudioSource::Camera, ..AudioConfig::default() };
        // Its times begin at 1000 hours, those of sound at zero.
        feed.encoder = ElementChoice::Named("x264enc".into());
    });
    station.wait_encoder(&feed);
    let listener = Listener::watch(&station, &feed);
    let reports = listener.wait();
    let clocks: Vec<_> =
        reports.iter().map(|reports| CLOCK_RATES.into_iter().find(|rate| is_one_clock(reports, *rate))).collect();
    assert!(clocks.contains(&Some(48_000.0)) && clocks.contains(&Some(90_000.0)), "{clocks:?} of {reports:?}");
    for reports in &reports {
        let pauses: Vec<_> = reports.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(pauses.iter().all(|pause| *pause < LONGEST_PAUSE), "{pauses:?}");
    }
}
