//! The whole of a plan on threads of this process, stage by stage: how people run and debug job binaries without a
//! cluster, and the reference in tests. It compiles the same job, runs the same tasks and commits in the same way; only the
//! scheduler is missing: nothing is tried twice.

mod report;
mod shuffle;

use crate::{
    limits::LOCAL_TASK_MEMORY,
    model::{
        AttemptId, AttemptNumber, Counters, Done, FinishSpec, JobConf, JobId, Outcome, PartId, Round,
        StageId, StageInput, StageOutput, StageSpec,
    },
    plan::{
        Collected,
        compile::Compiled,
        results::{self, ResultItem},
    },
    protocol::worker::{Launch, LaunchInput, Piece},
    record::{Malformed, Record},
    task_program::{AttemptLog, Cancel, TaskContext, TaskProgram, TaskProgress},
};
pub use report::Report;
use shuffle::LocalShuffle;
use skep_hdfs::{WorkerId, stores::Stores};
use std::{
    io::{self, Write},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

pub struct LocalOptions {
    pub threads: usize,
    /// Of one task; 0: a default.
    pub conf: JobConf,
    pub stores: Stores,
    /// For I/O.
    pub runtime: tokio::runtime::Handle,
}

/// How a run ended well.
#[derive(Debug, Default)]
pub struct LocalRun {
    pub results: Vec<ResultItem>,
    /// The same as the last stage's tasks handed them back, in task order.
    pub task_results: Vec<Vec<u8>>,
    pub counters: Counters,
    pub outputs: Vec<String>,
    pub spilled_bytes: u64,
}

impl LocalRun {
    /// The records of a [`Dataset::collect`](crate::plan::Dataset::collect).
    pub fn collected<T: Record>(&self, collected: &Collected<T>) -> Result<Vec<T>, Malformed> {
        collected.decode(&self.results)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("cannot make a scratch directory: {0}")]
    Scratch(#[source] io::Error),
    #[error("{task} of stage `{stage}` failed: {message}")]
    Task { stage: String, task: AttemptId, message: String },
    #[error("the output cannot be committed: {0}")]
    Commit(String),
}

/// Runs a compiled plan to its end.
pub fn run(
    program: &dyn TaskProgram,
    compiled: &Compiled,
    options: &LocalOptions,
    report: &mut Report,
) -> Result<LocalRun, LocalError> {
    let run = run_stages(program, &compiled.stages, compiled.finish.as_ref(), options, report)?;
    Ok(LocalRun { results: results::decode(&run.task_results), ..run })
}

/// Runs stages that somebody else than a plan has made, with the program that knows what they mean.
pub fn run_stages(
    program: &dyn TaskProgram,
    stages: &[StageSpec],
    finish: Option<&FinishSpec>,
    options: &LocalOptions,
    report: &mut Report,
) -> Result<LocalRun, LocalError> {
    let scratch = tempfile::Builder::new().prefix("skep-local-").tempdir().map_err(LocalError::Scratch)?;
    let mut runner = Runner {
        program,
        options,
        scratch: scratch.path(),
        conf: Arc::new(options.conf.clone()),
        shuffle: Arc::new(LocalShuffle::default()),
        finished: Vec::new(),
        run: LocalRun::default(),
    };
    let ran = runner.stages(stages, report);
    if let Some(finish) = finish {
        match &ran {
            Ok(()) => runner.finish(StageId::COMMIT, &finish.commit).map_err(LocalError::Commit)?,
            Err(_) => runner.abort(finish),
        }
        runner.run.outputs.clone_from(&finish.outputs);
    }
    ran.map(|()| runner.run)
}

struct Runner<'a> {
    program: &'a dyn TaskProgram,
    options: &'a LocalOptions,
    scratch: &'a Path,
    conf: Arc<JobConf>,
    shuffle: Arc<LocalShuffle>,
    /// Outcomes of the stages before, by task.
    finished: Vec<Vec<Done>>,
    run: LocalRun,
}

/// This process, so that two runs into one directory do not meet in its temporary part.
fn job() -> JobId {
    JobId(u64::from(std::process::id()))
}

fn attempt(stage: StageId, part: u32) -> AttemptId {
    AttemptId { job: job(), stage, round: Round(0), part: PartId(part), attempt: AttemptNumber(0) }
}

impl Runner<'_> {
    fn stages(&mut self, stages: &[StageSpec], report: &mut Report) -> Result<(), LocalError> {
        for (index, stage) in stages.iter().enumerate() {
            let id = StageId(index as u32);
            report.begin(stage);
            let done = self.stage(id, stage, report)?;
            for task in &done {
                for (name, value) in &task.counters {
                    *self.run.counters.entry(name.clone()).or_default() += value;
                }
                self.run.spilled_bytes += task.spilled_bytes;
            }
            self.finished.push(done);
        }
        report.end();
        let is_result = stages.last().is_some_and(|stage| stage.output == StageOutput::Result);
        if let Some(last) = self.finished.last().filter(|_| is_result) {
            self.run.task_results = last.iter().map(|done| done.result.clone()).collect();
        }
        Ok(())
    }

    /// Tasks are taken from a common counter by as many threads as there may be.
    fn stage(&self, id: StageId, stage: &StageSpec, report: &Report) -> Result<Vec<Done>, LocalError> {
        let count = stage.tasks.len();
        let next = AtomicUsize::new(0);
        let cancel = Cancel::default();
        let ended: Mutex<Vec<Option<Done>>> = Mutex::new(vec![None; count]);
        let failed: Mutex<Option<LocalError>> = Mutex::new(None);
        std::thread::scope(|threads| {
            for _ in 0..self.options.threads.clamp(1, count.max(1)) {
                threads.spawn(|| {
                    while !cancel.is_raised() {
                        let part = next.fetch_add(1, Ordering::Relaxed);
                        if part >= count {
                            break;
                        }
                        match self.task(id, stage, part as u32, &cancel) {
                            Ok(done) => {
                                ended.lock().unwrap_or_else(PoisonError::into_inner)[part] = Some(done);
                                report.task_done();
                            }
                            Err(message) => {
                                cancel.raise();
                                let error = LocalError::Task {
                                    stage: stage.name.clone(),
                                    task: attempt(id, part as u32),
                                    message,
                                };
                                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                            }
                        }
                    }
                });
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => {
                Ok(ended.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect())
            }
        }
    }

    fn task(&self, id: StageId, stage: &StageSpec, part: u32, cancel: &Cancel) -> Result<Done, String> {
        let launch = Launch {
            attempt: attempt(id, part),
            payload: stage.tasks[part as usize].payload.clone(),
            memory_bytes: 0,
            inputs: stage.inputs.iter().map(|input| self.input(*input, part)).collect(),
            partitions: match stage.output {
                StageOutput::Shuffle { partitions } => partitions,
                StageOutput::Result | StageOutput::Sink => 0,
            },
            deliver_to: Vec::new(),
        };
        self.execute(&launch, cancel)
    }

    fn input(&self, input: StageInput, part: u32) -> LaunchInput {
        match input {
            StageInput::Broadcast(StageId(from)) => {
                let results = self.finished[from as usize].iter().map(|done| done.result.clone());
                LaunchInput::Broadcast(results.collect())
            }
            StageInput::Shuffle(from) | StageInput::Replicated(from) => {
                let partition = if let StageInput::Shuffle(_) = input { part as usize } else { 0 };
                let producers = self.finished[from.0 as usize].iter().zip(0..);
                let pieces = producers.map(|(done, producer)| Piece {
                    producer: attempt(from, producer),
                    holder: WorkerId(0),
                    segment: done.segments[partition],
                });
                LaunchInput::Shuffle { pieces: pieces.collect(), holders: Vec::new() }
            }
        }
    }

    fn execute(&self, launch: &Launch, cancel: &Cancel) -> Result<Done, String> {
        let scratch = self.scratch.join(launch.attempt.file_stem());
        std::fs::create_dir_all(&scratch)
            .map_err(|error| format!("scratch directory {}: {error}", scratch.display()))?;
        let granted = usize::try_from(self.conf.task_memory_bytes).unwrap_or(usize::MAX);
        let context = TaskContext {
            attempt: launch.attempt,
            memory_bytes: if granted == 0 { LOCAL_TASK_MEMORY } else { granted },
            scratch: scratch.clone(),
            work: std::env::current_dir().unwrap_or_else(|_| self.scratch.to_path_buf()),
            conf: Arc::clone(&self.conf),
            user: crate::submit::environment::user_name(),
            host: crate::submit::environment::host_name(),
            stores: self.options.stores.clone(),
            runtime: self.options.runtime.clone(),
            progress: Arc::new(TaskProgress::default()),
            cancel: cancel.clone(),
            shuffle: Arc::clone(&self.shuffle) as _,
            log: Arc::new(StderrLog),
        };
        let outcome = self.program.run(launch, &context);
        if let Err(error) = std::fs::remove_dir_all(&scratch) {
            tracing::warn!(path = %scratch.display(), %error, "a scratch directory is left until the run ends");
        }
        match outcome {
            Outcome::Done(done) => Ok(done),
            Outcome::Failed { message, .. } => Err(message),
            Outcome::Killed => Err("it was told to stop".to_owned()),
            Outcome::Refused { reason } => Err(reason),
            Outcome::LostInput(pieces) => Err(format!("{} pieces of its input are lost", pieces.len())),
        }
    }

    /// Runs the commit or the abort task, with the tokens of all attempts that ended well.
    fn finish(&self, stage: StageId, payload: &[u8]) -> Result<(), String> {
        let tokens = self.finished.iter().zip(0..).flat_map(|(tasks, stage)| {
            let numbered = tasks.iter().zip(0..);
            numbered.map(move |(done, part)| (attempt(StageId(stage), part), done.commit.clone()))
        });
        let launch = Launch {
            attempt: attempt(stage, 0),
            payload: payload.to_vec(),
            memory_bytes: 0,
            inputs: vec![LaunchInput::Commits(tokens.collect())],
            partitions: 0,
            deliver_to: Vec::new(),
        };
        self.execute(&launch, &Cancel::default()).map(|_| ())
    }

    fn abort(&self, finish: &FinishSpec) {
        if let Err(message) = self.finish(StageId::ABORT, &finish.abort) {
            tracing::error!(outputs = ?finish.outputs, message, "what the failed run wrote could not be removed");
        }
    }
}

struct StderrLog;

impl AttemptLog for StderrLog {
    fn lines(&self, bytes: &[u8]) {
        // Nobody is left to tell when stderr is gone.
        let _ = io::stderr().lock().write_all(bytes);
    }
}
