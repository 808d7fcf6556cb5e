//! Tells viewers how old a picture is: what ties RTP time to the moment of capture.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use gst::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use super::OutletEvent;
use crate::media::FeedClock;

/// Ties RTP time to the moment of capture, for one session.
#[derive(Clone, Debug)]
pub struct PictureClock {
    /// The session whose RTP time this is.
    pub session: String,
    /// RTP timestamp of a frame.
    pub rtp_timestamp: u32,
    /// RTP ticks per second.
    pub clock_rate: u32,
    /// How old that frame was when this was sent.
    pub age: Duration,
}

/// About once a second, tells how old the frame of a packet is.
pub(super) fn clock_packets(pad: &gst::Pad, session: String, clock: FeedClock, events: UnboundedSender<OutletEvent>) {
    let next = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, info| {
        let now = clock.running_time();
        if now.nseconds() < next.load(Ordering::Relaxed) {
            return gst::PadProbeReturn::Ok;
        }
        // Viewers are told how old a picture is, not its sound, which has a clock of its own.
        if is_sound(pad) {
            return gst::PadProbeReturn::Remove;
        }
        let buffer = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => Some(buffer.clone()),
            Some(gst::PadProbeData::BufferList(list)) => list.get_owned(0),
            _ => None,
        };
        if let Some((rtp_timestamp, captured)) = buffer.and_then(|buffer| rtp_and_capture(pad, &buffer)) {
            next.store((now + gst::ClockTime::SECOND).nseconds(), Ordering::Relaxed);
            let age = now.saturating_sub(captured).into();
            let _ = events.send(OutletEvent::Clock(PictureClock {
                session: session.clone(),
                rtp_timestamp,
                clock_rate: 90_000,
                age,
            }));
        }
        gst::PadProbeReturn::Ok
    });
}

pub(super) fn is_sound(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps();
    let media = caps.as_ref().and_then(|caps| caps.structure(0)?.get::<&str>("media").ok());
    media == Some("audio")
}

/// RTP timestamp (RFC 3550, bytes 4 to 7) and running time of a packet's frame.
fn rtp_and_capture(pad: &gst::Pad, buffer: &gst::Buffer) -> Option<(u32, gst::ClockTime)> {
    let map = buffer.map_readable().ok()?;
    let bytes = map.get(4..8)?.try_into().ok()?;
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
    let captured = segment.to_running_time(buffer.pts()?)?;
    Some((u32::from_be_bytes(bytes), captured))
}
