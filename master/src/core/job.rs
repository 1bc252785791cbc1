//! A job in the live core: what a restart rebuilds from the ledger and from what workers report.

use super::{
    event::Tick,
    exclude::Exclusion,
    record::Blame,
    stage::{self, Stage},
    task::Running,
};
use crate::limits::{FAILURES_KEPT_MAX, RECENT_ATTEMPTS_MAX};
use skep_hdfs::WorkerId;
use skep_jobs::model::{AttemptId, JobSpec, StageId, TaskView};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

#[derive(Debug)]
pub struct Job {
    pub spec: Arc<JobSpec>,
    pub stages: Vec<Stage>,
    /// The commit task, and after a failure the abort task, as a stage of one.
    pub finish: Stage,
    /// Stages that read each stage's output.
    pub consumers: Vec<Vec<StageId>>,
    pub running: BTreeMap<AttemptId, Running>,
    /// Stages with ready tasks.
    pub open: BTreeSet<StageId>,
    /// Its key in the order of fair shares, while it has ready tasks.
    pub rank: Option<u64>,
    pub version: u64,
    pub blame: Blame,
    /// The latest attempts that ended, however they did.
    pub recent: VecDeque<TaskView>,
    pub failures: Vec<TaskView>,
    pub excluded: BTreeMap<WorkerId, Exclusion>,
    pub faults: Faults,
    pub cleanup: Option<Cleanup>,
    /// Whether a commit attempt may have been sent: from then on the job cannot be killed.
    pub commit_launched: bool,
}

/// Worker faults since a task of the job finished.
#[derive(Debug)]
pub struct Faults {
    pub count: u32,
    pub since: Tick,
}

/// The end of a failed or killed job.
///
/// ```text
///   Ending (its attempts are told to stop) ─► Cleaning (the abort task) ─► over
///      └────────────────────────────────────────┴─► over: nothing to clean, tries or time used up
/// ```
#[derive(Debug)]
pub struct Cleanup {
    pub since: Tick,
    pub cleaning: bool,
    pub tries: u32,
    /// Since when there is no worker to run it.
    pub without_workers: Option<Tick>,
}

impl Job {
    pub fn new(spec: Arc<JobSpec>, now: Tick) -> Job {
        let mut consumers = vec![Vec::new(); spec.stages.len()];
        for (index, consumer) in spec.stages.iter().enumerate() {
            for input in &consumer.inputs {
                let readers: &mut Vec<StageId> = &mut consumers[stage::producer(input).0 as usize];
                if readers.last() != Some(&StageId(index as u32)) {
                    readers.push(StageId(index as u32));
                }
            }
        }
        Job {
            stages: spec.stages.iter().map(|stage| Stage::new(stage.tasks.len(), now)).collect(),
            finish: Stage::new(1, now),
            consumers,
            running: BTreeMap::new(),
            open: BTreeSet::new(),
            rank: None,
            version: 0,
            blame: Blame::default(),
            recent: VecDeque::new(),
            failures: Vec::new(),
            excluded: BTreeMap::new(),
            faults: Faults { count: 0, since: now },
            cleanup: None,
            commit_launched: false,
            spec,
        }
    }

    pub fn stage(&self, stage: StageId) -> Option<&Stage> {
        match stage {
            StageId::COMMIT | StageId::ABORT => Some(&self.finish),
            StageId(index) => self.stages.get(index as usize),
        }
    }

    pub fn stage_mut(&mut self, stage: StageId) -> Option<&mut Stage> {
        match stage {
            StageId::COMMIT | StageId::ABORT => Some(&mut self.finish),
            StageId(index) => self.stages.get_mut(index as usize),
        }
    }

    /// Attempts of one task in one round that workers have.
    pub fn attempts_of(&self, of: AttemptId) -> impl Iterator<Item = (&AttemptId, &Running)> {
        use skep_jobs::model::AttemptNumber;
        let first = AttemptId { attempt: AttemptNumber(0), ..of };
        let last = AttemptId { attempt: AttemptNumber(u32::MAX), ..of };
        self.running.range(first..=last)
    }

    /// Share of the slots it has, relative to its weight: the least gets the next slot.
    pub fn share(&self) -> u64 {
        ((self.running.len() as u64) << 20) / u64::from(self.spec.conf.weight.max(1))
    }

    pub fn remember(&mut self, view: TaskView, failed: bool) {
        if failed && self.failures.len() < FAILURES_KEPT_MAX {
            self.failures.push(view.clone());
        }
        if self.recent.len() == RECENT_ATTEMPTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(view);
    }
}
