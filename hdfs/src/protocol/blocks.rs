//! Exchanges with a core worker's block server, service `blocks`.
//!
//! ```text
//! write: client → Write, ← Ready | Failed;   → payload* → Finish;   ← Acknowledged* ← Written | Failed
//!                                            (both forwarded down the pipeline, the answers up)
//! read:  client → Read,  ← Reading | Failed; ← payload* ← Finished | Failed
//! open:  client → Open,  ← Opened | Failed;  → SendFiles; ← two descriptors   (Unix socket only)
//! rest:  one request, one reply
//! ```
//!
//! `Failed` ends an exchange. In the middle of a payload stream it also ends the connection.
//!
//! On the Unix socket the same service also answers `Open` with two file descriptors (data, checksums): a reader on
//! the same host reads the block's bytes without a socket copy and checks them itself.

use crate::{BlockId, Generation, WorkerId, protocol::namespace::Location};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockRequest {
    /// Start (`resume_at` 0) or continue a replica. `resume_at` > 0: the pipeline was rebuilt under a new generation;
    /// the replica is cut to this length and continued.
    Write { block: BlockId, generation: Generation, resume_at: u64, downstream: Vec<Location> },
    /// `len_bytes` may be beyond the end: the reader gets what there is.
    Read { block: BlockId, generation: Generation, offset: u64, len_bytes: u64 },
    /// Unix socket only.
    Open { block: BlockId, generation: Generation },
    /// Length and CRC32C of the whole replica, computed from its checksums after they were checked.
    Checksum { block: BlockId, generation: Generation },
    /// What this worker holds of the block, whatever its generation (recovery).
    Describe { block: BlockId },
    /// Cut to `len_bytes`, take the new generation and finalise (recovery). Answered when durable. Workers only.
    Finalise { block: BlockId, generation: Generation, len_bytes: u64 },
}

/// What a client sends after its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    pub len_bytes: u64,
    /// CRC32C of the whole block as the client sent it.
    pub crc: u32,
}

/// What a client sends when it is about to receive descriptors, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendFiles;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockReply {
    /// The pipeline stands from here to its end.
    Ready,
    /// Every worker from here to the pipeline's end has written the block up to this length (and not synced it): the
    /// writer need not keep these bytes. Sent as it grows.
    Acknowledged {
        len_bytes: u64,
    },
    /// Durable here and on every worker named.
    Written {
        replicas: Vec<WorkerId>,
    },
    Reading {
        len_bytes: u64,
    },
    Finished,
    /// Two descriptors follow on the socket: data file, checksum file.
    Opened {
        len_bytes: u64,
    },
    Checksum {
        len_bytes: u64,
        crc: u32,
    },
    Described(Option<crate::protocol::control::Replica>),
    Finalised {
        len_bytes: u64,
    },
    /// `at` is the worker that says so; whom it blames is [`BlockError::blames`]'s.
    Failed {
        at: WorkerId,
        error: BlockError,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum BlockError {
    #[error("{block} is not on this worker")]
    NotHere { block: BlockId },
    #[error("{block}: this replica is {have}, {wanted} was asked for")]
    Generation { block: BlockId, have: Generation, wanted: Generation },
    #[error("{block}: bytes {offset}..{end} do not match their checksum; the replica was put aside")]
    Corrupt { block: BlockId, offset: u64, end: u64 },
    #[error("{block}: the bytes that arrived do not match the writer's checksum")]
    Damaged { block: BlockId },
    #[error("{block}: the disk is full ({free_bytes} bytes free)")]
    DiskFull { block: BlockId, free_bytes: u64 },
    #[error("{block}: {reason}")]
    Disk { block: BlockId, reason: String },
    #[error("{block}: the next worker of the pipeline, {worker}, failed: {reason}")]
    Downstream { block: BlockId, worker: WorkerId, reason: String },
    #[error("{block}: bytes {offset}.. are beyond its end ({len_bytes})")]
    OutOfRange { block: BlockId, offset: u64, len_bytes: u64 },
    #[error("this request is answered on the Unix socket only")]
    UnixOnly,
    #[error("{block}: a finalised replica of {len_bytes} bytes is here already")]
    Exists { block: BlockId, len_bytes: u64 },
    #[error("{block}: another writer is at work on this replica")]
    Busy { block: BlockId },
    #[error("{block}: another writer took this replica over, or it was erased")]
    Superseded { block: BlockId },
    #[error("{block}: this worker serves {limit} writers already; try another worker, or this one later")]
    Overloaded { block: BlockId, limit: usize },
    #[error("only the cluster's own processes may ask this")]
    Forbidden,
}

impl BlockError {
    /// The worker that a writer should do without, when `at` said this.
    pub fn blames(&self, at: WorkerId) -> WorkerId {
        match self {
            BlockError::Downstream { worker, .. } => *worker,
            _ => at,
        }
    }

    /// Whether another replica of the block may be read instead.
    pub fn is_bad_replica(&self) -> bool {
        matches!(self, BlockError::Corrupt { .. })
    }
}
