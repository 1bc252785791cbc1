//! One writer per file: leases are kept by calls and renewals, and end by silence.

use super::{
    Core,
    event::{Mutation, Tick},
};
use crate::{ClientId, FileId, limits};
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

    pub fn writers(&self) -> &BTreeMap<FileId, ClientId> {
        &self.writers
    }
}

impl Core {
    /// Takes files from writers that have been silent for too long: `recover` closes them.
    pub(super) fn expire_leases(&mut self) {
        for file in self.leases.silent_for(limits::LEASE_HARD.as_millis() as u64, self.now) {
            tracing::info!(%file, "its writer fell silent: the file is closed with what its workers hold");
            self.commit(None, vec![Mutation::Seize { file }]);
        }
    }

    /// Leases follow what the changes did to files. Called before removed files are forgotten.
    pub(super) fn follow_writers(&mut self, changes: &[Mutation]) {
        for change in changes {
            match change {
                Mutation::CreateFile { id, lease: Some(client), .. } => {
                    self.leases.hold(*client, *id, self.now);
                }
                Mutation::Seize { file } => {
                    self.leave_writer(*file);
                    self.begin_recovery(*file);
                }
                Mutation::Close { file } => self.leave_writer(*file),
                Mutation::Unlink { id } => {
                    for file in self.durable.tree.subtree(*id) {
                        self.leave_writer(file);
                    }
                }
                _ => {}
            }
        }
    }

    /// Nobody waits for this file under its old writer any more.
    fn leave_writer(&mut self, file: FileId) {
        self.leases.release_file(file);
        self.recoveries.remove(&file);
        if self.completing.contains_key(&file) {
            self.settling.insert(file);
        }
    }
}
