//! Draining: a worker that a resize chose gets nothing new, and leaves when nothing needs it any more.
//!
//! A task worker is empty when nothing runs on it. A core worker also waits until the namespace has moved its blocks and
//! no unfinished job may read shuffle output that it holds.

use super::{
    Core,
    event::{Output, StorageFacts, Tell},
    record::Record,
    resize::name,
    timers::Alarm,
    worker::{Leaving, Worker},
};
use crate::limits::DRAIN_SURE_AFTER;
use skep_hdfs::WorkerId;
use skep_jobs::{
    model::AttemptId,
    protocol::{client::Role, client::Wait, provider::ProviderOrder},
};

impl Core {
    pub(super) fn drain(&mut self, worker: WorkerId) {
        let now = self.now;
        let Some(there) = self.workers.get_mut(&worker).filter(|there| there.stays()) else { return };
        there.leaving = Leaving::Draining { since: now };
        self.record(Record::WorkerDraining { worker, draining: true });
        self.presence_changed(worker);
        self.repeat_drain(worker);
        self.consider_empty(worker);
        self.timers.set(now.after(DRAIN_SURE_AFTER), Alarm::Drained);
    }

    /// It is needed after all.
    pub(super) fn undrain(&mut self, worker: WorkerId) {
        let Some(there) = self.workers.get_mut(&worker) else { return };
        if let Leaving::Draining { .. } = there.leaving {
            there.leaving = Leaving::Stays;
            let is_core = there.is_core();
            self.record(Record::WorkerDraining { worker, draining: false });
            self.presence_changed(worker);
            self.tell(worker, Tell::Drain(false));
            if is_core {
                self.out.push_back(Output::StorageDrain { worker, draining: false });
            }
        }
    }

    /// Says what a draining worker should know: when it begins, and again on each session.
    pub(super) fn repeat_drain(&mut self, worker: WorkerId) {
        let Some(there) = self.workers.get(&worker) else { return };
        let is_core = there.is_core();
        match there.leaving {
            Leaving::Draining { .. } => {
                self.tell(worker, Tell::Drain(true));
                if is_core {
                    self.out.push_back(Output::StorageDrain { worker, draining: true });
                }
            }
            Leaving::Told => self.tell(worker, Tell::Leave { forget: true }),
            Leaving::Stays | Leaving::Stopping { .. } => {}
        }
    }

    pub(super) fn on_storage(&mut self, facts: StorageFacts) {
        self.resize.safe_core_min = facts.safe_core_min;
        for (worker, stored) in facts.workers {
            if let Some(there) = self.workers.get_mut(&worker) {
                there.stored = Some(stored);
                self.consider_empty(worker);
            }
        }
    }

    pub(super) fn consider_all_empty(&mut self) {
        let draining = |there: &Worker| matches!(there.leaving, Leaving::Draining { .. });
        let draining: Vec<WorkerId> =
            self.workers.iter().filter(|(_, there)| draining(there)).map(|(worker, _)| *worker).collect();
        draining.into_iter().for_each(|worker| self.consider_empty(worker));
    }

    /// Tells a draining worker to leave once nothing needs it.
    pub(super) fn consider_empty(&mut self, worker: WorkerId) {
        if self.keeps(worker).is_some() {
            return;
        }
        let Some(there) = self.workers.get_mut(&worker) else { return };
        if !matches!(there.leaving, Leaving::Draining { .. }) {
            return;
        }
        there.leaving = Leaving::Told;
        let process = there.process;
        if let Some(session) = self.resize.session() {
            let order = ProviderOrder::Release { worker, process };
            self.out.push_back(Output::Provider { session, order });
        }
        self.tell(worker, Tell::Leave { forget: true });
    }

    /// What keeps a draining worker from leaving.
    fn keeps(&self, worker: WorkerId) -> Option<String> {
        let there = self.workers.get(&worker)?;
        let Leaving::Draining { since } = there.leaving else { return Some("is not draining".to_owned()) };
        if let Some(attempt) = there.running.first() {
            return Some(format!("{} tasks that run there ({attempt} is one)", there.running.len()));
        }
        if !there.is_core() {
            return None;
        }
        match there.stored {
            None => return Some("the namespace's word on what it stores".to_owned()),
            Some(stored) if !stored.draining => {
                return Some("the namespace to begin moving its blocks".to_owned());
            }
            Some(stored) if stored.bytes_to_move > 0 => {
                return Some(format!("{} bytes of blocks to be copied elsewhere", stored.bytes_to_move));
            }
            Some(stored) if stored.open_files > 0 => {
                return Some(format!("{} files that are being written there", stored.open_files));
            }
            // Copies of its blocks may lie on fewer workers than they should while others are away.
            Some(stored) if stored.blocks > 0 && self.missing_cores() > 0 => {
                return Some(format!("{} core workers that are to stay and are away", self.missing_cores()));
            }
            Some(stored) if stored.blocks > 0 && self.now < since.after(DRAIN_SURE_AFTER) => {
                return Some("a sign of life of those that hold the copies of its blocks".to_owned());
            }
            Some(_) => {}
        }
        match self.needed_shuffle_bytes(worker) {
            0 => None,
            bytes => Some(format!("jobs that may read {bytes} bytes of shuffle output there")),
        }
    }

    /// Core workers that should stay by the target and are not there, or were not heard of for a while.
    fn missing_cores(&self) -> usize {
        let target = self.ledger.targets.core.unwrap_or(0) as usize;
        let suspect = |core: &&WorkerId| self.workers.get(core).is_some_and(|there| there.suspect);
        target.saturating_sub(self.cores.len()) + self.cores.iter().filter(suspect).count()
    }

    /// What each draining worker still waits for.
    pub(super) fn drain_waits(&self) -> Vec<Wait> {
        let waiting = self.workers.iter().filter_map(|(worker, there)| {
            let (since, what_for) = match there.leaving {
                Leaving::Stays => return None,
                Leaving::Draining { since } => (since, self.keeps(*worker)?),
                Leaving::Stopping { since, .. } => (since, "its process to end".to_owned()),
                Leaving::Told => (there.joined, "its process to end".to_owned()),
            };
            let who = format!("{worker} ({} worker on {})", name(there.role), there.location.host);
            Some(Wait { who, what_for, since_ms: since.0 })
        });
        waiting.collect()
    }

    /// Which workers to drain: those that do least, the newest of equals.
    pub(super) fn choose_drained(&self, role: Role, count: usize) -> Vec<WorkerId> {
        let staying = self.workers.iter().filter(|(_, there)| there.role == role && there.stays());
        let mut ranked: Vec<(usize, std::cmp::Reverse<(super::Tick, WorkerId)>)> = staying
            .map(|(worker, there)| (self.current_attempts(there), std::cmp::Reverse((there.joined, *worker))))
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().take(count).map(|(_, std::cmp::Reverse((_, worker)))| worker).collect()
    }

    fn current_attempts(&self, there: &Worker) -> usize {
        let current = |attempt: &&AttemptId| self.is_of_now(**attempt);
        there.running.iter().filter(current).count()
    }
}
