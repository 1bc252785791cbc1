//! A registered worker in the live core.
//!
//! ```text
//!   (registers) ─► Live ◄──beats──► Suspect          either ─► Draining ─► told to leave
//!                    └────────────────┴──────────────────────────┴─► gone: the entry is removed
//! ```

use super::{
    event::{Session, StoredThere, Tick},
    exclude::Exclusion,
};
use skep_hdfs::{Epoch, protocol::namespace::Location};
use skep_jobs::{
    model::{AttemptId, JobId},
    protocol::client::{Role, WorkerState},
};
use std::collections::BTreeSet;

#[derive(Debug)]
pub struct Worker {
    pub epoch: Epoch,
    pub session: Session,
    pub role: Role,
    pub location: Location,
    pub process: u32,
    pub slots: u32,
    pub memory_bytes: u64,
    pub joined: Tick,
    pub suspect: bool,
    pub leaving: Leaving,
    pub running: BTreeSet<AttemptId>,
    pub used_bytes: u64,
    /// Jobs whose header was sent on this session.
    pub headers: BTreeSet<JobId>,
    /// Jobs that may have left something there.
    pub touched: BTreeSet<JobId>,
    pub refusals: Exclusion,
    /// Faults of any job's attempts.
    pub faults: Exclusion,
    /// What the namespace said of it last; core workers only.
    pub stored: Option<StoredThere>,
}

/// How a worker is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    Stays,
    /// By a resize: it leaves when nothing needs it.
    Draining {
        since: Tick,
    },
    /// From outside (a signal, a spot notice): it gets nothing new, and goes by itself.
    Stopping {
        since: Tick,
        until: Tick,
    },
    /// It was told to leave.
    Told,
}

impl Worker {
    /// Whether it counts towards the targets, and tasks may wait for it.
    pub fn stays(&self) -> bool {
        self.leaving == Leaving::Stays
    }

    pub fn takes_tasks(&self, now: Tick) -> bool {
        self.stays() && !self.suspect && !self.refusals.holds(now) && !self.faults.holds(now)
    }

    pub fn state(&self) -> WorkerState {
        match self.leaving {
            Leaving::Stays if self.suspect => WorkerState::Suspect,
            Leaving::Stays => WorkerState::Live,
            Leaving::Draining { .. } | Leaving::Stopping { .. } | Leaving::Told => WorkerState::Draining,
        }
    }

    pub fn is_core(&self) -> bool {
        self.role == Role::Core
    }

    /// Attempts per slot, in thousandths: the least loaded worker is offered first.
    pub fn load(&self) -> u32 {
        (self.running.len() as u32).saturating_mul(1_000) / self.slots.max(1)
    }
}
