//! Keeps a camera's sound with its picture, by what the camera says of its clocks.
//!
//! A camera's sender reports (RFC 3550, section 6.4.1) tie both streams to one
//! clock of the camera. `rtspsrc` would use them to move whichever stream is
//! ahead, and so give pictures a time at which they were not taken; every age
//! that is told of them would be wrong. Here only the sound is moved.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use gst::{glib, prelude::*};

use super::CameraTap;

/// A camera that puts sound and picture further apart than this talks nonsense; in nanoseconds.
const LARGEST_SHIFT: i64 = 1_000_000_000;

/// A smaller change is not heard, and every change costs a crack; in nanoseconds.
const SMALLEST_CHANGE: i64 = 10_000_000;

/// Switches `rtspsrc`'s own correction off: none is below a nanosecond. 0 would mean no limit.
const NO_CORRECTION: i64 = 1;

/// How far a camera's sound is to be moved.
#[derive(Debug, Default)]
pub(super) struct LipSync {
    clocks: Mutex<Clocks>,
    /// Nanoseconds to add to the times of sound.
    shift: AtomicI64,
}

/// For each stream, local time less the camera's time, in nanoseconds, once it is known.
#[derive(Debug, Default)]
struct Clocks {
    picture: Option<i64>,
    sound: Option<i64>,
}

impl LipSync {
    /// Nanoseconds to add to the times of sound.
    pub(super) fn shift(&self) -> i64 {
        self.shift.load(Ordering::Relaxed)
    }

    fn learn(&self, is_sound: bool, difference: i64) {
        let mut clocks = self.clocks.lock().expect("no holder of this lock should panic");
        *(if is_sound { &mut clocks.sound } else { &mut clocks.picture }) = Some(difference);
        let (Some(picture), Some(sound)) = (clocks.picture, clocks.sound) else { return };
        let shift = picture.saturating_sub(sound);
        if shift.abs() <= LARGEST_SHIFT && (shift - self.shift()).abs() >= SMALLEST_CHANGE {
            self.shift.store(shift, Ordering::Relaxed);
            tracing::debug!("The camera's sound is moved by {} ms to fit its picture.", shift / 1_000_000);
        }
    }
}

/// Has this `rtspsrc` leave the times of the picture alone, and the sound of the tap moved instead.
pub(in crate::media) fn keep_together(source: &gst::Element, tap: &CameraTap) {
    source.set_property("max-ts-offset", NO_CORRECTION);
    let sync = tap.sync().clone();
    source.connect("new-manager", false, move |args| {
        let manager = args[1].get::<gst::Element>().expect("new-manager should carry an element");
        let sync = sync.clone();
        manager.connect("new-jitterbuffer", false, move |args| {
            let buffer = args[1].get::<gst::Element>().expect("new-jitterbuffer should carry an element");
            watch_reports(&buffer, sync.clone());
            None
        });
        None
    });
}

fn watch_reports(jitter_buffer: &gst::Element, sync: Arc<LipSync>) {
    jitter_buffer.connect("handle-sync", false, move |args| {
        let buffer = args[0].get::<gst::Element>().ok()?;
        let report = args[1].get::<gst::Structure>().ok()?;
        let caps = buffer.static_pad("sink")?.current_caps()?;
        let is_sound = caps.structure(0)?.get::<&str>("media").ok()? == "audio";
        sync.learn(is_sound, difference(&report)?);
        None::<glib::Value>
    });
}

/// Local time less the camera's time at a sender report, in nanoseconds.
fn difference(report: &gst::StructureRef) -> Option<i64> {
    let field = |name| report.get::<u64>(name).ok();
    let rate = i128::from(report.get::<u32>("clock-rate").ok().filter(|rate| *rate > 0)?);
    let ticks = i128::from(field("sr-ext-rtptime")?) - i128::from(field("base-rtptime")?);
    let local = i128::from(field("base-time")?) + ticks * 1_000_000_000 / rate;
    let packet = report.get::<gst::Buffer>("sr-buffer").ok()?;
    let packet = packet.map_readable().ok()?;
    let camera = camera_time(&packet)?;
    i64::try_from(local - i128::from(camera)).ok()
}

/// The NTP timestamp of a sender report in nanoseconds: the second and third word of its body.
fn camera_time(packet: &[u8]) -> Option<i64> {
    const SENDER_REPORT: u8 = 200;
    if packet.get(1) != Some(&SENDER_REPORT) {
        return None;
    }
    let ntp = u64::from_be_bytes(packet.get(8..16)?.try_into().ok()?);
    i64::try_from((i128::from(ntp) * 1_000_000_000) >> 32).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn sound_is_moved_to_the_picture() {
        let sync = LipSync::default();
        sync.learn(true, 500 * MS);
        assert_eq!(sync.shift(), 0, "nothing is known of the picture");
        sync.learn(false, 420 * MS);
        assert_eq!(sync.shift(), -80 * MS);
        sync.learn(true, 503 * MS);
        assert_eq!(sync.shift(), -80 * MS, "too little to be heard");
        sync.learn(true, 90_000 * MS);
        assert_eq!(sync.shift(), -80 * MS, "nonsense");
        sync.learn(true, 400 * MS);
        assert_eq!(sync.shift(), 20 * MS);
    }

    #[test]
    fn a_sender_report_tells_the_camera_s_time() {
        let mut packet = vec![0x80, 200, 0, 6, 1, 2, 3, 4];
        packet.extend([0, 0, 0, 5, 0x80, 0, 0, 0]);
        assert_eq!(camera_time(&packet), Some(5_500 * MS));
        packet[1] = 201;
        assert_eq!(camera_time(&packet), None, "a receiver report");
        assert_eq!(camera_time(&[0x80, 200]), None);
    }
}
