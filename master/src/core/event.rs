//! What goes into the core and what comes out of it.

use super::record::Record;
use serde::{Deserialize, Serialize};
use skep_hdfs::{Epoch, WorkerId, protocol::namespace::Location};
use skep_jobs::{
    model::{AttemptId, JobId, JobSpec, Outcome},
    protocol::{
        client::{JobError, ResizePlan, Role},
        provider::ProviderOrder,
        worker::{Launch, Progress, RegisterError},
    },
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Milliseconds since 1970, as the shell's steady clock counts them on from the wall clock at its start: never goes
/// back, and can be shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Tick(pub u64);

impl Tick {
    pub fn after(self, time: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }

    pub fn ms_since(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Names a question, so that its answer finds the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One control connection of a worker, or one connection of a provider: raised with each. What was meant for an older
/// one is not sent to a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Session(pub u64);

#[derive(Debug, Clone)]
pub enum Event {
    /// → `Output::Submitted`
    Submit {
        ticket: Ticket,
        spec: Box<JobSpec>,
    },
    /// → `Output::Answered`
    Kill {
        ticket: Ticket,
        job: JobId,
        user: String,
    },
    /// A worker registered. → `Output::Joined`
    Join {
        ticket: Ticket,
        joining: Box<Joining>,
    },
    /// Beats stay out.
    Suspect {
        worker: WorkerId,
        epoch: Epoch,
    },
    /// Beats are back.
    Alive {
        worker: WorkerId,
        epoch: Epoch,
    },
    /// The one way for a worker to be gone.
    Gone {
        worker: WorkerId,
        epoch: Epoch,
        why: String,
    },
    /// It is being stopped from outside and will be gone within this time.
    Leaving {
        worker: WorkerId,
        epoch: Epoch,
        within: Duration,
    },
    Outcomes {
        worker: WorkerId,
        epoch: Epoch,
        outcomes: Vec<(AttemptId, Outcome)>,
    },
    Progress {
        worker: WorkerId,
        epoch: Epoch,
        progress: Vec<Progress>,
    },
    /// Shuffle outputs that turned out bad or missing on the worker that holds them.
    OutputsLost {
        worker: WorkerId,
        epoch: Epoch,
        outputs: Vec<AttemptId>,
    },
    /// New targets; `None` keeps. → `Output::Resized`
    Resize {
        ticket: Ticket,
        core: Option<u32>,
        task: Option<u32>,
        plan: bool,
    },
    Storage(StorageFacts),
    ProviderJoined {
        session: Session,
        name: String,
        core: u32,
        task: u32,
    },
    ProviderGone {
        session: Session,
    },
    StartFailed {
        role: Role,
        reason: String,
    },
    /// Nothing but time passed.
    Tick,
}

/// All that a worker has and runs, from its registration.
#[derive(Debug, Clone)]
pub struct Joining {
    /// `None` the first time.
    pub worker: Option<WorkerId>,
    pub epoch: Epoch,
    pub role: Role,
    /// `location.worker` is ignored.
    pub location: Location,
    pub process: u32,
    pub slots: u32,
    pub memory_bytes: u64,
    pub draining: bool,
    pub running: Vec<AttemptId>,
    pub outcomes: Vec<(AttemptId, Outcome)>,
    pub outputs: Vec<AttemptId>,
}

/// What the namespace knows that the scheduler must heed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageFacts {
    pub workers: BTreeMap<WorkerId, StoredThere>,
    /// The fewest core workers that hold what is stored with the replication it has.
    pub safe_core_min: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoredThere {
    /// The namespace gives it no new replicas.
    pub draining: bool,
    pub blocks: u64,
    pub bytes_to_move: u64,
    pub open_files: u64,
}

/// An accepted registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    pub worker: WorkerId,
    pub session: Session,
    pub jobs: Vec<JobId>,
}

/// Sent to a worker on the session that it has now.
#[derive(Debug, Clone)]
pub enum Tell {
    /// Comes before the first launch of a job on a session.
    Job(Header),
    Launch(Box<Launch>),
    Kill {
        attempts: Vec<AttemptId>,
        reason: String,
    },
    Noted(Vec<AttemptId>),
    DropOutputs(Vec<AttemptId>),
    JobOver(JobId),
    Drain(bool),
    Leave {
        forget: bool,
    },
}

#[derive(Debug, Clone)]
pub struct Header {
    pub job: JobId,
    pub spec: Arc<JobSpec>,
    pub memory_bytes: u64,
}

/// In order. Nothing may leave before every `Persist` that came before it is durable.
#[derive(Debug)]
pub enum Output {
    Persist(Record),
    Tell {
        worker: WorkerId,
        session: Session,
        tell: Tell,
    },
    Submitted {
        ticket: Ticket,
        answer: Result<JobId, JobError>,
    },
    Answered {
        ticket: Ticket,
        answer: Result<(), JobError>,
    },
    Joined {
        ticket: Ticket,
        answer: Result<Joined, RegisterError>,
    },
    Resized {
        ticket: Ticket,
        answer: Result<ResizePlan, JobError>,
    },
    /// A registered worker is gone: its connection is closed, the namespace hears of it.
    Gone {
        worker: WorkerId,
        epoch: Epoch,
    },
    /// The namespace must (or need no longer) move what this core worker stores.
    StorageDrain {
        worker: WorkerId,
        draining: bool,
    },
    Provider {
        session: Session,
        order: ProviderOrder,
    },
    /// The job's view has a new version; `urgent` when its state changed.
    Changed {
        job: JobId,
        urgent: bool,
    },
}
