//! What the scheduler writes into the journal: every change of state that a restart must not lose.
//!
//! Launches are not recorded. A restarted master learns what runs from the registrations of the workers, and its
//! attempt numbers begin at a new term's base, so that none is given twice.

use super::event::Tick;
use serde::{Deserialize, Serialize};
use skep_hdfs::WorkerId;
use skep_jobs::{
    model::{AttemptId, Done, JobId, JobSpec, PartId, StageId, TaskView},
    protocol::client::Role,
};
use std::sync::Arc;

/// One entry of the journal. Persisted: variants are only appended, fields never change; a change of layout is a new
/// variant of [`StoredRecord`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A new life of the master, or a task that used up the attempt numbers of the term.
    Term(u32),
    JobSubmitted {
        job: JobId,
        spec: Arc<JobSpec>,
        at: Tick,
    },
    JobStarted {
        job: JobId,
        at: Tick,
    },
    TaskDone {
        attempt: AttemptId,
        finished: Arc<Finished>,
    },
    /// A failure of the user's code, counted against the task.
    TaskFailed {
        attempt: AttemptId,
    },
    OutputsLost {
        job: JobId,
        stage: StageId,
        parts: Vec<PartId>,
    },
    /// These stages begin again, with nothing done.
    NewRound {
        job: JobId,
        stages: Vec<StageId>,
    },
    JobCommitting {
        job: JobId,
    },
    JobAborting {
        job: JobId,
        ending: Ending,
        error: String,
    },
    JobOver {
        job: JobId,
        ending: Ending,
        at: Tick,
        blame: Blame,
        failures: Vec<TaskView>,
    },
    WorkerKnown {
        worker: WorkerId,
        role: Role,
    },
    /// `forget`: its data directory will not come back.
    WorkerGone {
        worker: WorkerId,
        forget: bool,
    },
    WorkerDraining {
        worker: WorkerId,
        draining: bool,
    },
    Targets {
        core: Option<u32>,
        task: Option<u32>,
    },
}

/// A record with the version of its layout, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StoredRecord {
    V1(Record),
}

/// The attempt that won a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    pub attempt: AttemptId,
    pub worker: WorkerId,
    pub host: String,
    pub started: Tick,
    pub at: Tick,
    pub done: Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    Succeeded,
    Failed,
    Killed,
}

/// Attempts that ended badly, by whose doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blame {
    pub failed: u64,
    pub preempted: u64,
    pub worker_fault: u64,
}
