//! What the master reads from, and removes from, the cluster's own storage.

use super::{
    cluster::{Cluster, TUNING},
    fake::GUARD,
};
use crate::{core::tests::rig, limits::BINARIES_KEPT_MAX, options::Tuning};
use skep_hdfs::{
    FsPath,
    client::CreateOptions,
    protocol::namespace::{Change, Transaction},
};
use skep_jobs::{
    model::{BINARIES_DIRECTORY, Executable, JobId, JobState, PartId, StageId},
    protocol::client::{JobCall, JobError, JobReply, LogPart, Role},
};
use std::time::Duration;

fn path(text: &str) -> FsPath {
    text.parse().unwrap()
}

impl Cluster {
    async fn put(&self, file: &str, text: &str) {
        let mut writer = self.files().create(&path(file), CreateOptions::default()).await.unwrap();
        writer.write(text.as_bytes()).await.unwrap();
        writer.finish().await.unwrap();
    }

    async fn put_empty(&self, files: impl IntoIterator<Item = String>) {
        let changes = files.into_iter().map(|file| Change::CreateEmpty(path(&file))).collect();
        self.files().transaction(Transaction { expect: Vec::new(), changes }).await.unwrap();
    }

    async fn names(&self, folder: &str) -> Vec<String> {
        let entries = self.files().list(&path(folder)).await.unwrap();
        entries.iter().map(|entry| entry.path.name().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until so many entries are left.
    async fn shrinks(&self, folder: &str, to: usize) -> Vec<String> {
        let begin = std::time::Instant::now();
        loop {
            let names = self.names(folder).await;
            if names.len() <= to {
                return names;
            }
            assert!(begin.elapsed() < GUARD, "{} entries stay in {folder}", names.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn logs(&self, job: JobId, task: Option<(StageId, PartId)>, bytes_max: u64) -> Vec<LogPart> {
        match self.call(JobCall::Logs { job, task, bytes_max }).await {
            Ok(JobReply::Logs(parts)) => parts,
            other => panic!("no logs: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_a_finished_job_are_read_from_storage_once_its_worker_is_gone() {
    let cluster = Cluster::start().await;
    let core = cluster.worker(Role::Core).await;
    let spot = cluster.worker(Role::Task).await;
    let job = cluster.submit(rig::two_stages(1, 8, 1)).await;
    assert_eq!(cluster.end_of(job).await.summary.state, JobState::Succeeded);
    let live = cluster.logs(job, None, 1_000).await;
    assert_eq!(live.iter().map(|part| part.worker).collect::<Vec<_>>(), [core.id(), spot.id()]);
    // As a worker does when a job is over.
    let lines = "1 start\n2 [0.0.3.0] mine\n3 [0.0.4.0] not mine\n";
    for worker in [&core, &spot] {
        cluster.put(&format!("/.skep/logs/{job}/{}.log", worker.id()), lines).await;
    }
    spot.die().await;
    cluster.shrinks_to(1).await;
    let parts = cluster.logs(job, None, 1_000).await;
    let texts: Vec<_> = parts.iter().map(|part| (part.worker, part.text.as_str())).collect();
    let told = format!("{job} was here\n");
    assert_eq!(texts, [(core.id(), told.as_str()), (spot.id(), lines)], "those who are there are asked");
    core.lock().logs = false;
    let parts = cluster.logs(job, Some((StageId(0), PartId(3))), 1_000).await;
    assert!(parts.iter().all(|part| part.text == "2 [0.0.3.0] mine\n"), "{parts:?}");
    assert_eq!(parts.len(), 2);
    let parts = cluster.logs(job, None, 30).await;
    assert!(parts.iter().all(|part| part.truncated && part.text == "3 [0.0.4.0] not mine\n"), "{parts:?}");
    let unknown = cluster.call(JobCall::Logs { job: JobId(99), task: None, bytes_max: 1 }).await;
    assert!(matches!(unknown, Err(JobError::NoSuchJob(JobId(99)))), "{unknown:?}");
}

const SWEEPING: Tuning =
    Tuning { sweep_every: Duration::from_millis(20), binary_kept_for: Duration::ZERO, ..TUNING };

#[tokio::test(flavor = "multi_thread")]
async fn binaries_that_no_job_needs_are_removed_but_the_last_used_ones() {
    let cluster = Cluster::start_with(Tuning { sweep_every: GUARD * 60, ..SWEEPING }).await;
    let needed = format!("{BINARIES_DIRECTORY}/aaaa");
    cluster.put_empty([needed.clone()]).await;
    let mut spec = rig::two_stages(1, 1, 1);
    spec.program.executable = Executable::Binary { sha256: "aaaa".to_owned(), path: needed };
    let job = cluster.submit(spec).await;
    // Younger than the one that is needed.
    tokio::time::sleep(Duration::from_millis(5)).await;
    cluster.put_empty((0..BINARIES_KEPT_MAX + 5).map(|each| format!("{BINARIES_DIRECTORY}/b{each}"))).await;
    let mut cluster = cluster;
    cluster.set_tuning(SWEEPING);
    cluster.restart().await;
    let left = cluster.shrinks(BINARIES_DIRECTORY, BINARIES_KEPT_MAX + 1).await;
    assert!(left.contains(&"aaaa".to_owned()), "{left:?}");
    cluster.kill(job).await.unwrap();
    cluster.end_of(job).await;
    let left = cluster.shrinks(BINARIES_DIRECTORY, BINARIES_KEPT_MAX).await;
    assert_eq!(left.len(), BINARIES_KEPT_MAX);
    assert!(!left.contains(&"aaaa".to_owned()), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_jobs_that_are_forgotten_are_removed() {
    let cluster = Cluster::start_with(SWEEPING).await;
    let job = cluster.submit(rig::two_stages(1, 1, 1)).await;
    let mine = format!("/.skep/logs/{job}/worker-1.log");
    cluster
        .put_empty([mine, "/.skep/logs/job-900/worker-1.log".to_owned(), "/.skep/logs/notes".to_owned()])
        .await;
    let left = cluster.shrinks("/.skep/logs", 2).await;
    assert_eq!(left, [job.to_string(), "notes".to_owned()]);
}
