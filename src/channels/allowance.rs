//! How many messages may still pass.

use std::time::{Duration, Instant};

/// So many messages a second, and as many at once after a pause of a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// The time that one message takes.
    each: Duration,
    /// When all messages so far are paid for.
    paid: Option<Instant>,
}

impl Allowance {
    const AT_ONCE: Duration = Duration::from_secs(1);

    pub(super) fn per_second(messages: u32) -> Self {
        Self { each: Duration::from_secs(1) / messages.max(1), paid: None }
    }

    /// Whether another may pass now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let paid = self.paid.map_or(now, |paid| paid.max(now)) + self.each;
        let may_pass = paid.duration_since(now) <= Self::AT_ONCE;
        if may_pass {
            self.paid = Some(paid);
        }
        may_pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_a_second_passes_and_then_the_rate() {
        let mut allowance = Allowance::per_second(10);
        let start = Instant::now();
        let passed = |allowance: &mut Allowance, now| (0..100).filter(|_| allowance.take(now)).count();
        assert_eq!(passed(&mut allowance, start), 10);
        assert_eq!(passed(&mut allowance, start + Duration::from_millis(300)), 3);
        assert_eq!(passed(&mut allowance, start + Duration::from_mins(1)), 10, "a pause is not saved up");
    }

    #[test]
    fn one_a_second_is_one_a_second() {
        let mut allowance = Allowance::per_second(1);
        let start = Instant::now();
        assert!(allowance.take(start));
        assert!(!allowance.take(start + Duration::from_millis(900)));
        assert!(allowance.take(start + Duration::from_secs(1)));
    }
}
