//! How an attempt ended, as data: recovery decides on these variants.

use super::ids::{AttemptId, StageId};
use serde::{Deserialize, Serialize};
use skep_hdfs::WorkerId;
use std::collections::BTreeMap;

pub type Counters = BTreeMap<String, u64>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Done(Done),
    /// Shuffle output that the attempt needed is not where it should be. Nobody's fault here: the producers run again.
    LostInput(Vec<LostPiece>),
    /// The attempt failed.
    Failed {
        kind: FaultKind,
        message: String,
    },
    /// It was told to stop, and did.
    Killed,
    /// Never started (the worker is draining, full, or had no memory for it); costs no attempt.
    Refused {
        reason: String,
    },
}

/// Whose fault a failure is. Only `User` counts towards `attempts_max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FaultKind {
    /// The user's code returned an error, panicked, or its process exited by itself.
    User,
    /// No progress for the job's `task_timeout`. Counts as `User`.
    Timeout,
    /// The process tree grew over its memory limit. Counts as `User`.
    OutOfMemory,
    /// The program cannot read what the client compiled: job and binary do not fit. Fails the job at once.
    Undecodable,
    /// Input or output data: not there, not readable, malformed. Counts as `User`.
    Data,
    /// A disk of the worker (full, broken). Counts against the worker.
    WorkerDisk,
    /// Anything else on the worker's side (could not start the process, lost its socket). Counts against the worker.
    Worker,
    /// The worker was told to go, or vanished. Counts against nobody.
    Preempted,
}

impl FaultKind {
    pub fn is_users(self) -> bool {
        matches!(self, FaultKind::User | FaultKind::Timeout | FaultKind::OutOfMemory | FaultKind::Data)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {
    /// One per partition of the stage's shuffle; empty without one.
    pub segments: Vec<Segment>,
    /// The core worker that holds the shuffle output (the worker itself, or where a task worker delivered it).
    pub holder: Option<WorkerId>,
    /// `StageOutput::Result`: the bytes.
    pub result: Vec<u8>,
    /// `StageOutput::Sink`: what the commit task needs to know of this attempt's files.
    pub commit: Vec<u8>,
    pub counters: Counters,
    pub input_records: u64,
    pub output_records: u64,
    pub input_bytes: u64,
    pub output_bytes: u64,
    /// Bytes written to scratch because the grant was too small.
    pub spilled_bytes: u64,
}

/// One partition of one attempt's shuffle output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Segment {
    /// As stored (compressed).
    pub len_bytes: u64,
    pub records: u64,
    /// CRC32C of the stored bytes.
    pub crc: u32,
}

/// What a consumer could not get: exactly which piece, and from whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostPiece {
    pub producer: AttemptId,
    pub stage: StageId,
    pub holder: WorkerId,
    pub reason: LossReason,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LossReason {
    /// The holder answered that it does not have it.
    NotThere,
    /// The holder's stored bytes do not match their checksum.
    Corrupt,
    /// The holder could not be reached for as long as the fetcher was willing to wait.
    Unreachable,
    /// It had another number of records or bytes than the producer reported.
    Mismatch,
}
