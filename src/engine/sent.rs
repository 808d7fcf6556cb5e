//! Bytes sent, per viewer, into one rate.

use std::{collections::HashMap, time::Instant};

/// Remembers each session's count, so that viewers who come and go bend nothing.
#[derive(Debug, Default)]
pub(super) struct SentCounter {
    last: Option<(HashMap<String, u64>, Instant)>,
}

impl SentCounter {
    /// kbit/s to all sessions since the last call; nothing at the first call.
    pub(super) fn rate(&mut self, sent: HashMap<String, u64>, now: Instant) -> Option<f64> {
        let (before, then) = self.last.replace((sent, now))?;
        let (sent, _) = self.last.as_ref()?;
        let bytes: u64 =
            sent.iter().map(|(session, bytes)| bytes.saturating_sub(before.get(session).copied().unwrap_or(0))).sum();
        let seconds = now.saturating_duration_since(then).as_secs_f64();
        (seconds > 0.0).then(|| bytes as f64 * 8.0 / 1000.0 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn viewers_come_and_go_without_a_bend() {
        let start = Instant::now();
        let counts = |counts: &[(&str, u64)]| counts.iter().map(|(id, bytes)| ((*id).to_owned(), *bytes)).collect();
        let mut counter = SentCounter::default();
        let mut rate = |second, sent| counter.rate(counts(sent), start + Duration::from_secs(second));
        assert_eq!(rate(0, &[("a", 5000)]), None);
        assert_eq!(rate(1, &[("a", 255_000)]), Some(2000.0));
        assert_eq!(rate(2, &[("a", 505_000), ("b", 125_000)]), Some(3000.0));
        assert_eq!(rate(3, &[("b", 375_000)]), Some(2000.0), "a left");
        assert_eq!(rate(4, &[]), Some(0.0));
        assert_eq!(rate(4, &[]), None, "no time passed");
    }
}
