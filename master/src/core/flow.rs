//! How stages open and close as their inputs come and go, and how tasks become ready.

use super::{
    Core,
    ledger::Phase,
    stage::{self, Flow},
    task::TaskState,
    timers::Alarm,
};
use skep_jobs::model::{AttemptId, JobId, PartId, StageId};
use std::time::Duration;

impl Core {
    /// Brings every stage's flow in line with what is done: called when a stage was completed or lost something.
    pub(super) fn reconsider(&mut self, id: JobId) {
        if self.ledger.jobs.get(&id).is_none_or(|job| job.phase != Phase::Running) {
            return;
        }
        let Some((flows, complete)) = self.flows(id) else { return };
        for (index, flow) in flows.iter().enumerate() {
            self.set_flow(id, StageId(index as u32), *flow);
        }
        self.rank(id);
        if complete {
            self.finish(id);
        }
    }

    /// A stage runs when it has something to do that somebody needs, and its inputs are there. Needed is what has no
    /// consumer, and what a stage that itself is needed cannot be done without. Says also whether nothing is needed
    /// any more: the job's work is done.
    fn flows(&self, id: JobId) -> Option<(Vec<Flow>, bool)> {
        let (job, ledger) = (self.jobs.get(&id)?, self.ledger.jobs.get(&id)?);
        let complete: Vec<bool> = ledger.stages.iter().map(|stage| stage.is_complete()).collect();
        let mut wanted = vec![false; complete.len()];
        for index in (0..complete.len()).rev() {
            let consumers = &job.consumers[index];
            let needed = consumers.is_empty() || consumers.iter().any(|reader| wanted[reader.0 as usize]);
            wanted[index] = !complete[index] && needed;
        }
        let flow = |index: usize| {
            let inputs = &job.spec.stages[index].inputs;
            if complete[index] {
                Flow::Done
            } else if wanted[index] && inputs.iter().all(|input| complete[stage::producer(input).0 as usize])
            {
                Flow::Open
            } else {
                Flow::Waiting
            }
        };
        Some(((0..complete.len()).map(flow).collect(), !wanted.contains(&true)))
    }

    fn set_flow(&mut self, id: JobId, stage: StageId, flow: Flow) {
        let now = self.now;
        let Some(entry) = self.jobs.get_mut(&id).and_then(|job| job.stage_mut(stage)) else { return };
        let was = entry.flow;
        entry.set_flow(flow, now);
        match (was, flow) {
            (_, Flow::Open) => self.open_tasks(id, stage),
            (Flow::Open, Flow::Waiting) => self.withdraw(id, stage),
            _ => {}
        }
    }

    /// Every idle task of a stage becomes ready.
    pub(super) fn open_tasks(&mut self, id: JobId, stage: StageId) {
        let Some(entry) = self.jobs.get(&id).and_then(|job| job.stage(stage)) else { return };
        let idle = |part: &usize| entry.tasks[*part].state == TaskState::Idle;
        let parts: Vec<usize> = (0..entry.tasks.len()).filter(idle).collect();
        for part in parts {
            self.set_task(id, stage, PartId(part as u32), TaskState::Ready);
        }
    }

    /// Tasks that have not begun wait until the inputs are there again.
    fn withdraw(&mut self, id: JobId, stage: StageId) {
        let Some(entry) = self.jobs.get(&id).and_then(|job| job.stage(stage)) else { return };
        let waiting =
            |part: &usize| matches!(entry.tasks[*part].state, TaskState::Ready | TaskState::Delayed { .. });
        let parts: Vec<usize> = (0..entry.tasks.len()).filter(waiting).collect();
        for part in parts {
            self.set_task(id, stage, PartId(part as u32), TaskState::Idle);
        }
    }

    /// Sets one task's state; what depends on it follows.
    pub(super) fn set_task(&mut self, id: JobId, stage: StageId, part: PartId, state: TaskState) {
        let workers = &self.workers;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let spec = job.spec.clone();
        let Some(entry) = job.stage_mut(stage) else { return };
        let was_empty = entry.ready.is_empty();
        let present = |worker| workers.get(&worker).is_some_and(|there| there.stays());
        entry.set(part, state, stage::preferred(&spec, stage, part), present);
        let is_empty = entry.ready.is_empty();
        if was_empty != is_empty {
            if is_empty {
                job.open.remove(&stage);
            } else {
                job.open.insert(stage);
            }
            self.rank(id);
        }
        match state {
            TaskState::Ready => self.offer_all(),
            TaskState::Delayed { until } => self.timers.set(until, Alarm::Delayed(id, stage, part)),
            TaskState::Idle | TaskState::Running | TaskState::Done => {}
        }
    }

    /// An attempt ended without finishing its task: the task runs again, unless another attempt of it still does.
    pub(super) fn again(&mut self, attempt: AttemptId, pause: Duration) {
        let Some(job) = self.jobs.get(&attempt.job) else { return };
        let Some(entry) = job.stage(attempt.stage) else { return };
        if entry.state(attempt.part) != Some(TaskState::Running) || job.attempts_of(attempt).next().is_some()
        {
            return;
        }
        let state = match entry.flow {
            Flow::Open if pause.is_zero() => TaskState::Ready,
            Flow::Open => TaskState::Delayed { until: self.now.after(pause) },
            Flow::Waiting | Flow::Done => TaskState::Idle,
        };
        self.set_task(attempt.job, attempt.stage, attempt.part, state);
    }
}
