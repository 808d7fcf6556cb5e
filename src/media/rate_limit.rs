//! Holds pictures to a rate.
//!
//! `videorate` counts each picture against a grid: at a camera's own rate half of the pictures
//! of a camera that ticks unevenly would be dropped (seen with 30 a second and 13 ms of
//! jitter, averaging or not). Here a picture may be a quarter of a period early.

use std::sync::Mutex;

use gst::prelude::*;

use super::{MediaError, element::make};

/// An element that lets at most `framerate` pictures a second through, and says so in its caps:
/// encoders share their bits out by that.
pub(super) fn limit(framerate: u32) -> Result<gst::Element, MediaError> {
    let element = make("identity")?;
    let limit = Mutex::new(Limit::new(framerate));
    let pad = element.static_pad("src").expect("identity should have a src pad");
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let mut limit = limit.lock().expect("no holder of this lock should panic");
                if buffer.pts().is_some_and(|pts| !limit.passes(pts)) {
                    return gst::PadProbeReturn::Drop;
                }
            }
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Caps(caps) = event.view() {
                    let slower = slower(caps.caps_owned(), framerate);
                    *event = gst::event::Caps::builder(&slower).seqnum(event.seqnum()).build();
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    Ok(element)
}

/// The same caps with a rate that is no higher than the limit.
fn slower(mut caps: gst::Caps, framerate: u32) -> gst::Caps {
    let limit = gst::Fraction::new(framerate.cast_signed(), 1);
    for fields in caps.make_mut().iter_mut() {
        let known = fields.get::<gst::Fraction>("framerate").ok().filter(|rate| rate.numer() > 0);
        fields.set("framerate", known.map_or(limit, |rate| rate.min(limit)));
    }
    caps
}

/// A grid of moments at which a picture is due.
struct Limit {
    period: gst::ClockTime,
    due: Option<gst::ClockTime>,
}

impl Limit {
    fn new(framerate: u32) -> Self {
        Self { period: gst::ClockTime::SECOND / u64::from(framerate.max(1)), due: None }
    }

    fn passes(&mut self, pts: gst::ClockTime) -> bool {
        let due = match self.due {
            // A new stream, or one that jumped: the grid starts anew.
            Some(due) if pts < due + self.period && pts + self.period * 4 > due => due,
            _ => pts,
        };
        let passes = pts + self.period / 4 >= due;
        self.due = Some(if passes { due + self.period } else { due });
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of 120 pictures of a camera with jitter pass.
    fn passed(camera: u64, limit: u32) -> usize {
        let mut limit = Limit::new(limit);
        let uneven = [0, 9, 4, 7];
        let at = |n: u64| gst::ClockTime::from_useconds(n * 1_000_000 / camera + uneven[n as usize % 4] * 1000);
        (0..120).filter(|n| limit.passes(at(*n))).count()
    }

    #[test]
    fn a_rate_is_a_limit_and_an_uneven_camera_loses_nothing() {
        assert_eq!(passed(30, 30), 120);
        assert_eq!(passed(30, 60), 120);
        assert_eq!(passed(30, 240), 120);
        for (limit, due) in [(25, 100), (20, 80), (15, 60), (5, 20), (1, 4)] {
            let passed = passed(30, limit);
            assert!(passed.abs_diff(due) <= due / 10 + 1, "{passed} of {due} at {limit}");
        }
    }

    #[test]
    fn after_a_gap_or_a_jump_pictures_pass_again() {
        let mut limit = Limit::new(10);
        let at = gst::ClockTime::from_mseconds;
        assert!(limit.passes(at(0)) && !limit.passes(at(33)) && limit.passes(at(5000)));
        assert!(limit.passes(at(20)), "time went back");
        assert!(!limit.passes(at(50)) && limit.passes(at(120)));
    }
}
