//! Everything that goes into the core and comes out of it.

use skep_jobs::{
    model::{AttemptId, FaultKind, JobId, Outcome},
    protocol::{
        task::TaskOrder,
        worker::{JobHeader, Launch, Progress, WorkerTell},
    },
};
use std::fmt;

/// Milliseconds since the worker started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
    pub fn after_ms(self, milliseconds: u64) -> Tick {
        Tick(self.0.saturating_add(milliseconds))
    }
}

/// One task process, from its start to the end of its last descendant. Never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Life(pub u64);

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "life-{}", self.0)
    }
}

#[derive(Debug, Clone)]
pub enum Event {
    /// The master accepted the registration that was made from [`super::Core::inventory`]. Jobs it does not name are over.
    Connected {
        jobs: Vec<JobId>,
    },
    /// The control connection is gone, or a registration failed.
    Disconnected,
    Job(Box<JobHeader>),
    Launch(Vec<Launch>),
    Kill {
        attempts: Vec<AttemptId>,
        reason: String,
    },
    Noted(Vec<AttemptId>),
    JobOver(JobId),
    Drain(bool),
    Leave {
        forget: bool,
    },
    /// How many shuffle outputs the store holds now.
    OutputsHeld(u64),
    /// The process runs; it has not said hello.
    Spawned {
        life: Life,
    },
    /// There is no process.
    StartFailed {
        life: Life,
        fault: StartFault,
    },
    Hello {
        life: Life,
    },
    Progress {
        life: Life,
        progress: Vec<Progress>,
    },
    Ended {
        life: Life,
        attempt: AttemptId,
        outcome: Outcome,
    },
    /// The process closed its connection. Comes after everything that it sent on it.
    LinkLost {
        life: Life,
    },
    /// Its process tree is over its memory limit.
    OverMemory {
        life: Life,
        peak_bytes: u64,
        limit_bytes: u64,
    },
    /// The process and its whole tree are gone. Comes after everything that it sent.
    Exited {
        life: Life,
        exit: Exit,
    },
    /// The operator wants the worker to end. A second one: at once.
    Stop {
        grace_ms: u64,
    },
    Tick,
}

/// Why a task process could not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFault {
    /// `Worker`, `WorkerDisk`, `Undecodable` or `Data`.
    pub kind: FaultKind,
    pub message: String,
}

/// How a task process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// `exit code 3`, `signal SIGSEGV (memory fault)`.
    pub how: String,
    /// The kernel ended it to get memory back.
    pub out_of_memory: bool,
    /// The last lines that it printed.
    pub last_lines: String,
}

#[derive(Debug, Clone)]
pub enum Output {
    /// Fetch the program and its files, start the process. Answered by `StartFailed`, or by `Spawned` and in the end `Exited`.
    Start { life: Life, header: Box<JobHeader> },
    /// To a process that said hello.
    Send { life: Life, order: TaskOrder },
    /// End the process with its whole tree. Answered by `Exited` (or by `StartFailed` when it was not there yet).
    Kill { life: Life },
    /// Only while connected. Lost with the connection: what must arrive is repeated by the next registration.
    TellMaster(WorkerTell),
    /// Remove everything of the job but its log, and bring the log to the cluster's storage.
    RemoveJob { job: JobId },
    /// All processes are gone: the daemon ends. `forget`: its data directory is of no further use.
    Finish { forget: bool },
}
