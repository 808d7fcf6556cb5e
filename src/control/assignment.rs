//! Which rendition each viewer gets: by its own estimate, with hysteresis, unless it is pinned.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// A viewer gets too little when its estimate is below this part of what its rendition sends…
///
/// An estimate goes down to 0.85 of what arrives: below this, less arrives than is sent.
const TOO_LITTLE: f64 = 0.75;
/// …and has gone down lately: an estimate that is low because less was sent so far says nothing.
const FELL_WITHIN: Duration = Duration::from_secs(2);
/// What counts as going down.
const FALL: f64 = 0.97;
/// The low rendition is worth making where the main one sends this many times as much…
const WORTH: f64 = 1.5;
/// …and no longer worth it at this.
const NOT_WORTH: f64 = 1.2;
/// How long it has to be too little before a viewer is moved down: what others begin with on the same connection is
/// sent in one go, and takes about a second to drain.
const DOWN_AFTER: Duration = Duration::from_millis(1200);
/// The same for one on trial, whose connection is known to be thin.
const DOWN_FROM_TRIAL_AFTER: Duration = Duration::from_millis(500);
/// A connection is good for the higher rendition at this many times its bitrate…
const ENOUGH: f64 = 1.1;
/// …for this long.
const UP_AFTER: Duration = Duration::from_secs(2);
/// More than this many times what is sent is not known to arrive: an estimate goes on rising while
/// nothing is lost or late, whatever the connection carries.
const KNOWN: f64 = 1.5;
/// A viewer whose estimate is this many times the low rendition's bitrate has found no limit there,
/// and may be tried on the higher one.
const NO_LIMIT_FOUND: f64 = 1.3;
/// How long the first trial is waited for; every one that fails doubles it.
const FIRST_TRIAL_AFTER: Duration = Duration::from_secs(10);
const LAST_TRIAL_AFTER: Duration = Duration::from_mins(5);
/// A viewer that stays up for this long has passed its trial.
const TRIAL: Duration = Duration::from_secs(10);

/// What a viewer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// What everybody gets who can take it.
    Full,
    /// The low rendition.
    Low,
}

/// What there is to choose from, by what is really sent of it, in kbit/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// What everybody gets.
    pub full_kbps: f64,
    /// The low one, or what it would take; `None` where it cannot be made.
    pub low_kbps: Option<f64>,
}

#[derive(Debug)]
struct Viewer {
    is_pinned: bool,
    /// The main rendition is made less for it, so it need not be moved.
    is_followed: bool,
    assigned: Assigned,
    /// In kbit/s; `None` while nothing is known.
    estimate: Option<u32>,
    /// When the estimate went down last.
    fell_at: Option<Instant>,
    moved_at: Instant,
    /// Since when the estimate asks for the other rendition.
    asks_since: Option<Instant>,
    trial_after: Duration,
    /// It came up from the low rendition.
    came_up: bool,
}

/// The viewers of a feed and what each of them gets.
#[derive(Debug, Default)]
pub struct Assignment {
    viewers: BTreeMap<String, Viewer>,
}

impl Assignment {
    /// These sessions are there now; a new one begins with what everybody gets.
    pub fn set_viewers(&mut self, sessions: &[String], is_pinned: impl Fn(&str) -> bool, now: Instant) {
        self.viewers.retain(|session, _| sessions.contains(session));
        for session in sessions {
            self.viewers.entry(session.clone()).or_insert_with(|| Viewer {
                is_pinned: is_pinned(session),
                is_followed: false,
                assigned: Assigned::Full,
                estimate: None,
                fell_at: None,
                moved_at: now,
                asks_since: None,
                trial_after: FIRST_TRIAL_AFTER,
                came_up: false,
            });
        }
    }

    /// An agent has the main rendition follow these sessions, and no others: they are not moved down.
    pub fn follow(&mut self, sessions: &BTreeSet<String>) {
        for (session, viewer) in &mut self.viewers {
            viewer.is_followed = sessions.contains(session);
        }
    }

    /// Each session, what it gets, whether it is pinned to that, and since when it gets it.
    pub fn viewers(&self) -> impl Iterator<Item = (&String, Assigned, bool, Instant)> {
        self.viewers.iter().map(|(session, viewer)| (session, viewer.assigned, viewer.is_pinned, viewer.moved_at))
    }

    /// What a session's connection may carry, in kbit/s.
    pub fn set_estimate(&mut self, session: &str, kbps: u32, now: Instant) {
        if let Some(viewer) = self.viewers.get_mut(session) {
            if viewer.estimate.is_some_and(|before| f64::from(kbps) < FALL * f64::from(before)) {
                viewer.fell_at = Some(now);
            }
            viewer.estimate = Some(kbps);
        }
    }

    /// What a session gets.
    pub fn of(&self, session: &str) -> Option<Assigned> {
        self.viewers.get(session).map(|viewer| viewer.assigned)
    }

    /// How many viewers get this rendition.
    pub fn count(&self, rendition: Assigned) -> usize {
        self.viewers.values().filter(|viewer| viewer.assigned == rendition).count()
    }

    /// Who is to be moved, and where to. They count as moved from now on.
    pub fn moves(&mut self, offer: Offer, now: Instant) -> Vec<(String, Assigned)> {
        let mut moves = Vec::new();
        for (session, viewer) in &mut self.viewers {
            if let Some(rendition) = viewer.next(offer, now) {
                viewer.go(rendition, now);
                moves.push((session.clone(), rendition));
            }
        }
        moves
    }

    /// A rendition cannot be made: who was to get it stays with the main one for now.
    pub fn take_back(&mut self, rendition: Assigned, now: Instant) {
        for viewer in self.viewers.values_mut().filter(|viewer| viewer.assigned == rendition) {
            viewer.go(Assigned::Full, now);
        }
    }
}

impl Viewer {
    fn is_on_trial(&self, now: Instant) -> bool {
        self.came_up && now.duration_since(self.moved_at) < TRIAL
    }

    fn go(&mut self, rendition: Assigned, now: Instant) {
        if rendition == Assigned::Low {
            // The next trial has to wait longer.
            self.trial_after =
                if self.is_on_trial(now) { (self.trial_after * 2).min(LAST_TRIAL_AFTER) } else { FIRST_TRIAL_AFTER };
        }
        self.came_up = self.assigned == Assigned::Low;
        (self.assigned, self.moved_at, self.asks_since) = (rendition, now, None);
    }

    /// Where it is to go now.
    fn next(&mut self, offer: Offer, now: Instant) -> Option<Assigned> {
        let other = match self.assigned {
            Assigned::Full => Assigned::Low,
            Assigned::Low => Assigned::Full,
        };
        let Some(patience) = self.asks_for_other(offer, now) else {
            self.asks_since = None;
            return None;
        };
        let since = *self.asks_since.get_or_insert(now);
        (now.duration_since(since) >= patience).then_some(other)
    }

    /// How long to wait before the other rendition is given; `None` where this one is right.
    fn asks_for_other(&self, Offer { full_kbps, low_kbps }: Offer, now: Instant) -> Option<Duration> {
        let is_low = self.assigned == Assigned::Low;
        let Some(low_kbps) = low_kbps.filter(|_| !self.is_pinned) else {
            return is_low.then_some(Duration::ZERO);
        };
        let estimate = f64::from(self.estimate?);
        if !is_low && self.is_followed {
            return None;
        }
        if !is_low {
            let fell = self.fell_at.is_some_and(|at| now.duration_since(at) < FELL_WITHIN);
            let is_too_much = estimate < TOO_LITTLE * full_kbps && fell;
            let patience = if self.is_on_trial(now) { DOWN_FROM_TRIAL_AFTER } else { DOWN_AFTER };
            return (is_too_much && full_kbps >= WORTH * low_kbps).then_some(patience);
        }
        let known = estimate.min(KNOWN * low_kbps);
        if known >= ENOUGH * full_kbps || full_kbps < NOT_WORTH * low_kbps {
            return Some(UP_AFTER);
        }
        (estimate >= NO_LIMIT_FOUND * low_kbps).then_some(self.trial_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: Offer = Offer { full_kbps: 2000.0, low_kbps: Some(400.0) };

    /// A feed with one viewer, on a clock of its own.
    struct Scene {
        assignment: Assignment,
        now: Instant,
    }

    impl Scene {
        fn new(is_pinned: bool) -> Self {
            let (mut assignment, now) = (Assignment::default(), Instant::now());
            assignment.set_viewers(&["a".to_owned()], |_| is_pinned, now);
            assignment.set_estimate("a", 2000, now);
            Self { assignment, now }
        }

        /// Time goes by with this estimate; where the viewer is moved to meanwhile, and when.
        fn spend(&mut self, seconds: f64, kbps: u32) -> Vec<(f64, Assigned)> {
            let (start, end) = (self.now, self.now + Duration::from_secs_f64(seconds));
            let mut moved = Vec::new();
            while self.now < end {
                self.now += Duration::from_millis(100);
                self.assignment.set_estimate("a", kbps, self.now);
                let now_due = self.assignment.moves(OFFER, self.now);
                moved.extend(now_due.into_iter().map(|(_, to)| ((self.now - start).as_secs_f64(), to)));
            }
            moved
        }
    }

    #[test]
    fn a_slow_viewer_goes_down_soon_and_stays() {
        let mut scene = Scene::new(false);
        let moved = scene.spend(2.0, 500);
        assert_eq!(moved.len(), 1);
        assert!(moved[0].0 < 1.5 && moved[0].1 == Assigned::Low, "{moved:?}");
        assert_eq!(scene.spend(600.0, 480), [], "the low one is all it carries");
        assert_eq!(scene.assignment.count(Assigned::Low), 1);
    }

    #[test]
    fn a_dip_is_no_reason() {
        let mut scene = Scene::new(false);
        for _ in 0..10 {
            assert_eq!(scene.spend(1.1, 500), [], "others who join take as long");
            assert_eq!(scene.spend(0.4, 1900), []);
        }
    }

    #[test]
    fn an_estimate_that_never_fell_is_no_reason() {
        let mut scene = Scene::new(false);
        scene.assignment.set_estimate("a", 600, scene.now);
        scene.now += FELL_WITHIN;
        for step in 0..100 {
            scene.now += Duration::from_millis(100);
            scene.assignment.set_estimate("a", 600 + step, scene.now);
            assert_eq!(scene.assignment.moves(OFFER, scene.now), [], "little was sent so far, and now it is more");
        }
    }

    #[test]
    fn the_pinned_one_always_gets_the_main_rendition() {
        let mut scene = Scene::new(true);
        assert_eq!(scene.spend(60.0, 100), []);
    }

    #[test]
    fn who_is_followed_is_not_moved_until_that_ends() {
        let mut scene = Scene::new(false);
        scene.assignment.follow(&BTreeSet::from(["a".to_owned()]));
        assert_eq!(scene.spend(60.0, 500), []);
        scene.assignment.follow(&BTreeSet::new());
        scene.spend(1.0, 1500);
        assert_eq!(scene.spend(2.0, 500).len(), 1);
    }

    #[test]
    fn who_can_take_more_goes_up() {
        let mut scene = Scene::new(false);
        scene.spend(2.0, 500);
        let offer = Offer { full_kbps: 500.0, low_kbps: Some(400.0) };
        scene.assignment.set_estimate("a", 600, scene.now);
        assert_eq!(scene.assignment.moves(offer, scene.now), []);
        assert_eq!(scene.assignment.moves(offer, scene.now + UP_AFTER), [("a".to_owned(), Assigned::Full)]);
    }

    #[test]
    fn an_estimate_far_above_what_is_sent_is_good_for_a_trial_only() {
        let mut scene = Scene::new(false);
        scene.spend(2.0, 500);
        assert_eq!(scene.spend(9.0, 5000), []);
        assert_eq!(scene.spend(2.0, 5000).len(), 1);
    }

    #[test]
    fn trials_that_fail_become_rare() {
        let mut scene = Scene::new(false);
        scene.spend(2.0, 500);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let mut waited = 0.0;
            while scene.assignment.count(Assigned::Full) == 0 {
                scene.spend(1.0, 600);
                waited += 1.0;
            }
            waits.push(waited);
            let down = scene.spend(2.0, 500);
            assert!(down[0].0 < 0.8, "{down:?}");
        }
        assert!(waits[0] >= 9.0 && waits[1] >= 18.0 && waits[2] >= 38.0, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 302.0), "{waits:?}");
    }

    #[test]
    fn without_a_lower_rendition_everybody_gets_the_main_one() {
        let mut scene = Scene::new(false);
        scene.spend(2.0, 500);
        let moves = scene.assignment.moves(Offer { full_kbps: 300.0, low_kbps: None }, scene.now);
        assert_eq!(moves, [("a".to_owned(), Assigned::Full)]);
    }

    #[test]
    fn who_leaves_is_forgotten() {
        let mut scene = Scene::new(false);
        scene.spend(2.0, 500);
        scene.assignment.set_viewers(&[], |_| false, scene.now);
        assert_eq!(scene.assignment.count(Assigned::Low), 0);
        assert_eq!(scene.assignment.of("a"), None);
    }
}
