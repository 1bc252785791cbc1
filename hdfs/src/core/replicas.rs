//! Which live worker holds which replica, as reported. Nothing here survives a restart: workers report it again.

use super::event::Tick;
use crate::{
    BlockId, Epoch, WorkerId,
    protocol::{control::Capacity, namespace::Location},
};
use std::collections::{BTreeMap, BTreeSet};

/// A live core worker.
#[derive(Debug, Clone)]
pub struct StorageWorker {
    pub location: Location,
    pub epoch: Epoch,
    pub capacity: Capacity,
    pub draining: bool,
    pub blocks: BTreeSet<BlockId>,
    /// Copies for repair that it sends or receives now.
    pub repairs: usize,
    /// Blocks handed to writers with it in the pipeline and not yet reported.
    pub writing: BTreeSet<BlockId>,
}

/// A copy that was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    pub from: WorkerId,
    pub to: WorkerId,
    pub since: Tick,
}

#[derive(Debug, Default)]
pub struct Replicas {
    pub workers: BTreeMap<WorkerId, StorageWorker>,
    /// Good, finalised replicas of the current generation.
    holders: BTreeMap<BlockId, BTreeSet<WorkerId>>,
    /// Known bad ones: never a source, never counted.
    corrupt: BTreeMap<BlockId, BTreeSet<WorkerId>>,
    pub repairs: BTreeMap<BlockId, Repair>,
    /// Blocks whose replicas may be too few or too many.
    pub suspects: BTreeSet<BlockId>,
}

impl Replicas {
    pub fn holders(&self, block: BlockId) -> impl Iterator<Item = WorkerId> + '_ {
        self.holders.get(&block).into_iter().flatten().copied()
    }

    pub fn has_holder(&self, block: BlockId) -> bool {
        self.holders.contains_key(&block)
    }

    pub fn corrupt_count(&self) -> usize {
        self.corrupt.values().map(BTreeSet::len).sum()
    }

    pub fn is_corrupt(&self, block: BlockId, worker: WorkerId) -> bool {
        self.corrupt.get(&block).is_some_and(|workers| workers.contains(&worker))
    }

    pub fn add(&mut self, block: BlockId, worker: WorkerId) {
        if let Some(entry) = self.workers.get_mut(&worker) {
            entry.blocks.insert(block);
            entry.writing.remove(&block);
            self.holders.entry(block).or_default().insert(worker);
            if let Some(workers) = self.corrupt.get_mut(&block) {
                workers.remove(&worker);
                if workers.is_empty() {
                    self.corrupt.remove(&block);
                }
            }
            self.suspects.insert(block);
        }
    }

    pub fn remove(&mut self, block: BlockId, worker: WorkerId) {
        if let Some(entry) = self.workers.get_mut(&worker) {
            entry.blocks.remove(&block);
            entry.writing.remove(&block);
        }
        if let Some(workers) = self.holders.get_mut(&block) {
            workers.remove(&worker);
            if workers.is_empty() {
                self.holders.remove(&block);
            }
        }
        self.suspects.insert(block);
    }

    pub fn mark_corrupt(&mut self, block: BlockId, worker: WorkerId) {
        self.remove(block, worker);
        self.corrupt.entry(block).or_default().insert(worker);
    }

    /// The block is no more: who must erase it.
    pub fn forget(&mut self, block: BlockId) -> Vec<WorkerId> {
        let mut holders: BTreeSet<WorkerId> = self.holders.remove(&block).unwrap_or_default();
        holders.extend(self.corrupt.remove(&block).unwrap_or_default());
        for (id, worker) in &mut self.workers {
            if worker.writing.remove(&block) {
                holders.insert(*id);
            }
            worker.blocks.remove(&block);
        }
        self.end_repair(block);
        self.suspects.remove(&block);
        holders.into_iter().collect()
    }

    /// The replicas of an older generation are of no use any more.
    pub fn outdate(&mut self, block: BlockId) -> Vec<WorkerId> {
        let holders: Vec<WorkerId> = self.holders(block).collect();
        for worker in &holders {
            self.remove(block, *worker);
        }
        holders
    }

    pub fn begin_repair(&mut self, block: BlockId, repair: Repair) {
        self.repairs.insert(block, repair);
        for worker in [repair.from, repair.to] {
            if let Some(entry) = self.workers.get_mut(&worker) {
                entry.repairs += 1;
            }
        }
    }

    pub fn end_repair(&mut self, block: BlockId) {
        if let Some(repair) = self.repairs.remove(&block) {
            for worker in [repair.from, repair.to] {
                if let Some(entry) = self.workers.get_mut(&worker) {
                    entry.repairs = entry.repairs.saturating_sub(1);
                }
            }
            self.suspects.insert(block);
        }
    }

    /// All that a worker held is unknown again.
    pub fn clear_worker(&mut self, worker: WorkerId) -> Option<StorageWorker> {
        let entry = self.workers.get(&worker)?.clone();
        for block in &entry.blocks {
            self.remove(*block, worker);
        }
        let touched: Vec<BlockId> = self
            .repairs
            .iter()
            .filter(|(_, repair)| repair.from == worker || repair.to == worker)
            .map(|(block, _)| *block)
            .collect();
        for block in touched {
            self.end_repair(block);
        }
        self.corrupt.retain(|_, workers| {
            workers.remove(&worker);
            !workers.is_empty()
        });
        self.workers.remove(&worker)
    }

    /// Live workers that may get new replicas.
    pub fn takers(&self) -> usize {
        self.workers.values().filter(|worker| !worker.draining).count()
    }
}
