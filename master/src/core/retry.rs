//! What a failed attempt costs, and whom.
//!
//! | outcome | counts against | then |
//! | --- | --- | --- |
//! | user error, timeout, out of memory, data | the task: `attempts_max` fail the job | again |
//! | worker fault, disk | the worker, for the job and for all; no progress at all for long fails the job | again elsewhere |
//! | preempted, worker gone, killed | nobody | again |
//! | refused | nobody; the worker gets nothing for a moment | again |
//! | undecodable | the job: fails at once | |

use super::{
    Core,
    record::{Ending, Record},
    settle::shorten,
    stage::stage_name,
    task::task_name,
    timers::Alarm,
};
use crate::limits::{
    ABORT_ATTEMPTS_MAX, FAULT_BACKOFF_FIRST, FAULT_BACKOFF_LAST, NO_PROGRESS_AFTER, NO_PROGRESS_FAULTS,
    REFUSAL_BACKOFF_FIRST, REFUSAL_BACKOFF_LAST, WORKER_FAULTS_MAX,
};
use skep_hdfs::WorkerId;
use skep_jobs::model::{AttemptId, FaultKind, JobId, StageId};
use std::time::Duration;

/// An attempt that ended without any blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It was told to stop.
    Killed,
    /// Its worker went, or let it go.
    Preempted,
    /// It never started.
    NeverStarted,
}

impl Core {
    pub(super) fn not_run(&mut self, attempt: AttemptId, gone: Gone) {
        if gone == Gone::Preempted
            && let Some(job) = self.jobs.get_mut(&attempt.job)
        {
            job.blame.preempted += 1;
        }
        self.again(attempt, Duration::ZERO);
    }

    pub(super) fn refused(&mut self, worker: WorkerId, attempt: AttemptId) {
        if let Some(there) = self.workers.get_mut(&worker) {
            let until = there.refusals.strike(self.now, REFUSAL_BACKOFF_FIRST, REFUSAL_BACKOFF_LAST);
            self.timers.set(until, Alarm::Offers);
        }
        self.not_run(attempt, Gone::NeverStarted);
    }

    /// `known`: the attempt was entered and nobody had told it to stop. One that was not (its failure is reported again
    /// after a restart, or it was stopped) can only be charged to the user's code, and only once.
    pub(super) fn failed(
        &mut self,
        worker: WorkerId,
        attempt: AttemptId,
        kind: FaultKind,
        message: &str,
        known: bool,
    ) {
        if attempt.stage == StageId::ABORT {
            return self.abort_task_failed(attempt, kind, message);
        }
        match kind {
            FaultKind::Undecodable => {
                let error = format!(
                    "{} on {} cannot read what the client compiled: {}; submit again with the binary that is stored",
                    self.task_label(attempt),
                    self.place_label(worker),
                    shorten(message)
                );
                self.abort_job(attempt.job, Ending::Failed, error);
            }
            kind if kind.is_users() => self.charge_user(worker, attempt, kind, message),
            FaultKind::Worker | FaultKind::WorkerDisk if known => {
                self.charge_worker(worker, attempt, kind, message);
            }
            FaultKind::Preempted if known => self.not_run(attempt, Gone::Preempted),
            _ => self.not_run(attempt, Gone::Killed),
        }
    }

    fn charge_user(&mut self, worker: WorkerId, attempt: AttemptId, kind: FaultKind, message: &str) {
        let (id, stage, part) = (attempt.job, attempt.stage, attempt.part);
        let ledger = self.ledger.jobs.get(&id);
        let winner = ledger.and_then(|job| job.stage(stage)?.finished(part)).map(|finished| finished.attempt);
        if winner == Some(attempt) {
            // It said before that it was done, and that was believed.
            self.stale += 1;
            return;
        }
        let charged = |core: &Core| core.ledger.jobs.get(&id).map_or(0, |job| job.charged(stage, part));
        let before = charged(self);
        self.record(Record::TaskFailed { attempt });
        let charged = charged(self);
        if charged == before {
            return self.again(attempt, Duration::ZERO);
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.blame.failed += 1;
        if charged < job.spec.conf.attempts_max {
            return self.again(attempt, Duration::ZERO);
        }
        let error = format!(
            "{} failed {charged} times, the last time on {} ({}): {}; `skep jobs logs {id} --task {stage}.{}` shows \
             what it wrote",
            self.task_label(attempt),
            self.place_label(worker),
            kind_text(kind),
            shorten(message),
            part.0
        );
        self.abort_job(id, Ending::Failed, error);
    }

    fn charge_worker(&mut self, worker: WorkerId, attempt: AttemptId, kind: FaultKind, message: &str) {
        self.strike(attempt.job, worker);
        if let Some(there) = self.workers.get_mut(&worker) {
            let until = there.faults.strike_after(
                self.now,
                WORKER_FAULTS_MAX,
                FAULT_BACKOFF_FIRST,
                FAULT_BACKOFF_LAST,
            );
            if let Some(until) = until {
                self.timers.set(until, Alarm::Offers);
            }
        }
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&attempt.job) else { return };
        job.blame.worker_fault += 1;
        job.faults.count += 1;
        let faults = job.faults.count;
        if faults < NO_PROGRESS_FAULTS || now < job.faults.since.after(NO_PROGRESS_AFTER) {
            return self.again(attempt, Duration::ZERO);
        }
        let error = format!(
            "no task finished for {} s while workers failed {faults} times, the last time {} on {} ({}): {}; look after \
             the workers and submit again",
            now.ms_since(job.faults.since) / 1_000,
            self.task_label(attempt),
            self.place_label(worker),
            kind_text(kind),
            shorten(message)
        );
        self.abort_job(attempt.job, Ending::Failed, error);
    }

    /// The job keeps away from the worker for a while.
    pub(super) fn strike(&mut self, id: JobId, worker: WorkerId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let exclusion = job.excluded.entry(worker).or_default();
        let until = exclusion.strike(self.now, FAULT_BACKOFF_FIRST, FAULT_BACKOFF_LAST);
        self.timers.set(until, Alarm::Offers);
    }

    /// Something of the job went well there.
    pub(super) fn forgive(&mut self, id: JobId, worker: WorkerId) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.excluded.remove(&worker);
            job.faults.count = 0;
            job.faults.since = self.now;
        }
        if let Some(there) = self.workers.get_mut(&worker) {
            there.refusals.forgive();
            there.faults.forgive();
        }
    }

    fn abort_task_failed(&mut self, attempt: AttemptId, kind: FaultKind, message: &str) {
        let Some(cleanup) = self.jobs.get_mut(&attempt.job).and_then(|job| job.cleanup.as_mut()) else {
            return;
        };
        cleanup.tries += 1;
        if cleanup.tries < ABORT_ATTEMPTS_MAX {
            return self.again(attempt, Duration::ZERO);
        }
        let outputs = self.jobs.get(&attempt.job).and_then(|job| job.spec.finish.as_ref());
        let outputs = outputs.map(|finish| finish.outputs.join(", ")).unwrap_or_default();
        let left = format!(
            "what it left at {outputs} could not be removed ({}): {}",
            kind_text(kind),
            shorten(message)
        );
        self.add_to_error(attempt.job, &left);
    }

    /// `task 1.7 of stage 1 (reduce)`.
    fn task_label(&self, attempt: AttemptId) -> String {
        match self.jobs.get(&attempt.job) {
            Some(job) if (attempt.stage.0 as usize) < job.stages.len() => {
                let stage = stage_name(&job.spec, attempt.stage);
                format!("{} of {stage}", task_name(attempt.stage, attempt.part))
            }
            _ => format!("the {} task", attempt.stage),
        }
    }

    /// `worker-3 (host)`.
    fn place_label(&self, worker: WorkerId) -> String {
        format!("{worker} ({})", self.host(worker))
    }
}

fn kind_text(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::User => "an error of its code",
        FaultKind::Timeout => "no progress",
        FaultKind::OutOfMemory => "out of memory",
        FaultKind::Undecodable => "undecodable",
        FaultKind::Data => "a data error",
        FaultKind::WorkerDisk => "a disk of the worker",
        FaultKind::Worker => "a fault of the worker",
        FaultKind::Preempted => "preempted",
    }
}
