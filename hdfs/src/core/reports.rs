//! What workers say: they come and go, and tell which replicas they hold.

use super::{Core, event::Output, replicas::StorageWorker};
use crate::{
    BlockId, Epoch, Generation, WorkerId, limits,
    protocol::{
        control::{BlockCommand, BlockReport, Capacity, Replica},
        namespace::Location,
    },
};
use std::{collections::BTreeSet, time::Duration};

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
        self.erasures.clear(id);
        // A worker that comes back within one epoch may still be in the middle of writes.
        let before = self.replicas.clear_worker(id).filter(|before| before.epoch == epoch);
        let writing = before.map(|before| before.writing).unwrap_or_default();
        // Not all on the same minute, after a start of the master.
        let spread = Duration::from_secs(u64::from(id.0) * 37 % (limits::INVENTORY_INTERVAL.as_secs() / 4));
        let worker = StorageWorker {
            location,
            epoch,
            capacity,
            draining,
            blocks: BTreeSet::new(),
            repairs: 0,
            writing: BTreeSet::new(),
            next_inventory: self.now.after(limits::INVENTORY_INTERVAL + spread),
        };
        self.replicas.workers.insert(id, worker);
        writing.into_iter().for_each(|block| self.replicas.begin_writing(block, id));
        for replica in held {
            self.holds(id, *replica);
        }
    }

    /// The worker, if the epoch is that of its present life.
    fn present(&mut self, id: WorkerId, epoch: Epoch) -> Option<&mut StorageWorker> {
        let worker = self.replicas.workers.get_mut(&id).filter(|worker| worker.epoch == epoch);
        self.stale_events += u64::from(worker.is_none());
        worker
    }

    pub(super) fn gone(&mut self, id: WorkerId, epoch: Epoch) {
        if self.present(id, epoch).is_some() {
            self.erasures.clear(id);
            self.replicas.clear_worker(id);
            self.lost_primary(id);
        }
    }

    pub(super) fn capacity(&mut self, id: WorkerId, epoch: Epoch, capacity: Capacity) {
        if let Some(worker) = self.present(id, epoch) {
            worker.capacity = capacity;
        }
    }

    pub(super) fn draining(&mut self, id: WorkerId, draining: bool) {
        let Some(worker) = self.replicas.workers.get_mut(&id) else { return };
        if worker.draining != draining {
            worker.draining = draining;
            self.replicas.touched.extend(&worker.blocks);
        }
    }

    pub(super) fn report(&mut self, id: WorkerId, epoch: Epoch, report: BlockReport) {
        if self.present(id, epoch).is_none() {
            return;
        }
        match report {
            BlockReport::Full { replicas, capacity } => self.inventory(id, &replicas, capacity),
            BlockReport::Received(replicas) => {
                for replica in replicas {
                    self.received(id, replica);
                }
            }
            BlockReport::Erased(blocks) => {
                for block in blocks {
                    self.erasures.done(id, block);
                    self.replicas.remove(block, id);
                }
            }
            BlockReport::Bad { replica, reason } => {
                tracing::warn!(block = %replica.block, worker = %id, reason, "bad replica");
                self.bad_replica(id, replica);
            }
            BlockReport::CopyFailed { block, to, reason } => {
                tracing::warn!(%block, from = %id, %to, reason, "copy failed");
                self.copy_failed(id, block, to);
            }
            BlockReport::Recovered { block, generation, len_bytes, replicas } => {
                self.recovered(block, generation, len_bytes, &replicas);
            }
            BlockReport::RecoverFailed { block, generation, reason } => {
                tracing::warn!(%block, %generation, reason, "recovery failed, it is tried again");
                self.recovery_failed(block, generation);
            }
        }
    }

    fn received(&mut self, id: WorkerId, replica: Replica) {
        self.holds(id, replica);
        if self.replicas.repairs.get(&replica.block).is_some_and(|repair| repair.to == id) {
            self.replicas.end_repair(replica.block);
        }
    }

    fn bad_replica(&mut self, id: WorkerId, replica: Replica) {
        let facts = self.durable.blocks.get(&replica.block);
        if facts.is_some_and(|facts| replica.generation >= facts.generation) {
            self.replicas.mark_corrupt(replica.block, id);
        }
    }

    /// A client could not read a replica. The worker looks at it itself, and says so if it is bad: no client can make
    /// the namespace throw replicas away.
    pub(super) fn look_into(&mut self, block: BlockId, generation: Generation, worker: WorkerId) {
        let current = self.durable.blocks.get(&block).is_some_and(|facts| facts.generation == generation);
        if current && self.replicas.holders(block).any(|holder| holder == worker) {
            let command = BlockCommand::Verify { block, generation };
            self.out.push_back(Output::Command { worker, command });
        }
    }

    fn inventory(&mut self, id: WorkerId, held: &[Replica], capacity: Capacity) {
        let named: BTreeSet<BlockId> = held.iter().map(|replica| replica.block).collect();
        let Some(worker) = self.replicas.workers.get_mut(&id) else { return };
        worker.capacity = capacity;
        // What a writer named a moment ago may be younger than the inventory.
        let mut vanished: Vec<BlockId> = worker.blocks.difference(&named).copied().collect();
        vanished.retain(|block| !self.replicas.is_unconfirmed(*block, id));
        for block in vanished {
            self.replicas.remove(block, id);
        }
        for replica in held {
            self.holds(id, *replica);
        }
    }

    /// One replica as a worker has it: a location, a beginning, or something that nobody wants.
    ///
    /// A block that the namespace does not know was removed, because every block is written down before a worker hears
    /// of it. One with a number that was never given is from another history of the namespace (a restored backup, say)
    /// and is left alone.
    fn holds(&mut self, worker: WorkerId, replica: Replica) {
        let Replica { block, generation, len_bytes, finalised } = replica;
        if self.erasures.is_pending(worker, block, generation) {
            return;
        }
        // What was to be erased there has made room for this.
        self.erasures.done(worker, block);
        let Some(facts) = self.durable.blocks.get(&block).copied() else {
            if block.0 < self.durable.next_block {
                self.erase(worker, block, generation);
            }
            return;
        };
        if generation < facts.generation && facts.committed {
            self.erase(worker, block, generation);
        } else if finalised && generation == facts.generation {
            if facts.committed && len_bytes != facts.len_bytes {
                tracing::warn!(%block, %worker, len_bytes, expected = facts.len_bytes, "replica of a wrong length");
                self.replicas.mark_corrupt(block, worker);
            } else {
                self.replicas.add(block, worker);
                self.note_durable(block);
            }
        } else if !facts.committed {
            self.replicas.begin_writing(block, worker);
        }
    }

    /// Somebody may wait for a replica of this block.
    fn note_durable(&mut self, block: BlockId) {
        if let Some(facts) = self.durable.blocks.get(&block)
            && self.completing.contains_key(&facts.file)
        {
            self.settling.insert(facts.file);
        }
    }
}
