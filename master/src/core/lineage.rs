//! Lost outputs: what must run again to make a lost piece of data again, and nothing else.
//!
//! The registry of outputs (the ledger) is the truth: a finished task stays finished while its holder has its output.
//! A loss is recorded once; producers run again when a stage that is not done needs them; consumers that run keep
//! running, and say so if they miss something.
//!
//! A stage whose repetition may give other data ([`Determinism::Varies`]) never mixes two histories: if anything of its
//! output was consumed, it and all that consumed it begin a new round.

use super::{
    Core, OutputKey,
    event::Tell,
    ledger::Phase,
    record::Record,
    stage::{self, Stage},
    task::TaskState,
};
use crate::limits::{UNREACHABLE_PAUSE, UNREACHABLE_REPORTS_MAX};
use skep_hdfs::{Epoch, WorkerId};
use skep_jobs::model::{
    AttemptId, Determinism, JobId, PartId, StageId, StageInput,
    outcome::{LossReason, LostPiece},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

impl Core {
    /// A consumer could not get these pieces.
    pub(super) fn input_lost(&mut self, worker: WorkerId, attempt: AttemptId, pieces: &[LostPiece]) {
        let mut lost = BTreeSet::new();
        for piece in pieces {
            let Some(key) = self.held_by(piece.producer, piece.holder) else { continue };
            let is_lost = match piece.reason {
                LossReason::NotThere => true,
                LossReason::Corrupt | LossReason::Mismatch => {
                    self.strike(key.0, piece.holder);
                    true
                }
                LossReason::Unreachable => piece.holder == worker || self.unreachable(key),
            };
            if is_lost {
                lost.insert(key);
            }
        }
        if lost.is_empty() {
            return self.again(attempt, UNREACHABLE_PAUSE);
        }
        self.lose(&lost);
        if self.is_of_now(attempt) {
            self.again(attempt, Duration::ZERO);
        }
    }

    /// A live holder that one consumer cannot reach may be the consumer's trouble: several reports make it a loss.
    fn unreachable(&mut self, key: OutputKey) -> bool {
        let stage = self.jobs.get_mut(&key.0).and_then(|job| job.stage_mut(key.1));
        let Some(task) = stage.and_then(|stage| stage.task(key.2)) else { return false };
        task.unreachable += 1;
        task.unreachable >= UNREACHABLE_REPORTS_MAX
    }

    pub(super) fn on_outputs_lost(&mut self, worker: WorkerId, epoch: Epoch, outputs: &[AttemptId]) {
        if self.is_current(worker, epoch) {
            let lost = outputs.iter().filter_map(|output| self.held_by(*output, worker)).collect();
            self.lose(&lost);
        }
    }

    /// The output of a finished task, if this attempt won it and this worker is its holder.
    fn held_by(&self, producer: AttemptId, holder: WorkerId) -> Option<OutputKey> {
        let stage = self.ledger.jobs.get(&producer.job)?.stage(producer.stage)?;
        let finished = stage.finished(producer.part)?;
        let is_it = finished.attempt == producer && finished.done.holder == Some(holder);
        is_it.then_some((producer.job, producer.stage, producer.part))
    }

    /// The holder has these outputs no more.
    pub(super) fn lose(&mut self, lost: &BTreeSet<OutputKey>) {
        let mut stages: BTreeMap<(JobId, StageId), Vec<PartId>> = BTreeMap::new();
        for &(job, stage, part) in lost {
            stages.entry((job, stage)).or_default().push(part);
        }
        let mut jobs = BTreeSet::new();
        for ((job, stage), parts) in stages {
            self.unhold(job, stage, &parts);
            if self.is_needed(job, stage) {
                self.lose_parts(job, stage, parts);
                jobs.insert(job);
            }
        }
        for job in jobs {
            self.reconsider(job);
            self.changed(job, false);
        }
    }

    /// Whether a stage's shuffle output may be read again by what is not done, or by what would have to be repeated if
    /// its own output were lost.
    pub(super) fn is_needed(&self, id: JobId, stage: StageId) -> bool {
        let (Some(job), Some(ledger)) = (self.jobs.get(&id), self.ledger.jobs.get(&id)) else { return false };
        let shuffles = |stage: StageId| stage::partitions(&job.spec, stage) > 0;
        if ledger.phase != Phase::Running || !shuffles(stage) {
            return false;
        }
        let mut needed = vec![false; job.stages.len()];
        for index in (stage.0 as usize..job.stages.len()).rev() {
            needed[index] = shuffles(StageId(index as u32))
                && job.consumers[index].iter().any(|reader| {
                    let complete = ledger.stage(*reader).is_some_and(|stage| stage.is_complete());
                    !complete || needed[reader.0 as usize]
                });
        }
        needed[stage.0 as usize]
    }

    fn lose_parts(&mut self, id: JobId, stage: StageId, parts: Vec<PartId>) {
        if self.was_consumed(id, stage) {
            return self.new_round(id, stage);
        }
        self.record(Record::OutputsLost { job: id, stage, parts: parts.clone() });
        for part in parts {
            self.undo(id, stage, part);
        }
    }

    /// A finished task is to run again, unless an attempt of it still runs. `reconsider` makes it ready.
    fn undo(&mut self, id: JobId, stage: StageId, part: PartId) {
        let round = self.round(id, stage);
        let first = AttemptId { job: id, stage, round, part, attempt: skep_jobs::model::AttemptNumber(0) };
        let Some(job) = self.jobs.get(&id) else { return };
        let runs = job.attempts_of(first).any(|(_, running)| !running.killed);
        self.set_task(id, stage, part, if runs { TaskState::Running } else { TaskState::Idle });
    }

    /// Whether consumers of a stage may have seen a history that its repetition would not tell again. They can have begun
    /// only once the stage was complete in this round; whether they did is not asked, because attempts on workers that
    /// are away at the moment count too.
    fn was_consumed(&self, id: JobId, stage: StageId) -> bool {
        let Some(ledger) = self.ledger.jobs.get(&id) else { return false };
        let spec = ledger.spec.stages.get(stage.0 as usize);
        spec.is_some_and(|spec| spec.determinism == Determinism::Varies)
            && ledger.stage(stage).is_some_and(|stage| stage.is_complete())
    }

    /// The stage and all that consumed it, directly or not, begin again.
    fn new_round(&mut self, id: JobId, stage: StageId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let mut again = BTreeSet::from([stage]);
        for index in stage.0..job.stages.len() as u32 {
            if again.contains(&StageId(index)) {
                again.extend(job.consumers[index as usize].iter().copied());
            }
        }
        let running = job.running.keys().filter(|attempt| again.contains(&attempt.stage)).copied().collect();
        self.kill(running, "its stage begins again: an input that cannot be repeated exactly was lost");
        self.drop_finished(id, &again);
        let stages: Vec<StageId> = again.iter().copied().collect();
        self.record(Record::NewRound { job: id, stages });
        for &stage in &again {
            self.reset_stage(id, stage);
        }
        self.recheck_inputs(id, &again);
    }

    fn reset_stage(&mut self, id: JobId, stage: StageId) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.open.remove(&stage);
        if let Some(entry) = job.stage_mut(stage) {
            let pace = entry.pace;
            *entry = Stage::new(entry.tasks.len(), now);
            entry.pace = pace;
        }
        self.rank(id);
    }

    /// Outputs of the old round are of no use to anyone.
    fn drop_finished(&mut self, id: JobId, stages: &BTreeSet<StageId>) {
        let Some(ledger) = self.ledger.jobs.get(&id) else { return };
        let mut drops: BTreeMap<WorkerId, Vec<AttemptId>> = BTreeMap::new();
        for stage in stages.iter().filter_map(|stage| ledger.stage(*stage)) {
            for finished in stage.tasks.iter().flatten() {
                if let Some(holder) = finished.done.holder {
                    drops.entry(holder).or_default().push(finished.attempt);
                }
            }
        }
        for (holder, attempts) in drops {
            if let Some(held) = self.holdings.get_mut(&holder) {
                held.retain(|(job, stage, _)| *job != id || !stages.contains(stage));
            }
            self.tell(holder, Tell::DropOutputs(attempts));
        }
    }

    /// Inputs of stages that begin again may have been lost while nobody needed them.
    fn recheck_inputs(&mut self, id: JobId, stages: &BTreeSet<StageId>) {
        let Some(job) = self.jobs.get(&id) else { return };
        let mut lost = BTreeSet::new();
        for stage in stages.iter().filter_map(|stage| job.spec.stages.get(stage.0 as usize)) {
            for input in &stage.inputs {
                if let StageInput::Shuffle(producer) | StageInput::Replicated(producer) = input {
                    lost.extend(self.missing(id, *producer));
                }
            }
        }
        if !lost.is_empty() {
            self.lose(&lost);
        }
    }

    /// Finished tasks of a stage whose output nobody holds.
    pub(super) fn missing(&self, id: JobId, stage: StageId) -> Vec<OutputKey> {
        let Some(ledger) = self.ledger.jobs.get(&id).and_then(|job| job.stage(stage)) else {
            return Vec::new();
        };
        let held = |key: &OutputKey, holder: WorkerId| {
            self.holdings.get(&holder).is_some_and(|held| held.contains(key))
        };
        let finished = ledger.tasks.iter().enumerate().filter_map(|(part, task)| {
            let holder = task.as_ref()?.done.holder?;
            Some(((id, stage, PartId(part as u32)), holder))
        });
        finished.filter(|(key, holder)| !held(key, *holder)).map(|(key, _)| key).collect()
    }

    fn unhold(&mut self, id: JobId, stage: StageId, parts: &[PartId]) {
        let Some(ledger) = self.ledger.jobs.get(&id).and_then(|job| job.stage(stage)) else { return };
        for &part in parts {
            let holder = ledger.finished(part).and_then(|finished| finished.done.holder);
            if let Some(held) = holder.and_then(|holder| self.holdings.get_mut(&holder)) {
                held.remove(&(id, stage, part));
            }
        }
    }

    /// Bytes of shuffle output on a worker that something unfinished may still read.
    pub(super) fn needed_shuffle_bytes(&self, worker: WorkerId) -> u64 {
        let Some(held) = self.holdings.get(&worker) else { return 0 };
        let mut needed: BTreeMap<(JobId, StageId), bool> = BTreeMap::new();
        let mut bytes = 0u64;
        for &(job, stage, part) in held {
            if *needed.entry((job, stage)).or_insert_with(|| self.is_needed(job, stage)) {
                let ledger = self.ledger.jobs.get(&job).and_then(|job| job.stage(stage));
                let finished = ledger.and_then(|stage| stage.finished(part));
                bytes += finished.map_or(0, |finished| super::ledger::shuffle_bytes(&finished.done).max(1));
            }
        }
        bytes
    }
}
