//! Placement: which task a worker with a free slot gets.
//!
//! Workers are offered, least loaded first, to jobs in the order of their shares. A job takes the offer for a task whose
//! input is on that worker, or that has no preference; otherwise it holds out for the workers that have its data, for
//! as long as its locality budget lasts. The budget of a stage runs from its first refusal and is never reset, so that
//! success elsewhere cannot leave a cluster idle.
//!
//! Only workers that may have become able to take something are offered: those with a freed slot, or all of them when a
//! task became ready or a wait ended. So an event costs what it changed.

use super::{
    Core,
    event::Tick,
    ready::Found,
    stage::{self, Stage},
    timers::Alarm,
    worker::Worker,
};
use crate::limits::{PREFETCH_AHEAD, PREFETCH_PER_SLOT_MAX};
use skep_hdfs::WorkerId;
use skep_jobs::model::{JobId, JobSpec, PartId, StageId, StageInput};
use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub struct Offers {
    fresh: BTreeSet<WorkerId>,
    all: bool,
}

/// Why a job does not take an offer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The worker's slots are taken.
    Slots,
    /// Its free memory is less than the task's grant.
    Memory,
    /// The job keeps away from the worker after faults there.
    Excluded {
        until: Tick,
    },
    /// It holds out for workers with its data.
    Locality {
        until: Tick,
    },
    /// A worker that holds its input has not come back after the restart.
    HolderAway(WorkerId),
    /// There is no core worker that could take the shuffle output.
    NoDelivery,
    NothingReady,
}

impl Core {
    /// A slot of the worker may be free.
    pub(super) fn offer(&mut self, worker: WorkerId) {
        if !self.offers.all {
            self.offers.fresh.insert(worker);
        }
    }

    /// Any worker may be able to take something that it was refused before.
    pub(super) fn offer_all(&mut self) {
        self.offers.all = true;
        self.offers.fresh.clear();
    }

    /// Launches what can be launched.
    pub(super) fn place(&mut self) {
        if self.hold.is_some() {
            return;
        }
        let mut offers = self.take_offers();
        while !self.shares.is_empty()
            && let Some((_, worker)) = offers.pop_first()
        {
            if self.place_one(worker)
                && let Some(entry) = self.workers.get(&worker).filter(|entry| entry.takes_tasks(self.now))
            {
                offers.insert((entry.load(), worker));
            }
        }
    }

    fn take_offers(&mut self) -> BTreeSet<(u32, WorkerId)> {
        let offers = std::mem::take(&mut self.offers);
        if self.shares.is_empty() {
            return BTreeSet::new();
        }
        let able =
            |id: &WorkerId, worker: &Worker| worker.takes_tasks(self.now).then(|| (worker.load(), *id));
        if offers.all {
            return self.workers.iter().filter_map(|(id, worker)| able(id, worker)).collect();
        }
        let fresh = offers.fresh.iter();
        fresh.filter_map(|id| self.workers.get(id).and_then(|worker| able(id, worker))).collect()
    }

    /// Gives one task to the worker, if any job has one for it.
    fn place_one(&mut self, worker: WorkerId) -> bool {
        let mut last = None;
        while let Some((share, job)) = self.shares.next(last) {
            if let Some((stage, part)) = self.choose(job, worker) {
                self.launch(job, stage, part, worker);
                return true;
            }
            last = Some((share, job));
        }
        false
    }

    /// The task of a job for a worker. Starts the locality budget of stages that refuse it.
    fn choose(&mut self, job: JobId, worker: WorkerId) -> Option<(StageId, PartId)> {
        let stages = &self.jobs.get(&job)?.open;
        let mut refusing = Vec::new();
        let mut chosen = None;
        for &stage in stages {
            match self.fits(job, stage, worker) {
                Ok(part) => {
                    chosen = Some((stage, part));
                    break;
                }
                Err(Refusal::Locality { .. }) => refusing.push(stage),
                Err(_) => {}
            }
        }
        for stage in refusing {
            self.start_budget(job, stage);
        }
        chosen
    }

    fn start_budget(&mut self, id: JobId, stage: StageId) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let wait = job.spec.conf.locality_wait;
        if let Some(entry) = job.stage_mut(stage)
            && entry.refused.is_none()
        {
            entry.refused = Some(now);
            self.timers.set(now.after(wait), Alarm::Locality(id, stage));
        }
    }

    /// Whether a stage has a task for a worker now, and if not, why.
    pub(super) fn fits(&self, id: JobId, stage: StageId, worker: WorkerId) -> Result<PartId, Refusal> {
        let (Some(job), Some(there)) = (self.jobs.get(&id), self.workers.get(&worker)) else {
            return Err(Refusal::NothingReady);
        };
        let Some(entry) = job.stage(stage) else { return Err(Refusal::NothingReady) };
        if let Some(excluded) = job.excluded.get(&worker).filter(|excluded| excluded.holds(self.now)) {
            return Err(Refusal::Excluded { until: excluded.until() });
        }
        room(there, entry, &job.spec)?;
        self.deliverable(there, &job.spec, stage)?;
        self.inputs_present(id, &job.spec, stage)?;
        match entry.ready.find(worker) {
            Some(Found::Good(part)) => Ok(part),
            Some(Found::Far(part)) => {
                let until = entry.refused.unwrap_or(self.now).after(job.spec.conf.locality_wait);
                if until <= self.now { Ok(part) } else { Err(Refusal::Locality { until }) }
            }
            None => Err(Refusal::NothingReady),
        }
    }

    /// A task worker keeps nothing: its shuffle output needs a core worker.
    fn deliverable(&self, there: &Worker, spec: &JobSpec, stage: StageId) -> Result<(), Refusal> {
        let needs = !there.is_core() && stage::partitions(spec, stage) > 0;
        if needs && self.cores.is_empty() {
            return Err(Refusal::NoDelivery);
        }
        Ok(())
    }

    /// After a restart a holder may still be on its way back.
    fn inputs_present(&self, id: JobId, spec: &JobSpec, stage: StageId) -> Result<(), Refusal> {
        if self.awaited.is_empty() {
            return Ok(());
        }
        let Some(stage) = spec.stages.get(stage.0 as usize) else { return Ok(()) };
        let reads = |key: &super::OutputKey| {
            let inputs = [StageInput::Shuffle(key.1), StageInput::Replicated(key.1)];
            key.0 == id && inputs.iter().any(|input| stage.inputs.contains(input))
        };
        let away = self
            .awaited
            .iter()
            .find(|worker| self.holdings.get(worker).is_some_and(|held| held.iter().any(reads)));
        away.map_or(Ok(()), |worker| Err(Refusal::HolderAway(*worker)))
    }
}

/// Memory grant of the job's tasks on a worker.
pub fn grant_bytes(spec: &JobSpec, worker: &Worker) -> u64 {
    match spec.conf.task_memory_bytes {
        0 => worker.memory_bytes / u64::from(worker.slots.max(1)),
        given => given,
    }
}

/// A slot and memory for one more task, short tasks counted as able to wait there a moment.
fn room(worker: &Worker, stage: &Stage, spec: &JobSpec) -> Result<(), Refusal> {
    let queue = stage.pace.queue(worker.slots, PREFETCH_AHEAD, PREFETCH_PER_SLOT_MAX);
    if worker.running.len() as u32 >= worker.slots.saturating_add(queue) {
        return Err(Refusal::Slots);
    }
    let grant = grant_bytes(spec, worker);
    let memory = worker.memory_bytes.saturating_add(grant.saturating_mul(u64::from(queue)));
    if grant > worker.memory_bytes || worker.used_bytes.saturating_add(grant) > memory {
        return Err(Refusal::Memory);
    }
    Ok(())
}
