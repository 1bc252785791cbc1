//! Workers that get nothing for a while: after a fault for one job or for all, after a refusal.
//!
//! Every exclusion ends by itself, so a fault that went away is forgiven, and a cluster of one worker still tries again.

use super::event::Tick;
use std::time::Duration;

/// Strikes in a row; each doubles the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exclusion {
    strikes: u32,
    until: Tick,
}

impl Exclusion {
    /// Returns until when it holds.
    pub fn strike(&mut self, now: Tick, first: Duration, last: Duration) -> Tick {
        let factor = 1u32 << self.strikes.min(16);
        self.strikes = self.strikes.saturating_add(1);
        self.until = now.after(first.saturating_mul(factor).min(last));
        self.until
    }

    /// One more strike that excludes only from the `free`-th on.
    pub fn strike_after(&mut self, now: Tick, free: u32, first: Duration, last: Duration) -> Option<Tick> {
        self.strikes = self.strikes.saturating_add(1);
        let over = self.strikes.checked_sub(free)?;
        self.until = now.after(first.saturating_mul(1 << over.min(16)).min(last));
        Some(self.until)
    }

    pub fn forgive(&mut self) {
        *self = Exclusion::default();
    }

    pub fn holds(&self, now: Tick) -> bool {
        now < self.until
    }

    pub fn until(&self) -> Tick {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_strike_doubles_the_exclusion_up_to_its_limit_and_it_ends_by_itself() {
        let (first, last) = (Duration::from_secs(1), Duration::from_secs(3));
        let mut exclusion = Exclusion::default();
        assert_eq!(exclusion.strike(Tick(0), first, last), Tick(1_000));
        assert_eq!(exclusion.strike(Tick(0), first, last), Tick(2_000));
        assert_eq!(exclusion.strike(Tick(0), first, last), Tick(3_000));
        assert!(exclusion.holds(Tick(2_999)) && !exclusion.holds(Tick(3_000)));
        exclusion.forgive();
        assert!(!exclusion.holds(Tick(0)));
    }

    #[test]
    fn the_first_strikes_are_free_where_they_say_so() {
        let mut exclusion = Exclusion::default();
        let second = Duration::from_secs(1);
        assert_eq!(exclusion.strike_after(Tick(0), 3, second, second), None);
        assert_eq!(exclusion.strike_after(Tick(0), 3, second, second), None);
        assert_eq!(exclusion.strike_after(Tick(0), 3, second, second), Some(Tick(1_000)));
    }
}
