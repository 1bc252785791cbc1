//! Workers stay, are suspected, and go.

use super::{Core, event::Output, event::Session, record::Record, retry::Gone, worker::Leaving};
use skep_hdfs::{Epoch, WorkerId};
use skep_jobs::{model::AttemptId, protocol::client::Role};
use std::{collections::BTreeSet, time::Duration};

impl Core {
    /// Whether a message is from the registered life of a worker. Counts those that are not.
    pub(super) fn is_current(&mut self, worker: WorkerId, epoch: Epoch) -> bool {
        let current = self.workers.get(&worker).is_some_and(|there| there.epoch == epoch);
        if !current {
            self.stale += 1;
        }
        current
    }

    pub(super) fn on_suspect(&mut self, worker: WorkerId, epoch: Epoch, suspect: bool) {
        if !self.is_current(worker, epoch) {
            return;
        }
        if let Some(there) = self.workers.get_mut(&worker) {
            there.suspect = suspect;
        }
        if !suspect {
            self.offer(worker);
            self.consider_all_empty();
        }
    }

    /// The connection on which a worker is registered now.
    pub fn session_of(&self, worker: WorkerId) -> Option<Session> {
        self.workers.get(&worker).map(|there| there.session)
    }

    /// A signal or a notice from outside: it will be gone soon, and whether it comes back is not known.
    pub(super) fn on_leaving(&mut self, worker: WorkerId, epoch: Epoch, within: Duration) {
        if !self.is_current(worker, epoch) {
            return;
        }
        let now = self.now;
        if let Some(there) = self.workers.get_mut(&worker)
            && there.stays()
        {
            there.leaving = Leaving::Stopping { since: now, until: now.after(within) };
            self.presence_changed(worker);
        }
    }

    pub(super) fn on_gone(&mut self, worker: WorkerId, epoch: Epoch, why: &str) {
        if self.is_current(worker, epoch) {
            self.gone(worker, why);
        }
    }

    /// A worker that was there before the restart did not come back in time.
    pub(super) fn did_not_return(&mut self, worker: WorkerId) {
        if self.awaited.remove(&worker) {
            self.gone(worker, "it did not come back after the restart of the master");
        }
    }

    fn gone(&mut self, worker: WorkerId, why: &str) {
        self.attempts_died(worker, why);
        let entry = self.workers.remove(&worker);
        if let Some(there) = &entry {
            self.out.push_back(Output::Gone { worker, epoch: there.epoch });
        }
        let told = entry.as_ref().is_some_and(|there| there.leaving == Leaving::Told);
        let role = self.ledger.workers.get(&worker).map(|known| known.role);
        let forget = told || role == Some(Role::Task);
        self.record(Record::WorkerGone { worker, forget });
        if entry.as_ref().is_some_and(|there| there.stays()) {
            role.into_iter().for_each(|role| self.expect_replacement(role));
        }
        self.presence_changed(worker);
        let lost: BTreeSet<_> = self.holdings.remove(&worker).unwrap_or_default();
        self.lose(&lost);
        self.offer_all();
        self.everyone_is_back();
        self.reconcile();
        let ending: Vec<_> =
            self.jobs.iter().filter(|(_, job)| job.cleanup.is_some()).map(|(id, _)| *id).collect();
        ending.into_iter().for_each(|job| self.cleanup_step(job));
    }

    /// The attempts that a worker had are no more; that is nobody's fault.
    pub(super) fn attempts_died(&mut self, worker: WorkerId, why: &str) {
        let Some(there) = self.workers.get(&worker) else { return };
        let attempts: Vec<AttemptId> = there.running.iter().copied().collect();
        for attempt in attempts {
            self.died(worker, attempt, why);
        }
    }

    pub(super) fn died(&mut self, worker: WorkerId, attempt: AttemptId, why: &str) {
        let current = self.is_of_now(attempt);
        let Some(running) = self.release(worker, attempt) else { return };
        self.remember(attempt, &running, why.to_owned(), false);
        if current {
            self.not_run(attempt, Gone::Preempted);
        }
        self.changed(attempt.job, false);
        self.cleanup_step(attempt.job);
    }

    /// Launches need not be held back any longer once nobody is awaited.
    pub(super) fn everyone_is_back(&mut self) {
        if self.awaited.is_empty() {
            self.end_hold();
        }
    }

    /// A worker came, went, or is on its way out: what counts on it follows.
    pub(super) fn presence_changed(&mut self, worker: WorkerId) {
        let there = self.workers.get(&worker);
        let stays = there.is_some_and(|there| there.stays());
        if there.is_some_and(|there| there.is_core() && there.stays()) {
            self.cores.insert(worker);
        } else {
            self.cores.remove(&worker);
        }
        let workers = &self.workers;
        for job in self.jobs.values_mut() {
            let spec = job.spec.clone();
            for &stage in &job.open {
                let Some(entry) = job.stages.get_mut(stage.0 as usize) else { continue };
                let alone = |part| {
                    let preferred = super::stage::preferred(&spec, stage, part);
                    !preferred.iter().any(|other| workers.get(other).is_some_and(|there| there.stays()))
                };
                if stays {
                    entry.ready.worker_came(worker);
                } else {
                    entry.ready.worker_went(worker, alone);
                }
            }
        }
        self.offer_all();
    }
}
