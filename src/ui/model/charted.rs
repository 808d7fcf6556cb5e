//! What the figures of a feed and of its viewers were over the last day.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use super::figure::Figure;
use crate::stats::{FeedSample, History};

/// How often a sample is added.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// So many viewers of a feed have a history of their own: it takes 110 kB a day.
const MOST_VIEWERS: usize = 30;

type Shared = Rc<RefCell<History>>;

fn empty() -> Shared {
    Rc::new(RefCell::new(History::new(SAMPLE_EVERY)))
}

/// A history of every figure.
struct Histories([Shared; Figure::ALL.len()]);

impl Default for Histories {
    fn default() -> Self {
        Self(std::array::from_fn(|_| empty()))
    }
}

impl Histories {
    fn of(&self, figure: Figure) -> Shared {
        self.0[figure as usize].clone()
    }

    /// The memory it takes.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.0.iter().map(|history| history.borrow().bytes()).sum::<usize>() + size_of::<Self>()
    }

    fn push(&self, value: impl Fn(Figure) -> Option<f64>) {
        for figure in Figure::ALL {
            self.of(figure).borrow_mut().push(value(figure).map(|value| value as f32));
        }
    }
}

/// What is kept for charts: of the feed, and of the viewers that there are.
#[derive(Default)]
pub(super) struct Charted {
    feed: Histories,
    viewers: BTreeMap<String, Histories>,
}

impl Charted {
    /// A second has passed. While nothing streams, nothing is known.
    pub(super) fn push(&mut self, sample: &FeedSample, streams: bool) {
        self.feed.push(|figure| figure.of_feed(sample).filter(|_| streams));
        self.viewers.retain(|session, _| sample.viewers.iter().any(|viewer| viewer.session == *session));
        for viewer in &sample.viewers {
            if let Some(histories) = self.viewer(&viewer.session) {
                histories.push(|figure| figure.of_viewer(viewer, sample));
            }
        }
    }

    /// A figure of this viewer's session; of the feed without one. Nothing is known of who is gone.
    pub(super) fn of(&mut self, figure: Figure, session: Option<&str>) -> Shared {
        match session {
            None => self.feed.of(figure),
            Some(session) => self.viewer(session).map_or_else(empty, |histories| histories.of(figure)),
        }
    }

    /// The histories of a viewer, begun where there is room.
    fn viewer(&mut self, session: &str) -> Option<&Histories> {
        if !self.viewers.contains_key(session) && self.viewers.len() >= MOST_VIEWERS {
            return None;
        }
        Some(self.viewers.entry(session.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{FeedRates, Reach, ViewerRates, ViewerSample};

    #[test]
    fn feed_and_viewers_have_figures_of_their_own_and_who_left_has_none() {
        let viewer = |session: &str, sent| ViewerSample {
            session: session.into(),
            rates: ViewerRates { sent_kbps: Some(sent), ..ViewerRates::default() },
            ..ViewerSample::default()
        };
        let with = |viewers: Vec<ViewerSample>, sent| FeedSample {
            viewers,
            rates: FeedRates { sent_kbps: Some(sent), ..FeedRates::default() },
            ..FeedSample::default()
        };
        let mut charted = Charted::default();
        charted.push(&with(vec![viewer("a", 100.0), viewer("b", 200.0)], 300.0), true);
        charted.push(&with(vec![viewer("b", 150.0)], 150.0), true);
        charted.push(&with(vec![viewer("b", 150.0)], 150.0), false);
        let mut kept = |session| {
            let history = charted.of(Figure::Sent, session);
            let history = history.borrow();
            history.over(Reach::Minutes).iter().map(|span| span.map(|span| span.mean)).collect::<Vec<_>>()
        };
        assert_eq!(kept(None), [Some(300.0), Some(150.0), None]);
        assert_eq!(kept(Some("b")), [Some(200.0), Some(150.0), Some(150.0)]);
        assert_eq!(kept(Some("a")), [], "it has left");
        assert_eq!(charted.of(Figure::Loss, Some("b")).borrow().latest(), None);
    }

    /// Everybody holds the same, so one is counted, after a day in which it was known throughout.
    #[test]
    fn a_day_of_sixteen_feeds_with_their_viewers_fits_into_64_megabytes() {
        let all = FeedRates {
            sent_kbps: Some(1.0),
            goodput_kbps: Some(1.0),
            estimate_kbps: Some(1.0),
            estimate_basis: None,
            round_trip_time: Some(1.0),
            jitter: Some(1.0),
            fraction_lost: Some(1.0),
            frames_per_second: Some(1.0),
        };
        let mut sample = FeedSample { rates: all, ..FeedSample::default() };
        let mut charted = Charted::default();
        for _ in 0..25 * 3600 {
            charted.push(&sample, true);
        }
        let one = charted.feed.bytes();
        let sixteen = 16 * (1 + MOST_VIEWERS) * one;
        println!("{one} bytes each, {sixteen} bytes for 16 feeds with {MOST_VIEWERS} viewers each");
        assert!(sixteen <= 64_000_000, "{sixteen} bytes");

        let named = |number: usize| ViewerSample { session: number.to_string(), ..ViewerSample::default() };
        sample.viewers = (0..2 * MOST_VIEWERS).map(named).collect();
        charted.push(&sample, true);
        assert_eq!(charted.viewers.len(), MOST_VIEWERS);
        assert!(charted.viewers["0"].bytes() < one / 5, "who has just come costs little");
    }
}
