//! One writer per file: leases are kept by calls and renewals, and end by silence.

use super::{
    Core,
    event::{Mutation, Output, Tick},
};
use crate::{BlockId, ClientId, FileId, Generation, WorkerId, limits, protocol::control::BlockCommand};
use std::collections::{BTreeMap, BTreeSet};

/// Open files by their writer, and when the writer was last heard. After a restart every lease counts as renewed.
#[derive(Debug, Default)]
pub struct Leases {
    holders: BTreeMap<ClientId, (Tick, BTreeSet<FileId>)>,
    writers: BTreeMap<FileId, ClientId>,
}

impl Leases {
    pub fn hold(&mut self, client: ClientId, file: FileId, at: Tick) {
        let entry = self.holders.entry(client).or_default();
        entry.0 = at;
        entry.1.insert(file);
        self.writers.insert(file, client);
    }

    /// Whoever wrote this file does not any more.
    pub fn release_file(&mut self, file: FileId) {
        let Some(client) = self.writers.remove(&file) else { return };
        if let Some((_, files)) = self.holders.get_mut(&client) {
            files.remove(&file);
            if files.is_empty() {
                self.holders.remove(&client);
            }
        }
    }

    pub fn renew(&mut self, client: ClientId, at: Tick) {
        if let Some((renewed, _)) = self.holders.get_mut(&client) {
            *renewed = at;
        }
    }

    /// How long the writer has been silent, in milliseconds.
    pub fn idle_ms(&self, client: ClientId, now: Tick) -> u64 {
        self.holders.get(&client).map_or(u64::MAX, |(renewed, _)| now.since(*renewed))
    }

    fn silent_for(&self, ms: u64, now: Tick) -> Vec<FileId> {
        self.holders
            .values()
            .filter(|(renewed, _)| now.since(*renewed) >= ms)
            .flat_map(|(_, files)| files.iter().copied())
            .collect()
    }

    pub fn open_files(&self) -> usize {
        self.writers.len()
    }
}

impl Core {
    /// Closes files whose writers have been silent for too long.
    pub(super) fn expire_leases(&mut self) {
        for file in self.leases.silent_for(limits::LEASE_HARD.as_millis() as u64, self.now) {
            self.recover_file(file);
        }
    }

    /// Takes the file from its writer. A last block that was being written is recovered first: its holders agree on a
    /// length under a new generation; without holders it is dropped.
    pub(super) fn recover_file(&mut self, file: FileId) {
        let Some(entry) = self.durable.tree.get(file).and_then(|node| node.file()) else { return };
        let open = entry.blocks.last().copied();
        let open = open.filter(|block| self.durable.blocks.get(block).is_some_and(|facts| !facts.committed));
        let Some(block) = open else {
            self.commit(None, vec![Mutation::Close { file }]);
            return;
        };
        if self
            .recovering
            .get(&block)
            .is_some_and(|since| self.now.since(*since) < limits::REPAIR_TIMEOUT.as_millis() as u64)
        {
            return;
        }
        let mut writers: Vec<WorkerId> = self.replicas.holders(block).collect();
        writers.extend(
            self.replicas
                .workers
                .iter()
                .filter(|(_, worker)| worker.writing.contains(&block))
                .map(|(id, _)| *id),
        );
        writers.dedup();
        let Some((primary, others)) = writers.split_first() else {
            self.commit(None, vec![Mutation::DropBlock { block }, Mutation::Close { file }]);
            return;
        };
        let others =
            others.iter().filter_map(|id| Some(self.replicas.workers.get(id)?.location.clone())).collect();
        let (primary, generation) = (*primary, Generation(self.durable.next_generation));
        self.commit(None, vec![Mutation::RaiseGeneration { block, generation }]);
        self.start_recovery(block, primary, BlockCommand::Recover { block, generation, others });
    }

    fn start_recovery(&mut self, block: BlockId, primary: WorkerId, command: BlockCommand) {
        self.recovering.insert(block, self.now);
        self.out.push_back(Output::Command { worker: primary, command });
    }
}
