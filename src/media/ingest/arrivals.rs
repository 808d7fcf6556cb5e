//! When packets and pictures came, and which.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::IngestEvent;
use crate::media::Memory;

/// What the camera sends right now.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The camera's codec, as people call it.
    pub codec: String,
    /// The element that decodes it, such as `avdec_h264`; empty where nothing needs to.
    #[serde(default)]
    pub decoder: String,
    /// Pictures that the decoder holds back, each a frame of delay; 0 unless it must use
    /// several threads to keep up.
    #[serde(default)]
    pub held_back: u32,
    /// Where the pictures lie.
    #[serde(default)]
    pub memory: Memory,
}

/// How the pictures that arrive are made; known once the decoder is chosen.
#[derive(Clone, Debug, Default)]
pub(super) struct Making {
    pub(super) codec: String,
    pub(super) decoder: String,
    pub(super) held_back: u32,
    pub(super) memory: Memory,
}

/// When packets and pictures came.
#[derive(Debug)]
pub(super) struct Arrivals {
    pub(super) packets: LastArrival,
    pub(super) pictures: LastArrival,
    /// Bytes of what comes encoded.
    pub(super) bytes: AtomicU64,
    pub(super) making: Mutex<Making>,
}

/// When the last of something came.
#[derive(Debug)]
pub(super) struct LastArrival {
    start: Instant,
    /// Nanoseconds from `start`; 0 before the first.
    last: AtomicU64,
    count: AtomicU64,
}

impl LastArrival {
    fn new() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0), count: AtomicU64::new(0) }
    }

    /// Notes another; true for the first.
    pub(super) fn note(&self) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.last.swap(self.start.elapsed().as_nanos() as u64, Ordering::Relaxed) == 0
    }

    /// How many came.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How long ago it came; `None` before the first.
    pub(super) fn age(&self) -> Option<Duration> {
        match self.last.load(Ordering::Relaxed) {
            0 => None,
            last => Some(self.start.elapsed().saturating_sub(Duration::from_nanos(last))),
        }
    }
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self {
            packets: LastArrival::new(),
            pictures: LastArrival::new(),
            bytes: AtomicU64::new(0),
            making: Mutex::default(),
        }
    }

    fn picture(&self, pad: &gst::Pad) -> Option<Picture> {
        let caps = pad.current_caps()?;
        let video = gst_video::VideoInfo::from_caps(&caps).ok()?;
        let Making { codec, decoder, held_back, memory } =
            self.making.lock().expect("no holder of this lock should panic").clone();
        Some(Picture { width: video.width(), height: video.height(), codec, decoder, held_back, memory })
    }
}

/// Notes when pictures come, and tells of the first of each size.
pub(super) fn watch_frames(sink: &gst_app::AppSink, arrivals: &Arc<Arrivals>, events: UnboundedSender<IngestEvent>) {
    let arrivals = arrivals.clone();
    let told: Mutex<Option<Picture>> = Mutex::new(None);
    let pad = sink.static_pad("sink").expect("an appsink should have a sink pad");
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Caps => {
                told.lock().expect("no holder of this lock should panic").take();
            }
            Some(gst::PadProbeData::Buffer(_)) => {
                arrivals.pictures.note();
                let mut told = told.lock().expect("no holder of this lock should panic");
                if told.is_none() {
                    *told = arrivals.picture(pad);
                    if let Some(picture) = told.clone() {
                        let _ = events.send(IngestEvent::Picture(picture));
                    }
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}
