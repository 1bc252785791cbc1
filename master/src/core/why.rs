//! What waits, for what, since when.

use super::{
    Core,
    job::Job,
    ledger::Phase,
    place::{Refusal, grant_bytes},
    stage::{Flow, producer, stage_name},
};
use skep_jobs::{
    model::{JobId, StageId},
    protocol::client::Wait,
};

impl Core {
    /// `None`: there is no such job. Empty: it waits for nothing (or is over).
    pub fn why(&self, id: JobId) -> Option<Vec<Wait>> {
        let Some(job) = self.jobs.get(&id) else { return self.ledger.history.get(id).map(|_| Vec::new()) };
        let phase = self.ledger.jobs.get(&id)?.phase;
        let mut waits = Vec::new();
        match phase {
            Phase::Running => {
                for index in 0..job.stages.len() {
                    waits.extend(self.stage_wait(id, job, StageId(index as u32)));
                }
            }
            Phase::Committing => waits.extend(self.finish_wait(id, job, StageId::COMMIT, "commit")),
            Phase::Aborting(_) => waits.extend(self.finish_wait(id, job, StageId::ABORT, "clean-up")),
        }
        Some(waits)
    }

    fn finish_wait(&self, id: JobId, job: &Job, stage: StageId, what: &str) -> Option<Wait> {
        let who = id.to_string();
        if let Some(attempt) = job.running.keys().find(|attempt| attempt.stage == stage) {
            let what_for = format!("its {what} ({attempt}) to end");
            return Some(Wait { who, what_for, since_ms: job.finish.since.0 });
        }
        if !job.finish.ready.is_empty() {
            return self.placement_wait(id, job, stage);
        }
        let what_for = format!("{} attempts to stop", job.running.len());
        Some(Wait { who, what_for, since_ms: job.finish.since.0 })
    }

    fn stage_wait(&self, id: JobId, job: &Job, stage: StageId) -> Option<Wait> {
        let entry = job.stage(stage)?;
        match entry.flow {
            Flow::Done => None,
            Flow::Waiting => self.input_wait(id, job, stage),
            Flow::Open if !entry.ready.is_empty() => self.placement_wait(id, job, stage),
            Flow::Open if entry.delayed > 0 => {
                let what_for = format!("a pause of {} tasks to end after a failed fetch", entry.delayed);
                Some(Wait { who: stage_name(&job.spec, stage), what_for, since_ms: entry.since.0 })
            }
            Flow::Open => {
                let what_for = format!("{} running tasks to end", entry.running);
                Some(Wait { who: stage_name(&job.spec, stage), what_for, since_ms: entry.since.0 })
            }
        }
    }

    fn input_wait(&self, id: JobId, job: &Job, stage: StageId) -> Option<Wait> {
        let ledger = self.ledger.jobs.get(&id)?;
        let inputs = &job.spec.stages.get(stage.0 as usize)?.inputs;
        let unfinished = inputs.iter().map(producer).find_map(|input| {
            let stage = ledger.stage(input).filter(|stage| !stage.is_complete())?;
            Some(format!(
                "{}: {} of {} tasks are done",
                stage_name(&job.spec, input),
                stage.done,
                stage.tasks.len()
            ))
        });
        let since_ms = job.stage(stage)?.since.0;
        Some(Wait { who: stage_name(&job.spec, stage), what_for: unfinished?, since_ms })
    }

    /// Why the ready tasks of a stage are not placed: what the workers that come nearest to taking one lack.
    fn placement_wait(&self, id: JobId, job: &Job, stage: StageId) -> Option<Wait> {
        let entry = job.stage(stage)?;
        let mut refusals: Vec<Refusal> = Vec::new();
        let mut away = 0;
        for (worker, there) in &self.workers {
            if there.takes_tasks(self.now) {
                refusals.extend(self.fits(id, stage, *worker).err());
            } else {
                away += 1;
            }
        }
        let ready = entry.ready.len();
        let what_for = match self.hold {
            Some(_) => {
                format!("workers that were there before the restart of the master ({})", self.awaited.len())
            }
            None => format!("{} for {ready} ready tasks", self.lacking(job, &refusals, away)),
        };
        let since_ms = entry.refused.unwrap_or(entry.since).0;
        Some(Wait { who: stage_name(&job.spec, stage), what_for, since_ms })
    }

    fn lacking(&self, job: &Job, refusals: &[Refusal], away: usize) -> String {
        let count = |wanted: fn(&Refusal) -> bool| refusals.iter().filter(|refusal| wanted(refusal)).count();
        let slots = count(|refusal| *refusal == Refusal::Slots);
        let memory = count(|refusal| *refusal == Refusal::Memory);
        let excluded = count(|refusal| matches!(refusal, Refusal::Excluded { .. }));
        if let Some(worker) = refusals.iter().find_map(|refusal| match refusal {
            Refusal::HolderAway(worker) => Some(worker),
            _ => None,
        }) {
            return format!("{worker}, which holds input and has not come back after the restart");
        }
        if count(|refusal| matches!(refusal, Refusal::Locality { .. })) > 0 {
            return "a slot on a worker that has the data (other slots are free)".to_owned();
        }
        if count(|refusal| *refusal == Refusal::NoDelivery) > 0 {
            return "a core worker that can take shuffle output".to_owned();
        }
        if slots > 0 {
            return format!("a free slot (all slots of {slots} workers are taken)");
        }
        if memory > 0 {
            return self.memory_lack(job);
        }
        if excluded > 0 {
            return format!(
                "the exclusion of {excluded} workers to end after faults of the job's tasks there"
            );
        }
        match away {
            0 => "a worker (none is registered)".to_owned(),
            away => {
                format!("a worker that takes tasks ({away} are suspect, draining, or excluded after faults)")
            }
        }
    }

    fn memory_lack(&self, job: &Job) -> String {
        let largest = self.workers.values().max_by_key(|there| there.memory_bytes);
        let grant = largest.map_or(0, |there| grant_bytes(&job.spec, there));
        let most = largest.map_or(0, |there| there.memory_bytes);
        if grant > most {
            format!("a worker with {} MiB for one task (the largest has {} MiB)", grant >> 20, most >> 20)
        } else {
            format!("{} MiB of free memory on a worker", grant >> 20)
        }
    }
}
