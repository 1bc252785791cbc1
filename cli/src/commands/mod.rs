//! What each command means: the options as typed become the calls of the rooms that do the work.

pub mod demo;
pub mod down;
pub mod fs;
pub mod hive;
pub mod jobs;
pub mod master;
pub mod resize;
pub mod sql;
pub mod status;
pub mod submit;
pub mod task;
pub mod up;
pub mod worker;

use crate::{args::GlobalArgs, find_cluster};
use skep_jobs::submit::{JobsClient, Session, SubmitError};
use std::{error::Error, future::Future, io, process::ExitCode};

/// Any command's failure, told with its causes by `report`.
pub type Failure = Box<dyn Error>;
pub type Outcome = Result<ExitCode, Failure>;

/// Clients wait more than they work: one thread starts fastest.
pub fn on_one_thread<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SubmitError::Runtime)?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Daemons: connections and tasks share a few threads; heavy work has threads of its own.
pub fn on_some_threads<T>(threads: usize, work: impl Future<Output = T>) -> io::Result<T> {
    on(tokio::runtime::Builder::new_multi_thread().worker_threads(threads), work)
}

/// The same with stacks for code that follows what a user nests, `work` included.
pub fn on_some_deep_threads<W: Future>(
    threads: usize,
    stack_bytes: usize,
    work: impl FnOnce() -> W + Send,
) -> io::Result<W::Output>
where
    W::Output: Send,
{
    std::thread::scope(|scope| {
        let deep = std::thread::Builder::new().stack_size(stack_bytes).spawn_scoped(scope, || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            on(builder.worker_threads(threads).thread_stack_size(stack_bytes), work())
        })?;
        deep.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn on<T>(builder: &mut tokio::runtime::Builder, work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = builder.enable_all().build()?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(result)
}

/// The clients of the cluster that the user means.
pub fn session(global: &GlobalArgs) -> Result<Session, Failure> {
    Ok(Session::open(find_cluster::submit_environment(global)?)?)
}

pub fn jobs_client(global: &GlobalArgs) -> Result<JobsClient, Failure> {
    Ok(session(global)?.jobs)
}
