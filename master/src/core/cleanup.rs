//! The end of a job: making its output visible, or removing its traces, and letting go of everything it held.

use super::{
    Core,
    event::{Output, Tell},
    job::Cleanup,
    ledger::Phase,
    record::{Ending, Record},
    stage::{Flow, Stage},
    task::TaskState,
    timers::Alarm,
};
use crate::limits::{ABORT_ATTEMPTS_MAX, ABORT_WITHIN, ABORT_WITHOUT_WORKERS, KILL_GRACE};
use skep_hdfs::WorkerId;
use skep_jobs::model::{AttemptId, JobId, PartId, StageId};

impl Core {
    /// All stages are done.
    pub(super) fn finish(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        if job.spec.finish.is_none() {
            return self.over(id, Ending::Succeeded);
        }
        self.record(Record::JobCommitting { job: id });
        self.changed(id, true);
        let leftover: Vec<AttemptId> =
            self.jobs.get(&id).into_iter().flat_map(|job| job.running.keys()).copied().collect();
        self.kill(leftover, "the job is committing");
        self.open_finish(id, StageId::COMMIT);
    }

    /// The stage of one task that the job works on at its end.
    pub(super) fn finish_stage(&self, id: JobId) -> Option<StageId> {
        match self.ledger.jobs.get(&id)?.phase {
            Phase::Running => None,
            Phase::Committing => Some(StageId::COMMIT),
            Phase::Aborting(_) => Some(StageId::ABORT),
        }
    }

    pub(super) fn open_finish(&mut self, id: JobId, stage: StageId) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.open.clear();
        for stage in &mut job.stages {
            stage.running = 0;
        }
        job.finish = Stage::new(1, now);
        job.finish.set_flow(Flow::Open, now);
        self.set_task(id, stage, PartId(0), TaskState::Ready);
        self.rank(id);
    }

    /// The job fails or was killed: nothing of it starts any more, what runs is stopped, then its traces are removed.
    pub(super) fn abort_job(&mut self, id: JobId, ending: Ending, error: String) {
        let Some(ledger) = self.ledger.jobs.get(&id) else { return };
        if matches!(ledger.phase, Phase::Aborting(_)) {
            return;
        }
        self.record(Record::JobAborting { job: id, ending, error: error.clone() });
        self.begin_cleanup(id, &error);
    }

    pub(super) fn begin_cleanup(&mut self, id: JobId, reason: &str) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.open.clear();
        for stage in &mut job.stages {
            *stage = Stage::new(stage.tasks.len(), now);
        }
        job.finish = Stage::new(1, now);
        job.cleanup = Some(Cleanup { since: now, cleaning: false, tries: 0, without_workers: None });
        let running = job.running.keys().copied().collect();
        self.rank(id);
        self.kill(running, reason);
        self.changed(id, true);
        self.timers.set(now.after(KILL_GRACE), Alarm::Abort(id));
        self.timers.set(now.after(ABORT_WITHIN), Alarm::Abort(id));
        self.cleanup_step(id);
    }

    /// Goes on with the end of a failed or killed job, as far as it can.
    pub(super) fn cleanup_step(&mut self, id: JobId) {
        let Some(Phase::Aborting(ending)) = self.ledger.jobs.get(&id).map(|job| job.phase) else { return };
        let started = self.ledger.jobs.get(&id).is_some_and(|job| job.started.is_some());
        let someone = self.workers.values().any(|worker| worker.stays());
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let nothing_runs = job.running.is_empty();
        let nothing_to_clean = job.spec.finish.is_none() || !started;
        let Some(cleanup) = &mut job.cleanup else { return };
        let stopped = nothing_runs || now >= cleanup.since.after(KILL_GRACE);
        if someone {
            cleanup.without_workers = None;
        } else if cleanup.without_workers.is_none() {
            cleanup.without_workers = Some(now);
            self.timers.set(now.after(ABORT_WITHOUT_WORKERS), Alarm::Abort(id));
        }
        let alone = cleanup.without_workers.is_some_and(|since| now >= since.after(ABORT_WITHOUT_WORKERS));
        let given_up =
            cleanup.tries >= ABORT_ATTEMPTS_MAX || now >= cleanup.since.after(ABORT_WITHIN) || alone;
        if given_up || (stopped && nothing_to_clean) {
            return self.over(id, ending);
        }
        if stopped && !cleanup.cleaning {
            cleanup.cleaning = true;
            self.open_finish(id, StageId::ABORT);
        }
    }

    /// Something that the user must know besides the first cause.
    pub(super) fn add_to_error(&mut self, id: JobId, more: &str) {
        let Some(ledger) = self.ledger.jobs.get(&id) else { return };
        if let Phase::Aborting(ending) = ledger.phase {
            let error = format!("{}; {more}", ledger.error.as_deref().unwrap_or("it failed"));
            self.record(Record::JobAborting { job: id, ending, error });
        }
    }

    /// The abort task is done.
    pub(super) fn cleaned(&mut self, id: JobId) {
        if let Some(Phase::Aborting(ending)) = self.ledger.jobs.get(&id).map(|job| job.phase) {
            self.over(id, ending);
        }
    }

    /// The job reached its final state: durable, then told to everyone who has something of it.
    pub(super) fn over(&mut self, id: JobId, ending: Ending) {
        self.unrank(id);
        let Some(job) = self.jobs.remove(&id) else { return };
        let at = self.now;
        self.record(Record::JobOver { job: id, ending, at, blame: job.blame, failures: job.failures });
        for held in self.holdings.values_mut() {
            held.retain(|(holder, _, _)| *holder != id);
        }
        for (attempt, running) in &job.running {
            if let Some(there) = self.workers.get_mut(&running.worker) {
                there.running.remove(attempt);
                there.used_bytes -= running.grant_bytes;
            }
        }
        let touched: Vec<WorkerId> = self
            .workers
            .iter()
            .filter(|(_, there)| there.touched.contains(&id))
            .map(|(worker, _)| *worker)
            .collect();
        for worker in touched {
            self.tell(worker, Tell::JobOver(id));
            if let Some(there) = self.workers.get_mut(&worker) {
                there.touched.remove(&id);
                there.headers.remove(&id);
            }
            self.offer(worker);
        }
        self.out.push_back(Output::Changed { job: id, urgent: true });
        self.consider_all_empty();
    }
}
