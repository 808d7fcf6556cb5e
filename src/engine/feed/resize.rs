//! When a running feed may change its size.
//!
//! Another size is a key frame of another form for every viewer; an agent that wavers between
//! two would have them see little else. A person waits for nobody.

use std::time::{Duration, Instant};

use super::super::ChangedBy;
use crate::config::Size;

/// Between two changes of the size, unless a person asks.
const APART: Duration = Duration::from_secs(5);

/// What was asked for, and by whom; no size is that of the camera.
type Asked = (Option<Size>, ChangedBy);

/// Keeps changes of the size apart.
#[derive(Debug, Default)]
pub(super) struct Resizing {
    last: Option<Instant>,
    /// What came too early: the latest only.
    waiting: Option<Asked>,
}

impl Resizing {
    /// Whether another size than the one in force may be taken now. One that has to wait comes
    /// back from [`Self::due`], unless another is asked for before that.
    pub(super) fn ask(&mut self, size: Option<Size>, in_force: Option<Size>, by: &ChangedBy, now: Instant) -> bool {
        // Whatever waited is not the latest any more.
        self.waiting = None;
        if size == in_force {
            return true;
        }
        let may = *by == ChangedBy::Person || self.is_apart(now);
        if may {
            self.last = Some(now);
        } else {
            self.waiting = Some((size, by.clone()));
        }
        may
    }

    /// Somebody else decides from now on than the agent that asked.
    pub(super) fn forget_agent(&mut self) {
        self.waiting.take_if(|(_, by)| matches!(by, ChangedBy::Agent(_)));
    }

    /// What has waited long enough. To be asked for again.
    pub(super) fn due(&mut self, now: Instant) -> Option<Asked> {
        if self.is_apart(now) { self.waiting.take() } else { None }
    }

    fn is_apart(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| now.saturating_duration_since(last) >= APART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Option<Size> = Some(Size { width: 1280, height: 720 });
    const MIDDLE: Option<Size> = Some(Size { width: 854, height: 480 });
    const SMALL: Option<Size> = Some(Size { width: 640, height: 360 });

    /// A feed's size on a clock of its own.
    struct Bench {
        resizing: Resizing,
        size: Option<Size>,
        start: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Self { resizing: Resizing::default(), size: LARGE, start: Instant::now() }
        }

        fn at(&self, seconds: f64) -> Instant {
            self.start + Duration::from_secs_f64(seconds)
        }

        fn ask(&mut self, seconds: f64, size: Option<Size>, by: &ChangedBy) -> Option<Size> {
            if self.resizing.ask(size, self.size, by, self.at(seconds)) {
                self.size = size;
            }
            self.size
        }

        fn agent(&mut self, seconds: f64, size: Option<Size>) -> Option<Size> {
            self.ask(seconds, size, &ChangedBy::Agent("gcc".into()))
        }

        /// Time passes, and with it whatever was waiting comes.
        fn wait(&mut self, seconds: f64) -> Option<Size> {
            if let Some((size, by)) = self.resizing.due(self.at(seconds)) {
                self.ask(seconds, size, &by);
            }
            self.size
        }
    }

    #[test]
    fn the_first_change_and_those_far_apart_are_made_at_once() {
        let mut bench = Bench::new();
        assert_eq!(bench.agent(0.0, SMALL), SMALL);
        assert_eq!(bench.agent(5.0, LARGE), LARGE);
        assert_eq!(bench.agent(60.0, None), None, "the camera's own is a size like any other");
    }

    #[test]
    fn what_comes_too_early_waits_and_the_latest_wins() {
        let mut bench = Bench::new();
        bench.agent(0.0, SMALL);
        assert_eq!(bench.agent(1.0, LARGE), SMALL);
        assert_eq!(bench.agent(2.0, MIDDLE), SMALL);
        assert_eq!(bench.wait(4.9), SMALL);
        assert_eq!(bench.wait(5.0), MIDDLE);
        assert_eq!(bench.agent(9.9, LARGE), MIDDLE, "what waited counts as a change");
        assert_eq!(bench.wait(10.0), LARGE);
        assert_eq!(bench.wait(60.0), LARGE, "nothing is done twice");
    }

    #[test]
    fn an_agent_that_takes_its_word_back_changes_nothing() {
        let mut bench = Bench::new();
        bench.agent(0.0, SMALL);
        bench.agent(1.0, LARGE);
        bench.agent(2.0, SMALL);
        assert_eq!(bench.wait(60.0), SMALL);
    }

    #[test]
    fn the_size_in_force_is_no_change_and_delays_none() {
        let mut bench = Bench::new();
        bench.agent(0.0, SMALL);
        bench.agent(4.0, SMALL);
        assert_eq!(bench.agent(5.0, LARGE), LARGE);
    }

    #[test]
    fn a_person_waits_for_nobody_and_ends_the_waiting() {
        let mut bench = Bench::new();
        bench.agent(0.0, SMALL);
        bench.agent(1.0, LARGE);
        assert_eq!(bench.ask(2.0, MIDDLE, &ChangedBy::Person), MIDDLE);
        assert_eq!(bench.ask(2.1, SMALL, &ChangedBy::Person), SMALL);
        assert_eq!(bench.wait(60.0), SMALL, "the agent asked before the person did");
    }

    #[test]
    fn what_an_agent_asked_for_is_gone_when_somebody_else_decides() {
        let mut bench = Bench::new();
        bench.agent(0.0, SMALL);
        bench.agent(1.0, LARGE);
        bench.resizing.forget_agent();
        assert_eq!(bench.wait(60.0), SMALL);
    }

    #[test]
    fn an_agent_keeps_its_distance_to_a_person_too() {
        let mut bench = Bench::new();
        bench.ask(0.0, SMALL, &ChangedBy::Person);
        assert_eq!(bench.agent(4.9, LARGE), SMALL);
        assert_eq!(bench.wait(5.0), LARGE);
    }
}
