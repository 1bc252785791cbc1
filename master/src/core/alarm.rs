//! What happens when time has passed.

use super::{Core, task::TaskState, timers::Alarm};

impl Core {
    pub(super) fn ring(&mut self) {
        while let Some(alarm) = self.timers.due(self.now) {
            match alarm {
                Alarm::Locality(..) | Alarm::Offers => self.offer_all(),
                Alarm::Delayed(job, stage, part) => {
                    let state = self.jobs.get(&job).and_then(|job| job.stage(stage)?.state(part));
                    if let Some(TaskState::Delayed { until }) = state
                        && until <= self.now
                    {
                        self.set_task(job, stage, part, TaskState::Ready);
                    }
                }
                Alarm::Return(worker) => self.did_not_return(worker),
                Alarm::Hold => self.end_hold(),
                Alarm::Abort(job) => self.cleanup_step(job),
                Alarm::Resize => self.reconcile(),
                Alarm::Drained => self.consider_all_empty(),
            }
        }
    }

    pub(super) fn end_hold(&mut self) {
        if self.hold.take().is_some() {
            self.offer_all();
            self.reconcile();
        }
    }
}
