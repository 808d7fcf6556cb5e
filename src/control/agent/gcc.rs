//! Congestion control: the main rendition follows what its viewers' connections carry.
//!
//! # Who counts
//!
//! The main rendition can only follow the slowest of those who count:
//!
//! * Where a pinned viewer is connected, the pinned ones only. They get the main rendition whatever
//!   comes, so it has to suit them; everybody else is given the low one when this one is too much.
//! * Else all viewers of the main rendition, but for those that are about to be moved: whose
//!   connections carry less than half of what the best one does, and who came within the last
//!   seconds while others were there. Else a slow telephone would drag everybody down at the moment
//!   it joins, and would never be moved, as the rendition would then be what it can take.
//! * Where there is no low rendition to move anybody to, everybody.
//!
//! Viewers of the low rendition do not count. Who counts is not moved either: see
//! [`Assignment::follow`](super::super::Assignment::follow).
//!
//! # A camera's own stream
//!
//! What passes through cannot be made smaller. When less is asked for than the camera sends, the
//! path chooser has it encoded anew, at once if an agent asks; the encoder is raised in steps from
//! there, and when it has come to what the camera sends, the stream goes out as it is again. Of a
//! stream that could pass through the picture is left alone as long as its bitrate is carried.

use std::time::Duration;

use super::{Agent, Decision, Observation, ViewerPath, picture::PictureSteps};
use crate::{
    config::{AgentKind, SetpointChange},
    control::{Assigned, Estimate},
    i18n::gettext,
    stats::EstimateBasis,
};

/// Who carries less than this part of what the best one carries is about to be moved.
const FAR_LESS: f64 = 0.5;
/// Who has just come does not count among others for this long.
const NEWCOMER: Duration = Duration::from_secs(3);

/// The viewers that the main rendition has to suit.
pub fn counting<'a>(seen: &Observation<'a>) -> Vec<&'a ViewerPath> {
    let mut viewers: Vec<_> = seen.viewers.iter().filter(|viewer| viewer.gets == Assigned::Full).collect();
    if viewers.iter().any(|viewer| viewer.is_pinned) {
        viewers.retain(|viewer| viewer.is_pinned);
    } else if seen.has_low {
        let is_new = |viewer: &ViewerPath| seen.now.duration_since(viewer.since) < NEWCOMER;
        if viewers.iter().any(|viewer| !is_new(viewer)) {
            viewers.retain(|viewer| !is_new(viewer));
        }
        let best = viewers.iter().filter_map(|viewer| kbps(viewer)).fold(0.0, f64::max);
        viewers.retain(|viewer| kbps(viewer).is_none_or(|kbps| kbps >= FAR_LESS * best));
    }
    viewers
}

fn kbps(viewer: &ViewerPath) -> Option<f64> {
    viewer.estimate.map(|estimate| estimate.kbps)
}

/// Follows the slowest viewer that counts.
#[derive(Debug, Default)]
pub struct Gcc {
    picture: PictureSteps,
}

impl Agent for Gcc {
    fn name(&self) -> &'static str {
        AgentKind::Gcc.key()
    }

    fn reset(&mut self) {
        self.picture = PictureSteps::default();
    }

    fn decide(&mut self, seen: &Observation<'_>) -> Option<Decision> {
        if seen.viewers.is_empty() {
            return Some(Decision::stay(gettext("Nobody watches")));
        }
        let counting = counting(seen);
        if counting.is_empty() {
            return Some(Decision::stay(gettext("Everybody gets the low rendition")));
        }
        let known = counting.iter().filter_map(|viewer| viewer.estimate);
        let Some(slowest) = known.min_by(|one, other| one.kbps.total_cmp(&other.kbps)) else {
            // Of who has just come, nothing can be known yet.
            let is_new = |viewer: &&ViewerPath| seen.now.duration_since(viewer.since) < NEWCOMER;
            return counting
                .iter()
                .all(is_new)
                .then(|| Decision::stay(gettext("Waits for the first word of a viewer")));
        };
        // Where it is less than the lower limit, all feeds together have to know.
        let wanted = (slowest.kbps as u32).min(seen.bounds.most_kbps);
        let kbps = seen.hold(wanted);
        let mut change = SetpointChange::bitrate(kbps);
        if seen.bounds.adapts_picture {
            change = change.then(self.picture(f64::from(kbps), seen));
        }
        Some(Decision {
            change,
            wants_kbps: Some(wanted),
            reason: reason(slowest, kbps != seen.bounds.clamp(wanted), seen),
        })
    }
}

impl Gcc {
    fn picture(&mut self, kbps: f64, seen: &Observation<'_>) -> SetpointChange {
        if seen.camera_kbps.is_some_and(|camera| kbps >= camera) {
            return self.picture.own(&seen.own);
        }
        self.picture.change(kbps, &seen.own, seen.camera_size, seen.now)
    }
}

fn reason(slowest: Estimate, has_other_share: bool, seen: &Observation<'_>) -> String {
    if has_other_share {
        return gettext("Has its share of the budget");
    }
    if slowest.kbps < f64::from(seen.bounds.least_kbps) {
        return gettext("The slowest connection carries less than the lower limit");
    }
    match slowest.basis {
        EstimateBasis::TransportFeedback => gettext("Follows the slowest connection that counts"),
        EstimateBasis::ReceiverReports => {
            gettext("Follows loss and round trip: the viewer gives no feedback on single packets")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, time::Instant};

    use super::*;
    use crate::{
        config::{AgentConfig, OrCamera, Priority, Setpoint, Size},
        control::Share,
        stats::FeedSample,
    };

    const HD: Size = Size { width: 1280, height: 720 };
    const SETPOINT: Setpoint =
        Setpoint { bitrate_kbps: 2000, size: None, framerate: None, fec_percent: 0, priority: Priority::Low };

    struct Scene {
        now: Instant,
        samples: VecDeque<FeedSample>,
        viewers: Vec<ViewerPath>,
        camera_kbps: Option<f64>,
        has_low: bool,
    }

    impl Scene {
        fn new(estimates: &[f64]) -> Self {
            let start = Instant::now();
            let now = start + Duration::from_mins(1);
            let viewers = estimates.iter().enumerate().map(|(number, kbps)| ViewerPath {
                session: number.to_string(),
                gets: Assigned::Full,
                is_pinned: false,
                since: start,
                estimate: Some(Estimate { kbps: *kbps, basis: EstimateBasis::TransportFeedback, is_congested: false }),
            });
            Self { now, samples: VecDeque::new(), viewers: viewers.collect(), camera_kbps: None, has_low: true }
        }

        fn seen(&self) -> Observation<'_> {
            Observation {
                now: self.now,
                samples: &self.samples,
                viewers: &self.viewers,
                setpoint: SETPOINT,
                own: SETPOINT,
                share: None,
                asked_kbps: None,
                bounds: AgentConfig {
                    kind: AgentKind::Gcc,
                    least_kbps: 300,
                    most_kbps: 6000,
                    ..AgentConfig::default()
                },
                camera_size: Some(HD),
                camera_kbps: self.camera_kbps,
                passes_through: self.camera_kbps.is_some(),
                has_low: self.has_low,
            }
        }

        #[track_caller]
        fn decides(&self, kbps: u32) {
            assert_eq!(Gcc::default().decide(&self.seen()).unwrap().change.bitrate_kbps, Some(kbps));
        }
    }

    #[test]
    fn the_slowest_counts_unless_it_is_about_to_be_moved() {
        Scene::new(&[1200.0]).decides(1200);
        Scene::new(&[3000.0, 2000.0]).decides(2000);
        Scene::new(&[3000.0, 1000.0]).decides(3000);
        let without_low = Scene { has_low: false, ..Scene::new(&[3000.0, 1000.0]) };
        without_low.decides(1000);
    }

    #[test]
    fn the_pinned_count_alone() {
        let mut scene = Scene::new(&[800.0, 3000.0, 100.0]);
        scene.viewers[0].is_pinned = true;
        scene.decides(800);
    }

    #[test]
    fn who_gets_the_low_rendition_or_has_just_come_does_not_count() {
        let mut scene = Scene::new(&[3000.0, 400.0, 2500.0, 1600.0]);
        scene.viewers[1].gets = Assigned::Low;
        scene.viewers[3].since = scene.now;
        scene.decides(2500);
        let mut alone = Scene::new(&[1600.0]);
        alone.viewers[0].since = alone.now;
        alone.decides(1600);
    }

    #[test]
    fn limits_are_kept() {
        Scene::new(&[100.0]).decides(300);
        Scene::new(&[60_000.0]).decides(6000);
        let words = Gcc::default().decide(&Scene::new(&[100.0]).seen()).unwrap().reason;
        assert!(words.contains("lower limit"), "{words}");
    }

    #[test]
    fn a_share_bounds_what_it_decides_or_takes_its_place() {
        let scene = Scene::new(&[3000.0]);
        let decides = |kbps, is_bound| {
            let share = Share { kbps, is_bound, ..Share::default() };
            let decision = Gcc::default().decide(&Observation { share: Some(share), ..scene.seen() }).unwrap();
            (decision.change.bitrate_kbps, decision.wants_kbps)
        };
        assert_eq!(decides(1000, true), (Some(1000), Some(3000)));
        assert_eq!(decides(4000, true), (Some(3000), Some(3000)));
        assert_eq!(decides(4000, false), (Some(4000), Some(3000)));
    }

    #[test]
    fn nothing_is_said_while_nothing_is_known() {
        let mut scene = Scene::new(&[1000.0]);
        scene.viewers[0].estimate = None;
        assert_eq!(Gcc::default().decide(&scene.seen()), None);
        scene.viewers[0].since = scene.now;
        assert!(Gcc::default().decide(&scene.seen()).unwrap().change.is_empty(), "it has just come");
        assert!(Gcc::default().decide(&Scene::new(&[]).seen()).unwrap().change.is_empty());
        scene.viewers[0].gets = Assigned::Low;
        assert!(Gcc::default().decide(&scene.seen()).unwrap().change.is_empty());
    }

    #[test]
    fn an_estimate_without_feedback_is_marked() {
        let mut scene = Scene::new(&[1000.0]);
        let known = Gcc::default().decide(&scene.seen()).unwrap().reason;
        scene.viewers[0].estimate.as_mut().unwrap().basis = EstimateBasis::ReceiverReports;
        let guessed = Gcc::default().decide(&scene.seen()).unwrap().reason;
        assert!(guessed != known && guessed.contains("no feedback"), "{guessed}");
    }

    #[test]
    fn a_camera_that_sends_little_is_not_made_smaller() {
        let mut scene = Scene::new(&[1000.0]);
        let size = |scene: &Scene| Gcc::default().decide(&scene.seen()).unwrap().change.size.and_then(OrCamera::value);
        assert_eq!(size(&scene).map(|size| size.height), Some(480));
        scene.camera_kbps = Some(900.0);
        assert_eq!(size(&scene), None);
        scene.camera_kbps = Some(1500.0);
        assert_eq!(size(&scene).map(|size| size.height), Some(480));
    }
}
