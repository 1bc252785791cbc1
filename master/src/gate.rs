//! Write-ahead: nothing leaves before the records that came before it are durable.

use skep_hdfs::journal::Lsn;
use std::collections::VecDeque;

pub struct Gate<T> {
    waiting: VecDeque<(Lsn, T)>,
    /// The newest record that was appended.
    newest: Lsn,
}

impl<T> Gate<T> {
    pub fn new(newest: Lsn) -> Gate<T> {
        Gate { waiting: VecDeque::new(), newest }
    }

    /// What is held from now on waits for this record.
    pub fn appended(&mut self, lsn: Lsn) {
        self.newest = self.newest.max(lsn);
    }

    pub fn newest(&self) -> Lsn {
        self.newest
    }

    pub fn hold(&mut self, thing: T) {
        self.waiting.push_back((self.newest, thing));
    }

    /// The next thing that may leave.
    pub fn release(&mut self, durable: Lsn) -> Option<T> {
        self.waiting.pop_front_if(|(lsn, _)| *lsn <= durable).map(|(_, thing)| thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_leaves_in_order_once_the_records_before_it_are_durable() {
        let mut gate = Gate::new(Lsn(0));
        gate.hold("before any record");
        gate.appended(Lsn(2));
        gate.hold("after two");
        assert_eq!(gate.release(Lsn(0)), Some("before any record"));
        assert_eq!(gate.release(Lsn(1)), None);
        assert_eq!(gate.release(Lsn(2)), Some("after two"));
    }
}
