//! Between a worker and the master: one control connection that the worker opens (service `worker`), and one for
//! liveness (service `beat`) on a thread of its own, so that a busy worker is never a dead one.

use crate::{
    model::{AttemptId, Counters, JobConf, JobId, Outcome, Program},
    protocol::client::Role,
};
use serde::{Deserialize, Serialize};
use skep_hdfs::{
    Epoch, WorkerId,
    protocol::{
        control::{BlockCommand, BlockReport, Capacity, Replica},
        namespace::Location,
    },
};
use skep_wire::{Endpoint, JobToken};
use std::path::PathBuf;

/// Worker → master, calls on the control connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum WorkerCall {
    /// First call on every control connection. → `Registered`
    Register(Box<Registration>),
}

pub type WorkerAnswer = Result<WorkerReply, RegisterError>;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum WorkerReply {
    Registered {
        worker: WorkerId,
        /// Of the cluster: a worker whose data directory belongs to another one stops.
        cluster: u64,
        /// Jobs that still live: everything that the worker keeps for other jobs is swept.
        jobs: Vec<JobId>,
        beat_every_ms: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RegisterError {
    #[error(
        "this data directory belongs to another cluster ({theirs:016x}, this one is {ours:016x}); use an empty --data"
    )]
    WrongCluster { ours: u64, theirs: u64 },
    #[error("a newer process of {worker} is registered ({current}, this one is {given}); stop one of them")]
    Stale { worker: WorkerId, current: Epoch, given: Epoch },
    #[error("{worker} was registered as {was:?}, not as {given:?}; use another --data for the other role")]
    RoleChanged { worker: WorkerId, was: Role, given: Role },
    #[error("the master is not serving now: {0}")]
    Unavailable(String),
}

/// All that a worker has, so that a restarted master can carry on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// From the data directory; `None` the first time.
    pub worker: Option<WorkerId>,
    pub cluster: Option<u64>,
    pub epoch: Epoch,
    pub role: Role,
    pub endpoint: Endpoint,
    pub socket: PathBuf,
    pub host: String,
    pub process: u32,
    pub slots: u32,
    pub memory_bytes: u64,
    pub draining: bool,
    pub running: Vec<AttemptId>,
    /// Outcomes that were not acknowledged (`MasterTell::Noted`) before the connection was lost.
    pub outcomes: Vec<(AttemptId, Outcome)>,
    /// Shuffle outputs it holds (core workers).
    pub outputs: Vec<AttemptId>,
    /// Core workers.
    pub replicas: Vec<Replica>,
    pub capacity: Capacity,
}

/// Worker → master, one-way, on the control connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum WorkerTell {
    /// Ended attempts. Each is repeated in a registration until it is noted.
    Outcomes(Vec<(AttemptId, Outcome)>),
    Progress(Vec<Progress>),
    Blocks(BlockReport),
    /// Shuffle outputs that turned out bad or lost here (a checksum, a vanished file).
    OutputsLost(Vec<AttemptId>),
    /// Drained: no tasks, nothing kept. The process ends when the master says `Leave`.
    Empty,
    /// It is being stopped (SIGTERM, a spot notice): drain it, it will be gone within this time.
    Leaving {
        within_ms: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub attempt: AttemptId,
    pub input_bytes: u64,
    pub input_records: u64,
    pub output_records: u64,
    /// See [`TaskProgress::shuffled_bytes`](crate::task_program::TaskProgress).
    pub shuffled_bytes: u64,
    pub counters: Counters,
    pub status: Option<String>,
}

/// Master → worker, one-way, on the control connection. Each may arrive twice.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum MasterTell {
    /// Comes before the first `Launch` of a job on this connection.
    Job(Box<JobHeader>),
    Launch(Vec<Launch>),
    Kill {
        attempts: Vec<AttemptId>,
        reason: String,
    },
    /// These outcomes are durable: forget them.
    Noted(Vec<AttemptId>),
    /// The job is over: end its process, remove its scratch and shuffle data; keep its log.
    JobOver(JobId),
    /// Shuffle outputs that nobody needs any more.
    DropOutputs(Vec<AttemptId>),
    Blocks(BlockCommand),
    /// Finish what runs, take nothing new. `false` takes it back.
    Drain(bool),
    /// End the process now; its data directory is of no further use when `forget` is set.
    Leave {
        forget: bool,
    },
}

/// Master → worker, calls on the control connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum MasterCall {
    /// → `Logs`
    Logs { job: JobId, stems: Option<Vec<String>>, bytes_max: u64 },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum MasterCallAnswer {
    Logs { text: String, truncated: bool },
}

/// What a worker must know of a job before its first task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobHeader {
    pub job: JobId,
    pub name: String,
    pub user: String,
    pub program: Program,
    pub conf: JobConf,
    pub token: JobToken,
    /// Memory limit of its process tree on this worker, in bytes: grant x slots it may use there, and head-room.
    pub memory_bytes: u64,
}

/// One task to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    pub attempt: AttemptId,
    pub payload: Vec<u8>,
    /// Grant in bytes: what its buffers may use before they spill.
    pub memory_bytes: u64,
    pub inputs: Vec<LaunchInput>,
    /// Number of partitions of its shuffle output; 0: none.
    pub partitions: u32,
    /// For a task worker: core workers to deliver shuffle output to, best first. Empty on a core worker.
    pub deliver_to: Vec<Location>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LaunchInput {
    /// This task's partition of every task of a producing stage, in task order.
    Shuffle { pieces: Vec<Piece>, holders: Vec<Location> },
    /// Results of every task of a producing stage, in task order.
    Broadcast(Vec<Vec<u8>>),
    /// For the commit and abort tasks: tokens of the attempts that won, by stage and task.
    Commits(Vec<(AttemptId, Vec<u8>)>),
}

/// One partition of one finished attempt, as its consumer must find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    pub producer: AttemptId,
    pub holder: WorkerId,
    pub segment: crate::model::Segment,
}

/// Worker → master on the liveness connection, one-way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    pub worker: WorkerId,
    pub epoch: Epoch,
    pub capacity: Capacity,
    pub memory_used_bytes: u64,
}
