//! How much of something passes.

use std::time::Instant;

/// Bytes that are counted about once a second, as a rate.
#[derive(Debug, Default)]
pub(super) struct Rate {
    last: Option<(Instant, u64)>,
    kbps: Option<f64>,
}

impl Rate {
    /// In kbit/s, between the last two counts; `None` before the second.
    pub(super) fn kbps(&self) -> Option<f64> {
        self.kbps
    }

    /// So many bytes had passed by now.
    pub(super) fn count(&mut self, bytes: u64, now: Instant) {
        let Some((then, before)) = self.last.replace((now, bytes)) else { return };
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds > 0.0 {
            self.kbps = Some(bytes.saturating_sub(before) as f64 * 8.0 / 1000.0 / seconds);
        }
    }
}
