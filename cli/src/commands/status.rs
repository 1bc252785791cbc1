//! `skep status`: who is there, what they can do, what runs.

use super::{Outcome, on_one_thread, session};
use crate::{
    args::{GlobalArgs, client::StatusArgs},
    tables::{Align, Table},
};
use chrono::Utc;
use serde::Serialize;
use skep_hiveql::{
    catalog::ClusterStore,
    service::registry::{self, ServiceRecord},
};
use skep_jobs::{
    protocol::client::{ClusterView, Role, Wait, WorkerState, WorkerView},
    submit::amounts,
};
use std::{
    io::{self, Write, stdout},
    process::ExitCode,
    time::Duration,
};

/// What there is to tell.
#[derive(Serialize)]
struct Status {
    #[serde(flatten)]
    cluster: ClusterView,
    sql: Vec<ServiceRecord>,
}

pub fn run(global: &GlobalArgs, args: &StatusArgs) -> Outcome {
    let status = on_one_thread(async {
        let clients = session(global)?;
        let cluster = clients.jobs.status().await?;
        let sql = registry::services(&ClusterStore::new(clients.client)).await?;
        Ok(Status { cluster, sql: sql.into_iter().filter(ServiceRecord::seems_alive).collect() })
    })?;
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &status)?;
        writeln!(out)?;
    } else {
        write_status(&mut out, &status, now_ms())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn now_ms() -> u64 {
    u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default()
}

/// How long ago something was.
pub fn since(now_ms: u64, then_ms: u64) -> String {
    amounts::duration(Duration::from_millis(now_ms.saturating_sub(then_ms)))
}

fn write_status(out: &mut impl Write, status: &Status, now_ms: u64) -> io::Result<()> {
    let view = &status.cluster;
    writeln!(
        out,
        "master    {}, version {}, up for {}",
        view.endpoint,
        view.version,
        since(now_ms, view.started_ms)
    )?;
    writeln!(out, "workers   {}", workers_line(view))?;
    if let Some(storage) = &view.storage {
        writeln!(
            out,
            "storage   {} used, {} free, {} in {}",
            amounts::bytes(storage.used_bytes),
            amounts::bytes(storage.free_bytes),
            amounts::counted(storage.files, "file"),
            amounts::counted(storage.blocks, "block")
        )?;
        write_storage_trouble(out, storage)?;
    }
    writeln!(out, "provider  {}", view.provider.as_deref().unwrap_or("none: workers are started by hand"))?;
    writeln!(out, "SQL       {}", services_line(&status.sql))?;
    write_waits(out, &view.resize_waits, now_ms)?;
    if !view.workers.is_empty() {
        writeln!(out)?;
        workers_table(&view.workers).write(out)?;
    }
    if !view.running.is_empty() {
        writeln!(out)?;
        super::jobs::jobs_table(&view.running, now_ms).write(out)?;
    }
    Ok(())
}

fn write_storage_trouble(
    out: &mut impl Write,
    storage: &skep_hdfs::protocol::namespace::ClusterStatus,
) -> io::Result<()> {
    if let Some(reason) = &storage.safe_mode {
        writeln!(out, "          read-only (safe mode): {reason}")?;
    }
    let counts = [
        (storage.under_replicated_blocks, "block with too few replicas", "blocks with too few replicas"),
        (storage.missing_blocks, "block without any live replica", "blocks without any live replica"),
        (storage.corrupt_replicas, "damaged replica", "damaged replicas"),
    ];
    for (count, one, many) in counts.into_iter().filter(|(count, ..)| *count > 0) {
        writeln!(out, "          {} {}", amounts::count(count), if count == 1 { one } else { many })?;
    }
    Ok(())
}

fn workers_line(view: &ClusterView) -> String {
    let live = |role: Role| {
        view.workers.iter().filter(|worker| worker.role == role && worker.state == WorkerState::Live).count()
    };
    let target = |target: Option<u32>, live: usize| match target {
        Some(target) if target as usize != live => format!(" (target {target})"),
        _ => String::new(),
    };
    let (core, task) = (live(Role::Core), live(Role::Task));
    let usable = view.workers.iter().filter(|worker| worker.state == WorkerState::Live);
    let (slots, used) = usable.fold((0, 0), |(slots, used), worker| {
        (slots + u64::from(worker.slots), used + u64::from(worker.slots_used))
    });
    format!(
        "{core} core{}, {task} task{}; {used} of {} used",
        target(view.target_core, core),
        target(view.target_task, task),
        amounts::counted(slots, "slot")
    )
}

fn services_line(services: &[ServiceRecord]) -> String {
    if services.is_empty() {
        return "none: start `skep hive`".to_owned();
    }
    let endpoints: Vec<String> = services.iter().map(|service| service.endpoint.to_string()).collect();
    endpoints.join(", ")
}

pub fn write_waits(out: &mut impl Write, waits: &[Wait], now_ms: u64) -> io::Result<()> {
    for wait in waits {
        writeln!(out, "{} waits for {}, since {}", wait.who, wait.what_for, since(now_ms, wait.since_ms))?;
    }
    Ok(())
}

fn workers_table(workers: &[WorkerView]) -> Table {
    let mut table = Table::new(&[
        ("WORKER", Align::Left),
        ("ROLE", Align::Left),
        ("STATE", Align::Left),
        ("ADDRESS", Align::Left),
        ("HOST", Align::Left),
        ("PROCESS", Align::Right),
        ("SLOTS", Align::Right),
        ("MEMORY", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("BLOCKS", Align::Right),
        ("HEARD", Align::Right),
    ]);
    for worker in workers {
        let storage = |text: String| if worker.role == Role::Core { text } else { "-".to_owned() };
        table.row(vec![
            worker.worker.to_string(),
            role_text(worker.role).to_owned(),
            state_text(worker.state).to_owned(),
            worker.endpoint.to_string(),
            worker.host.clone(),
            worker.process.to_string(),
            format!("{}/{}", worker.slots_used, worker.slots),
            amounts::bytes(worker.memory_bytes),
            storage(amounts::bytes(worker.capacity.used_bytes)),
            storage(amounts::bytes(worker.capacity.free_bytes)),
            storage(amounts::count(worker.blocks)),
            format!("{} ago", amounts::duration(Duration::from_millis(worker.last_beat_ms_ago))),
        ]);
    }
    table
}

pub fn role_text(role: Role) -> &'static str {
    match role {
        Role::Core => "core",
        Role::Task => "task",
    }
}

fn state_text(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Live => "live",
        WorkerState::Suspect => "suspect",
        WorkerState::Draining => "draining",
        WorkerState::Gone => "gone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_hdfs::{Epoch, WorkerId, protocol::control::Capacity};
    use skep_wire::Endpoint;

    fn worker(role: Role, state: WorkerState) -> WorkerView {
        WorkerView {
            worker: WorkerId(1),
            epoch: Epoch(1),
            role,
            state,
            endpoint: Endpoint::Tcp("127.0.0.1:5".to_owned()),
            host: "h".to_owned(),
            process: 77,
            slots: 4,
            slots_used: 1,
            memory_bytes: 1 << 30,
            capacity: Capacity { total_bytes: 3 << 30, used_bytes: 1 << 30, free_bytes: 2 << 30 },
            blocks: 12,
            last_beat_ms_ago: 40,
        }
    }

    fn cluster() -> ClusterView {
        ClusterView {
            version: "0.1.0".to_owned(),
            endpoint: Endpoint::Tcp("127.0.0.1:1".to_owned()),
            started_ms: 0,
            workers: vec![
                worker(Role::Core, WorkerState::Live),
                worker(Role::Task, WorkerState::Live),
                worker(Role::Task, WorkerState::Gone),
            ],
            storage: None,
            running: Vec::new(),
            target_core: Some(1),
            target_task: Some(3),
            resize_waits: Vec::new(),
            provider: None,
        }
    }

    #[test]
    fn only_live_workers_count_and_a_missed_target_is_named() {
        assert_eq!(workers_line(&cluster()), "1 core, 1 task (target 3); 2 of 8 slots used");
    }

    #[test]
    fn a_task_worker_stores_nothing() {
        let mut out = Vec::new();
        let service =
            ServiceRecord::new("s".to_owned(), Endpoint::Tcp("127.0.0.1:9".to_owned()), "h".to_owned());
        write_status(&mut out, &Status { cluster: cluster(), sql: vec![service] }, 90_000).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("SQL       127.0.0.1:9\n"), "{text}");
        assert!(text.contains("up for 1m 30s"), "{text}");
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("worker-1")).collect();
        assert!(rows[0].contains("1.0 GiB") && rows[0].contains("2.0 GiB"), "{text}");
        assert!(!rows[1].contains("2.0 GiB") && rows[1].contains(" -  "), "{text}");
    }
}
