//! Jobs and workers as people see them.

use super::{
    Core,
    event::Tick,
    job::Job,
    ledger::{JobLedger, StageLedger},
    record::{Blame, Ending, Finished},
    stage::{Flow, Stage},
    task::Running,
};
use skep_hdfs::{WorkerId, protocol::control::Capacity};
use skep_jobs::{
    conf::JOB_OWNER,
    model::{
        AttemptId, Counters, JobId, JobState, JobSummary, JobView, PartId, StageId, StageOutput, StageState,
        StageView, TaskView,
    },
    protocol::client::WorkerView,
};
use std::{collections::BTreeSet, sync::Arc};

/// Finished tasks that the history of a job lists.
const LAST_FINISHED: usize = 100;

impl Core {
    pub fn job_view(&self, id: JobId) -> Option<Arc<JobView>> {
        if let Some(finished) = self.ledger.history.get(id) {
            return Some(finished.view.clone());
        }
        let (job, ledger) = (self.jobs.get(&id)?, self.ledger.jobs.get(&id)?);
        let mut view = ledger_view(id, ledger, ledger.state(), None, job.blame);
        view.version = job.version;
        for (stage, run) in view.stages.iter_mut().zip(&job.stages) {
            stage.state = stage_state(run);
            stage.running = run.running;
        }
        add_progress(&mut view, job);
        view.summary.tasks_running = job.stages.iter().map(|stage| u64::from(stage.running)).sum();
        Some(Arc::new(view))
    }

    /// Only what `Watch` compares.
    pub fn job_version(&self, id: JobId) -> Option<u64> {
        match self.jobs.get(&id) {
            Some(job) => Some(job.version),
            None => self.ledger.history.get(id).map(|finished| finished.view.version),
        }
    }

    /// Newest first.
    pub fn list(&self, limit: usize) -> Vec<JobSummary> {
        let finished = self.ledger.history.jobs.values().map(|job| job.view.summary.clone());
        let mut all: Vec<JobSummary> = finished.chain(self.living()).collect();
        all.sort_unstable_by_key(|summary| std::cmp::Reverse(summary.id));
        all.truncate(limit);
        all
    }

    pub fn living(&self) -> Vec<JobSummary> {
        let living = self.ledger.jobs.iter().map(|(id, ledger)| {
            let mut summary = summary(*id, ledger, ledger.state(), None);
            let stages = self.jobs.get(id).into_iter().flat_map(|job| &job.stages);
            summary.tasks_running = stages.map(|stage| u64::from(stage.running)).sum();
            summary
        });
        living.collect()
    }

    /// Those that live and were submitted by somebody for their users.
    pub fn owned(&self) -> Vec<(JobId, String)> {
        let owner = |ledger: &JobLedger| ledger.spec.conf.extra.get(JOB_OWNER).cloned();
        self.ledger.jobs.iter().filter_map(|(id, ledger)| Some((*id, owner(ledger)?))).collect()
    }

    /// Running attempts, then those that ended last.
    pub fn tasks(&self, id: JobId, limit: usize) -> Option<Vec<TaskView>> {
        if let Some(finished) = self.ledger.history.get(id) {
            return Some(finished.tasks.iter().rev().take(limit).cloned().collect());
        }
        let job = self.jobs.get(&id)?;
        let running = job.running.iter().map(|(attempt, running)| self.running_view(*attempt, running));
        Some(running.chain(job.recent.iter().rev().cloned()).take(limit).collect())
    }

    fn running_view(&self, attempt: skep_jobs::AttemptId, running: &Running) -> TaskView {
        let status = running.progress.as_ref().and_then(|progress| progress.status.clone());
        let state = match (running.killed, status) {
            (true, _) => "stopping".to_owned(),
            (false, Some(status)) => format!("running: {status}"),
            (false, None) => "running".to_owned(),
        };
        TaskView {
            attempt,
            worker: running.worker,
            host: self.host(running.worker),
            state,
            started_ms: running.started.0,
            finished_ms: None,
        }
    }

    /// Attempts of one task that are remembered.
    pub fn attempts_of_task(&self, id: JobId, stage: StageId, part: PartId) -> BTreeSet<AttemptId> {
        let is_it = |attempt: &AttemptId| attempt.stage == stage && attempt.part == part;
        let mut attempts = BTreeSet::new();
        if let Some(finished) = self.ledger.history.get(id) {
            attempts.extend(finished.tasks.iter().map(|task| task.attempt).filter(is_it));
        }
        if let Some(job) = self.jobs.get(&id) {
            attempts.extend(job.running.keys().copied().filter(is_it));
            attempts.extend(job.recent.iter().chain(&job.failures).map(|task| task.attempt).filter(is_it));
        }
        let winner = self.ledger.jobs.get(&id).and_then(|job| job.stage(stage)?.finished(part));
        attempts.extend(winner.map(|winner| winner.attempt));
        attempts
    }

    /// Jobs that are not over.
    pub fn living_ids(&self) -> BTreeSet<JobId> {
        self.ledger.jobs.keys().copied().collect()
    }

    /// What the core knows of the registered workers; the shell adds capacity and beats.
    pub fn worker_views(&self) -> Vec<WorkerView> {
        let view = |(worker, there): (&WorkerId, &super::worker::Worker)| WorkerView {
            worker: *worker,
            epoch: there.epoch,
            role: there.role,
            state: there.state(),
            endpoint: there.location.endpoint.clone(),
            host: there.location.host.clone(),
            process: there.process,
            slots: there.slots,
            slots_used: there.slots.min(there.running.len() as u32),
            memory_bytes: there.memory_bytes,
            capacity: Capacity::default(),
            blocks: there.stored.map_or(0, |stored| stored.blocks),
            last_beat_ms_ago: 0,
        };
        self.workers.iter().map(view).collect()
    }
}

fn add_progress(view: &mut JobView, job: &Job) {
    for (attempt, running) in &job.running {
        let Some(progress) = &running.progress else { continue };
        if let Some(stage) = view.stages.get_mut(attempt.stage.0 as usize) {
            stage.input_bytes += progress.input_bytes;
            stage.input_records += progress.input_records;
            stage.output_records += progress.output_records;
        }
        add_counters(&mut view.counters, &progress.counters);
    }
}

fn stage_state(stage: &Stage) -> StageState {
    match stage.flow {
        Flow::Waiting => StageState::Waiting,
        Flow::Open => StageState::Running,
        Flow::Done => StageState::Done,
    }
}

fn add_counters(sums: &mut Counters, more: &Counters) {
    for (name, value) in more {
        let sum = sums.entry(name.clone()).or_default();
        *sum = sum.saturating_add(*value);
    }
}

fn summary(id: JobId, ledger: &JobLedger, state: JobState, finished: Option<Tick>) -> JobSummary {
    JobSummary {
        id,
        name: ledger.spec.name.clone(),
        user: ledger.spec.user.clone(),
        state,
        submitted_ms: ledger.submitted.0,
        started_ms: ledger.started.map(|at| at.0),
        finished_ms: finished.map(|at| at.0),
        tasks: ledger.stages.iter().map(|stage| stage.tasks.len() as u64).sum(),
        tasks_done: ledger.stages.iter().map(|stage| u64::from(stage.done)).sum(),
        tasks_running: 0,
    }
}

fn ledger_view(
    id: JobId,
    ledger: &JobLedger,
    state: JobState,
    finished: Option<Tick>,
    blame: Blame,
) -> JobView {
    let mut counters = Counters::new();
    ledger.stages.iter().for_each(|stage| add_counters(&mut counters, &stage.totals.counters));
    let stages = ledger.spec.stages.iter().zip(&ledger.stages).enumerate();
    JobView {
        summary: summary(id, ledger, state, finished),
        version: 0,
        stages: stages.map(|(index, (spec, stage))| stage_view(index, &spec.name, stage)).collect(),
        counters,
        error: ledger.error.clone(),
        tasks_recomputed: ledger.recomputed,
        attempts_failed: blame.failed,
        attempts_preempted: blame.preempted,
        attempts_worker_fault: blame.worker_fault,
        results: Vec::new(),
        outputs: ledger.spec.finish.as_ref().map(|finish| finish.outputs.clone()).unwrap_or_default(),
    }
}

fn stage_view(index: usize, name: &str, stage: &StageLedger) -> StageView {
    let totals = &stage.totals;
    StageView {
        id: StageId(index as u32),
        name: name.to_owned(),
        state: if stage.is_complete() { StageState::Done } else { StageState::Waiting },
        tasks: stage.tasks.len() as u32,
        done: stage.done,
        running: 0,
        input_bytes: totals.input_bytes,
        input_records: totals.input_records,
        output_bytes: totals.output_bytes,
        output_records: totals.output_records,
        shuffle_bytes: totals.shuffle_bytes,
        spilled_bytes: totals.spilled_bytes,
        task_time_ms: totals.task_time_ms,
    }
}

/// The last view of a job; its version is above all that a watcher can have seen.
pub fn finished_view(id: JobId, ledger: &JobLedger, ending: Ending, at: Tick, blame: Blame) -> JobView {
    let state = match ending {
        Ending::Succeeded => JobState::Succeeded,
        Ending::Failed => JobState::Failed,
        Ending::Killed => JobState::Killed,
    };
    let mut view = ledger_view(id, ledger, state, Some(at), blame);
    view.version = u64::MAX;
    if ending == Ending::Succeeded {
        view.results = results(ledger);
        // Outputs that were lost after their last reader was done did not have to be made again.
        for stage in &mut view.stages {
            stage.state = StageState::Done;
            stage.done = stage.tasks;
        }
        view.summary.tasks_done = view.summary.tasks;
    }
    view
}

fn results(ledger: &JobLedger) -> Vec<Vec<u8>> {
    let last = ledger.spec.stages.last().zip(ledger.stages.last());
    let Some((_, stage)) = last.filter(|(spec, _)| spec.output == StageOutput::Result) else {
        return Vec::new();
    };
    stage.tasks.iter().flatten().map(|finished| finished.done.result.clone()).collect()
}

/// The finished tasks that the history lists, the last ones last.
pub fn last_finished(ledger: &JobLedger) -> Vec<TaskView> {
    let mut finished: Vec<&Arc<Finished>> =
        ledger.stages.iter().flat_map(|stage| stage.tasks.iter().flatten()).collect();
    finished.sort_by_key(|finished| (finished.at, finished.attempt));
    let skip = finished.len().saturating_sub(LAST_FINISHED);
    let view = |finished: &Arc<Finished>| TaskView {
        attempt: finished.attempt,
        worker: finished.worker,
        host: finished.host.clone(),
        state: "done".to_owned(),
        started_ms: finished.started.0,
        finished_ms: Some(finished.at.0),
    };
    finished.into_iter().skip(skip).map(view).collect()
}
