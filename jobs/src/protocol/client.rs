//! Calls of clients about jobs and the cluster.

use crate::model::{JobId, JobSpec, JobSummary, JobView, PartId, StageId, TaskView};
use serde::{Deserialize, Serialize};
use skep_hdfs::{Epoch, WorkerId, protocol::control::Capacity};
use skep_wire::Endpoint;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum JobCall {
    /// → `Submitted`. Harmless to repeat: the spec carries a token.
    Submit(Box<JobSpec>),
    /// Answers when the job's version is above `after`, or after `wait_ms`. → `Job`
    Watch { job: JobId, after: u64, wait_ms: u64 },
    /// → `Jobs`, newest first
    List { limit: u32 },
    /// → `Tasks`: running ones and the latest finished ones, at most `limit`
    Tasks { job: JobId, limit: u32 },
    /// → `Done`
    Kill { job: JobId, user: String },
    /// What the job waits for and since when. → `Why`
    Why { job: JobId },
    /// → `Logs`: the lines that the job's processes (or one task's attempts) wrote, by worker.
    Logs { job: JobId, task: Option<(StageId, PartId)>, bytes_max: u64 },
    /// → `Status`
    Status,
    /// Sets targets (`None` keeps). With `plan` nothing is changed. → `Plan`
    Resize { core: Option<u32>, task: Option<u32>, plan: bool },
    /// Jobs that are not over and were submitted by somebody for their users. → `Owned`
    Owned,
}

pub type JobAnswer = Result<JobReply, JobError>;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum JobReply {
    Done,
    Submitted(JobId),
    Job(Box<JobView>),
    Jobs(Vec<JobSummary>),
    Tasks(Vec<TaskView>),
    Why(Vec<Wait>),
    Logs(Vec<LogPart>),
    Status(Box<ClusterView>),
    Plan(ResizePlan),
    /// Each with its owner, as [`crate::conf::JOB_OWNER`] says.
    Owned(Vec<(JobId, String)>),
}

/// Something that waits, for what, since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// `job-3`, `stage 1 (reduce)`, `task 1.7`, `resize`.
    pub who: String,
    pub what_for: String,
    pub since_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    pub worker: WorkerId,
    pub host: String,
    /// `stdout` and `stderr` interleaved as they came; the newest `bytes_max` bytes.
    pub text: String,
    /// Whether older text was left out.
    pub truncated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    Core,
    Task,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkerState {
    Live,
    /// Missed heartbeats: gets no new tasks.
    Suspect,
    /// Gets nothing new; leaves when its tasks are done and its blocks and shuffle data are elsewhere.
    Draining,
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerView {
    pub worker: WorkerId,
    pub epoch: Epoch,
    pub role: Role,
    pub state: WorkerState,
    pub endpoint: Endpoint,
    pub host: String,
    pub process: u32,
    pub slots: u32,
    pub slots_used: u32,
    pub memory_bytes: u64,
    pub capacity: Capacity,
    pub blocks: u64,
    pub last_beat_ms_ago: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    pub version: String,
    pub endpoint: Endpoint,
    pub started_ms: u64,
    pub workers: Vec<WorkerView>,
    pub storage: Option<skep_hdfs::protocol::namespace::ClusterStatus>,
    pub running: Vec<JobSummary>,
    /// Targets of the last resize, and what it waits for.
    pub target_core: Option<u32>,
    pub target_task: Option<u32>,
    pub resize_waits: Vec<Wait>,
    /// Who can start and stop workers, if anyone.
    pub provider: Option<String>,
}

/// What a resize would do, or has begun to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResizePlan {
    pub start_core: u32,
    pub start_task: u32,
    pub drain: Vec<DrainPlan>,
    /// The fewest core workers that hold what is stored with the replication it has.
    pub safe_core_min: u32,
    /// Why it cannot be done as asked; empty: it can.
    pub blocked_by: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainPlan {
    pub worker: WorkerId,
    pub role: Role,
    pub running_tasks: u32,
    pub block_bytes_to_move: u64,
    pub shuffle_bytes_held: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum JobError {
    #[error("there is no {0}; `skep jobs list` shows the jobs")]
    NoSuchJob(JobId),
    #[error("{job} is already {state}")]
    AlreadyOver { job: JobId, state: String },
    #[error("the job cannot be accepted: {0}")]
    BadSpec(String),
    #[error("{0}")]
    NoProvider(String),
    #[error("cannot resize: {0}")]
    Resize(String),
    #[error("the master is not serving now: {0}")]
    Unavailable(String),
}
