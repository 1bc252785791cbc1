//! Jobs come, are killed, and come back after a restart of the master.

use super::{
    Core, OutputKey,
    event::{Output, Ticket},
    job::Job,
    ledger::Phase,
    record::{Ending, Record},
    spec,
    task::TaskState,
};
use crate::limits::JOBS_ACTIVE_MAX;
use skep_hdfs::WorkerId;
use skep_jobs::{
    model::{JobId, JobSpec, PartId, StageId},
    protocol::client::JobError,
};
use std::sync::Arc;

impl Core {
    pub(super) fn on_submit(&mut self, ticket: Ticket, spec: JobSpec) {
        let answer = self.submit(spec);
        self.out.push_back(Output::Submitted { ticket, answer: answer.clone() });
        if let Ok(job) = answer {
            self.reconsider(job);
        }
    }

    fn submit(&mut self, spec: JobSpec) -> Result<JobId, JobError> {
        if let Some(job) = self.ledger.tokens.get(&spec.token) {
            return Ok(*job);
        }
        if let Some(fault) = spec::fault(&spec) {
            return Err(JobError::BadSpec(fault));
        }
        if self.jobs.len() >= JOBS_ACTIVE_MAX {
            let reason =
                format!("{JOBS_ACTIVE_MAX} jobs are waiting or running; submit again when some are done");
            return Err(JobError::Unavailable(reason));
        }
        let job = JobId(self.ledger.next_job.max(1));
        let spec = Arc::new(spec);
        self.record(Record::JobSubmitted { job, spec: spec.clone(), at: self.now });
        self.jobs.insert(job, Job::new(spec, self.now));
        self.changed(job, true);
        Ok(job)
    }

    pub(super) fn on_kill(&mut self, ticket: Ticket, job: JobId, user: &str) {
        let answer = self.kill_job(job, user);
        self.out.push_back(Output::Answered { ticket, answer });
    }

    fn kill_job(&mut self, id: JobId, user: &str) -> Result<(), JobError> {
        if let Some(finished) = self.ledger.history.get(id) {
            let state = format!("{:?}", finished.view.summary.state).to_lowercase();
            return Err(JobError::AlreadyOver { job: id, state });
        }
        let (Some(ledger), Some(job)) = (self.ledger.jobs.get(&id), self.jobs.get(&id)) else {
            return Err(JobError::NoSuchJob(id));
        };
        if ledger.phase == Phase::Committing && job.commit_launched {
            let state = "committing: its output may already be visible".to_owned();
            return Err(JobError::AlreadyOver { job: id, state });
        }
        self.abort_job(id, Ending::Killed, format!("killed by {user}"));
        Ok(())
    }

    /// A job of the ledger begins to live again.
    pub(super) fn revive(&mut self, id: JobId) {
        let Some(ledger) = self.ledger.jobs.get(&id) else { return };
        let phase = ledger.phase;
        let error = ledger.error.clone().unwrap_or_default();
        let mut job = Job::new(ledger.spec.clone(), self.now);
        let mut held: Vec<(WorkerId, OutputKey)> = Vec::new();
        for (index, stage) in ledger.stages.iter().enumerate() {
            for (part, finished) in stage.tasks.iter().enumerate() {
                let Some(finished) = finished else { continue };
                job.stages[index].tasks[part].state = TaskState::Done;
                if let Some(holder) = finished.done.holder.filter(|holder| self.awaited.contains(holder)) {
                    held.push((holder, (id, StageId(index as u32), PartId(part as u32))));
                }
            }
        }
        self.jobs.insert(id, job);
        for (holder, key) in held {
            self.holdings.entry(holder).or_default().insert(key);
        }
        match phase {
            Phase::Running => {
                // The journal may end between the loss of a worker and that of its outputs.
                let stages = 0..self.jobs.get(&id).map_or(0, |job| job.stages.len() as u32);
                let lost = stages.flat_map(|stage| self.missing(id, StageId(stage))).collect();
                self.lose(&lost);
                self.reconsider(id);
            }
            Phase::Committing => {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.commit_launched = true;
                }
                self.open_finish(id, StageId::COMMIT);
            }
            Phase::Aborting(_) => self.begin_cleanup(id, &error),
        }
        self.changed(id, true);
    }
}
