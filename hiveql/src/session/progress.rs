//! How far a statement's job is, for whoever waits for its rows.

use serde::{Deserialize, Serialize};
use skep_jobs::{
    model::{JobView, StageState},
    submit::watch::Watching,
};
use std::fmt;
use tokio::sync::watch;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Empty before the first one began.
    pub job: String,
    pub stages: usize,
    pub stages_done: usize,
    pub tasks: u64,
    pub tasks_done: u64,
    pub tasks_running: u64,
}

impl Progress {
    fn of(view: &JobView) -> Progress {
        let summary = &view.summary;
        Progress {
            job: summary.id.to_string(),
            stages: view.stages.len(),
            stages_done: view.stages.iter().filter(|stage| stage.state == StageState::Done).count(),
            tasks: summary.tasks,
            tasks_done: summary.tasks_done,
            tasks_running: summary.tasks_running,
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Progress { job, stages, stages_done, tasks, tasks_done, tasks_running } = self;
        write!(
            out,
            "{job}: {stages_done} of {stages} stages, {tasks_done} of {tasks} tasks done, {tasks_running} running"
        )
    }
}

/// Tells what it sees of a job.
pub(super) struct Told<'a>(pub &'a watch::Sender<Progress>);

impl Watching for Told<'_> {
    fn show(&mut self, view: &JobView) {
        let now = Progress::of(view);
        self.0.send_if_modified(|known| {
            let is_new = *known != now;
            if is_new {
                *known = now;
            }
            is_new
        });
    }
}
