//! What the core must look at later, by time.

use super::event::Tick;
use skep_hdfs::WorkerId;
use skep_jobs::model::{JobId, PartId, StageId};
use std::collections::BTreeSet;

/// An alarm that no longer means anything when it rings is ignored: nothing is ever cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The stage need not hold out for workers with its data any more.
    Locality(JobId, StageId),
    /// The task's pause is over.
    Delayed(JobId, StageId, PartId),
    /// An exclusion of a worker is over.
    Offers,
    /// A worker that was there before the restart should have come back.
    Return(WorkerId),
    /// Launches were held since the restart.
    Hold,
    /// The clean-up of a failed or killed job must go on.
    Abort(JobId),
    /// Ask the provider again.
    Resize,
    /// A worker has been drained for long enough to leave.
    Drained,
}

#[derive(Debug, Default)]
pub struct Timers {
    alarms: BTreeSet<(Tick, Alarm)>,
}

impl Timers {
    pub fn set(&mut self, at: Tick, alarm: Alarm) {
        self.alarms.insert((at, alarm));
    }

    pub fn due(&mut self, now: Tick) -> Option<Alarm> {
        let first = self.alarms.first().filter(|(at, _)| *at <= now).copied()?;
        self.alarms.remove(&first);
        Some(first.1)
    }

    pub fn next(&self) -> Option<Tick> {
        self.alarms.first().map(|(at, _)| *at)
    }
}
