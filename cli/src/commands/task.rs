//! `skep task`: the task process for plans that `skep` itself builds (streaming commands). Workers start it.

use skep_jobs::{streaming::StreamingJob, task, task_program::TaskProgram};
use std::{process::ExitCode, sync::Arc};

pub fn run() -> ExitCode {
    if !task::is_task_process() {
        eprintln!("error: `skep task` is started by workers; to run a job use `skep submit`");
        return ExitCode::from(skep_jobs::submit::report::EXIT_USAGE);
    }
    task::run(&|arguments| {
        let program: Arc<dyn TaskProgram> = Arc::new(StreamingJob::program(arguments)?);
        Ok(program)
    })
}
