//! The vocabulary of jobs, the SDK that job binaries link, and the client that submits and watches.
//!
//! * [`model`]: job, stage, task, attempt, outcome; what the master schedules without knowing what it means.
//! * [`protocol`]: messages between client, master, worker and task process.
//! * [`record`], [`plan`], [`mapreduce`], [`streaming`]: how a user writes a job.
//! * [`shuffle`]: partition, sort, spill, merge on the producer's side; fetch and merge on the consumer's.
//! * [`source`], [`sink`]: splits of text and binary input; output that is committed whole.
//! * [`task_program`]: the seam between a program and who hosts its tasks. `task`: the executor inside a task process.
//! * [`local`]: the same plan on threads of one process, the reference.
//! * [`submit`]: what a job binary does when a user starts it.
//!
//! It does not know who runs where.

pub mod conf;
pub mod limits;
pub mod local;
pub mod mapreduce;
pub mod model;
pub mod plan;
pub mod prelude;
pub mod protocol;
pub mod record;
mod run;
pub mod shuffle;
pub mod sink;
pub mod source;
pub mod streaming;
pub mod submit;
pub mod task;
pub mod task_program;

pub use model::{AttemptId, JobId, StageId};
pub use run::{draft, print_results, program, run};
