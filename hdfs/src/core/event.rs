//! What goes into the namespace core, what comes out of it, and what is written down.

use super::keyed::Version;
use crate::{
    BlockId, ClientId, Epoch, FileId, Generation, WorkerId,
    protocol::{
        control::{BlockCommand, BlockReport, Capacity, Replica},
        namespace::{Location, NamespaceAnswer, NamespaceCall},
    },
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Milliseconds since 1970, as the shell's clock had it when the event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Tick(pub u64);

impl Tick {
    /// Milliseconds from `earlier` to this; 0 if it is not earlier.
    pub fn since(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    pub fn before(self, ms: u64) -> Tick {
        Tick(self.0.saturating_sub(ms))
    }

    pub fn after(self, delay: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Whom an answer is for; chosen by the shell, never persisted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

#[derive(Debug, Clone)]
pub enum Event {
    Call {
        ticket: Ticket,
        call: NamespaceCall,
    },
    Joined {
        location: Location,
        epoch: Epoch,
        capacity: Capacity,
        draining: bool,
        replicas: Vec<Replica>,
    },
    Report {
        worker: WorkerId,
        epoch: Epoch,
        report: BlockReport,
    },
    Draining {
        worker: WorkerId,
        draining: bool,
    },
    /// What its disks can hold, as its beats tell.
    Capacity {
        worker: WorkerId,
        epoch: Epoch,
        capacity: Capacity,
    },
    Gone {
        worker: WorkerId,
        epoch: Epoch,
    },
    Tick,
}

#[derive(Debug, Clone)]
pub enum Output {
    Persist(Record),
    Answer { ticket: Ticket, answer: NamespaceAnswer },
    Command { worker: WorkerId, command: BlockCommand },
}

/// One journal entry: what one event changed for ever, and the answer to the call that changed it, so that a repeat of
/// the call after a restart gets the same answer. Persisted: variants are only ever added at the end, and a change of
/// fields is a new format of the namespace's section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub at: Tick,
    pub call: Option<(ClientId, u64, NamespaceAnswer)>,
    pub changes: Vec<Mutation>,
}

/// The smallest changes: everything that survives a restart is made of them, live and in replay alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mutation {
    MakeDirectory {
        id: FileId,
        parent: FileId,
        name: String,
        owner: String,
        mode: u16,
    },
    CreateFile {
        id: FileId,
        parent: FileId,
        name: String,
        owner: String,
        mode: u16,
        replication: u16,
        block_bytes: u64,
        /// The writer; `None` makes a closed, empty file.
        lease: Option<ClientId>,
    },
    /// With everything below it.
    Unlink {
        id: FileId,
    },
    Move {
        id: FileId,
        parent: FileId,
        name: String,
        /// Fingerprint of the path that a transaction moved it from: a repeat of the transaction knows it again.
        origin: Option<u64>,
    },
    AddBlock {
        file: FileId,
        block: BlockId,
        generation: Generation,
    },
    CommitBlock {
        block: BlockId,
        generation: Generation,
        len_bytes: u64,
    },
    DropBlock {
        block: BlockId,
    },
    RaiseGeneration {
        block: BlockId,
        generation: Generation,
    },
    /// Used by a recovery: never given again, whatever becomes of it.
    TakeGeneration {
        generation: Generation,
    },
    /// The namespace takes an open file from its writer, to close it.
    Seize {
        file: FileId,
    },
    Close {
        file: FileId,
    },
    SetReplication {
        file: FileId,
        replication: u16,
    },
    SetTimes {
        id: FileId,
        modified_ms: Option<u64>,
        accessed_ms: Option<u64>,
    },
    SetMode {
        id: FileId,
        mode: u16,
    },
    SetOwner {
        id: FileId,
        owner: Option<String>,
        group: Option<String>,
    },
    Put {
        key: String,
        value: Vec<u8>,
        version: Version,
    },
    Remove {
        key: String,
    },
}
