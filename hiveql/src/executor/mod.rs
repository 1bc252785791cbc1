//! What a task process runs of a query: one partition of one stage per attempt (way 3).
//!
//! ```text
//! arguments ─► Fragments ─► plan of the stage ─► partition of the task ─► shuffle output, or rows for the client
//!                                  ▲ files: object stores on the host's I/O runtime
//!                                  ▲ other stages: pieces that the host fetches
//! ```
//! * [`task`] is an attempt from launch to outcome; its operators run on a runtime of the attempt's own thread.
//! * [`inputs`] brings other stages' rows, [`handover`] hands on this one's, [`answer`] is for those of the last stage.
//! * [`alone`] is the plan without the partitions of other tasks.
//! * [`memory`] shares out the grant. [`io`] keeps reading and writing of files on the host's runtime.
//! * [`fault`] says how an attempt failed.
//!
//! It must not know who hosts it, nor where its inputs were made.

mod alone;
mod answer;
mod fault;
mod functions;
mod handover;
mod inputs;
mod io;
mod memory;
mod progress;
mod task;

pub use io::HostStores;

use crate::stages::fragments::{FragmentError, Fragments};
use skep_jobs::{
    model::Outcome,
    protocol::worker::Launch,
    task_program::{BuildError, TaskContext, TaskProgram},
};
use std::sync::Arc;

pub struct QueryProgram {
    fragments: Fragments,
}

impl QueryProgram {
    pub fn new(fragments: Fragments) -> QueryProgram {
        QueryProgram { fragments }
    }

    /// What `skep task` runs, from the arguments of the job's program.
    pub fn build(arguments: &[String]) -> Result<Arc<dyn TaskProgram>, BuildError> {
        let fragments = Fragments::from_arguments(arguments);
        let fragments = fragments.map_err(|error: FragmentError| BuildError::Arguments(error.to_string()))?;
        Ok(Arc::new(QueryProgram::new(fragments)))
    }
}

impl TaskProgram for QueryProgram {
    fn run(&self, launch: &Launch, context: &TaskContext) -> Outcome {
        match task::run(&self.fragments, launch, context) {
            Ok(done) => Outcome::Done(done),
            Err(fault) => fault.into_outcome(),
        }
    }
}
