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
//! Without the feature `sdk` there are [`model`] and [`protocol`] only: what the daemons know of jobs.
//!
//! It does not know who runs where.

#[cfg(feature = "sdk")]
pub mod conf;
pub mod limits;
#[cfg(feature = "sdk")]
pub mod local;
#[cfg(feature = "sdk")]
pub mod mapreduce;
pub mod model;
#[cfg(feature = "sdk")]
pub mod plan;
#[cfg(feature = "sdk")]
pub mod prelude;
pub mod protocol;
#[cfg(feature = "sdk")]
pub mod record;
#[cfg(feature = "sdk")]
mod run;
#[cfg(feature = "sdk")]
pub mod shuffle;
#[cfg(feature = "sdk")]
pub mod sink;
#[cfg(feature = "sdk")]
pub mod source;
#[cfg(feature = "sdk")]
pub mod streaming;
#[cfg(feature = "sdk")]
pub mod submit;
#[cfg(feature = "sdk")]
pub mod task;
#[cfg(feature = "sdk")]
pub mod task_program;

pub use model::{AttemptId, JobId, StageId};
#[cfg(feature = "sdk")]
pub use run::{draft, print_results, program, run};
