//! A worker registers: for the first time, again after its connection broke, as a new process, or to a restarted master.
//!
//! Its list of running attempts and held outputs is compared with what is believed: attempts that nobody knew go on if
//! their task still needs them, those that it should have and has not start again, outputs that it should hold and does
//! not are lost.

use super::{
    Core, OutputKey,
    event::{Joined, Joining, Output, Tell, Ticket},
    exclude::Exclusion,
    place::grant_bytes,
    record::Record,
    retry::Gone,
    stage::Flow,
    task::TaskState,
    timers::Alarm,
    worker::{Leaving, Worker},
};
use crate::limits::{DRAIN_SURE_AFTER, WORKERS_MAX};
use skep_hdfs::WorkerId;
use skep_jobs::{
    model::{AttemptId, JobId, StageId},
    protocol::worker::RegisterError,
};
use std::collections::BTreeSet;

impl Core {
    pub(super) fn on_join(&mut self, ticket: Ticket, joining: Joining) {
        match self.admit(&joining) {
            Ok(worker) => self.join(ticket, worker, joining),
            Err(error) => self.out.push_back(Output::Joined { ticket, answer: Err(error) }),
        }
    }

    fn admit(&self, joining: &Joining) -> Result<WorkerId, RegisterError> {
        let Some(worker) = joining.worker else {
            if self.workers.len() as u32 >= WORKERS_MAX {
                return Err(RegisterError::Unavailable(format!("{WORKERS_MAX} workers are registered")));
            }
            return Ok(WorkerId(self.ledger.next_worker.max(1)));
        };
        if let Some(there) = self.workers.get(&worker)
            && joining.epoch < there.epoch
        {
            return Err(RegisterError::Stale { worker, current: there.epoch, given: joining.epoch });
        }
        match self.ledger.workers.get(&worker) {
            Some(known) if known.role != joining.role => {
                Err(RegisterError::RoleChanged { worker, was: known.role, given: joining.role })
            }
            _ => Ok(worker),
        }
    }

    fn join(&mut self, ticket: Ticket, worker: WorkerId, mut joining: Joining) {
        joining.location.worker = worker;
        let before = self.workers.get(&worker).map(|there| there.epoch);
        if before.is_some_and(|epoch| epoch < joining.epoch) {
            self.attempts_died(worker, "its worker started again");
        }
        if self.ledger.workers.get(&worker).is_none_or(|known| !known.present) {
            self.record(Record::WorkerKnown { worker, role: joining.role });
        }
        let session = self.next_session();
        self.enter(worker, session, &joining);
        let jobs: Vec<JobId> = self.jobs.keys().copied().collect();
        self.out.push_back(Output::Joined { ticket, answer: Ok(Joined { worker, session, jobs }) });
        self.awaited.remove(&worker);
        self.presence_changed(worker);
        self.compare_outputs(worker, &joining);
        let ended: BTreeSet<AttemptId> = joining.outcomes.iter().map(|(attempt, _)| *attempt).collect();
        self.take_outcomes(worker, joining.outcomes);
        self.compare_running(worker, &joining.running, &ended);
        self.repeat_drain(worker);
        self.take_back_drain(worker, joining.draining);
        self.everyone_is_back();
        self.worker_started(joining.role, before.is_none());
    }

    /// It drains by an order that is forgotten: it was taken for dead before it had left. If it stops by itself, it says so
    /// next.
    fn take_back_drain(&mut self, worker: WorkerId, draining: bool) {
        if draining && self.workers.get(&worker).is_some_and(Worker::stays) {
            self.tell(worker, Tell::Drain(false));
        }
    }

    fn enter(&mut self, worker: WorkerId, session: super::Session, joining: &Joining) {
        let old = self.workers.remove(&worker);
        let now = self.now;
        let draining = self.ledger.workers.get(&worker).is_some_and(|known| known.draining);
        let leaving = match &old {
            Some(old) if old.epoch == joining.epoch => old.leaving,
            _ if draining => Leaving::Draining { since: now },
            _ => Leaving::Stays,
        };
        let entry = Worker {
            epoch: joining.epoch,
            session,
            role: joining.role,
            location: joining.location.clone(),
            process: joining.process,
            slots: joining.slots.max(1),
            memory_bytes: joining.memory_bytes,
            joined: old.as_ref().map_or(now, |old| old.joined),
            suspect: false,
            leaving,
            running: old.as_ref().map(|old| old.running.clone()).unwrap_or_default(),
            used_bytes: old.as_ref().map_or(0, |old| old.used_bytes),
            headers: BTreeSet::new(),
            touched: self.jobs.keys().copied().collect(),
            refusals: Exclusion::default(),
            faults: Exclusion::default(),
            stored: old.and_then(|old| old.stored),
        };
        self.workers.insert(worker, entry);
        if let Leaving::Draining { since } = leaving {
            self.timers.set(since.after(DRAIN_SURE_AFTER), Alarm::Drained);
        }
    }

    /// What it should hold and does not is lost; what it holds for nothing is dropped.
    fn compare_outputs(&mut self, worker: WorkerId, joining: &Joining) {
        let listed: BTreeSet<AttemptId> = joining.outputs.iter().copied().collect();
        let held = self.holdings.get(&worker);
        let winner = |key: &OutputKey| {
            let stage = self.ledger.jobs.get(&key.0)?.stage(key.1)?;
            stage.finished(key.2).map(|finished| finished.attempt)
        };
        let is_there = |key: &OutputKey| winner(key).is_some_and(|attempt| listed.contains(&attempt));
        let lost: BTreeSet<OutputKey> =
            held.into_iter().flatten().filter(|key| !is_there(key)).copied().collect();
        let useless: Vec<AttemptId> =
            listed.iter().filter(|attempt| self.is_useless(worker, **attempt)).copied().collect();
        self.lose(&lost);
        if !useless.is_empty() {
            self.tell(worker, Tell::DropOutputs(useless));
        }
    }

    /// Another attempt won, or the round is over. An output whose outcome has not come yet is kept.
    fn is_useless(&self, worker: WorkerId, attempt: AttemptId) -> bool {
        let Some(stage) = self.ledger.jobs.get(&attempt.job).and_then(|job| job.stage(attempt.stage)) else {
            return false;
        };
        let won_elsewhere = stage
            .finished(attempt.part)
            .is_some_and(|winner| winner.attempt != attempt || winner.done.holder != Some(worker));
        stage.round > attempt.round || won_elsewhere
    }

    fn compare_running(&mut self, worker: WorkerId, listed: &[AttemptId], ended: &BTreeSet<AttemptId>) {
        let listed: BTreeSet<AttemptId> =
            listed.iter().filter(|attempt| !ended.contains(attempt)).copied().collect();
        let believed = self.workers.get(&worker).map(|there| there.running.clone()).unwrap_or_default();
        for &attempt in believed.difference(&listed) {
            let current = self.is_of_now(attempt);
            if self.release(worker, attempt).is_some() && current {
                self.not_run(attempt, Gone::NeverStarted);
            }
            self.cleanup_step(attempt.job);
        }
        let mut unwanted = Vec::new();
        for &attempt in listed.difference(&believed) {
            if !self.adopt(worker, attempt) {
                unwanted.push(attempt);
            }
        }
        unwanted.extend(believed.intersection(&listed).filter(|attempt| self.was_killed(**attempt)));
        if !unwanted.is_empty() {
            let reason = "the master has no use for it any more".to_owned();
            self.tell(worker, Tell::Kill { attempts: unwanted, reason });
        }
    }

    fn was_killed(&self, attempt: AttemptId) -> bool {
        let running = self.jobs.get(&attempt.job).and_then(|job| job.running.get(&attempt));
        running.is_some_and(|running| running.killed)
    }

    /// An attempt that an earlier life of the master launched goes on, if its task is still to be done and its inputs
    /// are what they were.
    fn adopt(&mut self, worker: WorkerId, attempt: AttemptId) -> bool {
        if !self.is_of_now(attempt) {
            return false;
        }
        let (Some(job), Some(there)) = (self.jobs.get(&attempt.job), self.workers.get(&worker)) else {
            return false;
        };
        let Some(stage) = job.stage(attempt.stage) else { return false };
        let free = matches!(stage.state(attempt.part), Some(TaskState::Ready | TaskState::Delayed { .. }));
        if stage.flow != Flow::Open || !free || attempt.stage == StageId::ABORT {
            return false;
        }
        let grant = grant_bytes(&job.spec, there);
        self.begin_attempt(attempt, worker, grant);
        self.set_task(attempt.job, attempt.stage, attempt.part, TaskState::Running);
        if let Some(task) =
            self.jobs.get_mut(&attempt.job).and_then(|job| job.stage_mut(attempt.stage)?.task(attempt.part))
        {
            task.next_attempt = task.next_attempt.max(attempt.attempt.0.saturating_add(1));
        }
        self.rank(attempt.job);
        self.changed(attempt.job, false);
        true
    }
}
