//! A whole worker against a master in this process, with real task processes: the example `obedient`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "daemon/fake_master.rs"]
mod fake_master;
#[path = "daemon/program.rs"]
mod program;
#[path = "daemon/slow_holder.rs"]
mod slow_holder;

use fake_master::FakeMaster;
use program::{JOB, attempt, header, launch, marked, obedient};
use skep_hdfs::{
    BlockId, Generation,
    blocks::{BlockStore, crc::crc32c, layout::Layout},
    protocol::{
        blocks::Finish,
        control::{BlockCommand, BlockReport},
    },
};
use skep_jobs::{
    model::{AttemptId, FaultKind, Outcome},
    protocol::{
        client::Role,
        worker::{Launch, MasterTell, RegisterError, WorkerTell},
    },
};
use skep_worker::{
    WorkerError, WorkerOptions,
    process::{roster::MARK_VARIABLE, table::ProcessTable},
    run,
};
use slow_holder::SlowHolder;
use std::{
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A worker in a process of its own, to be killed.
fn worker_process(master: &FakeMaster, role: &str, data: &Path) -> Child {
    let mut command = Command::new(obedient());
    command
        .args(["worker", role])
        .arg(master.endpoint.to_string())
        .arg(master.secret.to_hex())
        .arg(data.join("worker"));
    command.stdin(Stdio::null()).spawn().unwrap()
}

struct Rig {
    master: FakeMaster,
    data: tempfile::TempDir,
    stop: CancellationToken,
    stop_now: CancellationToken,
    worker: JoinHandle<Result<(), WorkerError>>,
}

impl Rig {
    async fn start(role: Role) -> Rig {
        let master = FakeMaster::start().await;
        let data = tempfile::tempdir().unwrap();
        Rig::with(master, data, role).await
    }

    async fn with(master: FakeMaster, data: tempfile::TempDir, role: Role) -> Rig {
        let (stop, stop_now) = (CancellationToken::new(), CancellationToken::new());
        let mut options = Rig::options(&master, data.path().join("worker"), role);
        options.stop_now = stop_now.clone();
        let known = master.registrations().len();
        let worker = tokio::spawn(run(options, stop.clone()));
        let rig = Rig { master, data, stop, stop_now, worker };
        rig.master.wait("a registration", |seen| seen.registrations.len() > known).await;
        rig
    }

    fn options(master: &FakeMaster, data: PathBuf, role: Role) -> WorkerOptions {
        let mut options = WorkerOptions::new(role, master.endpoint.clone(), data, master.secret.clone());
        options.skep = obedient();
        options.slots = Some(2);
        options.memory_bytes = Some(1 << 30);
        options.host = Some("here".to_owned());
        options.grace = Duration::from_secs(30);
        options
    }

    fn worker_data(&self) -> PathBuf {
        self.data.path().join("worker").canonicalize().unwrap()
    }

    /// Processes of this worker that live.
    fn tasks(&self) -> usize {
        marked(&self.worker_data())
    }

    async fn job(&self, memory_bytes: u64) {
        let header = header(JOB, memory_bytes, &self.master.secret);
        self.master.tell(MasterTell::Job(Box::new(header))).await;
    }

    async fn launch(&self, part: u32, command: &str) -> AttemptId {
        let id = attempt(JOB, part);
        self.master.tell(MasterTell::Launch(vec![launch(id, command)])).await;
        id
    }

    async fn outcome(&self, attempt: AttemptId) -> Outcome {
        self.master.wait("an outcome", |seen| seen.outcomes.contains_key(&attempt)).await;
        self.master.outcome(attempt)
    }

    async fn wait_for(&self, what: &str, condition: impl Fn(&Rig) -> bool) {
        wait_until(what, || condition(self)).await;
    }

    /// Ends the worker as an operator would, twice, and gives back what a next life needs.
    async fn end(self) -> (FakeMaster, tempfile::TempDir) {
        self.stop.cancel();
        self.stop_now.cancel();
        self.worker.await.unwrap().unwrap();
        (self.master, self.data)
    }
}

fn failure(outcome: Outcome) -> (FaultKind, String) {
    match outcome {
        Outcome::Failed { kind, message } => (kind, message),
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_registers_beats_and_keeps_its_name_over_its_lives() {
    let rig = Rig::start(Role::Core).await;
    rig.master.wait("beats", |seen| seen.beats.len() >= 3).await;
    let first = rig.master.registrations()[0].clone();
    assert_eq!((first.worker, first.slots, first.role), (None, 2, Role::Core));
    let (master, data) = rig.end().await;
    let rig = Rig::with(master, data, Role::Core).await;
    rig.master.wait("the second life", |seen| seen.registrations.len() == 2).await;
    let second = rig.master.registrations()[1].clone();
    assert_eq!(second.worker, Some(fake_master::WORKER));
    assert!(second.epoch > first.epoch);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_run_in_one_process_and_their_outcomes_are_told() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let ids = [rig.launch(0, "process").await, rig.launch(1, "process").await];
    let mut processes = Vec::new();
    for id in ids {
        let Outcome::Done(done) = rig.outcome(id).await else { panic!("it failed") };
        processes.push(String::from_utf8(done.result).unwrap());
    }
    assert_eq!(processes[0], processes[1]);
    assert!(!rig.worker_data().join("scratch/job-1/0.0.0.0").exists());
    rig.master.tell(MasterTell::JobOver(JOB)).await;
    rig.wait_for("the process and its files are gone", |rig| {
        rig.tasks() == 0 && !rig.worker_data().join("scratch/job-1").exists()
    })
    .await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_its_own_attempt_and_says_where_it_happened() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let (bad, good) = (rig.launch(0, "panic").await, rig.launch(1, "ok").await);
    let (kind, message) = failure(rig.outcome(bad).await);
    assert_eq!(kind, FaultKind::User);
    assert!(message.contains("no luck today") && message.contains("obedient.rs"), "{message}");
    assert!(matches!(rig.outcome(good).await, Outcome::Done(_)));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_exits_fails_its_attempts_with_code_and_last_lines_and_is_started_again() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let id = rig.launch(0, "exit 5").await;
    let (kind, message) = failure(rig.outcome(id).await);
    assert_eq!(kind, FaultKind::User);
    assert!(message.contains("exit code 5") && message.contains("farewell"), "{message}");
    let next = rig.launch(1, "ok").await;
    assert!(matches!(rig.outcome(next).await, Outcome::Done(_)));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_ignores_its_end_is_killed_with_its_grandchildren() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let id = rig.launch(0, "stubborn").await;
    rig.wait_for("its children stand", |rig| rig.tasks() >= 4).await;
    let attempts = vec![id];
    rig.master.tell(MasterTell::Kill { attempts, reason: "because".to_owned() }).await;
    assert_eq!(rig.outcome(id).await, Outcome::Killed);
    assert_eq!(rig.tasks(), 0);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_reports_nothing_times_out() {
    let rig = Rig::start(Role::Task).await;
    let mut header = header(JOB, 0, &rig.master.secret);
    header.conf.task_timeout = Duration::from_millis(300);
    rig.master.tell(MasterTell::Job(Box::new(header))).await;
    let id = rig.launch(0, "wait").await;
    let (kind, message) = failure(rig.outcome(id).await);
    assert_eq!(kind, FaultKind::Timeout, "{message}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_eats_memory_is_ended_and_told_what_to_do() {
    let rig = Rig::start(Role::Task).await;
    rig.job(200 << 20).await;
    let id = rig.launch(0, "eat").await;
    let (kind, message) = failure(rig.outcome(id).await);
    assert_eq!(kind, FaultKind::OutOfMemory);
    assert!(message.contains("200 MiB") && message.contains("--conf task.memory="), "{message}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tasks_print_is_read_while_the_job_runs_and_after_it() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let (one, two) = (rig.launch(0, "print apples").await, rig.launch(1, "tagged pears").await);
    rig.outcome(one).await;
    rig.outcome(two).await;
    let logs = rig.master.logs(JOB, None).await;
    assert!(logs.contains(" apples\n") && logs.contains("[0.0.1.0] pears\n"), "{logs}");
    let logs = rig.master.logs(JOB, Some(vec![two.file_stem()])).await;
    assert!(logs.contains("pears") && !logs.contains("[0.0.0.0]"), "{logs}");
    rig.master.tell(MasterTell::JobOver(JOB)).await;
    rig.wait_for("the job is removed", |rig| !rig.worker_data().join("work/job-1").exists()).await;
    assert!(rig.master.logs(JOB, None).await.contains(" apples\n"));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_repeated_to_a_master_that_came_back_until_it_notes_them() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let id = rig.launch(0, "slow").await;
    rig.wait_for("the task runs", |rig| rig.tasks() > 0).await;
    rig.master.drop_connections();
    rig.master.wait("another registration", |seen| seen.registrations.len() == 2).await;
    assert_eq!(rig.master.registrations()[1].running, [id], "what runs goes on");
    assert!(matches!(rig.outcome(id).await, Outcome::Done(_)));
    rig.master.drop_connections();
    rig.master.wait("a third registration", |seen| seen.registrations.len() == 3).await;
    assert_eq!(rig.master.registrations()[2].outcomes.len(), 1);
    rig.master.tell(MasterTell::Noted(vec![id])).await;
    // Answered after what was told before.
    rig.master.logs(JOB, None).await;
    rig.launch(1, "ok").await;
    rig.outcome(attempt(JOB, 1)).await;
    rig.master.tell(MasterTell::Noted(vec![attempt(JOB, 1)])).await;
    let refused = rig.launch(2, "ok").await;
    rig.outcome(refused).await;
    rig.master.drop_connections();
    rig.master.wait("a fourth registration", |seen| seen.registrations.len() == 4).await;
    let again = rig.master.registrations()[3].outcomes.clone();
    assert_eq!(again.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [refused]);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dead_jobs_left_behind_is_swept_when_the_worker_registers() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let id = rig.launch(0, "print x").await;
    rig.outcome(id).await;
    let (master, data) = rig.end().await;
    let left = data.path().join("worker/work/job-1");
    assert!(left.exists());
    master.forget_jobs();
    let rig = Rig::with(master, data, Role::Task).await;
    rig.wait_for("the sweep", |_| !left.exists()).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_stays_with_a_core_worker_until_it_is_dropped_also_over_its_lives() {
    let rig = Rig::start(Role::Core).await;
    rig.job(0).await;
    let ids = [rig.launch(0, "publish apples").await, rig.launch(1, "publish pears").await];
    for id in ids {
        let Outcome::Done(done) = rig.outcome(id).await else { panic!("it failed") };
        assert_eq!(done.holder, Some(fake_master::WORKER));
    }
    let (master, data) = rig.end().await;
    let rig = Rig::with(master, data, Role::Core).await;
    let mut outputs = rig.master.registrations()[1].outputs.clone();
    outputs.sort_unstable();
    assert_eq!(outputs, ids);
    rig.master.tell(MasterTell::Drain(true)).await;
    rig.master.tell(MasterTell::DropOutputs(vec![ids[0]])).await;
    rig.master.tell(MasterTell::JobOver(JOB)).await;
    rig.master.wait("empty", |seen| seen.tells.iter().any(|tell| matches!(tell, WorkerTell::Empty))).await;
    assert_eq!(std::fs::read_dir(rig.worker_data().join("shuffle/job-1")).map_or(0, Iterator::count), 0);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_worker_keeps_no_output() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let id = rig.launch(0, "publish apples").await;
    let (_, message) = failure(rig.outcome(id).await);
    assert!(message.contains("task worker"), "{message}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_says_so_and_lets_its_tasks_end() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    let id = rig.launch(0, "slow").await;
    rig.wait_for("the task runs", |rig| rig.tasks() > 0).await;
    rig.stop.cancel();
    rig.master
        .wait("leaving", |seen| seen.tells.iter().any(|tell| matches!(tell, WorkerTell::Leaving { .. })))
        .await;
    assert!(matches!(rig.outcome(id).await, Outcome::Done(_)));
    rig.master.tell(MasterTell::Noted(vec![id])).await;
    let worker = rig.worker.await;
    worker.unwrap().unwrap();
    assert_eq!(marked(&rig.data.path().join("worker").canonicalize().unwrap()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_worker_leaves_nothing_behind() {
    let rig = Rig::start(Role::Task).await;
    rig.job(0).await;
    rig.launch(0, "wait").await;
    rig.wait_for("the task runs", |rig| rig.tasks() > 0).await;
    rig.master.tell(MasterTell::Leave { forget: true }).await;
    rig.worker.await.unwrap().unwrap();
    assert_eq!(std::fs::read_dir(rig.data.path().join("worker")).unwrap().count(), 0);
    assert_eq!(marked(&rig.data.path().join("worker")), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_another_cluster_or_role_stops_with_the_reason() {
    let master = FakeMaster::start().await;
    master.refuse(RegisterError::WrongCluster { ours: 1, theirs: 2 });
    let data = tempfile::tempdir().unwrap();
    let options = Rig::options(&master, data.path().to_path_buf(), Role::Core);
    let error = run(options, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("another cluster"), "{error}");

    let (master, data) = Rig::start(Role::Core).await.end().await;
    let options = Rig::options(&master, data.path().join("worker"), Role::Task);
    let error = run(options, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, WorkerError::OtherRole { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_fetch_is_progress_and_no_reason_to_time_out() {
    let rig = Rig::start(Role::Task).await;
    let mut header = header(JOB, 0, &rig.master.secret);
    header.conf.task_timeout = Duration::from_secs(3);
    rig.master.tell(MasterTell::Job(Box::new(header))).await;
    let holder = SlowHolder::new(rig.data.path(), 14, Duration::from_millis(500));
    let input = holder.start(&rig.master.secret).await;
    let id = attempt(JOB, 0);
    let launch = Launch { inputs: vec![input], ..launch(id, "fetch") };
    rig.master.tell(MasterTell::Launch(vec![launch])).await;
    let outcome = rig.outcome(id).await;
    let Outcome::Done(done) = outcome else { panic!("{outcome:?}") };
    assert_eq!(done.result, slow_holder::RECORDS.to_string().into_bytes());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decay_in_a_replica_is_found_and_told_without_a_reader() {
    let master = FakeMaster::start().await;
    let data = tempfile::tempdir().unwrap();
    let bytes = vec![7; 300_000];
    let blocks = data.path().join("worker/blocks");
    for block in [1, 2] {
        let store = Arc::new(BlockStore::open(&blocks).unwrap());
        let mut writer = store.begin_write(BlockId(block), Generation(1), 0).unwrap();
        writer.append(&bytes).unwrap();
        writer.finalise(Finish { len_bytes: bytes.len() as u64, crc: crc32c(&bytes) }).unwrap();
    }
    let decayed = Layout::new(&blocks).finalised(BlockId(2), Generation(1)).data;
    std::fs::File::options().write(true).open(decayed).unwrap().write_all_at(b"x", 150_000).unwrap();
    let rig = Rig::with(master, data, Role::Core).await;
    let told = |tell: &WorkerTell| match tell {
        WorkerTell::Blocks(BlockReport::Bad { replica, .. }) => replica.block == BlockId(2),
        _ => false,
    };
    rig.master.wait("the bad replica is told", |seen| seen.tells.iter().any(told)).await;
    // Asked for everything, it names the good one only.
    rig.master.tell(MasterTell::Blocks(BlockCommand::ReportAll)).await;
    let whole = |tell: &WorkerTell| match tell {
        WorkerTell::Blocks(BlockReport::Full { replicas, .. }) => {
            replicas.iter().map(|replica| replica.block).eq([BlockId(1)])
        }
        _ => false,
    };
    rig.master.wait("a full report", |seen| seen.tells.iter().any(whole)).await;
    rig.end().await;
}

/// A worker in a process of its own that was told of the job of these tests.
async fn worker_with_a_job(master: &FakeMaster, role: &str, data: &Path) -> (Child, PathBuf) {
    let worker = worker_process(master, role, data);
    master.wait("a registration", |seen| !seen.registrations.is_empty()).await;
    master.tell(MasterTell::Job(Box::new(header(JOB, 0, &master.secret)))).await;
    (worker, data.join("worker").canonicalize().unwrap())
}

fn kill(mut worker: Child) {
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_of_a_task_outlives_a_worker_that_is_killed() {
    let master = FakeMaster::start().await;
    let data = tempfile::tempdir().unwrap();
    let (worker, root) = worker_with_a_job(&master, "task", data.path()).await;
    let launches = vec![launch(attempt(JOB, 0), "stubborn"), launch(attempt(JOB, 1), "wait")];
    master.tell(MasterTell::Launch(launches)).await;
    wait_until("the tasks run", || marked(&root) >= 5).await;
    kill(worker);
    wait_until("nothing of it lives", || marked(&root) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warden_that_is_killed_is_replaced() {
    let master = FakeMaster::start().await;
    let data = tempfile::tempdir().unwrap();
    let (worker, root) = worker_with_a_job(&master, "task", data.path()).await;
    master.tell(MasterTell::Launch(vec![launch(attempt(JOB, 0), "stubborn")])).await;
    wait_until("the task runs", || marked(&root) >= 5).await;
    let first = wardens(worker.id());
    assert_eq!(first.len(), 1);
    Command::new("kill").args(["-9", &first[0].to_string()]).status().unwrap();
    wait_until("another is there", || matches!(wardens(worker.id())[..], [next] if next != first[0])).await;
    kill(worker);
    wait_until("nothing of it lives", || marked(&root) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_killed_starts_again_as_itself_and_ends_what_it_left_behind() {
    let master = FakeMaster::start().await;
    let data = tempfile::tempdir().unwrap();
    let worker = worker_process(&master, "task", data.path());
    // It knows its name from the first beat on.
    master.wait("a beat", |seen| !seen.beats.is_empty()).await;
    let root = data.path().join("worker").canonicalize().unwrap();
    // What even its end cannot reach: a process that has left everything but its mark.
    let mut left = Command::new("sleep");
    left.arg("1000").env(MARK_VARIABLE, &root).stdin(Stdio::null());
    let mut left = left.spawn().unwrap();
    kill(worker);
    let worker = worker_process(&master, "task", data.path());
    master.wait("the next life", |seen| seen.registrations.len() == 2).await;
    let status = left.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    let [first, second] = &master.registrations()[..] else { panic!("two lives") };
    assert_eq!(second.worker, Some(fake_master::WORKER));
    assert!(second.epoch > first.epoch && second.running.is_empty());
    kill(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_worker_that_was_killed_offers_its_outputs_again_and_sweeps_what_attempts_left() {
    let master = FakeMaster::start().await;
    let data = tempfile::tempdir().unwrap();
    let (worker, root) = worker_with_a_job(&master, "core", data.path()).await;
    let published = [attempt(JOB, 0), attempt(JOB, 1)];
    let launches = vec![launch(published[0], "publish apples"), launch(published[1], "publish pears")];
    master.tell(MasterTell::Launch(launches)).await;
    master.wait("both are kept", |seen| published.iter().all(|id| seen.outcomes.contains_key(id))).await;
    master.tell(MasterTell::Launch(vec![launch(attempt(JOB, 2), "wait")])).await;
    let scratch = root.join("scratch/job-1/0.0.2.0");
    std::fs::create_dir_all(&scratch).unwrap();
    std::fs::write(scratch.join("spill"), "half a run").unwrap();
    let log = root.join("logs/job-1/00000000000000000000.log");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "printed\n").unwrap();
    let arriving = root.join("shuffle/incoming/0.new");
    std::fs::write(&arriving, "half an output").unwrap();
    kill(worker);

    let worker = worker_process(&master, "core", data.path());
    master.wait("the next life", |seen| seen.registrations.len() == 2).await;
    let mut outputs = master.registrations()[1].outputs.clone();
    outputs.sort_unstable();
    assert_eq!(outputs, published);
    // The job lives: nothing but the start removes what its attempts left.
    assert!(!scratch.exists() && !arriving.exists());
    assert!(log.exists());
    kill(worker);
}

/// Living wardens of a worker.
fn wardens(worker: u32) -> Vec<u32> {
    let table = ProcessTable::read().unwrap();
    let children = table.children(worker).iter().copied();
    let is_warden = |process: &u32| {
        std::fs::read(format!("/proc/{process}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).nth(1) == Some(b"warden"))
    };
    children.filter(is_warden).collect()
}

async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !condition() {
        assert!(begin.elapsed() < fake_master::GUARD, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
