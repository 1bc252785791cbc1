//! The arbiter: of all attempts of a task the first whose success is accepted wins; what later ones made is dropped.
//!
//! A task worker's success is accepted only with a core worker as the holder of its output.

use super::{
    Core,
    event::Tick,
    record::{Ending, Finished, Record},
    stage::{self, stage_name},
    task::{TaskState, task_name},
};
use crate::limits::{HOLDER_GONE_PAUSE, RESULTS_PER_JOB_BYTES_MAX};
use skep_hdfs::WorkerId;
use skep_jobs::{
    model::{AttemptId, Done, FaultKind, JobSpec, Outcome, StageId, StageOutput},
    protocol::client::Role,
};
use std::sync::Arc;

impl Core {
    pub(super) fn arbitrate(
        &mut self,
        worker: WorkerId,
        attempt: AttemptId,
        started: Option<Tick>,
        done: Done,
    ) {
        self.forgive(attempt.job, worker);
        match attempt.stage {
            StageId::COMMIT => return self.over(attempt.job, Ending::Succeeded),
            StageId::ABORT => return self.cleaned(attempt.job),
            _ => {}
        }
        let Some(job) = self.ledger.jobs.get(&attempt.job) else { return };
        if let Some(winner) = job.stage(attempt.stage).and_then(|stage| stage.finished(attempt.part)) {
            if winner.attempt != attempt {
                self.drop_late(worker, attempt, &Outcome::Done(done));
            }
            return;
        }
        match self.accept(worker, attempt, done) {
            Ok(done) => self.win(worker, attempt, started, done),
            Err(Unacceptable::HolderGone) => self.holder_gone(attempt),
            Err(Unacceptable::Malformed(message)) => {
                self.failed(worker, attempt, FaultKind::User, &message, true);
            }
            Err(Unacceptable::TooLarge(error)) => self.abort_job(attempt.job, Ending::Failed, error),
        }
    }

    /// Nobody's fault. The pause keeps a worker that names a holder nobody knows from being asked all the time.
    fn holder_gone(&mut self, attempt: AttemptId) {
        if let Some(job) = self.jobs.get_mut(&attempt.job) {
            job.blame.preempted += 1;
        }
        self.again(attempt, HOLDER_GONE_PAUSE);
    }

    /// Checks what an attempt says it made against what its stage asks for.
    fn accept(&self, worker: WorkerId, attempt: AttemptId, mut done: Done) -> Result<Done, Unacceptable> {
        let Some(job) = self.ledger.jobs.get(&attempt.job) else { return Err(Unacceptable::HolderGone) };
        let Some(spec) = job.spec.stages.get(attempt.stage.0 as usize) else {
            return Err(Unacceptable::HolderGone);
        };
        let partitions = stage::partitions(&job.spec, attempt.stage);
        if done.segments.len() != partitions as usize {
            let found = done.segments.len();
            let text = format!("it reported {found} shuffle partitions, its stage has {partitions}");
            return Err(Unacceptable::Malformed(text));
        }
        done.holder = if partitions > 0 { Some(self.holder(worker, done.holder)?) } else { None };
        match spec.output {
            StageOutput::Result => check_result(&job.spec, attempt, &done, job.result_bytes)?,
            StageOutput::Shuffle { .. } | StageOutput::Sink => done.result = Vec::new(),
        }
        Ok(done)
    }

    /// The holder must be a core worker that is there, or that is awaited after a restart: then its registration shows
    /// whether it has the output.
    fn holder(&self, worker: WorkerId, named: Option<WorkerId>) -> Result<WorkerId, Unacceptable> {
        let holder = named.unwrap_or(worker);
        let is_core = match self.workers.get(&holder) {
            Some(there) => there.is_core(),
            None if self.awaited.contains(&holder) => {
                self.ledger.workers.get(&holder).is_some_and(|known| known.role == Role::Core)
            }
            None => return Err(Unacceptable::HolderGone),
        };
        if is_core {
            Ok(holder)
        } else {
            let text = format!("its output is on {holder}, a task worker, where it cannot stay");
            Err(Unacceptable::Malformed(text))
        }
    }

    fn win(&mut self, worker: WorkerId, attempt: AttemptId, started: Option<Tick>, done: Done) {
        let (id, stage, part) = (attempt.job, attempt.stage, attempt.part);
        let (host, at) = (self.host(worker), self.now);
        let holder = done.holder;
        let started_at = started.unwrap_or(at);
        let finished = Arc::new(Finished { attempt, worker, host, started: started_at, at, done });
        self.record(Record::TaskDone { attempt, finished });
        if let Some(holder) = holder {
            self.holdings.entry(holder).or_default().insert((id, stage, part));
        }
        self.set_task(id, stage, part, TaskState::Done);
        if let Some(entry) = self.jobs.get_mut(&id).and_then(|job| job.stage_mut(stage)) {
            if let Some(task) = entry.task(part) {
                task.unreachable = 0;
            }
            if started.is_some() {
                entry.pace.add(at.ms_since(started_at));
            }
        }
        let job = self.jobs.get(&id);
        let others: Vec<AttemptId> =
            job.into_iter().flat_map(|job| job.attempts_of(attempt)).map(|(other, _)| *other).collect();
        self.kill(others, "another attempt of the task finished first");
        if self.ledger.jobs.get(&id).and_then(|job| job.stage(stage)).is_some_and(|stage| stage.is_complete())
        {
            self.reconsider(id);
        }
    }
}

enum Unacceptable {
    /// The holder of its output went meanwhile.
    HolderGone,
    Malformed(String),
    /// No repetition would help.
    TooLarge(String),
}

fn check_result(spec: &JobSpec, attempt: AttemptId, done: &Done, kept: u64) -> Result<(), Unacceptable> {
    let bytes = done.result.len();
    let (what, found, limit) = if bytes > skep_jobs::limits::RESULT_BYTES_MAX {
        (task_name(attempt.stage, attempt.part), bytes as u64, skep_jobs::limits::RESULT_BYTES_MAX)
    } else if kept.saturating_add(bytes as u64) > RESULTS_PER_JOB_BYTES_MAX as u64 {
        (stage_name(spec, attempt.stage), kept + bytes as u64, RESULTS_PER_JOB_BYTES_MAX)
    } else {
        return Ok(());
    };
    Err(Unacceptable::TooLarge(format!(
        "{what} returned {found} bytes to the client, the limit is {limit}; save large results to a file instead"
    )))
}
