//! The time that viewers compare a picture's capture time with.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Unix time that never jumps.
///
/// It is the system's clock at the start of the program, carried on by the
/// monotonic clock: when NTP or a person sets the system's clock, ages that
/// viewers compute stay true.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started_at_ms: f64,
    started: Instant,
}

impl Clock {
    /// A clock that agrees with the system's at this moment.
    pub fn new() -> Self {
        // Before 1970 only on a machine whose clock is lost; any origin serves there.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started_at_ms: since_epoch.as_secs_f64() * 1000.0, started: Instant::now() }
    }

    /// Milliseconds since the Unix epoch, with fractions.
    pub fn now_ms(&self) -> f64 {
        self.at(Instant::now())
    }

    /// What [`now_ms`](Self::now_ms) said, or would have said, at `instant`.
    pub fn at(&self, instant: Instant) -> f64 {
        let before = self.started.saturating_duration_since(instant);
        let after = instant.saturating_duration_since(self.started);
        self.started_at_ms + (after.as_secs_f64() - before.as_secs_f64()) * 1000.0
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn agrees_with_the_system_at_start_and_runs_both_ways() {
        let clock = Clock::new();
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0;
        assert!((clock.now_ms() - system).abs() < 1000.0);

        let later = clock.started + Duration::from_millis(250);
        assert!((clock.at(later) - clock.started_at_ms - 250.0).abs() < 0.01);
        if let Some(earlier) = clock.started.checked_sub(Duration::from_millis(40)) {
            assert!((clock.at(earlier) - clock.started_at_ms + 40.0).abs() < 0.01);
        }
    }
}
