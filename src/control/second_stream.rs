//! Whether a camera's second stream will do, in place of an encoder.
//!
//! It costs nothing, but it is what it is: for a setpoint it has to be about what was asked for,
//! and for viewers with little bandwidth about as little as an encoder would make for them.

use std::time::{Duration, Instant};

use super::{limit::Limit, path::StreamForm};
use crate::config::{Setpoint, Size};

/// How long it may send more than it should, or less than is worth while.
const PATIENCE: Duration = Duration::from_secs(3);
/// Where no size is asked for, it sends at least this part of the bitrate that is: below, an encoder
/// makes a much better picture.
const LEAST_OF_BITRATE: f64 = 1.0 / 3.0;
/// Its sides are at least this part of those that are asked for.
const LEAST_OF_SIDE: f64 = 2.0 / 3.0;
/// For viewers with little bandwidth it may send so many times what an encoder would make for them…
const MOST_OF_LOW: f64 = 1.5;
/// …and have so many lines.
const MOST_LINES: u32 = 576;

/// Compares a second stream with what is needed, with hysteresis.
#[derive(Debug)]
pub struct SecondStreamFit {
    bitrate: Limit,
    /// What is asked for, against the most for which it does.
    worth: Limit,
    framerate: Limit,
    slow_bitrate: Limit,
}

impl Default for SecondStreamFit {
    fn default() -> Self {
        Self {
            bitrate: Limit::new(PATIENCE),
            worth: Limit::new(PATIENCE),
            framerate: Limit::new(PATIENCE),
            slow_bitrate: Limit::new(PATIENCE),
        }
    }
}

impl SecondStreamFit {
    /// Whether everybody may get it at this setpoint; `None` while that is not known.
    pub fn suits(&mut self, form: StreamForm, asked: Setpoint, now: Instant) -> Option<bool> {
        let asked_kbps = f64::from(asked.bitrate_kbps);
        let wrong = [
            asked.size.map_or(Some(false), |asked| form.size.map(|size| !is_about(size, asked))),
            asked.framerate.map_or(Some(false), |most| self.framerate.exceeds(form.framerate, most.into(), now)),
            self.bitrate.exceeds(form.kbps, asked_kbps, now),
            if asked.size.is_some() { Some(false) } else { self.is_poor(form, asked_kbps, now) },
        ];
        if wrong.contains(&Some(true)) {
            return Some(false);
        }
        wrong.iter().all(Option::is_some).then_some(true)
    }

    /// Whether much more is asked for than it sends.
    fn is_poor(&mut self, form: StreamForm, asked_kbps: f64, now: Instant) -> Option<bool> {
        self.worth.exceeds(Some(asked_kbps), form.kbps? / LEAST_OF_BITRATE, now)
    }

    /// Whether viewers may get it for whom an encoder would make so many kbit/s; `None` while that is
    /// not known. What it sends is seen soon: they need not wait for that.
    pub fn suits_slow(&mut self, form: StreamForm, low_kbps: u32, now: Instant) -> Option<bool> {
        let is_small = form.size?.height <= MOST_LINES;
        let bound = MOST_OF_LOW * f64::from(low_kbps);
        let is_too_much = self.slow_bitrate.exceeds(form.kbps, bound, now);
        Some(is_small && is_too_much != Some(true))
    }
}

/// Not larger than what is asked for, and not much smaller.
fn is_about(size: Size, asked: Size) -> bool {
    let fits = |side: u32, asked: u32| side <= asked && f64::from(side) >= LEAST_OF_SIDE * f64::from(asked);
    fits(size.width, asked.width) && fits(size.height, asked.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Priority;

    const FORM: StreamForm =
        StreamForm { size: Some(Size { width: 640, height: 360 }), kbps: Some(400.0), framerate: Some(15.0) };
    const LD: Setpoint = Setpoint {
        bitrate_kbps: 400,
        size: Some(Size { width: 640, height: 360 }),
        framerate: Some(15),
        fec_percent: 0,
        priority: Priority::Low,
    };

    fn suits(form: StreamForm, asked: Setpoint) -> Option<bool> {
        SecondStreamFit::default().suits(form, asked, Instant::now())
    }

    #[test]
    fn it_is_about_what_is_asked_for() {
        assert_eq!(suits(FORM, LD), Some(true));
        let kbps = |bitrate_kbps| Setpoint { bitrate_kbps, size: None, ..LD };
        assert_eq!(suits(FORM, kbps(1100)), Some(true));
        assert_eq!(suits(FORM, kbps(1500)), Some(false), "much more is asked for");
        assert_eq!(suits(FORM, Setpoint { bitrate_kbps: 1500, ..LD }), Some(true), "but in this size");
        assert_eq!(suits(FORM, Setpoint { bitrate_kbps: 300, ..LD }), Some(false));
        assert_eq!(suits(FORM, Setpoint { framerate: Some(10), ..LD }), Some(false));
        let size = |width, height| Setpoint { size: Some(Size { width, height }), ..LD };
        assert_eq!(suits(FORM, size(854, 480)), Some(true), "a little smaller will do");
        assert_eq!(suits(FORM, size(1280, 720)), Some(false));
        assert_eq!(suits(FORM, size(640, 340)), Some(false), "what is larger will not");
    }

    #[test]
    fn nothing_is_said_before_it_is_known() {
        assert_eq!(suits(StreamForm { kbps: None, ..FORM }, LD), None);
        assert_eq!(suits(StreamForm { size: None, ..FORM }, LD), None);
        assert_eq!(suits(StreamForm { framerate: None, ..FORM }, LD), None);
        let too_large = StreamForm { size: Some(Size { width: 1280, height: 720 }), kbps: None, framerate: None };
        assert_eq!(suits(too_large, LD), Some(false), "one thing that is wrong is enough");
    }

    #[test]
    fn slow_viewers_get_what_is_small_enough_and_do_not_wait_for_its_bitrate() {
        let slow = |form| SecondStreamFit::default().suits_slow(form, 400, Instant::now());
        assert_eq!(slow(FORM), Some(true));
        assert_eq!(slow(StreamForm { kbps: Some(900.0), ..FORM }), Some(false));
        assert_eq!(slow(StreamForm { kbps: None, ..FORM }), Some(true));
        assert_eq!(slow(StreamForm { size: None, ..FORM }), None);
        assert_eq!(slow(StreamForm { size: Some(Size { width: 1280, height: 720 }), ..FORM }), Some(false));
    }

    #[test]
    fn a_bitrate_that_comes_and_goes_changes_nothing() {
        let (mut fit, mut now) = (SecondStreamFit::default(), Instant::now());
        let mut spend = |seconds, kbps| {
            (0..seconds).fold(None, |_, _| {
                now += Duration::from_secs(1);
                fit.suits(StreamForm { kbps: Some(kbps), ..FORM }, LD, now)
            })
        };
        assert_eq!(spend(1, 400.0), Some(true));
        assert_eq!(spend(30, 460.0), Some(true));
        assert_eq!(spend(3, 700.0), Some(true), "for a moment");
        assert_eq!(spend(1, 700.0), Some(false));
        assert_eq!(spend(10, 400.0), Some(false));
        assert_eq!(spend(1, 400.0), Some(true));
    }
}
