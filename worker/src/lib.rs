//! The node daemon: slots and memory grants, task processes, shuffle store, block server. It owns disks and files and
//! outlives its tasks.
//!
//! * [`core`] is the book-keeping: jobs, task processes, attempts, outcomes. A pure state machine.
//! * [`options`] says what the operator gave; `machine` what the computer has; `directory` what is on the disk.
//! * `process` starts, watches, measures and ends process trees, and keeps what they print.
//! * `program` brings job binaries and shipped files from the cluster's storage.
//! * `shuffle` keeps and serves what one stage made for the next.
//! * `daemon` is the shell around the core: connections to the master and to the task processes, and [`run`].
//!
//! It makes no decision about the cluster and never runs a user's code in its own process.

pub mod core;
mod daemon;
pub mod directory;
pub mod limits;
pub mod machine;
pub mod options;
pub mod process;
pub mod program;
pub mod shuffle;

mod error;

pub use daemon::run;
pub use error::WorkerError;
pub use options::WorkerOptions;
