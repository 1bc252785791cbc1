//! The steps of a submission in order: store the program, plan, submit, watch, and tell how it ended.

use super::{
    JobsClient, SubmitEnvironment, SubmitError, amounts, environment, limits,
    progress::Progress,
    report::{self, EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_SUCCESS},
    store, watch,
};
use crate::{
    model::{Executable, FinishSpec, JobConf, JobId, JobSpec, JobState, JobView, Program, StageSpec},
    protocol::client::WorkerState,
};
use skep_hdfs::{
    client::{Client, ClientOptions},
    stores::Stores,
};
use skep_wire::{Credential, Secret};
use std::{
    env,
    error::Error,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

/// What a plan compiles to: everything of a job that does not depend on who submits it and from where.
#[derive(Debug, Clone)]
pub struct Draft {
    pub name: String,
    pub conf: JobConf,
    pub stages: Vec<StageSpec>,
    pub finish: Option<FinishSpec>,
}

/// What a plan may look at while it is compiled.
pub struct Planning {
    pub stores: Stores,
    pub environment: SubmitEnvironment,
    /// Tasks that the cluster runs at a time now.
    pub slots: u32,
}

/// How watching ended.
#[derive(Debug)]
pub enum Ending {
    /// Submitted with `--detach`.
    Detached(JobId),
    Over(Box<JobView>),
    Interrupted(Interruption),
}

/// How far things were when Ctrl-C came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// Nothing had reached the master.
    Planning,
    /// The master may have accepted the job.
    Submitting,
    /// The job is over because of it.
    Killed(JobId),
    /// The job was told to stop and is not over yet, or the master did not answer.
    Stopping(JobId),
}

/// The clients of one cluster, for the length of one command.
pub struct Session {
    pub environment: SubmitEnvironment,
    pub client: Client,
    pub stores: Stores,
    pub jobs: JobsClient,
}

impl Session {
    /// Must be called inside a runtime. Connects when first used.
    pub fn open(environment: SubmitEnvironment) -> Result<Session, SubmitError> {
        let secret = Secret::load(&environment.secret_file)
            .map_err(|source| SubmitError::Secret { path: environment.secret_file.clone(), source })?;
        let credential = Credential::Cluster(secret);
        let client = Client::new(ClientOptions {
            master: environment.master.clone(),
            credential: credential.clone(),
            user: environment.user.clone(),
            host: environment::host_name(),
            worker: None,
            patience: limits::STORAGE_PATIENCE,
        });
        let stores = Stores::cluster(client.clone());
        let jobs = JobsClient::new(environment.master.clone(), credential);
        Ok(Session { environment, client, stores, jobs })
    }

    /// Fails soon and clearly when there is no master at the address; once it was there, calls wait for it to come back.
    pub async fn planning(&self) -> Result<Planning, SubmitError> {
        let view = self.jobs.status().await.map_err(SubmitError::Submit)?;
        let live = view.workers.iter().filter(|worker| worker.state == WorkerState::Live);
        let slots = live.map(|worker| worker.slots).sum();
        Ok(Planning { stores: self.stores.clone(), environment: self.environment.clone(), slots })
    }

    /// Stores this very executable in the cluster.
    pub async fn store_own_binary(&self, arguments: Vec<String>) -> Result<Program, SubmitError> {
        let binary = env::current_exe()
            .map_err(|source| SubmitError::Read { path: "/proc/self/exe".into(), source })?;
        let stored = store::store(&self.client, &binary, |len_bytes| {
            let _ =
                writeln!(io::stderr(), "storing the program in the cluster ({})", amounts::bytes(len_bytes));
        })
        .await?;
        let executable = Executable::Binary { sha256: stored.sha256, path: stored.path };
        Ok(Program { executable, arguments, files: Vec::new() })
    }

    /// Submits the draft and, unless detached, watches it to its end.
    pub async fn submit_and_watch(&self, program: Program, draft: Draft) -> Result<Ending, SubmitError> {
        let name = self.environment.name.clone().unwrap_or(draft.name);
        let spec = JobSpec {
            name: name.clone(),
            user: self.environment.user.clone(),
            token: rand::random(),
            program,
            conf: draft.conf,
            stages: draft.stages,
            finish: draft.finish,
        };
        let job = tokio::select! {
            job = self.jobs.submit(spec) => job.map_err(SubmitError::Submit)?,
            _ = tokio::signal::ctrl_c() => return Ok(Ending::Interrupted(Interruption::Submitting)),
        };
        if self.environment.detach {
            return Ok(Ending::Detached(job));
        }
        let mut progress = Progress::on_stderr();
        progress.say(&format!("{job} ({name}) submitted to {}", self.environment.master));
        self.watch(job, &mut progress).await
    }

    async fn watch(&self, job: JobId, progress: &mut Progress) -> Result<Ending, SubmitError> {
        let watch_error = |source| SubmitError::Watch { job, source };
        tokio::select! {
            view = watch::until_over(&self.jobs, job, progress) =>
                return Ok(Ending::Over(Box::new(view.map_err(watch_error)?))),
            _ = tokio::signal::ctrl_c() => {}
        }
        progress.say(&format!("interrupted: killing {job} (submit with --detach what should live on)"));
        let killed = async {
            // Refused when the job just ended by itself; how it ended is told by its view.
            let kill = self.jobs.kill(job, self.environment.user.clone()).await;
            if let Err(error) = kill {
                tracing::debug!(%error, "the job was not killed");
            }
            watch::until_over(&self.jobs, job, progress).await
        };
        tokio::select! {
            view = tokio::time::timeout(limits::KILL_PATIENCE, killed) => match view {
                Ok(Ok(view)) if view.summary.state == JobState::Killed =>
                    Ok(Ending::Interrupted(Interruption::Killed(job))),
                Ok(Ok(view)) => Ok(Ending::Over(Box::new(view))),
                Ok(Err(error)) => Err(watch_error(error)),
                Err(_) => Ok(Ending::Interrupted(Interruption::Stopping(job))),
            },
            _ = tokio::signal::ctrl_c() => Ok(Ending::Interrupted(Interruption::Stopping(job))),
        }
    }
}

/// Submits this very program: plans with `build` while the binary is stored, watches, and prints what `print` makes of
/// a succeeded job. Starts a runtime of its own. For the `main` of job binaries.
pub fn run<B, F, P>(environment: SubmitEnvironment, arguments: Vec<String>, build: B, print: P) -> ExitCode
where
    B: FnOnce(Planning) -> F,
    F: Future<Output = Result<Draft, Box<dyn Error + Send + Sync>>>,
    P: FnOnce(&JobView) -> io::Result<()>,
{
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report::failed(&SubmitError::Runtime(error)),
    };
    let ending = runtime.block_on(run_inside(environment, arguments, build));
    // Clients hold background tasks; none of them has anything left to do.
    runtime.shutdown_background();
    match ending {
        Ok(ending) => conclude(&ending, print),
        Err(error) => report::failed(&error),
    }
}

async fn run_inside<B, F>(
    environment: SubmitEnvironment,
    arguments: Vec<String>,
    build: B,
) -> Result<Ending, SubmitError>
where
    B: FnOnce(Planning) -> F,
    F: Future<Output = Result<Draft, Box<dyn Error + Send + Sync>>>,
{
    let session = Session::open(environment)?;
    let plan = async { build(session.planning().await?).await.map_err(SubmitError::Plan) };
    // The plan first: what is wrong with it is told before megabytes move.
    let prepared = async {
        let draft = plan.await?;
        Ok::<_, SubmitError>((session.store_own_binary(arguments).await?, draft))
    };
    let (program, draft) = tokio::select! {
        prepared = prepared => prepared?,
        _ = tokio::signal::ctrl_c() => return Ok(Ending::Interrupted(Interruption::Planning)),
    };
    session.submit_and_watch(program, draft).await
}

/// Tells how the job ended and gives the exit code for it. Only results go to stdout (and the id of a detached job).
pub fn conclude(ending: &Ending, print: impl FnOnce(&JobView) -> io::Result<()>) -> ExitCode {
    match ending {
        Ending::Detached(job) => match writeln!(io::stdout(), "{job}") {
            Ok(()) => ExitCode::from(EXIT_SUCCESS),
            Err(error) => report::failed(&error),
        },
        Ending::Interrupted(interruption) => {
            eprintln!("{}", interruption_text(*interruption));
            ExitCode::from(EXIT_INTERRUPTED)
        }
        Ending::Over(view) => conclude_over(view, print),
    }
}

fn conclude_over(view: &JobView, print: impl FnOnce(&JobView) -> io::Result<()>) -> ExitCode {
    match view.summary.state {
        JobState::Succeeded => {
            eprintln!("{}", success_text(view));
            match print(view) {
                Ok(()) => ExitCode::from(EXIT_SUCCESS),
                Err(source) => report::failed(&SubmitError::Print { job: view.summary.id, source }),
            }
        }
        _ => {
            eprintln!("error: {}", failure_text(view));
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

fn interruption_text(interruption: Interruption) -> String {
    match interruption {
        Interruption::Planning => "interrupted: nothing was submitted".to_owned(),
        Interruption::Submitting => {
            "interrupted: the job may have been accepted; see `skep jobs list`".to_owned()
        }
        Interruption::Killed(job) => format!("interrupted: {job} was killed"),
        Interruption::Stopping(job) => {
            format!("interrupted: {job} was told to stop; see `skep jobs show {job}`")
        }
    }
}

fn label(view: &JobView) -> String {
    format!("{} ({})", view.summary.id, view.summary.name)
}

fn success_text(view: &JobView) -> String {
    let summary = &view.summary;
    let finished_ms = summary.finished_ms.unwrap_or(summary.submitted_ms);
    let took = Duration::from_millis(finished_ms.saturating_sub(summary.submitted_ms));
    let mut text = format!("{} succeeded in {}", label(view), amounts::duration(took));
    if view.tasks_recomputed > 0 {
        text.push_str(&format!(", {} run again", amounts::counted(view.tasks_recomputed, "finished task")));
    }
    if !view.outputs.is_empty() {
        text.push_str(&format!("; output: {}", view.outputs.join(", ")));
    }
    text
}

fn failure_text(view: &JobView) -> String {
    let id = view.summary.id;
    let cause = view.error.as_deref().unwrap_or("no cause was recorded");
    let verb = if view.summary.state == JobState::Killed { "was killed" } else { "failed" };
    format!(
        "{} {verb}: {}\n  logs:    skep jobs logs {id}\n  history: skep jobs show {id}",
        label(view),
        cause.trim_end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::JobSummary;

    fn view(state: JobState) -> JobView {
        JobView {
            summary: JobSummary {
                id: JobId(7),
                name: "wordcount".to_owned(),
                user: "ada".to_owned(),
                state,
                submitted_ms: 1_000,
                started_ms: Some(1_001),
                finished_ms: Some(2_250),
                tasks: 4,
                tasks_done: 4,
                tasks_running: 0,
            },
            version: 9,
            stages: Vec::new(),
            counters: Default::default(),
            error: Some("task 0.1 failed: the disk of the moon is full\n".to_owned()),
            tasks_recomputed: 0,
            attempts_failed: 0,
            attempts_preempted: 0,
            attempts_worker_fault: 0,
            results: vec![b"42".to_vec()],
            outputs: vec!["/out".to_owned()],
        }
    }

    #[test]
    fn success_says_how_long_and_where_the_output_is() {
        let text = success_text(&view(JobState::Succeeded));
        assert_eq!(text, "job-7 (wordcount) succeeded in 1.2 s; output: /out");
    }

    #[test]
    fn failure_says_the_cause_and_where_the_logs_are() {
        let text = failure_text(&view(JobState::Failed));
        assert!(
            text.starts_with("job-7 (wordcount) failed: task 0.1 failed: the disk of the moon is full\n")
        );
        assert!(text.contains("skep jobs logs job-7"));
    }

    #[test]
    fn only_a_succeeded_job_prints_its_results() {
        let mut printed = false;
        let failed = Ending::Over(Box::new(view(JobState::Failed)));
        conclude(&failed, |_| {
            printed = true;
            Ok(())
        });
        assert!(!printed);
        conclude(&Ending::Over(Box::new(view(JobState::Succeeded))), |view| {
            printed = view.results == [b"42".to_vec()];
            Ok(())
        });
        assert!(printed);
    }
}
