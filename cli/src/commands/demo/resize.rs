//! The third act: two more task workers while a job runs, and one of them killed without notice.

use super::{
    DemoError, INPUT, check,
    count::Counts,
    result,
    stage::{Stage, say, show, tell},
};
use skep_jobs::{
    JobId,
    model::{JobState, JobView},
    protocol::client::{Role, WorkerState, WorkerView},
    submit::{Session, progress::Progress, watch},
};
use std::{collections::BTreeSet, time::Duration};

/// So many splits that the job is still under way when the new workers are there.
const SPLITS: u64 = 64;
const SPLIT_BYTES_MIN: u64 = 256 << 10;
const LOOK_EVERY: Duration = Duration::from_millis(5);
const TRIES: u32 = 3;

/// How the kill went.
enum Kill {
    Done(u32),
    /// The job was over before a new worker ran a task.
    TooLate,
}

pub async fn act(
    stage: &Stage,
    session: &Session,
    binary: &str,
    expected: &Counts,
    size_bytes: u64,
) -> Result<(), DemoError> {
    tell(
        "Once more, and while it runs: two more task workers, and then one of them is killed without notice.",
    )?;
    for round in 0..TRIES {
        let output = format!("/counts-{}", round + 2);
        // Each try is a longer job than the one before.
        let split = (size_bytes / (SPLITS << round)).max(SPLIT_BYTES_MIN >> round);
        let job = submit(stage, binary, &output, split).await?;
        let before = task_workers(session).await?;
        let target = if round == 0 { 3 } else { 3 + round };
        stage.run(&["resize", "--task", &target.to_string()]).await?;
        if let Kill::Done(process) = kill_one(stage, session, job, &before).await? {
            let view = watch_to_the_end(session, job).await?;
            tell_the_toll(&view, process)?;
            let counts = result(stage, &output, " | ...").await?;
            return check(&counts, expected);
        }
        watch_to_the_end(session, job).await?;
        say("the job was over before a new worker ran a task; once more, with smaller tasks")?;
    }
    Err(DemoError::TooQuick(TRIES))
}

async fn submit(stage: &Stage, binary: &str, output: &str, split: u64) -> Result<JobId, DemoError> {
    let conf = format!("input.split.bytes={split}");
    let words = ["submit", "--detach", "--conf", &conf, binary, INPUT, output];
    let said = stage.take(&words, "").await?;
    say(said.trim_end())?;
    said.trim().parse().map_err(|_| DemoError::NoJobId(said.clone()))
}

async fn task_workers(session: &Session) -> Result<BTreeSet<u32>, DemoError> {
    let view = session.jobs.status().await?;
    Ok(view
        .workers
        .iter()
        .filter(|worker| is_live_task_worker(worker))
        .map(|worker| worker.process)
        .collect())
}

fn is_live_task_worker(worker: &WorkerView) -> bool {
    worker.role == Role::Task && worker.state == WorkerState::Live
}

/// Waits until one of the new workers runs a task, and kills it.
async fn kill_one(
    stage: &Stage,
    session: &Session,
    job: JobId,
    before: &BTreeSet<u32>,
) -> Result<Kill, DemoError> {
    loop {
        let view = session.jobs.status().await?;
        let busy = view.workers.iter().find(|worker| {
            is_live_task_worker(worker) && worker.slots_used > 0 && !before.contains(&worker.process)
        });
        if let Some(worker) = busy.filter(|worker| stage.owns(worker.process)) {
            show(&format!(
                "kill -9 {}      # {}, which runs {} tasks",
                worker.process, worker.worker, worker.slots_used
            ))?;
            stage.kill(worker.process).map_err(|source| DemoError::Run { command: "kill", source })?;
            return Ok(Kill::Done(worker.process));
        }
        if !view.running.iter().any(|running| running.id == job) {
            return Ok(Kill::TooLate);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn watch_to_the_end(session: &Session, job: JobId) -> Result<JobView, DemoError> {
    let view = watch::until_over(&session.jobs, job, &mut Progress::on_stderr()).await?;
    match view.summary.state {
        JobState::Succeeded => Ok(view),
        _ => Err(DemoError::SecondJob(view.error.unwrap_or_default())),
    }
}

fn tell_the_toll(view: &JobView, process: u32) -> Result<(), DemoError> {
    show(&format!("skep jobs show {}", view.summary.id))?;
    say(&format!(
        "{} succeeded without process {process}: attempts lost with it: {}, tasks_recomputed = {}",
        view.summary.id,
        view.attempts_preempted + view.attempts_worker_fault,
        view.tasks_recomputed
    ))?;
    match view.tasks_recomputed {
        0 => Ok(()),
        again => Err(DemoError::Recomputed(again)),
    }
}
