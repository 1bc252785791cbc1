//! Replicas on one worker's disk: which there are, and what may happen to each.
//!
//! Every call blocks on the disk: call from threads that may. The files and their names are [`super::layout`]'s; here is the
//! inventory of them, with one slot per block that is locked while its files change:
//!
//! ```text
//!            begin_write                    finalise
//!   Empty ───────────────► Writing ─────────────────────► Finalised
//!     ▲                    │   ▲   newer generation            │ │
//!     └── erase, discard ──┘   └── (begin_write, finalise_at) ──┘ │
//!     └───────────────── erase, put_aside ───────────────────────┘
//! ```
//!
//! One replica per block: a newer generation takes over the files of the older one. A writer holds a ticket; whoever
//! takes over issues a new one, so that a writer that was thought dead finds out at its next step and changes nothing.

mod capacity;
mod change;
mod open;
mod writer;

#[cfg(test)]
mod tests;

pub use capacity::StoreOptions;
pub use writer::ReplicaWriter;

use super::{
    layout::Layout,
    sums::{self, Sums},
    verified::{ReadFault, VerifiedFile},
};
use crate::{
    BlockId, Generation,
    protocol::{
        blocks::BlockError,
        control::{BlockReport, Capacity, Replica},
    },
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Replicas on one worker's disk.
pub struct BlockStore {
    layout: Layout,
    options: StoreOptions,
    inventory: Mutex<Inventory>,
    /// Held as long as the store is open.
    _lock: File,
}

#[derive(Default)]
struct Inventory {
    replicas: BTreeMap<BlockId, Entry>,
    used_bytes: u64,
    /// Found bad and not reported yet.
    bad: Vec<(Replica, String)>,
    /// What lies in `bad/`, oldest first.
    kept: VecDeque<(BlockId, Generation)>,
    last_ticket: u64,
}

struct Entry {
    slot: Arc<Mutex<Slot>>,
    /// What the slot holds, to be read without waiting for whoever works on it.
    replica: Option<Replica>,
}

/// A replica's state; locked while its files change.
enum Slot {
    Empty,
    Writing(Writing),
    Finalised {
        generation: Generation,
        len_bytes: u64,
    },
    /// This slot was taken out of the inventory: look again.
    Removed,
}

struct Writing {
    generation: Generation,
    sums: Sums,
    /// Who may go on writing. `None`: nobody does; the replica waits to be continued, recovered or erased.
    writer: Option<Ticket>,
    /// Open while somebody writes.
    files: Option<OpenFiles>,
}

struct OpenFiles {
    data: File,
    sums: File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticket(u64);

impl Slot {
    fn replica(&self, block: BlockId) -> Option<Replica> {
        match self {
            Slot::Empty | Slot::Removed => None,
            Slot::Writing(writing) => Some(Replica {
                block,
                generation: writing.generation,
                len_bytes: writing.sums.len_bytes(),
                finalised: false,
            }),
            Slot::Finalised { generation, len_bytes } => {
                Some(Replica { block, generation: *generation, len_bytes: *len_bytes, finalised: true })
            }
        }
    }
}

impl BlockStore {
    /// Opens or makes the store below `directory`; finds every replica, and removes what no owner will ever claim.
    pub fn open(directory: &Path) -> io::Result<BlockStore> {
        BlockStore::open_with(directory, StoreOptions::default())
    }

    pub fn open_with(directory: &Path, options: StoreOptions) -> io::Result<BlockStore> {
        open::open(directory, options)
    }

    pub fn capacity(&self) -> Capacity {
        let used_bytes = lock(&self.inventory).used_bytes;
        capacity::measure(self.layout.root(), &self.options, used_bytes)
    }

    /// `BlockReport::Full`.
    pub fn report_all(&self) -> BlockReport {
        let replicas = lock(&self.inventory).replicas.values().filter_map(|entry| entry.replica).collect();
        BlockReport::Full { replicas, capacity: self.capacity() }
    }

    /// What is held of the block, in whatever generation and state.
    pub fn describe(&self, block: BlockId) -> Option<Replica> {
        lock(&self.inventory).replicas.get(&block).and_then(|entry| entry.replica)
    }

    /// Replicas that were found bad since the last call: each is told once, and is put aside already.
    pub fn take_bad(&self) -> Vec<(Replica, String)> {
        std::mem::take(&mut lock(&self.inventory).bad)
    }

    /// Opens a finalised replica for reading.
    pub fn open_replica(
        self: &Arc<Self>,
        block: BlockId,
        generation: Generation,
    ) -> Result<ReplicaReader, BlockError> {
        let replica = self.describe(block).filter(|replica| replica.finalised);
        let replica = replica.ok_or(BlockError::NotHere { block })?;
        if replica.generation != generation {
            return Err(BlockError::Generation { block, have: replica.generation, wanted: generation });
        }
        let file = self
            .open_files(replica)
            .and_then(|(data, sums)| VerifiedFile::new(data, sums, block, generation))
            .map_err(|fault| self.judge(replica, &fault))?;
        Ok(ReplicaReader { store: self.clone(), replica, file })
    }

    /// The files of a finalised replica, for a reader on the same host that checks what it reads itself.
    pub fn open_descriptors(
        self: &Arc<Self>,
        block: BlockId,
        generation: Generation,
    ) -> Result<(Replica, File, File), BlockError> {
        // The check costs one small read and keeps a replica that is visibly bad from ever being handed out.
        let reader = self.open_replica(block, generation)?;
        let replica = reader.replica;
        let (data, sums) = self.open_files(replica).map_err(|fault| self.judge(replica, &fault))?;
        Ok((replica, data, sums))
    }

    fn open_files(&self, replica: Replica) -> Result<(File, File), ReadFault> {
        let files = self.layout.finalised(replica.block, replica.generation);
        Ok((File::open(files.data)?, File::open(files.sums)?))
    }

    /// Turns a failed read into an error for the reader, and puts the replica aside if it is to blame.
    fn judge(&self, replica: Replica, fault: &ReadFault) -> BlockError {
        let block = replica.block;
        if !fault.is_damage() {
            return BlockError::Disk { block, reason: fault.to_string() };
        }
        match self.put_aside(replica, &fault.to_string()) {
            Some(now) => BlockError::Generation { block, have: now.generation, wanted: replica.generation },
            None => {
                let range = fault.range(replica.len_bytes);
                BlockError::Corrupt { block, offset: range.start, end: range.end }
            }
        }
    }

    fn ticket(&self) -> Ticket {
        let mut inventory = lock(&self.inventory);
        inventory.last_ticket += 1;
        Ticket(inventory.last_ticket)
    }

    /// Runs `change` with the block's slot locked, then brings the inventory up to date with what it left there.
    fn with_slot<R>(&self, block: BlockId, change: impl FnOnce(&mut Slot) -> R) -> R {
        loop {
            let slot = {
                let mut inventory = lock(&self.inventory);
                let entry = inventory.replicas.entry(block);
                let entry =
                    entry.or_insert_with(|| Entry { slot: Arc::new(Mutex::new(Slot::Empty)), replica: None });
                entry.slot.clone()
            };
            let mut slot = lock(&slot);
            if matches!(*slot, Slot::Removed) {
                continue;
            }
            let result = change(&mut slot);
            self.publish(block, &mut slot);
            return result;
        }
    }

    fn publish(&self, block: BlockId, slot: &mut Slot) {
        let now = slot.replica(block);
        let mut inventory = lock(&self.inventory);
        let before = match inventory.replicas.get_mut(&block) {
            Some(entry) => std::mem::replace(&mut entry.replica, now),
            None => None,
        };
        if now.is_none() {
            *slot = Slot::Removed;
            inventory.replicas.remove(&block);
        }
        let stored = |replica: Option<Replica>| replica.map_or(0, |replica| stored_bytes(replica.len_bytes));
        inventory.used_bytes = (inventory.used_bytes + stored(now)).saturating_sub(stored(before));
    }
}

/// Both files of a replica of this length.
fn stored_bytes(len_bytes: u64) -> u64 {
    len_bytes + sums::file_len(len_bytes)
}

/// A panic in one thread leaves these maps whole: each change of them is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An opened finalised replica. What it reads is checked; a replica that fails is put aside at once.
pub struct ReplicaReader {
    store: Arc<BlockStore>,
    replica: Replica,
    file: VerifiedFile,
}

impl ReplicaReader {
    pub fn replica(&self) -> Replica {
        self.replica
    }

    pub fn read(&self, range: Range<u64>) -> Result<Bytes, BlockError> {
        self.file.read(range).map_err(|fault| self.store.judge(self.replica, &fault))
    }

    /// CRC32C of the whole replica, from its checksums.
    pub fn crc(&self) -> Result<u32, BlockError> {
        self.file.crc().map_err(|fault| self.store.judge(self.replica, &fault))
    }
}
