//! What need not be said again: something that is tried and fails every few seconds is one notice.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::config::FeedId;

/// A notice that has not come back for this long is over; after that it is news again.
const OVER_AFTER: Duration = Duration::from_mins(10);

/// The notices of late, by feed and sentence, and when each last came.
#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<(FeedId, String), Instant>);

impl Repeats {
    /// Whether the operator has not been told this of late. Each time it comes, "of late" begins
    /// anew, so that a fault that stays is told once however long it stays.
    pub(super) fn is_news(&mut self, feed: &FeedId, sentence: &str, now: Instant) -> bool {
        self.0.retain(|_, last| now.duration_since(*last) < OVER_AFTER);
        self.0.insert((feed.clone(), sentence.to_owned()), now).is_none()
    }

    /// The feed begins anew, and with it what there is to say.
    pub(super) fn forget(&mut self, feed: &FeedId) {
        self.0.retain(|(other, _), _| other != feed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_every_five_seconds_is_told_once() {
        let (mut repeats, feed, start) = (Repeats::default(), FeedId::from_name("Bow"), Instant::now());
        let told = (0..1000).filter(|n| repeats.is_news(&feed, "It broke.", start + Duration::from_secs(5 * n)));
        assert_eq!(told.count(), 1);
    }

    #[test]
    fn another_fault_another_feed_and_another_day_are_news() {
        let (mut repeats, bow, start) = (Repeats::default(), FeedId::from_name("Bow"), Instant::now());
        assert!(repeats.is_news(&bow, "It broke.", start));
        assert!(repeats.is_news(&bow, "It burns.", start));
        assert!(repeats.is_news(&FeedId::from_name("Stern"), "It broke.", start));
        assert!(repeats.is_news(&bow, "It broke.", start + OVER_AFTER));
        repeats.forget(&bow);
        assert!(repeats.is_news(&bow, "It broke.", start + OVER_AFTER));
    }
}
