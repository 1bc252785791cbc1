//! The ready tasks of one stage, indexed by where their input is: finding one for a worker takes O(log tasks).
//!
//! A task is *far* while a worker that has its input could take it, and may go *anywhere* otherwise.

use skep_hdfs::WorkerId;
use skep_jobs::model::PartId;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub struct Ready {
    anywhere: BTreeSet<PartId>,
    far: BTreeSet<PartId>,
    /// Every ready task under each worker that it prefers, whether or not the worker is there.
    near: BTreeMap<WorkerId, BTreeSet<PartId>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Its input is on this worker, or nowhere in particular.
    Good(PartId),
    /// Its input is on other workers that are there.
    Far(PartId),
}

impl Ready {
    pub fn insert(&mut self, part: PartId, preferred: &[WorkerId], present: impl Fn(WorkerId) -> bool) {
        for &worker in preferred {
            self.near.entry(worker).or_default().insert(part);
        }
        if preferred.iter().any(|&worker| present(worker)) {
            self.far.insert(part);
        } else {
            self.anywhere.insert(part);
        }
    }

    pub fn remove(&mut self, part: PartId, preferred: &[WorkerId]) {
        self.anywhere.remove(&part);
        self.far.remove(&part);
        for worker in preferred {
            if let Some(parts) = self.near.get_mut(worker) {
                parts.remove(&part);
                if parts.is_empty() {
                    self.near.remove(worker);
                }
            }
        }
    }

    /// The best task for a worker: one with input there, then one that may go anywhere, then any.
    pub fn find(&self, worker: WorkerId) -> Option<Found> {
        let near = self.near.get(&worker).and_then(BTreeSet::first);
        if let Some(&part) = near.or_else(|| self.anywhere.first()) {
            return Some(Found::Good(part));
        }
        self.far.first().copied().map(Found::Far)
    }

    /// A worker came: tasks that prefer it are far from the others.
    pub fn worker_came(&mut self, worker: WorkerId) {
        for part in self.near.get(&worker).into_iter().flatten() {
            if self.anywhere.remove(part) {
                self.far.insert(*part);
            }
        }
    }

    /// A worker went: tasks whose last preferred worker it was may go anywhere.
    pub fn worker_went(&mut self, worker: WorkerId, alone: impl Fn(PartId) -> bool) {
        for part in self.near.get(&worker).into_iter().flatten() {
            if alone(*part) && self.far.remove(part) {
                self.anywhere.insert(*part);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.anywhere.len() + self.far.len()
    }

    pub fn is_empty(&self) -> bool {
        self.anywhere.is_empty() && self.far.is_empty()
    }

    pub fn contains(&self, part: PartId) -> bool {
        self.anywhere.contains(&part) || self.far.contains(&part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: WorkerId = WorkerId(1);
    const THERE: WorkerId = WorkerId(2);

    #[test]
    fn a_worker_gets_tasks_with_input_there_first_then_free_ones_then_far_ones() {
        let mut ready = Ready::default();
        ready.insert(PartId(0), &[THERE], |_| true);
        ready.insert(PartId(1), &[], |_| true);
        ready.insert(PartId(2), &[HERE, THERE], |_| true);
        assert_eq!(ready.find(HERE), Some(Found::Good(PartId(2))));
        ready.remove(PartId(2), &[HERE, THERE]);
        assert_eq!(ready.find(HERE), Some(Found::Good(PartId(1))));
        ready.remove(PartId(1), &[]);
        assert_eq!(ready.find(HERE), Some(Found::Far(PartId(0))));
        assert_eq!(ready.find(THERE), Some(Found::Good(PartId(0))));
    }

    #[test]
    fn a_task_may_go_anywhere_once_no_worker_that_has_its_input_is_there_and_is_far_again_when_one_comes_back()
     {
        let mut ready = Ready::default();
        ready.insert(PartId(0), &[THERE], |worker| worker == THERE);
        ready.worker_went(THERE, |_| true);
        assert_eq!(ready.find(HERE), Some(Found::Good(PartId(0))));
        ready.worker_came(THERE);
        assert_eq!(ready.find(HERE), Some(Found::Far(PartId(0))));
        ready.remove(PartId(0), &[THERE]);
        assert!(ready.is_empty());
    }
}
