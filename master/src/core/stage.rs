//! A stage in the live core: its flow, its tasks, and those of them that are ready.
//!
//! ```text
//!            all inputs done, and somebody needs it        all tasks done
//!   Waiting ───────────────────────────────────────► Open ───────────────► Done
//!      ▲              an output of an input was lost  │                      │
//!      └──────────────────────────────────────────────┘◄─────────────────────┘ an output of it was lost
//! ```

use super::{
    event::Tick,
    ready::Ready,
    task::{Pace, Task, TaskState},
};
use skep_hdfs::WorkerId;
use skep_jobs::model::{JobSpec, PartId, StageId, StageInput, StageOutput};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Waiting,
    Open,
    Done,
}

#[derive(Debug)]
pub struct Stage {
    pub flow: Flow,
    /// When the flow changed last.
    pub since: Tick,
    pub tasks: Vec<Task>,
    pub ready: Ready,
    /// Tasks in a pause.
    pub delayed: u32,
    /// Attempts of the current round that workers have.
    pub running: u32,
    /// When a worker without its data was refused first: what the locality budget counts from. Never reset.
    pub refused: Option<Tick>,
    pub pace: Pace,
}

impl Stage {
    pub fn new(tasks: usize, now: Tick) -> Stage {
        Stage {
            flow: Flow::Waiting,
            since: now,
            tasks: vec![Task::default(); tasks],
            ready: Ready::default(),
            delayed: 0,
            running: 0,
            refused: None,
            pace: Pace::default(),
        }
    }

    pub fn task(&mut self, part: PartId) -> Option<&mut Task> {
        self.tasks.get_mut(part.0 as usize)
    }

    pub fn state(&self, part: PartId) -> Option<TaskState> {
        self.tasks.get(part.0 as usize).map(|task| task.state)
    }

    pub fn set_flow(&mut self, flow: Flow, now: Tick) {
        if self.flow != flow {
            self.flow = flow;
            self.since = now;
        }
    }

    /// The one place where a task's state changes, so that the index and the counts follow it.
    pub fn set(
        &mut self,
        part: PartId,
        state: TaskState,
        preferred: &[WorkerId],
        present: impl Fn(WorkerId) -> bool,
    ) {
        let Some(task) = self.tasks.get_mut(part.0 as usize) else { return };
        match task.state {
            TaskState::Ready => self.ready.remove(part, preferred),
            TaskState::Delayed { .. } => self.delayed -= 1,
            TaskState::Idle | TaskState::Running | TaskState::Done => {}
        }
        task.state = state;
        match state {
            TaskState::Ready => self.ready.insert(part, preferred, present),
            TaskState::Delayed { .. } => self.delayed += 1,
            TaskState::Idle | TaskState::Running | TaskState::Done => {}
        }
    }
}

/// Where the task's input is; the commit and abort tasks have none.
pub fn preferred(spec: &JobSpec, stage: StageId, part: PartId) -> &[WorkerId] {
    spec.stages
        .get(stage.0 as usize)
        .and_then(|stage| stage.tasks.get(part.0 as usize))
        .map_or(&[], |task| task.preferred.as_slice())
}

/// Partitions of the stage's shuffle output; 0: it has none.
pub fn partitions(spec: &JobSpec, stage: StageId) -> u32 {
    match spec.stages.get(stage.0 as usize).map(|stage| stage.output) {
        Some(StageOutput::Shuffle { partitions }) => partitions,
        Some(StageOutput::Result | StageOutput::Sink) | None => 0,
    }
}

pub fn producer(input: &StageInput) -> StageId {
    match *input {
        StageInput::Shuffle(stage) | StageInput::Broadcast(stage) | StageInput::Replicated(stage) => stage,
    }
}

/// `stage 1 (reduce)`.
pub fn stage_name(spec: &JobSpec, stage: StageId) -> String {
    match spec.stages.get(stage.0 as usize) {
        Some(named) => format!("stage {stage} ({})", named.name),
        None => format!("the {stage} task"),
    }
}
