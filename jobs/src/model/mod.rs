//! Job, stage, task, attempt, outcome: the words that client, master, worker and task process share.

pub mod ids;
pub mod outcome;
pub mod spec;
pub mod view;

pub use ids::{AttemptId, AttemptNumber, JobId, PartId, Round, StageId};
pub use outcome::{Counters, Done, FaultKind, Outcome, Segment};
pub use spec::{
    BINARIES_DIRECTORY, Determinism, Executable, FinishSpec, JobConf, JobSpec, Program, RESULTS_DIRECTORY,
    ShippedFile, StageInput, StageOutput, StageSpec, TaskSpec,
};
pub use view::{JobState, JobSummary, JobView, StageState, StageView, TaskView};
