//! Too few replicas: copy. Too many: erase. Bounded in flight, and ordered again when nothing was heard.

use super::{Core, event::Output, place, replicas::Repair};
use crate::{BlockId, WorkerId, limits, protocol::control::BlockCommand};

impl Core {
    /// Replicas that this block should have now: what its file asks for, capped by the workers there are.
    pub(super) fn wanted(&self, block: BlockId) -> usize {
        let file =
            self.durable.blocks.get(&block).and_then(|block| self.durable.tree.get(block.file)?.file());
        file.map_or(0, |file| usize::from(file.replication).min(self.replicas.takers().max(1)))
    }

    /// Good replicas on workers that stay.
    pub(super) fn staying(&self, block: BlockId) -> usize {
        let stays =
            |worker: &WorkerId| self.replicas.workers.get(worker).is_some_and(|worker| !worker.draining);
        self.replicas.holders(block).filter(stays).count()
    }

    pub(super) fn is_under_replicated(&self, block: BlockId) -> bool {
        self.durable.blocks.get(&block).is_some_and(|facts| facts.committed)
            && self.staying(block) < self.wanted(block)
    }

    /// Looks at some of the blocks whose replicas may be too few or too many.
    pub(super) fn repair(&mut self) {
        if self.now.since(self.started) < limits::STARTUP_GRACE.as_millis() as u64 {
            return;
        }
        let timeout = limits::REPAIR_TIMEOUT.as_millis() as u64;
        let late = self.replicas.repairs.iter().filter(|(_, repair)| self.now.since(repair.since) > timeout);
        for block in late.map(|(block, _)| *block).collect::<Vec<_>>() {
            self.replicas.end_repair(block);
        }
        let suspects: Vec<BlockId> =
            self.replicas.suspects.iter().copied().take(limits::REPAIRS_PER_TURN).collect();
        for block in suspects {
            if self.repair_one(block) {
                self.replicas.suspects.remove(&block);
            }
        }
    }

    /// Whether nothing remains to be done for the block until something about it changes.
    fn repair_one(&mut self, block: BlockId) -> bool {
        if self.replicas.repairs.contains_key(&block) {
            return true;
        }
        let Some(facts) = self.durable.blocks.get(&block).copied().filter(|facts| facts.committed) else {
            return true;
        };
        let (staying, wanted) = (self.staying(block), self.wanted(block));
        if staying > wanted {
            self.erase_surplus(block, staying - wanted);
            return true;
        }
        if staying == wanted {
            return true;
        }
        let idle = |worker: &WorkerId| {
            self.replicas
                .workers
                .get(worker)
                .is_some_and(|worker| worker.repairs < limits::REPAIRS_PER_WORKER_MAX)
        };
        let Some(from) = self.replicas.holders(block).find(idle) else {
            // Without any holder there is nothing to copy: a report will make it a suspect again.
            return !self.replicas.has_holder(block);
        };
        let holders: Vec<WorkerId> = self.replicas.holders(block).collect();
        let busy = self.replicas.workers.keys().filter(|worker| !idle(worker));
        let exclude: Vec<WorkerId> = holders.iter().chain(busy).copied().collect();
        let Ok(targets) = place::targets(&self.replicas, 1, facts.len_bytes, None, &exclude, block.0) else {
            return false;
        };
        let Some(to) = targets.into_iter().next() else { return false };
        self.replicas.begin_repair(block, Repair { from, to: to.worker, since: self.now });
        let command = BlockCommand::Copy { block, generation: facts.generation, to };
        self.out.push_back(Output::Command { worker: from, command });
        true
    }

    /// Takes replicas from the workers with the least room.
    fn erase_surplus(&mut self, block: BlockId, count: usize) {
        let Some(facts) = self.durable.blocks.get(&block).copied() else { return };
        let mut holders: Vec<(u64, WorkerId)> = self
            .replicas
            .holders(block)
            .filter_map(|id| {
                let worker = self.replicas.workers.get(&id)?;
                (!worker.draining).then_some((worker.capacity.free_bytes, id))
            })
            .collect();
        holders.sort_unstable();
        for (_, worker) in holders.into_iter().take(count) {
            self.replicas.remove(block, worker);
            self.erase(worker, block, facts.generation);
        }
        self.replicas.suspects.remove(&block);
    }
}
