//! What the figures of a feed and of its viewers were over the last minutes.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use super::figure::Figure;
use crate::stats::{FeedSample, History};

/// How often a sample is added.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

type Shared = Rc<RefCell<History>>;

/// A history of every figure.
struct Histories([Shared; Figure::ALL.len()]);

impl Default for Histories {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Rc::new(RefCell::new(History::new(SAMPLE_EVERY)))))
    }
}

impl Histories {
    fn of(&self, figure: Figure) -> Shared {
        self.0[figure as usize].clone()
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
            let histories = self.viewers.entry(viewer.session.clone()).or_default();
            histories.push(|figure| figure.of_viewer(viewer, sample));
        }
    }

    /// A figure of this viewer's session; of the feed without one, or once it is gone.
    pub(super) fn of(&self, figure: Figure, session: Option<&str>) -> Shared {
        session.and_then(|session| self.viewers.get(session)).unwrap_or(&self.feed).of(figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{FeedRates, ViewerRates, ViewerSample};

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
        let kept = |session| charted.of(Figure::Sent, session).borrow().iter().collect::<Vec<_>>();
        assert_eq!(kept(None), [Some(300.0), Some(150.0), None]);
        assert_eq!(kept(Some("b")), [Some(200.0), Some(150.0), Some(150.0)]);
        assert_eq!(kept(Some("a")), kept(None), "it has left");
        assert_eq!(charted.of(Figure::Loss, Some("b")).borrow().latest(), None);
    }
}
