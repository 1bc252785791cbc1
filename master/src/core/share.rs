//! Fair shares: among jobs with ready tasks, the one with the least attempts for its weight gets the next slot; the older
//! one of two equals.

use super::Core;
use skep_jobs::model::JobId;
use std::{collections::BTreeSet, ops::Bound};

#[derive(Debug, Default)]
pub struct Shares {
    hungry: BTreeSet<(u64, JobId)>,
}

impl Shares {
    pub fn is_empty(&self) -> bool {
        self.hungry.is_empty()
    }

    /// The next in order after `last`.
    pub fn next(&self, last: Option<(u64, JobId)>) -> Option<(u64, JobId)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.hungry.range((from, Bound::Unbounded)).next().copied()
    }
}

impl Core {
    /// Puts a job where it belongs in the order, after its attempts or its ready tasks changed.
    pub(super) fn rank(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let rank = (!job.open.is_empty()).then(|| job.share());
        if rank == job.rank {
            return;
        }
        if let Some(old) = job.rank {
            self.shares.hungry.remove(&(old, id));
        }
        if let Some(new) = rank {
            self.shares.hungry.insert((new, id));
        }
        job.rank = rank;
    }

    /// Takes a job that ends out of the order.
    pub(super) fn unrank(&mut self, id: JobId) {
        if let Some(old) = self.jobs.get_mut(&id).and_then(|job| job.rank.take()) {
            self.shares.hungry.remove(&(old, id));
        }
    }

    pub(super) fn check_shares(&self) {
        for (id, job) in &self.jobs {
            let expected = (!job.open.is_empty()).then(|| job.share());
            assert_eq!(job.rank, expected, "{id}: its rank is not its share");
            assert!(
                job.rank.is_none_or(|rank| self.shares.hungry.contains(&(rank, *id))),
                "{id}: not ranked"
            );
        }
        let ranked = self.jobs.values().filter(|job| job.rank.is_some()).count();
        assert_eq!(self.shares.hungry.len(), ranked, "the order holds jobs that are over");
    }
}
