//! The executor inside a task process: way 2 ("run a job") on a worker's machine. A job binary that a worker started, or
//! `skep task`, calls [`run`]; from then on it takes attempts from its worker over a Unix socket, runs each on a thread
//! with the job's [`TaskProgram`](crate::task_program::TaskProgram), and says how each ended.
//!
//! * [`environment`](self): what the worker put into the environment.
//! * `link`: the connection to the worker: orders in, outcomes and progress out.
//! * `pool`: attempts that run and threads that run them.
//! * `attempt`: one attempt with everything that it may use.
//! * `orphans`: the end of the process, and of what its attempts started, when the worker is gone.
//! * `panics`: which attempt a panic belongs to, and where it happened.
//! * `cluster_shuffle`: shuffle output to where it is kept, shuffle input from there.
//!
//! It must not know what a plan looks like, nor decide anything about the job. When the worker is gone the process has
//! nobody to work for: it ends itself with all that its attempts started.

mod attempt;
mod cluster_shuffle;
mod environment;
mod limits;
mod link;
mod orphans;
mod panics;
mod pool;
#[cfg(test)]
mod tests;
mod unsafe_environment;

use crate::{model::JobId, task_program::BuildProgram};
use environment::TaskEnvironment;
use link::{Ending, Session};
use skep_wire::{CallError, Credential, DialError};
use std::{io, path::PathBuf, process::ExitCode, sync::Arc};

pub use environment::is_task_process;

/// Why a task process cannot work.
#[derive(Debug, thiserror::Error)]
pub enum TaskProcessError {
    #[error("{variable} is {problem}; only a Skep worker starts task processes")]
    Environment { variable: &'static str, problem: &'static str },
    #[error("cannot start the I/O threads: {0}; raise the limit on processes (ulimit -u)")]
    Runtime(io::Error),
    #[error("cannot reach the worker at {socket}: {source}")]
    Worker { socket: PathBuf, source: DialError },
    #[error("the worker did not welcome this process of {job}: {source}")]
    NotWelcome { job: JobId, source: CallError },
    #[error("the worker answered out of turn: use the same release of Skep for the job and the cluster")]
    Protocol,
}

/// Runs tasks until the worker says that there are no more. Call it first in `main`, when [`is_task_process`] says so.
/// Exits with 0 when it was told to end. When the worker dies it does not return: the process ends itself.
pub fn run(build: BuildProgram<'_>) -> ExitCode {
    match run_until_told(build) {
        Ok(Ending::Told) => ExitCode::SUCCESS,
        Ok(Ending::WorkerGone) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("task process: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_until_told(build: BuildProgram<'_>) -> Result<Ending, TaskProcessError> {
    let environment = TaskEnvironment::take()?;
    panics::install_hook();
    // For sockets and timers; attempts have threads of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(limits::IO_THREADS)
        .thread_name("skep-io")
        .enable_all()
        .build()
        .map_err(TaskProcessError::Runtime)?;
    let credential = Credential::Job { job: environment.job.to_string(), token: environment.token.clone() };
    let connection = runtime.block_on(link::connect(&environment, &credential))?;
    let job = environment.job;
    let worker_gone = Arc::new(move || orphans::end_with_everything(&environment));
    let ending = Session { runtime: &runtime, job, credential, worker_gone }.serve(connection, build);
    // Attempts that were told to end may still sit in user code: they do not hold up the exit.
    runtime.shutdown_background();
    ending
}
