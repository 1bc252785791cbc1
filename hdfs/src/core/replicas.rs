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
    /// Unfinished blocks with it in a pipeline, also one that broke, or of which it reported a beginning.
    pub writing: BTreeSet<BlockId>,
    /// When it is asked for its whole inventory again.
    pub next_inventory: Tick,
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
    /// The same as `writing` of the workers, by block.
    pipelines: BTreeMap<BlockId, BTreeSet<WorkerId>>,
    /// Bad ones that their workers put aside: no locations, and no place for a new copy while others can be had.
    /// Remembered until the block has all its replicas again.
    corrupt: BTreeMap<BlockId, BTreeSet<WorkerId>>,
    /// Replicas that a writer named and their workers did not yet.
    unconfirmed: BTreeMap<(WorkerId, BlockId), Tick>,
    pub repairs: BTreeMap<BlockId, Repair>,
    /// Blocks whose standing must be looked at again.
    pub touched: Vec<BlockId>,
}

impl Replicas {
    pub fn holders(&self, block: BlockId) -> impl Iterator<Item = WorkerId> + '_ {
        self.holders.get(&block).into_iter().flatten().copied()
    }

    pub fn has_holder(&self, block: BlockId) -> bool {
        self.holders.contains_key(&block)
    }

    /// Good replicas on workers that stay.
    pub fn staying(&self, block: BlockId) -> usize {
        let stays = |worker: &WorkerId| self.workers.get(worker).is_some_and(|worker| !worker.draining);
        self.holders(block).filter(stays).count()
    }

    pub fn corrupt_count(&self) -> usize {
        self.corrupt.values().map(BTreeSet::len).sum()
    }

    pub fn corrupt(&self, block: BlockId) -> impl Iterator<Item = WorkerId> + '_ {
        self.corrupt.get(&block).into_iter().flatten().copied()
    }

    /// The worker itself says that it holds a good replica.
    pub fn add(&mut self, block: BlockId, worker: WorkerId) {
        let Some(entry) = self.workers.get_mut(&worker) else { return };
        entry.blocks.insert(block);
        self.end_writing(block, worker);
        self.holders.entry(block).or_default().insert(worker);
        self.unconfirmed.remove(&(worker, block));
        take_from(&mut self.corrupt, block, worker);
        self.touched.push(block);
    }

    /// The writer, or another worker, says so.
    pub fn trust(&mut self, block: BlockId, worker: WorkerId, now: Tick) {
        if self.workers.get(&worker).is_some_and(|entry| !entry.blocks.contains(&block)) {
            self.add(block, worker);
            self.unconfirmed.insert((worker, block), now);
        }
    }

    pub fn is_unconfirmed(&self, block: BlockId, worker: WorkerId) -> bool {
        self.unconfirmed.contains_key(&(worker, block))
    }

    /// Workers that did not confirm what was said of them since `before`, which are not waited for any more.
    pub fn give_up_confirmations(&mut self, before: Tick) -> BTreeSet<WorkerId> {
        let mut late = BTreeSet::new();
        self.unconfirmed.retain(|(worker, _), since| {
            let waits = *since >= before;
            if !waits {
                late.insert(*worker);
            }
            waits
        });
        late
    }

    pub fn remove(&mut self, block: BlockId, worker: WorkerId) {
        if let Some(entry) = self.workers.get_mut(&worker) {
            entry.blocks.remove(&block);
        }
        self.end_writing(block, worker);
        self.unconfirmed.remove(&(worker, block));
        take_from(&mut self.holders, block, worker);
        self.touched.push(block);
    }

    pub fn mark_corrupt(&mut self, block: BlockId, worker: WorkerId) {
        self.remove(block, worker);
        self.corrupt.entry(block).or_default().insert(worker);
    }

    /// The block is well again.
    pub fn forget_corrupt(&mut self, block: BlockId) {
        self.corrupt.remove(&block);
    }

    /// A worker has, or will have, something of a block that is not finished.
    pub fn begin_writing(&mut self, block: BlockId, worker: WorkerId) {
        if let Some(entry) = self.workers.get_mut(&worker) {
            entry.writing.insert(block);
            self.pipelines.entry(block).or_default().insert(worker);
        }
    }

    pub fn end_writing(&mut self, block: BlockId, worker: WorkerId) {
        if let Some(entry) = self.workers.get_mut(&worker) {
            entry.writing.remove(&block);
        }
        take_from(&mut self.pipelines, block, worker);
    }

    /// All pipelines, for a check.
    pub fn written(&self) -> BTreeSet<(BlockId, WorkerId)> {
        let pairs =
            self.pipelines.iter().flat_map(|(block, workers)| workers.iter().map(|worker| (*block, *worker)));
        pairs.collect()
    }

    pub fn pipeline(&self, block: BlockId) -> impl Iterator<Item = WorkerId> + '_ {
        self.pipelines.get(&block).into_iter().flatten().copied()
    }

    /// A block that is not finished goes on in these workers; whatever others have of it is stale, and is known until
    /// the block is finished: it may be all that is left.
    pub fn restart_pipeline(&mut self, block: BlockId, survivors: &[WorkerId]) {
        for holder in self.holders(block).collect::<Vec<_>>() {
            self.remove(block, holder);
            self.begin_writing(block, holder);
        }
        for survivor in survivors {
            self.begin_writing(block, *survivor);
        }
    }

    /// Nobody writes the block any more: who was still in the middle of it.
    pub fn leave_pipeline(&mut self, block: BlockId) -> BTreeSet<WorkerId> {
        let left = self.pipelines.remove(&block).unwrap_or_default();
        for worker in &left {
            if let Some(entry) = self.workers.get_mut(worker) {
                entry.writing.remove(&block);
            }
        }
        left
    }

    /// The block is no more: who must erase it.
    pub fn forget(&mut self, block: BlockId) -> BTreeSet<WorkerId> {
        let mut holders: BTreeSet<WorkerId> = self.holders.remove(&block).unwrap_or_default();
        holders.extend(self.corrupt.remove(&block).unwrap_or_default());
        holders.extend(self.leave_pipeline(block));
        for worker in &holders {
            if let Some(entry) = self.workers.get_mut(worker) {
                entry.blocks.remove(&block);
            }
            self.unconfirmed.remove(&(*worker, block));
        }
        self.end_repair(block);
        self.touched.push(block);
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
        }
    }

    /// All that a worker held is unknown again.
    pub fn clear_worker(&mut self, worker: WorkerId) -> Option<StorageWorker> {
        let entry = self.workers.get(&worker)?.clone();
        for block in &entry.blocks {
            self.remove(*block, worker);
        }
        for block in &entry.writing {
            self.end_writing(*block, worker);
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

fn take_from(map: &mut BTreeMap<BlockId, BTreeSet<WorkerId>>, block: BlockId, worker: WorkerId) {
    if let Some(workers) = map.get_mut(&block) {
        workers.remove(&worker);
        if workers.is_empty() {
            map.remove(&block);
        }
    }
}
