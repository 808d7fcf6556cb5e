//! Whether something that comes and goes is more than its bound.

use std::time::{Duration, Instant};

/// It is more than its bound at this many times the bound…
const TOO_MUCH: f64 = 1.2;
/// …and no longer at this.
const LITTLE_ENOUGH: f64 = 1.05;
/// How long it has to be so before it counts again as little enough.
const LITTLE_ENOUGH_FOR: Duration = Duration::from_secs(10);

/// Compares a value with its bound, with hysteresis.
#[derive(Debug)]
pub(super) struct Limit {
    /// How long it has to be too much before that counts.
    patience: Duration,
    /// Whether it is more; `None` before that was looked at.
    exceeds: Option<bool>,
    /// Since when it seems to be otherwise.
    otherwise_since: Option<Instant>,
}

impl Limit {
    /// Of something that has to be too much for so long before that counts.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, exceeds: None, otherwise_since: None }
    }

    /// It has to be too much for so long from now on.
    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Whether the value is more than its bound; `None` before it is known. While it is not known
    /// any more, what held last holds.
    pub(super) fn exceeds(&mut self, value: Option<f64>, bound: f64, now: Instant) -> Option<bool> {
        let Some(value) = value else { return self.exceeds };
        let (factor, patience) = match self.exceeds {
            None => (LITTLE_ENOUGH, Duration::ZERO),
            Some(true) => (LITTLE_ENOUGH, LITTLE_ENOUGH_FOR),
            Some(false) => (TOO_MUCH, self.patience),
        };
        let seems = value > factor * bound;
        if self.exceeds == Some(seems) {
            self.otherwise_since = None;
            return self.exceeds;
        }
        let since = *self.otherwise_since.get_or_insert(now);
        if now.duration_since(since) >= patience {
            (self.exceeds, self.otherwise_since) = (Some(seems), None);
        }
        self.exceeds
    }
}
