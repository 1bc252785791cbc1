//! Finished jobs: bounded in number and in the bytes of their results, oldest out first.

use super::{
    event::Tick,
    ledger::JobLedger,
    record::{Blame, Ending},
    view,
};
use crate::limits::{HISTORY_JOBS_MAX, HISTORY_RESULT_BYTES_MAX};
use serde::{Deserialize, Serialize};
use skep_jobs::model::{JobId, JobView, TaskView};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub jobs: BTreeMap<JobId, FinishedJob>,
    result_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinishedJob {
    pub token: u64,
    pub view: Arc<JobView>,
    /// The last finished tasks, and failed attempts.
    pub tasks: Vec<TaskView>,
}

impl History {
    /// Adds a job and returns the tokens of those that are forgotten for it.
    pub(super) fn add(
        &mut self,
        job: JobId,
        entry: &JobLedger,
        ending: Ending,
        at: Tick,
        blame: Blame,
        failures: &[TaskView],
    ) -> Vec<u64> {
        let view = view::finished_view(job, entry, ending, at, blame);
        self.result_bytes += result_bytes(&view);
        let mut tasks = view::last_finished(entry);
        tasks.extend_from_slice(failures);
        self.jobs.insert(job, FinishedJob { token: entry.spec.token, view: Arc::new(view), tasks });
        self.shrink_results(job);
        let mut forgotten = Vec::new();
        while self.jobs.len() > HISTORY_JOBS_MAX {
            let Some((_, oldest)) = self.jobs.pop_first() else { break };
            self.result_bytes -= result_bytes(&oldest.view);
            forgotten.push(oldest.token);
        }
        forgotten
    }

    /// The results of the job that was just added always stay.
    fn shrink_results(&mut self, keep: JobId) {
        if self.result_bytes <= HISTORY_RESULT_BYTES_MAX as u64 {
            return;
        }
        for (id, old) in &mut self.jobs {
            if self.result_bytes <= HISTORY_RESULT_BYTES_MAX as u64 {
                break;
            }
            if *id != keep && !old.view.results.is_empty() {
                self.result_bytes -= result_bytes(&old.view);
                Arc::make_mut(&mut old.view).results.clear();
            }
        }
    }

    pub fn get(&self, job: JobId) -> Option<&FinishedJob> {
        self.jobs.get(&job)
    }
}

fn result_bytes(view: &JobView) -> u64 {
    view.results.iter().map(|result| result.len() as u64).sum()
}
