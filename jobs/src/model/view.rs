//! Jobs as people see them: `skep jobs`, progress bars, history.

use super::{
    ids::{AttemptId, JobId, StageId},
    outcome::Counters,
};
use serde::{Deserialize, Serialize};
use skep_hdfs::WorkerId;

/// ```text
/// Queued ─► Running ─► Committing ─► Succeeded
///    │         ├─────────► Aborting ─► Failed
///    └─────────┴─────────► Aborting ─► Killed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum JobState {
    Queued,
    Running,
    Committing,
    Aborting,
    Succeeded,
    Failed,
    Killed,
}

impl JobState {
    pub fn is_final(self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Failed | JobState::Killed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageState {
    /// Its inputs are not done.
    Waiting,
    Running,
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSummary {
    pub id: JobId,
    pub name: String,
    pub user: String,
    pub state: JobState,
    /// Milliseconds since 1970.
    pub submitted_ms: u64,
    pub started_ms: Option<u64>,
    pub finished_ms: Option<u64>,
    pub tasks: u64,
    pub tasks_done: u64,
    pub tasks_running: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    pub summary: JobSummary,
    /// Raised with each change: what `Watch` waits on.
    pub version: u64,
    pub stages: Vec<StageView>,
    pub counters: Counters,
    /// Why it failed or was killed; names the first cause.
    pub error: Option<String>,
    /// Finished tasks that had to run again because their output was lost.
    pub tasks_recomputed: u64,
    /// Attempts by how they ended.
    pub attempts_failed: u64,
    pub attempts_preempted: u64,
    pub attempts_worker_fault: u64,
    /// Results of the last stage, in task order, when it is a `Result` stage and the job succeeded.
    pub results: Vec<Vec<u8>>,
    pub outputs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageView {
    pub id: StageId,
    pub name: String,
    pub state: StageState,
    pub tasks: u32,
    pub done: u32,
    pub running: u32,
    pub input_bytes: u64,
    pub input_records: u64,
    pub output_bytes: u64,
    pub output_records: u64,
    pub shuffle_bytes: u64,
    pub spilled_bytes: u64,
    /// Sum over finished attempts, in milliseconds.
    pub task_time_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    pub attempt: AttemptId,
    pub worker: WorkerId,
    pub host: String,
    /// `running`, `done`, or why it ended.
    pub state: String,
    pub started_ms: u64,
    pub finished_ms: Option<u64>,
}
