//! What workers say: they come and go, and tell which replicas they hold.

use super::{
    Core,
    event::{Mutation, Output},
    replicas::StorageWorker,
};
use crate::{
    BlockId, Epoch, Generation, WorkerId, limits,
    protocol::{
        control::{BlockCommand, BlockReport, Capacity, Replica},
        namespace::Location,
    },
};
use std::collections::BTreeSet;

impl Core {
    pub(super) fn joined(
        &mut self,
        location: Location,
        epoch: Epoch,
        capacity: Capacity,
        draining: bool,
        held: &[Replica],
    ) {
        let id = location.worker;
        if self.replicas.workers.get(&id).is_some_and(|worker| worker.epoch > epoch) {
            self.stale_events += 1;
            return;
        }
        // A worker that comes back within one epoch may still be in the middle of writes.
        let before = self.replicas.clear_worker(id).filter(|before| before.epoch == epoch);
        let writing = before.map(|before| before.writing).unwrap_or_default();
        let worker = StorageWorker {
            location,
            epoch,
            capacity,
            draining,
            blocks: BTreeSet::new(),
            repairs: 0,
            writing,
        };
        self.replicas.workers.insert(id, worker);
        self.suspect_everything_small();
        for replica in held {
            self.holds(id, *replica);
        }
    }

    pub(super) fn gone(&mut self, id: WorkerId, epoch: Epoch) {
        if self.replicas.workers.get(&id).is_none_or(|worker| worker.epoch != epoch) {
            self.stale_events += 1;
            return;
        }
        self.replicas.clear_worker(id);
    }

    pub(super) fn draining(&mut self, id: WorkerId, draining: bool) {
        let Some(worker) = self.replicas.workers.get_mut(&id) else { return };
        worker.draining = draining;
        let blocks: Vec<BlockId> = worker.blocks.iter().copied().collect();
        self.replicas.suspects.extend(blocks);
    }

    /// With one more worker, blocks that had too few replicas may get another one.
    fn suspect_everything_small(&mut self) {
        let small: Vec<BlockId> =
            self.durable.blocks.keys().copied().filter(|block| self.is_under_replicated(*block)).collect();
        self.replicas.suspects.extend(small);
    }

    pub(super) fn report(&mut self, id: WorkerId, epoch: Epoch, report: BlockReport) {
        if self.replicas.workers.get(&id).is_none_or(|worker| worker.epoch != epoch) {
            self.stale_events += 1;
            return;
        }
        match report {
            BlockReport::Full { replicas, capacity } => self.full_report(id, &replicas, capacity),
            BlockReport::Received(replicas) => {
                for replica in replicas {
                    self.holds(id, replica);
                    if self.replicas.repairs.get(&replica.block).is_some_and(|repair| repair.to == id) {
                        self.replicas.end_repair(replica.block);
                    }
                }
            }
            BlockReport::Erased(blocks) => {
                for block in blocks {
                    self.replicas.remove(block, id);
                }
            }
            BlockReport::Bad { replica, reason } => {
                tracing::warn!(block = %replica.block, worker = %id, reason, "bad replica");
                self.bad_replica(replica.block, id);
            }
            BlockReport::CopyFailed { block, to, reason } => {
                tracing::warn!(%block, from = %id, %to, reason, "copy failed");
                self.replicas.end_repair(block);
            }
            BlockReport::Recovered { block, generation, len_bytes, replicas } => {
                self.recovered(block, generation, len_bytes, &replicas);
            }
            BlockReport::RecoverFailed { block, generation, reason } => {
                tracing::warn!(%block, %generation, reason, "recovery failed, it is tried again");
                self.recovering.remove(&block);
            }
        }
    }

    pub(super) fn bad_replica(&mut self, block: BlockId, worker: WorkerId) {
        if self.durable.blocks.contains_key(&block) {
            self.replicas.mark_corrupt(block, worker);
        }
    }

    fn full_report(&mut self, id: WorkerId, held: &[Replica], capacity: Capacity) {
        let named: BTreeSet<BlockId> = held.iter().map(|replica| replica.block).collect();
        let Some(worker) = self.replicas.workers.get_mut(&id) else { return };
        worker.capacity = capacity;
        let vanished: Vec<BlockId> = worker.blocks.difference(&named).copied().collect();
        for block in vanished {
            self.replicas.remove(block, id);
        }
        for replica in held {
            self.holds(id, *replica);
        }
    }

    /// One replica as a worker has it: a location, or something that nobody wants.
    fn holds(&mut self, worker: WorkerId, replica: Replica) {
        let Some(facts) = self.durable.blocks.get(&replica.block).copied() else {
            let known = replica.block.0 < self.durable.next_block;
            let calm = self.now.since(self.started) >= limits::STARTUP_GRACE.as_millis() as u64;
            if known && (replica.finalised || calm) {
                self.erase(worker, replica.block, replica.generation);
            }
            return;
        };
        if replica.generation < facts.generation {
            if facts.committed {
                self.erase(worker, replica.block, replica.generation);
            }
            return;
        }
        if !replica.finalised || replica.generation != facts.generation {
            return;
        }
        if facts.committed && replica.len_bytes != facts.len_bytes {
            self.replicas.mark_corrupt(replica.block, worker);
            return;
        }
        self.replicas.add(replica.block, worker);
    }

    pub(super) fn erase(&mut self, worker: WorkerId, block: BlockId, generation: Generation) {
        let command = BlockCommand::Erase(vec![(block, generation)]);
        self.out.push_back(Output::Command { worker, command });
    }

    /// The holders of an abandoned last block agreed on its length: the file can be closed.
    fn recovered(&mut self, block: BlockId, generation: Generation, len_bytes: u64, holders: &[WorkerId]) {
        let Some(facts) = self.durable.blocks.get(&block).copied() else { return };
        if self.recovering.remove(&block).is_none() || facts.committed || generation < facts.generation {
            self.stale_events += 1;
            return;
        }
        let changes = vec![
            Mutation::CommitBlock { block, generation, len_bytes },
            Mutation::Close { file: facts.file },
        ];
        self.commit(None, changes);
        for worker in holders {
            self.replicas.add(block, *worker);
        }
    }
}
