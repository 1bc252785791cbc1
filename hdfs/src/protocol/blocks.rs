//! Exchanges with a core worker's block server, service `blocks`.
//!
//! ```text
//! write: client → Write, ← Ready | Failed;  → payload* → Finish;  ← Written | Failed      (payload forwarded down the pipeline)
//! read:  client → Read,  ← Reading | Failed; ← payload* ← Finished | Failed
//! ```
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
    /// Cut to `len_bytes`, take the new generation and finalise (recovery). Answered when durable.
    Finalise { block: BlockId, generation: Generation, len_bytes: u64 },
}

/// What a client sends after its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    pub len_bytes: u64,
    /// CRC32C of the whole block as the client sent it.
    pub crc: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockReply {
    /// The pipeline stands from here to its end.
    Ready,
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
}
