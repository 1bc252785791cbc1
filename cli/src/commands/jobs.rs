//! `skep jobs`: what runs and ran, what it wrote, what it waits for, and how to stop it.

use super::{
    Outcome, jobs_client, on_one_thread,
    status::{now_ms, since, write_waits},
};
use crate::{
    args::{
        GlobalArgs,
        client::{JobsArgs, JobsCommand, TaskName},
    },
    tables::{Align, Table},
};
use serde::Serialize;
use skep_jobs::{
    JobId,
    model::{JobState, JobSummary, JobView, StageState, StageView, TaskView},
    protocol::client::LogPart,
    submit::{JobsClient, amounts, environment},
};
use std::{
    io::{self, Write, stdout},
    process::ExitCode,
    time::Duration,
};

const LIST_LIMIT: u32 = 30;
const TASKS_LIMIT: u32 = 1000;

pub fn run(global: &GlobalArgs, args: &JobsArgs) -> Outcome {
    let json = args.json;
    on_one_thread(async {
        let client = jobs_client(global)?;
        match args.command.as_ref().unwrap_or(&JobsCommand::List { limit: LIST_LIMIT }) {
            JobsCommand::List { limit } => list(&client, *limit, json).await,
            JobsCommand::Show { job, tasks } => show(&client, *job, *tasks, json).await,
            JobsCommand::Logs { job, task, bytes } => logs(&client, *job, *task, *bytes, json).await,
            JobsCommand::Why { job } => why(&client, *job, json).await,
            JobsCommand::Kill { job } => kill(&client, *job).await,
        }
    })
}

fn write_json(value: &impl Serialize) -> Outcome {
    let mut out = stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &JobsClient, limit: u32, json: bool) -> Outcome {
    let jobs = client.list(limit).await?;
    if json {
        return write_json(&jobs);
    }
    if jobs.is_empty() {
        writeln!(io::stderr(), "no jobs yet")?;
    } else {
        jobs_table(&jobs, now_ms()).write(&mut stdout().lock())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn jobs_table(jobs: &[JobSummary], now_ms: u64) -> Table {
    let mut table = Table::new(&[
        ("JOB", Align::Left),
        ("NAME", Align::Left),
        ("USER", Align::Left),
        ("STATE", Align::Left),
        ("TASKS", Align::Right),
        ("RUNNING", Align::Right),
        ("TOOK", Align::Right),
        ("SUBMITTED", Align::Right),
    ]);
    for job in jobs {
        table.row(vec![
            job.id.to_string(),
            job.name.clone(),
            job.user.clone(),
            state_text(job.state).to_owned(),
            format!("{}/{}", job.tasks_done, job.tasks),
            job.tasks_running.to_string(),
            since(job.finished_ms.unwrap_or(now_ms), job.started_ms.unwrap_or(job.submitted_ms)),
            format!("{} ago", since(now_ms, job.submitted_ms)),
        ]);
    }
    table
}

fn state_text(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Committing => "committing",
        JobState::Aborting => "aborting",
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        JobState::Killed => "killed",
    }
}

async fn show(client: &JobsClient, job: JobId, with_tasks: bool, json: bool) -> Outcome {
    let view = client.job(job).await?;
    let tasks = if with_tasks { client.tasks(job, TASKS_LIMIT).await? } else { Vec::new() };
    match (json, with_tasks) {
        (true, false) => return write_json(&view),
        (true, true) => return write_json(&JobWithTasks { job: &view, task_views: &tasks }),
        (false, _) => {}
    }
    let mut out = stdout().lock();
    write_job(&mut out, &view, now_ms())?;
    if !tasks.is_empty() {
        writeln!(out)?;
        tasks_table(&tasks, now_ms()).write(&mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct JobWithTasks<'a> {
    #[serde(flatten)]
    job: &'a JobView,
    task_views: &'a [TaskView],
}

fn write_job(out: &mut impl Write, view: &JobView, now_ms: u64) -> io::Result<()> {
    let job = &view.summary;
    writeln!(out, "{}  {}  by {}", job.id, job.name, job.user)?;
    let took = since(job.finished_ms.unwrap_or(now_ms), job.started_ms.unwrap_or(job.submitted_ms));
    writeln!(
        out,
        "{}, {} of {} done, {} running; took {took}",
        state_text(job.state),
        amounts::count(job.tasks_done),
        amounts::counted(job.tasks, "task"),
        amounts::count(job.tasks_running)
    )?;
    if let Some(error) = &view.error {
        writeln!(out, "why: {}", error.trim_end().replace('\n', "\n     "))?;
    }
    if !view.outputs.is_empty() {
        writeln!(out, "output: {}", view.outputs.join(", "))?;
    }
    writeln!(
        out,
        "attempts: {} failed, {} preempted, {} by a worker's fault; finished tasks run again: {}",
        view.attempts_failed, view.attempts_preempted, view.attempts_worker_fault, view.tasks_recomputed
    )?;
    if !view.stages.is_empty() {
        writeln!(out)?;
        stages_table(&view.stages).write(out)?;
    }
    if !view.counters.is_empty() {
        writeln!(out, "\ncounters")?;
        let width = view.counters.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &view.counters {
            writeln!(out, "  {name:<width$}  {}", amounts::count(*value))?;
        }
    }
    Ok(())
}

fn stages_table(stages: &[StageView]) -> Table {
    let mut table = Table::new(&[
        ("STAGE", Align::Left),
        ("NAME", Align::Left),
        ("STATE", Align::Left),
        ("DONE", Align::Right),
        ("RUNNING", Align::Right),
        ("INPUT", Align::Right),
        ("RECORDS", Align::Right),
        ("SHUFFLE", Align::Right),
        ("OUTPUT", Align::Right),
        ("RECORDS", Align::Right),
        ("SPILLED", Align::Right),
        ("TASK TIME", Align::Right),
    ]);
    for stage in stages {
        table.row(vec![
            stage.id.to_string(),
            stage.name.clone(),
            progress_text(stage),
            format!("{}/{}", stage.done, stage.tasks),
            stage.running.to_string(),
            amounts::bytes(stage.input_bytes),
            amounts::count(stage.input_records),
            amounts::bytes(stage.shuffle_bytes),
            amounts::bytes(stage.output_bytes),
            amounts::count(stage.output_records),
            amounts::bytes(stage.spilled_bytes),
            amounts::duration(Duration::from_millis(stage.task_time_ms)),
        ]);
    }
    table
}

/// `waiting`, `42 %`, `done`.
fn progress_text(stage: &StageView) -> String {
    match stage.state {
        StageState::Waiting => "waiting".to_owned(),
        StageState::Running if stage.tasks > 0 => {
            format!("{} %", u64::from(stage.done) * 100 / u64::from(stage.tasks))
        }
        StageState::Running => "running".to_owned(),
        StageState::Done => "done".to_owned(),
    }
}

fn tasks_table(tasks: &[TaskView], now_ms: u64) -> Table {
    let mut table = Table::new(&[
        ("ATTEMPT", Align::Left),
        ("WORKER", Align::Left),
        ("HOST", Align::Left),
        ("TOOK", Align::Right),
        ("STATE", Align::Left),
    ]);
    for task in tasks {
        table.row(vec![
            task.attempt.to_string(),
            task.worker.to_string(),
            task.host.clone(),
            since(task.finished_ms.unwrap_or(now_ms), task.started_ms),
            task.state.replace('\n', " "),
        ]);
    }
    table
}

async fn logs(client: &JobsClient, job: JobId, task: Option<TaskName>, bytes: u64, json: bool) -> Outcome {
    let parts = client.logs(job, task.map(|TaskName(stage, part)| (stage, part)), bytes).await?;
    if json {
        return write_json(&parts);
    }
    if parts.iter().all(|part| part.text.is_empty()) {
        writeln!(io::stderr(), "{job} has written nothing that is kept")?;
    }
    write_logs(&mut stdout().lock(), &parts)?;
    Ok(ExitCode::SUCCESS)
}

fn write_logs(out: &mut impl Write, parts: &[LogPart]) -> io::Result<()> {
    for part in parts.iter().filter(|part| !part.text.is_empty()) {
        let note = if part.truncated { ", older lines left out (--bytes)" } else { "" };
        writeln!(out, "==> {} on {}{note} <==", part.worker, part.host)?;
        out.write_all(part.text.as_bytes())?;
        if !part.text.ends_with('\n') {
            writeln!(out)?;
        }
    }
    Ok(())
}

async fn why(client: &JobsClient, job: JobId, json: bool) -> Outcome {
    let waits = client.why(job).await?;
    if json {
        return write_json(&waits);
    }
    if waits.is_empty() {
        writeln!(stdout(), "{job} waits for nothing")?;
    }
    write_waits(&mut stdout().lock(), &waits, now_ms())?;
    Ok(ExitCode::SUCCESS)
}

async fn kill(client: &JobsClient, job: JobId) -> Outcome {
    client.kill(job, environment::user_name()).await?;
    writeln!(io::stderr(), "{job} was told to stop")?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_hdfs::WorkerId;
    use skep_jobs::StageId;

    fn summary(state: JobState, finished_ms: Option<u64>) -> JobSummary {
        JobSummary {
            id: JobId(3),
            name: "wordcount".to_owned(),
            user: "ada".to_owned(),
            state,
            submitted_ms: 1000,
            started_ms: Some(2000),
            finished_ms,
            tasks: 10,
            tasks_done: 4,
            tasks_running: 2,
        }
    }

    fn stage(state: StageState) -> StageView {
        StageView {
            id: StageId(0),
            name: "map".to_owned(),
            state,
            tasks: 8,
            done: 3,
            running: 2,
            input_bytes: 1 << 20,
            input_records: 10,
            output_bytes: 0,
            output_records: 0,
            shuffle_bytes: 512,
            spilled_bytes: 0,
            task_time_ms: 1500,
        }
    }

    #[test]
    fn a_running_job_is_timed_until_now_and_a_finished_one_until_its_end() {
        let mut out = Vec::new();
        let jobs = [summary(JobState::Running, None), summary(JobState::Succeeded, Some(5000))];
        jobs_table(&jobs, 62_000).write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        assert!(rows[1].contains("running") && rows[1].contains("1m 00s"), "{text}");
        assert!(rows[2].contains("succeeded") && rows[2].contains("3.0 s"), "{text}");
    }

    #[test]
    fn a_job_shows_its_stages_counters_and_why_it_failed() {
        let view = JobView {
            summary: summary(JobState::Failed, Some(5000)),
            version: 1,
            stages: vec![stage(StageState::Running)],
            counters: [("words".to_owned(), 1234)].into(),
            error: Some("first\nsecond\n".to_owned()),
            tasks_recomputed: 0,
            attempts_failed: 4,
            attempts_preempted: 1,
            attempts_worker_fault: 0,
            results: Vec::new(),
            outputs: vec!["/out".to_owned()],
        };
        let mut out = Vec::new();
        write_job(&mut out, &view, 9000).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("why: first\n     second\n"), "{text}");
        assert!(text.contains("37 %") && text.contains("words  1,234"), "{text}");
        assert!(text.contains("4 failed, 1 preempted") && text.contains("run again: 0"), "{text}");
    }

    #[test]
    fn logs_say_which_worker_wrote_them() {
        let part = |text: &str| LogPart {
            worker: WorkerId(2),
            host: "h".to_owned(),
            text: text.to_owned(),
            truncated: true,
        };
        let mut out = Vec::new();
        write_logs(&mut out, &[part("no newline"), part("")]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "==> worker-2 on h, older lines left out (--bytes) <==\nno newline\n");
    }
}
