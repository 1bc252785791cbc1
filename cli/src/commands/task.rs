//! `skep task`: the task process for plans that `skep` itself builds (streaming commands, queries). Workers start it.

use skep_hiveql::{executor::QueryProgram, stages::fragments};
use skep_jobs::{streaming::StreamingJob, task};
use std::process::ExitCode;

pub fn run() -> ExitCode {
    if !task::is_task_process() {
        eprintln!("error: `skep task` is started by workers; to run a job use `skep submit`");
        return ExitCode::from(skep_jobs::submit::report::EXIT_USAGE);
    }
    task::run(&|arguments| match arguments.first() {
        Some(name) if name == fragments::PROGRAM => QueryProgram::build(arguments),
        _ => StreamingJob::build(arguments),
    })
}
