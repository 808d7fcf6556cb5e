//! Elements between a source and a sink, given frames at the pace of a camera.

use std::{
    error::Error,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;
use heliograph::media;

use crate::machine;

pub(crate) const FRAMERATE: u32 = 30;

/// From one frame to the next.
const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / FRAMERATE as u64);

/// What goes by before anything is measured: caches, threads and rate control settle.
const SETTLING: Duration = Duration::from_secs(2);

/// When nothing has come out for so long, what is still inside is held back.
const SILENCE: Duration = Duration::from_millis(500);

/// Frames to put in, over and over; the first can follow the last.
pub(crate) struct Reel {
    pub(crate) caps: gst::Caps,
    pub(crate) frames: Vec<gst::Buffer>,
}

/// What was measured of one element.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// Processor time of all threads for a frame that came out.
    pub(crate) cost: Duration,
    /// From a frame in to the same frame out: half of all were quicker, and 99 of 100.
    pub(crate) delay: (Duration, Duration),
    /// Frames that did not come out until others went in.
    pub(crate) held: usize,
    /// Frames that came out in a second. Fewer than went in where the element was too slow.
    pub(crate) framerate: f64,
    /// kbit/s that came out.
    pub(crate) bitrate: f64,
    /// Bytes of the key frame that was asked for; `None` where none came.
    pub(crate) keyframe: Option<usize>,
    /// Cores that other programs kept busy meanwhile.
    pub(crate) others: f64,
}

/// A frame that came out.
struct Arrival {
    at: Instant,
    /// The frame's place in time: its running time, in frames.
    slot: usize,
    bytes: usize,
    is_key: bool,
}

/// What the counters said at one moment.
struct Moment {
    at: Instant,
    used: Duration,
    busy: Duration,
}

impl Moment {
    fn now() -> Self {
        Self { at: Instant::now(), used: media::process_time(), busy: machine::busy_time() }
    }
}

/// Measures `chain` for this long, after it has settled.
pub(crate) fn measure(reel: &Reel, chain: &[gst::Element], length: Duration) -> Result<Figures, Box<dyn Error>> {
    let (sender, arrivals) = mpsc::channel();
    let rig = Rig::start(&reel.caps, chain, sender)?;
    let figures = run(&rig, reel, &arrivals, length);
    figures.map_err(|error| rig.fault().unwrap_or(error))
}

struct Rig {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
}

impl Rig {
    fn start(caps: &gst::Caps, chain: &[gst::Element], sender: Sender<Arrival>) -> Result<Self, Box<dyn Error>> {
        let source = gst_app::AppSrc::builder().caps(caps).format(gst::Format::Time).is_live(true).build();
        let sink = gst_app::AppSink::builder().sync(false).enable_last_sample(false);
        let sink = sink.callbacks(tell_arrivals(sender)).build();
        let pipeline = gst::Pipeline::new();
        let all = [&[source.clone().upcast()], chain, &[sink.clone().upcast()]].concat();
        pipeline.add_many(&all)?;
        gst::Element::link_many(&all)?;
        let rig = Self { pipeline, source, sink };
        rig.pipeline.set_state(gst::State::Playing)?;
        Ok(rig)
    }

    fn ask_for_key_frame(&self) {
        let request = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
        if let Some(pad) = self.sink.static_pad("sink") {
            // Decoders have nobody to pass it to.
            pad.push_event(request);
        }
    }

    /// What an element said of its failure.
    fn fault(&self) -> Option<Box<dyn Error>> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(error.error().into()),
            _ => None,
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn run(rig: &Rig, reel: &Reel, arrivals: &Receiver<Arrival>, length: Duration) -> Result<Figures, Box<dyn Error>> {
    let (settled, measured) = (frames_in(SETTLING), frames_in(length));
    let mut feeder = Feeder { source: &rig.source, reel, start: Instant::now(), sent: Vec::new(), taken: 0 };
    feeder.feed(settled)?;
    let before = arrivals.try_iter().count();
    let from = Moment::now();
    feeder.feed(measured / 2)?;
    rig.ask_for_key_frame();
    feeder.feed(measured - measured / 2)?;
    let till = Moment::now();
    let came: Vec<_> = arrivals.try_iter().collect();
    let late = std::iter::from_fn(|| arrivals.recv_timeout(SILENCE).ok()).count();
    let held = feeder.taken.saturating_sub(before + came.len() + late);
    figures(&from, &till, &feeder.sent, &came, held).ok_or_else(|| "nothing came out".into())
}

/// Puts frames in, each in its time.
struct Feeder<'a> {
    source: &'a gst_app::AppSrc,
    reel: &'a Reel,
    start: Instant,
    /// When the frame of each slot went in; `None` where it was left out.
    sent: Vec<Option<Instant>>,
    taken: usize,
}

impl Feeder<'_> {
    /// Goes through the next slots. As in a feed, a frame is left out while another waits.
    fn feed(&mut self, slots: usize) -> Result<(), gst::FlowError> {
        for _ in 0..slots {
            let slot = self.sent.len();
            let due = self.start + INTERVAL * slot as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if self.source.current_level_buffers() > 0 {
                self.sent.push(None);
                continue;
            }
            // By what was taken and not by the slot: decoders need every frame.
            let frame = &self.reel.frames[self.taken % self.reel.frames.len()];
            self.taken += 1;
            self.sent.push(Some(Instant::now()));
            self.source.push_buffer(in_slot(frame, slot))?;
        }
        Ok(())
    }
}

/// The frame with another time; its bytes are shared.
fn in_slot(frame: &gst::Buffer, slot: usize) -> gst::Buffer {
    let mut frame = frame.copy();
    let fields = frame.make_mut();
    fields.set_pts(time_of(INTERVAL * slot as u32));
    fields.set_dts(None);
    fields.set_duration(time_of(INTERVAL));
    frame
}

fn tell_arrivals(sender: Sender<Arrival>) -> gst_app::AppSinkCallbacks {
    gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            // Nobody listens any more once the run is over.
            let _ = arrival(&sample).map(|arrival| sender.send(arrival));
            Ok(gst::FlowSuccess::Ok)
        })
        .build()
}

fn arrival(sample: &gst::Sample) -> Option<Arrival> {
    let at = Instant::now();
    let buffer = sample.buffer()?;
    // Some encoders begin at 1000 hours, to have room for times before the first frame.
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let shown = Duration::from(segment.to_running_time(buffer.pts())?);
    let slot = (shown + INTERVAL / 2).as_nanos() / INTERVAL.as_nanos();
    let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    Some(Arrival { at, slot: slot as usize, bytes: buffer.size(), is_key })
}

fn figures(from: &Moment, till: &Moment, sent: &[Option<Instant>], came: &[Arrival], held: usize) -> Option<Figures> {
    let delay = |arrival: &Arrival| Some(arrival.at.duration_since((*sent.get(arrival.slot)?)?));
    let mut delays: Vec<_> = came.iter().filter_map(delay).collect();
    delays.sort_unstable();
    let percentile = |share: usize| delays.get((delays.len().checked_sub(1)?) * share / 100).copied();
    let seconds = (till.at - from.at).as_secs_f64();
    let used = till.used.saturating_sub(from.used);
    Some(Figures {
        cost: used / u32::try_from(came.len()).ok().filter(|count| *count > 0)?,
        delay: (percentile(50)?, percentile(99)?),
        held,
        framerate: came.len() as f64 / seconds,
        bitrate: came.iter().map(|arrival| arrival.bytes).sum::<usize>() as f64 * 8.0 / 1000.0 / seconds,
        keyframe: came.iter().find(|arrival| arrival.is_key).map(|arrival| arrival.bytes),
        others: (till.busy.saturating_sub(from.busy).saturating_sub(used)).as_secs_f64() / seconds,
    })
}

fn frames_in(length: Duration) -> usize {
    (length.as_secs_f64() * f64::from(FRAMERATE)) as usize
}

fn time_of(duration: Duration) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(duration.as_nanos() as u64)
}
