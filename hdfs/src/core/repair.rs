//! Too few replicas: copy. Too many: erase. Bounded in flight, and ordered again when nothing was heard.

use super::{
    Core,
    event::{Output, Tick},
    place,
    replicas::Repair,
};
use crate::{
    BlockId, Generation, WorkerId, limits,
    protocol::{control::BlockCommand, namespace::Location},
};
use std::time::Duration;

/// A block whose copies failed.
#[derive(Debug, Clone, Copy)]
pub struct Failures {
    count: usize,
    /// No other copy is ordered before.
    until: Tick,
}

/// How long to wait after so many failures: twice as long each time, up to a bound.
pub fn pause_after(failures: usize) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    (limits::REPAIR_PAUSE * (1 << doublings)).min(limits::REPAIR_TIMEOUT)
}

impl Core {
    /// After a start nothing is copied or erased until the workers had time to come back. Everything whose blocks are
    /// there can be read, and everything can be written, from the first moment.
    pub(super) fn is_calm(&self) -> bool {
        self.now.since(self.started) >= limits::STARTUP_GRACE.as_millis() as u64
    }

    /// Looks at some of the blocks that have too few or too many replicas.
    pub(super) fn repair(&mut self) {
        if !self.is_calm() {
            return;
        }
        self.end_late_repairs();
        for block in self.health.some_surplus(limits::REPAIRS_PER_TURN) {
            self.erase_surplus(block);
        }
        for block in self.health.next_short(self.replicas.takers(), limits::REPAIRS_PER_TURN) {
            self.copy_one(block);
        }
    }

    fn end_late_repairs(&mut self) {
        let timeout = limits::REPAIR_TIMEOUT.as_millis() as u64;
        let late = self.replicas.repairs.iter().filter(|(_, repair)| self.now.since(repair.since) > timeout);
        for block in late.map(|(block, _)| *block).collect::<Vec<_>>() {
            self.replicas.end_repair(block);
        }
    }

    /// A worker could not copy a replica that it was told to.
    pub(super) fn copy_failed(&mut self, from: WorkerId, block: BlockId, to: WorkerId) {
        if self.replicas.repairs.get(&block).is_some_and(|copy| (copy.from, copy.to) == (from, to)) {
            self.replicas.end_repair(block);
            let count = self.failures.get(&block).map_or(0, |failures| failures.count) + 1;
            self.failures.insert(block, Failures { count, until: self.now.after(pause_after(count)) });
            self.replicas.touched.push(block);
        }
    }

    /// Orders one more copy, if a source and a target have time for it.
    fn copy_one(&mut self, block: BlockId) {
        let pauses = self.failures.get(&block).is_some_and(|failures| self.now < failures.until);
        if pauses || self.replicas.repairs.contains_key(&block) {
            return;
        }
        let Some(facts) = self.durable.blocks.get(&block).copied() else { return };
        let sources: Vec<WorkerId> =
            self.replicas.holders(block).filter(|worker| self.has_time(*worker)).collect();
        // Another source after each failure, so that one that cannot read its replica does not stop the repair.
        let turn = self.failures.get(&block).map_or(0, |failures| failures.count);
        let Some(from) = sources.get(turn % sources.len().max(1)).copied() else { return };
        let Some(to) = self.copy_target(block, facts.generation, facts.len_bytes) else { return };
        self.replicas.begin_repair(block, Repair { from, to: to.worker, since: self.now });
        let command = BlockCommand::Copy { block, generation: facts.generation, to };
        self.out.push_back(Output::Command { worker: from, command });
    }

    fn has_time(&self, worker: WorkerId) -> bool {
        let worker = self.replicas.workers.get(&worker);
        worker.is_some_and(|worker| worker.repairs < limits::REPAIRS_PER_WORKER_MAX)
    }

    fn copy_target(&self, block: BlockId, generation: Generation, len_bytes: u64) -> Option<Location> {
        let unfit = |worker: &WorkerId| {
            !self.has_time(*worker) || self.erasures.is_pending(*worker, block, generation)
        };
        let mut exclude: Vec<WorkerId> = self.replicas.workers.keys().copied().filter(unfit).collect();
        let held: Vec<&Location> = self
            .replicas
            .holders(block)
            .filter_map(|worker| Some(&self.replicas.workers.get(&worker)?.location))
            .collect();
        exclude.extend(held.iter().map(|location| location.worker));
        let count = exclude.len();
        // A worker that spoilt a replica of this block gets another one only if nobody else can.
        exclude.extend(self.replicas.corrupt(block));
        let wish =
            place::Wish { count: 1, block_bytes: len_bytes, writer: None, spread: block.0, near: &held };
        let found = place::targets(&self.replicas, &wish, &exclude);
        let found = found.or_else(|_| place::targets(&self.replicas, &wish, &exclude[..count]));
        found.ok()?.into_iter().next()
    }

    /// Takes replicas from the workers with the least room.
    fn erase_surplus(&mut self, block: BlockId) {
        let Some(facts) = self.durable.blocks.get(&block).copied() else { return };
        let asked = self.durable.tree.get(facts.file).and_then(|node| node.file());
        let Some(asked) = asked.map(|file| usize::from(file.replication)) else { return };
        let mut holders: Vec<(u64, WorkerId)> = self
            .replicas
            .holders(block)
            .filter_map(|id| {
                let worker = self.replicas.workers.get(&id)?;
                (!worker.draining).then_some((worker.capacity.free_bytes, id))
            })
            .collect();
        holders.sort_unstable();
        let surplus = holders.len().saturating_sub(asked);
        for (_, worker) in holders.into_iter().take(surplus) {
            self.replicas.remove(block, worker);
            self.erase(worker, block, facts.generation);
        }
    }

    /// Asks workers for their inventories: all of them now and then, and those that owe a word at once.
    pub(super) fn ask_inventories(&mut self) {
        let timeout = limits::REPAIR_TIMEOUT.as_millis() as u64;
        let late = self.replicas.give_up_confirmations(self.now.before(timeout));
        for (id, worker) in &mut self.replicas.workers {
            if worker.next_inventory <= self.now || late.contains(id) {
                worker.next_inventory = self.now.after(limits::INVENTORY_INTERVAL);
                self.out.push_back(Output::Command { worker: *id, command: BlockCommand::ReportAll });
            }
        }
    }
}
