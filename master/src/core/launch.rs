//! Launching one attempt: its number, its inputs, where its output goes.

use super::{
    Core,
    event::{Header, Tell},
    job::Job,
    ledger::JobLedger,
    place::grant_bytes,
    record::Record,
    stage,
    task::{Running, TaskState},
    worker::Worker,
};
use crate::limits::{ATTEMPTS_PER_TERM, DELIVER_TO_MAX, PROCESS_HEADROOM_BYTES};
use skep_hdfs::{WorkerId, protocol::namespace::Location};
use skep_jobs::{
    model::{
        AttemptId, AttemptNumber, JobId, JobSpec, PartId, Round, Segment, StageId, StageInput, StageOutput,
    },
    protocol::worker::{Launch, LaunchInput, Piece},
};
use std::collections::{BTreeMap, btree_map::Entry};

impl Core {
    pub(super) fn launch(&mut self, id: JobId, stage: StageId, part: PartId, worker: WorkerId) {
        let Some(attempt) = self.next_attempt(id, stage, part) else { return };
        self.note_start(id);
        let Some(launch) = self.build_launch(attempt, worker) else { return };
        self.send_header(id, worker);
        self.begin_attempt(attempt, worker, launch.memory_bytes);
        if stage == StageId::COMMIT
            && let Some(job) = self.jobs.get_mut(&id)
        {
            job.commit_launched = true;
        }
        self.set_task(id, stage, part, TaskState::Running);
        self.rank(id);
        self.changed(id, false);
        self.tell(worker, Tell::Launch(Box::new(launch)));
    }

    /// Enters an attempt that a worker has, or is about to have.
    pub(super) fn begin_attempt(&mut self, attempt: AttemptId, worker: WorkerId, grant_bytes: u64) {
        let started = self.now;
        if let Some(there) = self.workers.get_mut(&worker) {
            there.running.insert(attempt);
            there.used_bytes += grant_bytes;
            there.touched.insert(attempt.job);
        }
        if let Some(job) = self.jobs.get_mut(&attempt.job) {
            let running = Running { worker, started, grant_bytes, killed: false, progress: None };
            job.running.insert(attempt, running);
            if let Some(entry) = job.stage_mut(attempt.stage) {
                entry.running += 1;
            }
        }
    }

    /// A number that no attempt of the task had, in this life or an earlier one.
    fn next_attempt(&mut self, id: JobId, stage: StageId, part: PartId) -> Option<AttemptId> {
        let term = self.ledger.term;
        let round = self.round(id, stage);
        let task = self.jobs.get_mut(&id)?.stage_mut(stage)?.task(part)?;
        let number = task.next_attempt.max(term.saturating_mul(ATTEMPTS_PER_TERM));
        task.next_attempt = number + 1;
        if number / ATTEMPTS_PER_TERM > term {
            self.record(Record::Term(number / ATTEMPTS_PER_TERM));
        }
        Some(AttemptId { job: id, stage, round, part, attempt: AttemptNumber(number) })
    }

    /// The stage's present round.
    pub(super) fn round(&self, id: JobId, stage: StageId) -> Round {
        let stage = self.ledger.jobs.get(&id).and_then(|job| job.stage(stage));
        stage.map_or(Round(0), |stage| stage.round)
    }

    fn note_start(&mut self, id: JobId) {
        if self.ledger.jobs.get(&id).is_some_and(|job| job.started.is_none()) {
            self.record(Record::JobStarted { job: id, at: self.now });
            self.changed(id, true);
        }
    }

    fn send_header(&mut self, id: JobId, worker: WorkerId) {
        let (Some(job), Some(there)) = (self.jobs.get(&id), self.workers.get_mut(&worker)) else { return };
        if there.headers.insert(id) {
            let memory_bytes = process_bytes(&job.spec, there);
            let header = Header { job: id, spec: job.spec.clone(), memory_bytes };
            self.tell(worker, Tell::Job(header));
        }
    }

    fn build_launch(&mut self, attempt: AttemptId, worker: WorkerId) -> Option<Launch> {
        let there = self.workers.get(&worker)?;
        let (job, ledger) = (self.jobs.get(&attempt.job)?, self.ledger.jobs.get(&attempt.job)?);
        let memory_bytes = grant_bytes(&job.spec, there);
        let is_core = there.is_core();
        let partitions = stage::partitions(&job.spec, attempt.stage);
        let (payload, inputs) = match attempt.stage {
            StageId::COMMIT | StageId::ABORT => finish_launch(job, ledger, attempt.stage)?,
            _ => self.stage_launch(job, ledger, attempt)?,
        };
        let deliver_to = if partitions > 0 && !is_core { self.deliver_to(attempt.job) } else { Vec::new() };
        Some(Launch { attempt, payload, memory_bytes, inputs, partitions, deliver_to })
    }

    fn stage_launch(
        &self,
        job: &Job,
        ledger: &JobLedger,
        attempt: AttemptId,
    ) -> Option<(Vec<u8>, Vec<LaunchInput>)> {
        let stage = job.spec.stages.get(attempt.stage.0 as usize)?;
        let payload = stage.tasks.get(attempt.part.0 as usize)?.payload.clone();
        let inputs = stage.inputs.iter().map(|input| self.launch_input(ledger, input, attempt.part));
        Some((payload, inputs.collect::<Option<_>>()?))
    }

    fn launch_input(&self, ledger: &JobLedger, input: &StageInput, part: PartId) -> Option<LaunchInput> {
        let producers = ledger.stage(stage::producer(input))?;
        if let StageInput::Broadcast(_) = input {
            let result = |finished: &Option<_>| {
                let finished: &std::sync::Arc<super::record::Finished> = finished.as_ref()?;
                Some(finished.done.result.clone())
            };
            return producers.tasks.iter().map(result).collect::<Option<_>>().map(LaunchInput::Broadcast);
        }
        let partition = if let StageInput::Replicated(_) = input { 0 } else { part.0 as usize };
        let mut holders: BTreeMap<WorkerId, Location> = BTreeMap::new();
        let mut pieces = Vec::with_capacity(producers.tasks.len());
        for finished in &producers.tasks {
            let finished = finished.as_ref()?;
            let holder = finished.done.holder?;
            if let Entry::Vacant(place) = holders.entry(holder) {
                place.insert(self.workers.get(&holder)?.location.clone());
            }
            let segment: Segment = finished.done.segments.get(partition).copied().unwrap_or_default();
            pieces.push(Piece { producer: finished.attempt, holder, segment });
        }
        Some(LaunchInput::Shuffle { pieces, holders: holders.into_values().collect() })
    }

    /// Core workers for a task worker's output: each launch begins with another one. They may get something of the job.
    fn deliver_to(&mut self, job: JobId) -> Vec<Location> {
        self.delivery_turn = self.delivery_turn.wrapping_add(1);
        let healthy = |worker: &&WorkerId| self.workers.get(worker).is_some_and(|there| !there.suspect);
        let mut cores: Vec<WorkerId> = self.cores.iter().filter(healthy).copied().collect();
        if cores.is_empty() {
            cores = self.cores.iter().copied().collect();
        }
        let turn = self.delivery_turn % cores.len().max(1);
        cores.rotate_left(turn);
        cores.truncate(DELIVER_TO_MAX);
        let mut locations = Vec::with_capacity(cores.len());
        for core in cores {
            if let Some(there) = self.workers.get_mut(&core) {
                there.touched.insert(job);
                locations.push(there.location.clone());
            }
        }
        locations
    }
}

/// The commit task gets the tokens of the attempts that won; so does the abort task, to know what there may be.
fn finish_launch(job: &Job, ledger: &JobLedger, stage: StageId) -> Option<(Vec<u8>, Vec<LaunchInput>)> {
    let finish = job.spec.finish.as_ref()?;
    let payload = if stage == StageId::COMMIT { &finish.commit } else { &finish.abort };
    let sinks =
        job.spec.stages.iter().zip(&ledger.stages).filter(|(spec, _)| spec.output == StageOutput::Sink);
    let winners = sinks.flat_map(|(_, stage)| stage.tasks.iter().flatten());
    let commits = winners.map(|finished| (finished.attempt, finished.done.commit.clone())).collect();
    Some((payload.clone(), vec![LaunchInput::Commits(commits)]))
}

/// Memory limit of a job's process tree on a worker.
fn process_bytes(spec: &JobSpec, worker: &Worker) -> u64 {
    let grant = grant_bytes(spec, worker);
    let at_once = u64::from(worker.slots).min(worker.memory_bytes / grant.max(1)).max(1);
    grant.saturating_mul(at_once).saturating_add(PROCESS_HEADROOM_BYTES)
}
