//! The master's one ordered, durable log, on redb.
//!
//! Sections share it: each has its own snapshots and replays only its own entries, but one record may hold entries of
//! several sections and is applied whole or not at all.

use std::{collections::BTreeMap, path::Path};

/// Position of a record in the log. The first is 1; `Lsn(0)` is "before everything".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Lsn(pub u64);

/// Whose state an entry changes. Numbers are persisted: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Section {
    /// Files, blocks, leases and the keyed store.
    Namespace = 1,
    /// Jobs and workers.
    Scheduler = 2,
}

/// What a section finds when the journal is opened: its newest snapshot, and its entries after it in order.
#[derive(Debug, Default)]
pub struct Replay {
    pub snapshot: Option<(u64, Vec<u8>)>,
    pub entries: Vec<(u64, Vec<u8>)>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    #[error("journal {path}: {reason}")]
    Storage { path: String, reason: String },
    #[error("journal {path}: record {lsn} does not match its checksum; restore the file from a backup")]
    Corrupt { path: String, lsn: u64 },
    #[error("journal {path} is in use by another process")]
    Locked { path: String },
    #[error("the journal was closed after an error: {0}")]
    Closed(String),
}

/// A handle; clones share the log. One thread commits what has gathered since its last commit: group commit.
#[derive(Clone)]
pub struct Journal {}

impl Journal {
    /// Opens or makes the journal in `directory`.
    pub fn open(directory: &Path) -> Result<(Journal, BTreeMap<Section, Replay>), JournalError> {
        let _ = directory;
        unimplemented!()
    }

    /// Queues one record and returns its position at once; it is durable when `durable` reaches it.
    pub fn append(&self, entries: Vec<(Section, Vec<u8>)>) -> Lsn {
        let _ = entries;
        unimplemented!()
    }

    /// The newest durable position, as it moves. An error closes the channel: the process must stop.
    pub fn durable(&self) -> tokio::sync::watch::Receiver<Lsn> {
        unimplemented!()
    }

    /// Waits until `lsn` is durable.
    pub async fn wait(&self, lsn: Lsn) -> Result<(), JournalError> {
        let _ = lsn;
        unimplemented!()
    }

    /// Stores a section's state as of `lsn` and drops what no section needs any more.
    pub async fn snapshot(&self, section: Section, lsn: Lsn, state: Vec<u8>) -> Result<(), JournalError> {
        let _ = (section, lsn, state);
        unimplemented!()
    }
}
