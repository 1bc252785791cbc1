//! What workers say of attempts: the way of every outcome, whoever's doing it was.

use super::{
    Core,
    event::Tell,
    retry::Gone,
    task::{Running, task_name},
};
use crate::limits::MESSAGE_BYTES_MAX;
use skep_hdfs::{Epoch, WorkerId};
use skep_jobs::{
    model::{AttemptId, JobId, Outcome, StageId, TaskView},
    protocol::worker::Progress,
};

impl Core {
    /// Outcomes of a worker that is not known in this life of it are left alone: it registers, and says them again.
    pub(super) fn on_outcomes(
        &mut self,
        worker: WorkerId,
        epoch: Epoch,
        outcomes: Vec<(AttemptId, Outcome)>,
    ) {
        if self.is_current(worker, epoch) {
            self.take_outcomes(worker, outcomes);
        }
    }

    pub(super) fn take_outcomes(&mut self, worker: WorkerId, outcomes: Vec<(AttemptId, Outcome)>) {
        let mut noted = Vec::with_capacity(outcomes.len());
        for (attempt, outcome) in outcomes {
            self.settle(worker, attempt, outcome);
            noted.push(attempt);
        }
        if !noted.is_empty() {
            self.tell(worker, Tell::Noted(noted));
        }
        self.offer(worker);
        self.consider_empty(worker);
    }

    fn settle(&mut self, worker: WorkerId, attempt: AttemptId, outcome: Outcome) {
        let running = self.release(worker, attempt);
        if let Some(running) = &running {
            let failed = matches!(outcome, Outcome::Failed { .. } | Outcome::LostInput(_));
            self.remember(attempt, running, describe(&outcome), failed);
        }
        if !self.is_of_now(attempt) {
            self.stale += 1;
            self.drop_late(worker, attempt, &outcome);
            self.cleanup_step(attempt.job);
            return;
        }
        let started = running.as_ref().map(|running| running.started);
        match outcome {
            Outcome::Done(done) => self.arbitrate(worker, attempt, started, done),
            Outcome::LostInput(pieces) => self.input_lost(worker, attempt, &pieces),
            Outcome::Failed { kind, message } => {
                let known = running.is_some_and(|running| !running.killed);
                self.failed(worker, attempt, kind, &message, known);
            }
            Outcome::Killed => self.not_run(attempt, Gone::Killed),
            Outcome::Refused { .. } => self.refused(worker, attempt),
        }
        self.changed(attempt.job, false);
        self.cleanup_step(attempt.job);
    }

    /// Takes an attempt off the worker that had it.
    pub(super) fn release(&mut self, worker: WorkerId, attempt: AttemptId) -> Option<Running> {
        let current = self.is_of_now(attempt);
        let job = self.jobs.get_mut(&attempt.job)?;
        if job.running.get(&attempt)?.worker != worker {
            return None;
        }
        let running = job.running.remove(&attempt)?;
        if current && let Some(stage) = job.stage_mut(attempt.stage) {
            stage.running -= 1;
        }
        if let Some(there) = self.workers.get_mut(&worker) {
            there.running.remove(&attempt);
            there.used_bytes -= running.grant_bytes;
        }
        self.rank(attempt.job);
        Some(running)
    }

    /// Whether an attempt is of the present round of a stage that its job still works on.
    pub(super) fn is_of_now(&self, attempt: AttemptId) -> bool {
        let Some(job) = self.jobs.get(&attempt.job) else { return false };
        let exists = job.stage(attempt.stage).is_some_and(|stage| stage.state(attempt.part).is_some());
        exists
            && self.finish_stage(attempt.job) == Some(attempt.stage).filter(|stage| is_finish(*stage))
            && self.round(attempt.job, attempt.stage) == attempt.round
    }

    /// The loser of a race, or the survivor of another round: what it left is of no use.
    pub(super) fn drop_late(&mut self, worker: WorkerId, attempt: AttemptId, outcome: &Outcome) {
        if let Outcome::Done(done) = outcome
            && let Some(holder) = done.holder.or_else(|| (!done.segments.is_empty()).then_some(worker))
        {
            self.tell(holder, Tell::DropOutputs(vec![attempt]));
        }
    }

    pub(super) fn remember(&mut self, attempt: AttemptId, running: &Running, state: String, failed: bool) {
        let host = self.host(running.worker);
        let finished_ms = Some(self.now.0);
        let view = TaskView {
            attempt,
            worker: running.worker,
            host,
            state,
            started_ms: running.started.0,
            finished_ms,
        };
        if let Some(job) = self.jobs.get_mut(&attempt.job) {
            job.remember(view, failed);
        }
    }

    pub(super) fn host(&self, worker: WorkerId) -> String {
        self.workers.get(&worker).map(|there| there.location.host.clone()).unwrap_or_default()
    }

    pub(super) fn on_progress(&mut self, worker: WorkerId, epoch: Epoch, progress: Vec<Progress>) {
        if !self.is_current(worker, epoch) {
            return;
        }
        for update in progress {
            let id: JobId = update.attempt.job;
            let running = self.jobs.get_mut(&id).and_then(|job| job.running.get_mut(&update.attempt));
            if let Some(running) = running.filter(|running| running.worker == worker) {
                running.progress = Some(Box::new(update));
                self.changed(id, false);
            }
        }
    }

    /// Tells workers to stop attempts. They stay entered until their outcomes come.
    pub(super) fn kill(&mut self, attempts: Vec<AttemptId>, reason: &str) {
        for attempt in attempts {
            let running = self.jobs.get_mut(&attempt.job).and_then(|job| job.running.get_mut(&attempt));
            let Some(running) = running.filter(|running| !running.killed) else { continue };
            running.killed = true;
            let worker = running.worker;
            self.tell(worker, Tell::Kill { attempts: vec![attempt], reason: reason.to_owned() });
        }
    }
}

fn is_finish(stage: StageId) -> bool {
    stage == StageId::COMMIT || stage == StageId::ABORT
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(_) => "done".to_owned(),
        Outcome::LostInput(pieces) => match pieces.first() {
            Some(piece) => format!(
                "{} of {} on {} is lost ({:?}, {} pieces in all)",
                task_name(piece.producer.stage, piece.producer.part),
                piece.producer,
                piece.holder,
                piece.reason,
                pieces.len()
            ),
            None => "lost its input".to_owned(),
        },
        Outcome::Failed { kind, message } => format!("{kind:?}: {}", shorten(message)),
        Outcome::Killed => "killed".to_owned(),
        Outcome::Refused { reason } => format!("refused: {}", shorten(reason)),
    }
}

/// The beginning of a text, cut at a character.
pub fn shorten(text: &str) -> &str {
    let mut end = text.len().min(MESSAGE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
