//! The durable half of the scheduler: exactly what its records say, and nothing that could not be rebuilt from them.
//!
//! The live core changes it through [`Ledger::apply`] only, with the record that it persists; a restart applies the same
//! records again. So what a restarted master believes is what the dead one had promised.

use super::{
    event::Tick,
    history::History,
    record::{Blame, Ending, Finished, Record},
};
use serde::{Deserialize, Serialize};
use skep_hdfs::WorkerId;
use skep_jobs::{
    model::{
        AttemptId, AttemptNumber, Counters, Done, JobId, JobSpec, JobState, PartId, Round, StageId, TaskView,
    },
    protocol::client::Role,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// How many lives the master had: the base of attempt numbers.
    pub term: u32,
    pub next_job: u64,
    pub next_worker: u32,
    pub jobs: BTreeMap<JobId, JobLedger>,
    /// Jobs by the token of their submission, finished ones included while they are remembered.
    pub tokens: BTreeMap<u64, JobId>,
    pub workers: BTreeMap<WorkerId, WorkerLedger>,
    pub targets: Targets,
    pub history: History,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    pub core: Option<u32>,
    pub task: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerLedger {
    pub role: Role,
    /// Registered when last heard of: a restarted master waits for it.
    pub present: bool,
    pub draining: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobLedger {
    pub spec: Arc<JobSpec>,
    pub submitted: Tick,
    pub started: Option<Tick>,
    pub phase: Phase,
    pub error: Option<String>,
    pub stages: Vec<StageLedger>,
    /// Attempts of the commit task that failed by the user's code.
    pub commit_failures: BTreeSet<AttemptNumber>,
    pub recomputed: u64,
    pub result_bytes: u64,
}

/// ```text
/// Running ─► Committing ─► (over: Succeeded)
///    └───────────┴─► Aborting ─► (over: Failed or Killed)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Running,
    Committing,
    Aborting(Ending),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageLedger {
    pub round: Round,
    /// Completion belongs to the partition: the attempt that won it, if any.
    pub tasks: Vec<Option<Arc<Finished>>>,
    pub done: u32,
    /// Attempts that failed by the user's code, of tasks that have any. A set: a failure that is reported again after a
    /// restart counts once.
    pub failures: BTreeMap<PartId, BTreeSet<AttemptNumber>>,
    pub totals: Totals,
}

/// Sums over the finished tasks of a stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub input_bytes: u64,
    pub input_records: u64,
    pub output_bytes: u64,
    pub output_records: u64,
    pub shuffle_bytes: u64,
    pub spilled_bytes: u64,
    pub task_time_ms: u64,
    pub counters: Counters,
}

impl Ledger {
    /// The state that a snapshot and the records after it make.
    pub fn replay(snapshot: Option<Ledger>, log: impl IntoIterator<Item = Record>) -> Ledger {
        let mut ledger = snapshot.unwrap_or_default();
        log.into_iter().for_each(|record| ledger.apply(&record));
        ledger
    }

    /// Total: a record that refers to something unknown changes nothing.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Term(term) => self.term = (*term).max(self.term),
            Record::JobSubmitted { job, spec, at } => self.submitted(*job, spec, *at),
            Record::JobStarted { job, at } => {
                self.with(*job, |entry| entry.started = entry.started.or(Some(*at)));
            }
            Record::TaskDone { attempt, finished } => {
                self.with(attempt.job, |entry| entry.task_done(attempt.stage, attempt.part, finished));
            }
            Record::TaskFailed { attempt } => {
                self.with(attempt.job, |entry| entry.task_failed(attempt));
            }
            Record::OutputsLost { job, stage, parts } => {
                self.with(*job, |entry| entry.outputs_lost(*stage, parts));
            }
            Record::NewRound { job, stages } => self.with(*job, |entry| entry.new_round(stages)),
            Record::JobCommitting { job } => self.with(*job, |entry| entry.phase = Phase::Committing),
            Record::JobAborting { job, ending, error } => self.with(*job, |entry| {
                entry.phase = Phase::Aborting(*ending);
                entry.error = Some(error.clone());
            }),
            Record::JobOver { job, ending, at, blame, failures } => {
                self.over(*job, *ending, *at, *blame, failures);
            }
            Record::WorkerKnown { worker, role } => {
                self.next_worker = self.next_worker.max(worker.0.saturating_add(1));
                let draining = self.workers.get(worker).is_some_and(|known| known.draining);
                self.workers.insert(*worker, WorkerLedger { role: *role, present: true, draining });
            }
            Record::WorkerGone { worker, forget: true } => {
                self.workers.remove(worker);
            }
            Record::WorkerGone { worker, forget: false } => {
                if let Some(known) = self.workers.get_mut(worker) {
                    known.present = false;
                    known.draining = false;
                }
            }
            Record::WorkerDraining { worker, draining } => {
                if let Some(known) = self.workers.get_mut(worker) {
                    known.draining = *draining;
                }
            }
            Record::Targets { core, task } => self.targets = Targets { core: *core, task: *task },
        }
    }

    fn with(&mut self, job: JobId, change: impl FnOnce(&mut JobLedger)) {
        if let Some(entry) = self.jobs.get_mut(&job) {
            change(entry);
        }
    }

    fn submitted(&mut self, job: JobId, spec: &Arc<JobSpec>, at: Tick) {
        self.next_job = self.next_job.max(job.0 + 1);
        self.tokens.insert(spec.token, job);
        self.jobs.insert(job, JobLedger::new(spec.clone(), at));
    }

    fn over(&mut self, job: JobId, ending: Ending, at: Tick, blame: Blame, failures: &[TaskView]) {
        let Some(entry) = self.jobs.remove(&job) else { return };
        for forgotten in self.history.add(job, &entry, ending, at, blame, failures) {
            self.tokens.remove(&forgotten);
        }
    }
}

impl JobLedger {
    fn new(spec: Arc<JobSpec>, submitted: Tick) -> JobLedger {
        let stages = spec.stages.iter().map(|stage| StageLedger::new(stage.tasks.len())).collect();
        JobLedger {
            spec,
            submitted,
            started: None,
            phase: Phase::Running,
            error: None,
            stages,
            commit_failures: BTreeSet::new(),
            recomputed: 0,
            result_bytes: 0,
        }
    }

    pub fn stage(&self, stage: StageId) -> Option<&StageLedger> {
        self.stages.get(stage.0 as usize)
    }

    pub fn state(&self) -> JobState {
        match self.phase {
            Phase::Running if self.started.is_none() => JobState::Queued,
            Phase::Running => JobState::Running,
            Phase::Committing => JobState::Committing,
            Phase::Aborting(_) => JobState::Aborting,
        }
    }

    fn task_done(&mut self, stage: StageId, part: PartId, finished: &Arc<Finished>) {
        let Some(entry) = self.stages.get_mut(stage.0 as usize) else { return };
        let Some(slot) = entry.tasks.get_mut(part.0 as usize) else { return };
        if slot.is_none() {
            *slot = Some(finished.clone());
            entry.done += 1;
            entry.totals.add(finished);
            self.result_bytes += finished.done.result.len() as u64;
        }
    }

    fn task_failed(&mut self, attempt: &AttemptId) {
        match self.stages.get_mut(attempt.stage.0 as usize) {
            Some(entry) => entry.failures.entry(attempt.part).or_default().insert(attempt.attempt),
            None => self.commit_failures.insert(attempt.attempt),
        };
    }

    /// Attempts of the task that were charged to the user's code.
    pub fn charged(&self, stage: StageId, part: PartId) -> u32 {
        let charged = match self.stage(stage) {
            Some(entry) => entry.failures.get(&part).map_or(0, BTreeSet::len),
            None => self.commit_failures.len(),
        };
        charged as u32
    }

    fn outputs_lost(&mut self, stage: StageId, parts: &[PartId]) {
        for &part in parts {
            self.clear(stage, part);
        }
    }

    fn new_round(&mut self, stages: &[StageId]) {
        for &stage in stages {
            let tasks = self.stage(stage).map_or(0, |entry| entry.tasks.len());
            for part in 0..tasks {
                self.clear(stage, PartId(part as u32));
            }
            if let Some(entry) = self.stages.get_mut(stage.0 as usize) {
                entry.round.0 += 1;
            }
        }
    }

    fn clear(&mut self, stage: StageId, part: PartId) {
        let Some(entry) = self.stages.get_mut(stage.0 as usize) else { return };
        let Some(finished) = entry.tasks.get_mut(part.0 as usize).and_then(Option::take) else { return };
        entry.done -= 1;
        entry.totals.subtract(&finished);
        self.recomputed += 1;
        self.result_bytes -= finished.done.result.len() as u64;
    }
}

impl StageLedger {
    fn new(tasks: usize) -> StageLedger {
        StageLedger {
            round: Round(0),
            tasks: vec![None; tasks],
            done: 0,
            failures: BTreeMap::new(),
            totals: Totals::default(),
        }
    }

    pub fn is_complete(&self) -> bool {
        self.done as usize == self.tasks.len()
    }

    pub fn finished(&self, part: PartId) -> Option<&Arc<Finished>> {
        self.tasks.get(part.0 as usize).and_then(Option::as_ref)
    }
}

impl Totals {
    fn add(&mut self, finished: &Finished) {
        self.each(finished, u64::saturating_add);
        for (name, value) in &finished.done.counters {
            match self.counters.get_mut(name) {
                Some(sum) => *sum = sum.saturating_add(*value),
                None => drop(self.counters.insert(name.clone(), *value)),
            }
        }
    }

    fn subtract(&mut self, finished: &Finished) {
        self.each(finished, u64::saturating_sub);
        for (name, value) in &finished.done.counters {
            if let Some(sum) = self.counters.get_mut(name) {
                *sum = sum.saturating_sub(*value);
            }
        }
    }

    fn each(&mut self, finished: &Finished, combine: fn(u64, u64) -> u64) {
        let done = &finished.done;
        for (sum, value) in [
            (&mut self.input_bytes, done.input_bytes),
            (&mut self.input_records, done.input_records),
            (&mut self.output_bytes, done.output_bytes),
            (&mut self.output_records, done.output_records),
            (&mut self.shuffle_bytes, shuffle_bytes(done)),
            (&mut self.spilled_bytes, done.spilled_bytes),
            (&mut self.task_time_ms, finished.at.ms_since(finished.started)),
        ] {
            *sum = combine(*sum, value);
        }
    }
}

pub fn shuffle_bytes(done: &Done) -> u64 {
    done.segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.len_bytes))
}
