//! Between the master and a core worker, about blocks.

use crate::{BlockId, Generation, protocol::namespace::Location};
use serde::{Deserialize, Serialize};

/// A replica as a worker holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Replica {
    pub block: BlockId,
    pub generation: Generation,
    pub len_bytes: u64,
    /// Its bytes and checksums are synced and will not change. A replica that is not is being written, or was when
    /// the worker died.
    pub finalised: bool,
}

/// What the disks of a worker can hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Capacity {
    pub total_bytes: u64,
    pub used_bytes: u64,
    pub free_bytes: u64,
}

/// Worker → master, one-way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockReport {
    /// Every replica: sent with a registration and from time to time.
    Full {
        replicas: Vec<Replica>,
        capacity: Capacity,
    },
    /// Finalised now (written, or copied for repair).
    Received(Vec<Replica>),
    Erased(Vec<BlockId>),
    /// A replica failed its checksum, or its file is gone or short. The worker has put it aside and serves it no more.
    Bad {
        replica: Replica,
        reason: String,
    },
    /// A `Copy` could not be done.
    CopyFailed {
        block: BlockId,
        to: crate::WorkerId,
        reason: String,
    },
    /// The outcome of `Recover`: the length that every named worker now holds, finalised, under the new generation.
    Recovered {
        block: BlockId,
        generation: Generation,
        len_bytes: u64,
        replicas: Vec<crate::WorkerId>,
    },
    RecoverFailed {
        block: BlockId,
        generation: Generation,
        reason: String,
    },
}

/// Master → worker, one-way. Each may arrive twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockCommand {
    /// Send a copy of a replica that you hold.
    Copy { block: BlockId, generation: Generation, to: Location },
    /// Remove replicas with this generation or an older one.
    Erase(Vec<(BlockId, Generation)>),
    /// The writer is gone: agree with `others` on the longest length that all reachable ones hold, cut to it, finalise
    /// under `generation`, and report.
    Recover { block: BlockId, generation: Generation, others: Vec<Location> },
    /// Send a full report.
    ReportAll,
    /// A reader found this replica bad: look at it, and report it if it is.
    Verify { block: BlockId, generation: Generation },
}
