//! Counters of the user's own. Adding is a few instructions: values gather in the task's thread and go to the host once
//! per batch or so.

use crate::task_program::TaskProgress;
use std::cell::RefCell;

/// A named counter of a job, made by [`Plan::counter`](super::Plan::counter). Copy it into closures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    pub(super) index: usize,
}

thread_local! {
    /// Counts of the attempt that runs on this thread, by counter, since they were last handed over.
    static PENDING: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Counter {
    #[inline]
    pub fn add(self, by: u64) {
        PENDING.with_borrow_mut(|pending| {
            if pending.len() <= self.index {
                pending.resize(self.index + 1, 0);
            }
            pending[self.index] = pending[self.index].saturating_add(by);
        });
    }

    #[inline]
    pub fn increment(self) {
        self.add(1);
    }
}

/// Forgets what an earlier attempt on this thread left.
pub(super) fn reset() {
    PENDING.with_borrow_mut(Vec::clear);
}

pub(super) fn hand_over(names: &[String], progress: &TaskProgress) {
    PENDING.with_borrow_mut(|pending| {
        for (name, value) in names.iter().zip(pending) {
            if *value > 0 {
                progress.count(name, std::mem::take(value));
            }
        }
    });
}
