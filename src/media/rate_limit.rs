//! Holds pictures to a rate.
//!
//! `videorate` counts each picture against a grid: at a camera's own rate half of the pictures
//! of a camera that ticks unevenly would be dropped (seen with 30 a second and 13 ms of
//! jitter, averaging or not). Here a picture may be a quarter of a period early.

use std::sync::{Arc, Mutex, MutexGuard};

use gst::prelude::*;

use super::{MediaError, element::make};

/// The rate to which the pictures that pass an element are held. Clones are the same rate.
#[derive(Clone, Debug)]
pub(super) struct RateLimit(Arc<Mutex<Held>>);

/// What is known of the pictures that pass.
#[derive(Debug)]
struct Held {
    /// `None` lets all of them pass.
    limit: Option<Limit>,
    /// As they come.
    caps: Option<gst::Caps>,
    /// The limit is another one than what comes behind was told.
    is_news: bool,
}

impl RateLimit {
    /// An element that lets at most `framerate` pictures a second through, and says so in its
    /// caps: encoders share their bits out by that. It stands in every chain, for what costs
    /// nothing without a limit need not be built in while viewers watch.
    pub(super) fn build(framerate: Option<u32>) -> Result<(gst::Element, Self), MediaError> {
        let element = make("identity")?;
        let held = Held { limit: framerate.map(Limit::new), caps: None, is_news: false };
        let limit = Self(Arc::new(Mutex::new(held)));
        let pad = element.static_pad("src").expect("identity should have a src pad");
        let wanted = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(wanted, {
            let limit = limit.clone();
            move |pad, info| limit.pass(pad, info)
        });
        Ok((element, limit))
    }

    /// Holds pictures to this rate from the next one on, which passes.
    pub(super) fn set(&self, framerate: Option<u32>) {
        let mut held = self.held();
        if held.limit.as_ref().map(|limit| limit.framerate) != framerate {
            held.limit = framerate.map(Limit::new);
            held.is_news = true;
        }
    }

    fn pass(&self, pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>) -> gst::PadProbeReturn {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                self.tell_news(pad);
                let mut held = self.held();
                if let (Some(limit), Some(pts)) = (&mut held.limit, buffer.pts())
                    && !limit.passes(pts)
                {
                    return gst::PadProbeReturn::Drop;
                }
            }
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Caps(caps) = event.view() {
                    let mut held = self.held();
                    held.caps = Some(caps.caps_owned());
                    if let Some(limit) = &held.limit {
                        let slower = slower(caps.caps_owned(), limit.framerate);
                        *event = gst::event::Caps::builder(&slower).seqnum(event.seqnum()).build();
                    }
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    }

    /// Sends the caps anew where the limit has changed; they come by here, as the camera's do.
    fn tell_news(&self, pad: &gst::Pad) {
        let caps = {
            let mut held = self.held();
            std::mem::take(&mut held.is_news).then(|| held.caps.clone()).flatten()
        };
        if let Some(caps) = caps {
            pad.push_event(gst::event::Caps::new(&caps));
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().expect("no holder of this lock should panic")
    }
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
#[derive(Debug)]
struct Limit {
    framerate: u32,
    period: gst::ClockTime,
    due: Option<gst::ClockTime>,
}

impl Limit {
    fn new(framerate: u32) -> Self {
        Self { framerate, period: gst::ClockTime::SECOND / u64::from(framerate.max(1)), due: None }
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

    /// What comes behind the element: each picture's time, and the rate that the caps tell of it.
    type Passed = Arc<Mutex<Vec<(gst::ClockTime, i32)>>>;

    /// The element between two pads: what is pushed into the first has passed when that returns.
    fn between(limited: &gst::Element) -> (gst::Pad, gst::Pad, Passed) {
        let passed = Passed::default();
        // Without a template, a pad takes no other caps than its first.
        let (sink, always) = (gst::PadDirection::Sink, gst::PadPresence::Always);
        let template = gst::PadTemplate::new("sink", sink, always, &gst::Caps::new_any()).unwrap();
        let to = gst::Pad::builder_from_template(&template)
            .chain_function({
                let passed = passed.clone();
                move |pad, _, buffer| {
                    let caps = pad.current_caps().unwrap();
                    let rate = caps.structure(0).unwrap().get::<gst::Fraction>("framerate").unwrap();
                    passed.lock().unwrap().push((buffer.pts().unwrap(), rate.numer()));
                    Ok(gst::FlowSuccess::Ok)
                }
            })
            .build();
        let from = gst::Pad::new(gst::PadDirection::Src);
        from.link(&limited.static_pad("sink").unwrap()).unwrap();
        limited.static_pad("src").unwrap().link(&to).unwrap();
        to.set_active(true).unwrap();
        limited.set_state(gst::State::Playing).unwrap();
        from.set_active(true).unwrap();
        let caps = gst::Caps::builder("video/x-raw").field("framerate", gst::Fraction::new(30, 1)).build();
        assert!(from.push_event(gst::event::StreamStart::new("camera")));
        assert!(from.push_event(gst::event::Caps::new(&caps)));
        assert!(from.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
        (from, to, passed)
    }

    #[test]
    fn a_limit_changes_while_pictures_pass() {
        gst::init().unwrap();
        let (element, limit) = RateLimit::build(None).unwrap();
        let (from, _to, passed) = between(&element);
        let mut number = 0;
        // A second of a camera's 30 pictures: what passed, and the rates that were told of it.
        let mut second = |framerate| {
            limit.set(framerate);
            passed.lock().unwrap().clear();
            let start = gst::ClockTime::SECOND * number / 30;
            for _ in 0..30 {
                let mut buffer = gst::Buffer::new();
                buffer.get_mut().unwrap().set_pts(gst::ClockTime::SECOND * number / 30);
                from.push(buffer).unwrap();
                number += 1;
            }
            let passed = passed.lock().unwrap();
            assert_eq!(passed[0].0, start, "the first after a change should pass");
            let mut told: Vec<i32> = passed.iter().map(|(_, rate)| *rate).collect();
            told.dedup();
            (passed.len(), told)
        };
        assert_eq!(second(None), (30, vec![30]));
        assert_eq!(second(Some(10)), (10, vec![10]));
        assert_eq!(second(Some(10)), (10, vec![10]));
        // The one of the next second is early, by less than a quarter of its period.
        assert_eq!(second(Some(1)), (2, vec![1]));
        assert_eq!(second(Some(15)), (15, vec![15]));
        assert_eq!(second(Some(60)), (30, vec![30]));
        assert_eq!(second(None), (30, vec![30]));
        element.set_state(gst::State::Null).unwrap();
    }
}
