//! Write-ahead: nothing leaves before the records that it depends on are durable.

use crate::journal::Lsn;
use std::collections::VecDeque;

/// Things that wait for a position of the journal, in order.
pub struct Gate<T> {
    waiting: VecDeque<(Lsn, T)>,
}

impl<T> Gate<T> {
    pub fn new() -> Gate<T> {
        Gate { waiting: VecDeque::new() }
    }

    pub fn hold(&mut self, until: Lsn, thing: T) {
        debug_assert!(self.waiting.back().is_none_or(|(last, _)| *last <= until), "positions only grow");
        self.waiting.push_back((until, thing));
    }

    /// The next thing whose records are durable.
    pub fn release(&mut self, durable: Lsn) -> Option<T> {
        let ready = self.waiting.front().is_some_and(|(until, _)| *until <= durable);
        if ready { self.waiting.pop_front().map(|(_, thing)| thing) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_leave_in_order_and_not_before_their_position_is_durable() {
        let mut gate = Gate::new();
        gate.hold(Lsn(1), "a");
        gate.hold(Lsn(1), "b");
        gate.hold(Lsn(3), "c");
        assert_eq!(gate.release(Lsn(0)), None);
        assert_eq!(gate.release(Lsn(2)), Some("a"));
        assert_eq!(gate.release(Lsn(2)), Some("b"));
        assert_eq!(gate.release(Lsn(2)), None);
        assert_eq!(gate.release(Lsn(3)), Some("c"));
    }
}
