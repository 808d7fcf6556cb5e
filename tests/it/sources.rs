//! Sources that are no camera on the network: test pictures, files and devices.

use std::{path::PathBuf, sync::mpsc, time::Duration};

use gst::prelude::*;
use heliograph::{
    config::{AudioConfig, AudioSource, DeviceConfig, FileConfig, Size, TestConfig, TestPattern},
    media::{
        self, AudioRendition, AudioState, FaultKind, FeedClock, Ingest, IngestEvent, IngestPlan, Picture,
        source::Source,
    },
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::media_file::MediaFile;

/// A running time and how much later it was seen than it was due.
struct Frame {
    pts: gst::ClockTime,
    late: Duration,
}

struct Watched {
    _ingest: Ingest,
    frames: mpsc::Receiver<Frame>,
    events: UnboundedReceiver<IngestEvent>,
}

fn watch(source: Source) -> Watched {
    media::init().unwrap();
    let clock = FeedClock::new();
    let (sender, events) = unbounded_channel();
    let ingest = Ingest::start(source, &clock, sender).unwrap();
    let (sender, frames) = mpsc::channel();
    let pad = ingest.frames().appsink().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let segment = pad.sticky_event::<gst::event::Segment>(0).unwrap();
        let segment = segment.segment().downcast_ref::<gst::ClockTime>().unwrap().clone();
        let pts = segment.to_running_time(info.buffer().unwrap().pts()).unwrap();
        let late = clock.running_time().saturating_sub(pts).into();
        let _ = sender.send(Frame { pts, late });
        gst::PadProbeReturn::Ok
    });
    Watched { _ingest: ingest, frames, events }
}

impl Watched {
    fn next(&mut self) -> Frame {
        self.frames.recv_timeout(Duration::from_secs(5)).unwrap_or_else(|_| panic!("no picture: {:?}", self.events()))
    }

    fn events(&mut self) -> Vec<IngestEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    fn picture(&mut self) -> Picture {
        self.next();
        let told = self.events().into_iter().find_map(|event| match event {
            IngestEvent::Picture(picture) => Some(picture),
            _ => None,
        });
        told.expect("the first picture should be told")
    }
}

fn test_picture(pattern: TestPattern) -> Source {
    Source::Test(TestConfig { pattern, size: Size { width: 320, height: 240 }, framerate: 25 })
}

#[test]
fn every_test_picture_shows_something() {
    for pattern in TestPattern::ALL {
        let picture = watch(test_picture(*pattern)).picture();
        assert_eq!((picture.width, picture.height, picture.decoder.as_str()), (320, 240, ""), "{pattern}");
    }
}

#[test]
fn a_file_is_played_over_and_over_at_its_own_pace() {
    let file = MediaFile::second_with_sound();
    let mut watched = watch(Source::File(FileConfig { path: file.path() }));
    // Three times a file of one second.
    let frames: Vec<Frame> = (0..75).map(|_| watched.next()).collect();
    for pair in frames.windows(2) {
        let step = pair[1].pts.checked_sub(pair[0].pts).expect("time should never go back");
        assert!(step < gst::ClockTime::from_mseconds(400), "a gap of {step}");
    }
    let lasted = frames[74].pts - frames[0].pts;
    assert!((2800..4200).contains(&lasted.mseconds()), "75 pictures at 25 per second took {lasted}");
    let latest = frames.iter().map(|frame| frame.late).max().unwrap();
    assert!(latest < Duration::from_millis(400), "a picture came {latest:?} late");
    assert!(!watched.events().iter().any(|event| matches!(event, IngestEvent::Fault(_))));
}

#[test]
fn files_of_every_codec_are_decoded() {
    let files = [
        (MediaFile::h265(), "H.265"),
        (MediaFile::mjpeg(), "Motion JPEG"),
        (MediaFile::vp8(), "VP8"),
        (MediaFile::vp9(), "VP9"),
        (MediaFile::av1(), "AV1"),
    ];
    for (file, codec) in files {
        let picture = watch(Source::File(FileConfig { path: file.path() })).picture();
        assert_eq!((picture.codec.as_str(), picture.width), (codec, 320));
    }
}

#[test]
fn what_cannot_be_opened_is_told_in_a_sentence() {
    media::init().unwrap();
    let (sender, _events) = unbounded_channel();
    let start = |source| Ingest::start(source, &FeedClock::new(), sender.clone()).expect_err("a fault");

    let fault = start(Source::File(FileConfig { path: PathBuf::from("/nowhere/film.mp4") }));
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::NotFound, "There is no file /nowhere/film.mp4."));
    let fault = start(Source::Device(DeviceConfig::new("/dev/video77")));
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::NotFound, "There is no camera at /dev/video77."));
    let fault = start(Source::Device(DeviceConfig::new("/dev/null")));
    assert!(fault.message.contains("/dev/null"), "{fault}");
}

#[test]
fn a_file_that_is_no_film_is_told_in_a_sentence() {
    let text = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(text.path(), "this is no film ".repeat(1000)).unwrap();
    let mut watched = watch(Source::File(FileConfig { path: text.path().into() }));
    let fault = loop {
        if let IngestEvent::Fault(fault) = watched.events.blocking_recv().expect("a fault") {
            break fault;
        }
    };
    assert!(fault.message.ends_with("cannot be played."), "{fault}");
}

/// What is heard of a source: the first packet of Opus that is no silence, within two seconds.
fn is_heard(source: Source) -> bool {
    media::init().unwrap();
    let clock = FeedClock::new();
    let (sender, _events) = unbounded_channel();
    let plan = IngestPlan { sound: true, ..source.into() };
    let ingest = Ingest::start(plan, &clock, sender).unwrap();
    let config = AudioConfig { source: AudioSource::Camera, ..AudioConfig::default() };
    let (tell, states) = mpsc::channel();
    let mut audio = AudioRendition::start(&config, &clock, move |state| drop(tell.send(state))).unwrap().unwrap();
    audio.connect(ingest.sound());
    let heard = std::iter::from_fn(|| states.recv_timeout(Duration::from_secs(5)).ok());
    heard.take(5).any(|state| state == AudioState::Live)
}

#[test]
fn files_and_the_flash_are_heard() {
    let file = MediaFile::second_with_sound();
    assert!(is_heard(Source::File(FileConfig { path: file.path() })));
    assert!(is_heard(test_picture(TestPattern::Flash)));
}
