//! Closing files whose writers fell silent: the holders of a last, unfinished block agree on its length under a new
//! generation; without holders the block is dropped. What nobody acknowledged may be lost, what is kept is the same
//! everywhere.

use super::{
    Core,
    event::{Mutation, Output, Tick},
    repair,
};
use crate::{BlockId, FileId, Generation, WorkerId, limits, protocol::control::BlockCommand};
use std::collections::BTreeSet;

/// A file that the namespace is closing.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// The newest attempt; reports of older ones are stale.
    generation: Generation,
    primary: Option<WorkerId>,
    /// When the next attempt is made if nothing is heard.
    due: Tick,
    attempts: usize,
}

impl Core {
    pub(super) fn begin_recovery(&mut self, file: FileId) {
        let recovery = Recovery { generation: Generation(0), primary: None, due: self.now, attempts: 0 };
        self.recoveries.insert(file, recovery);
    }

    /// Advances every recovery that is due, once those who may hold something had time to come back after a start.
    pub(super) fn recover(&mut self) {
        if !self.is_calm() {
            return;
        }
        let due: Vec<FileId> = self
            .recoveries
            .iter()
            .filter(|(_, recovery)| recovery.due <= self.now)
            .map(|(file, _)| *file)
            .take(limits::REPAIRS_PER_TURN)
            .collect();
        for file in due {
            self.recover_file(file);
        }
    }

    fn recover_file(&mut self, file: FileId) {
        let Some(block) = self.unfinished_block(file) else {
            return self.commit(None, vec![Mutation::Close { file }]);
        };
        let candidates: Vec<WorkerId> = self.candidates(block).into_iter().collect();
        if candidates.is_empty() {
            return self.commit(None, vec![Mutation::DropBlock { block }, Mutation::Close { file }]);
        }
        let generation = Generation(self.durable.next_generation);
        let Some(recovery) = self.recoveries.get_mut(&file) else { return };
        let primary = candidates[recovery.attempts % candidates.len()];
        *recovery = Recovery {
            generation,
            primary: Some(primary),
            due: self.now.after(limits::REPAIR_TIMEOUT),
            attempts: recovery.attempts + 1,
        };
        let others = candidates
            .iter()
            .filter(|worker| **worker != primary)
            .filter_map(|worker| Some(self.replicas.workers.get(worker)?.location.clone()))
            .collect();
        self.commit(None, vec![Mutation::TakeGeneration { generation }]);
        let command = BlockCommand::Recover { block, generation, others };
        self.out.push_back(Output::Command { worker: primary, command });
    }

    /// Live workers that may hold something of a block that is not finished.
    fn candidates(&self, block: BlockId) -> BTreeSet<WorkerId> {
        self.replicas.pipeline(block).chain(self.replicas.holders(block)).collect()
    }

    /// The last block of an open file, while its writer has not finished it.
    pub(super) fn unfinished_block(&self, file: FileId) -> Option<BlockId> {
        let last = *self.durable.tree.get(file)?.file()?.blocks.last()?;
        self.durable.blocks.get(&last).is_some_and(|facts| !facts.committed).then_some(last)
    }

    /// The recovery of this block's file, if this is what its newest attempt is about.
    fn recovery(&mut self, block: BlockId, generation: Generation) -> Option<(FileId, &mut Recovery)> {
        let file = self.durable.blocks.get(&block).filter(|facts| !facts.committed)?.file;
        let recovery = self.recoveries.get_mut(&file)?;
        (recovery.generation == generation).then_some((file, recovery))
    }

    /// The holders agreed: the file can be closed.
    pub(super) fn recovered(
        &mut self,
        block: BlockId,
        generation: Generation,
        len_bytes: u64,
        holders: &[WorkerId],
    ) {
        let Some((file, _)) = self.recovery(block, generation) else {
            self.stale_events += 1;
            return;
        };
        if len_bytes > 0 && holders.is_empty() {
            return self.recovery_failed(block, generation);
        }
        if len_bytes == 0 {
            return self.commit(None, vec![Mutation::DropBlock { block }, Mutation::Close { file }]);
        }
        let commit = Mutation::CommitBlock { block, generation, len_bytes };
        self.commit(None, vec![commit, Mutation::Close { file }]);
        // Who came back while the others agreed was not asked: it holds the generation before.
        let unasked = self.replicas.holders(block).filter(|holder| !holders.contains(holder));
        for worker in unasked.collect::<Vec<_>>() {
            self.replicas.remove(block, worker);
            self.erase(worker, block, Generation(generation.0.saturating_sub(1)));
        }
        self.finished(block, generation, holders);
    }

    /// Another attempt a little later, led by another worker.
    pub(super) fn recovery_failed(&mut self, block: BlockId, generation: Generation) {
        let now = self.now;
        match self.recovery(block, generation) {
            Some((_, recovery)) => recovery.due = now.after(repair::pause_after(recovery.attempts)),
            None => self.stale_events += 1,
        }
    }

    /// Nothing will be heard of the attempts that this worker leads.
    pub(super) fn lost_primary(&mut self, worker: WorkerId) {
        for recovery in self.recoveries.values_mut().filter(|recovery| recovery.primary == Some(worker)) {
            recovery.due = self.now;
        }
    }
}
