//! A master that comes back: what it promised holds, what runs goes on, who waits carries on.

use super::{
    cluster::{Cluster, TUNING, start_at},
    fake::{GUARD, until},
};
use crate::{MasterError, core::tests::rig, options::Tuning};
use skep_hdfs::{
    journal::{Journal, JournalError, Lsn, Replay, Section},
    protocol::namespace::{NamespaceError, Operation, Reply},
};
use skep_jobs::{
    model::{JobState, JobView},
    protocol::client::{JobError, Role},
    submit::JobsClient,
};
use std::{path::Path, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_master_goes_on_with_the_attempts_that_run_and_repeats_no_finished_task() {
    let mut cluster = Cluster::start().await;
    let mut worker = cluster.worker(Role::Core).await;
    worker.lock().eager = false;
    let job = cluster.submit(rig::two_stages(1, 3, 1)).await;
    until("both slots run", || worker.lock().running.len() == 2).await;
    let (first, launch) = worker.lock().running.pop_first().unwrap();
    worker.lock().outputs.push(first);
    worker.finish_one(launch).await;
    until("it is noted, the next one runs", || {
        let seen = worker.lock();
        seen.unnoted.is_empty() && seen.running.len() == 2
    })
    .await;
    cluster.restart().await;
    worker.hang_up();
    let before = worker.lock().launched;
    worker.register(&cluster.endpoint, &cluster.secret).await.unwrap();
    let outputs: Vec<_> = worker.lock().running.keys().copied().collect();
    worker.lock().outputs.extend(outputs);
    worker.go_on().await;
    let view = cluster.end_of(job).await;
    assert_eq!(view.summary.state, JobState::Succeeded, "{view:?}");
    assert_eq!(view.tasks_recomputed, 0);
    assert_eq!(worker.lock().launched - before, 1, "only the reduce task is launched after the restart");
}

/// As `skep submit` waits: one long poll after the other, on whatever master answers.
async fn wait_for(client: JobsClient, job: skep_jobs::model::JobId) -> JobView {
    let mut after = 0;
    loop {
        match client.watch(job, after, Duration::from_millis(200)).await {
            Ok(view) if view.summary.state.is_final() => return view,
            Ok(view) => after = view.version,
            Err(error) => assert!(error.retryable(), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_job_carries_on_when_another_master_takes_over() {
    let mut cluster = Cluster::start().await;
    let mut worker = cluster.worker(Role::Core).await;
    worker.lock().eager = false;
    let job = cluster.submit(rig::two_stages(1, 2, 1)).await;
    let waiting = tokio::spawn(wait_for(cluster.jobs(), job));
    until("it runs", || worker.lock().running.len() == 2).await;
    cluster.restart().await;
    worker.hang_up();
    worker.register(&cluster.endpoint, &cluster.secret).await.unwrap();
    worker.go_on().await;
    let view = tokio::time::timeout(GUARD, waiting).await.unwrap().unwrap();
    assert_eq!(view.summary.state, JobState::Succeeded, "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_repeated_to_the_next_master_get_the_answers_they_had() {
    let mut cluster = Cluster::start().await;
    let job = cluster.submit(rig::two_stages(5, 1, 1)).await;
    let make = || Operation::MakeDirectory { path: "/a".parse().unwrap(), parents: false };
    let delete = || Operation::Delete { path: "/a".parse().unwrap(), recursive: true };
    assert!(matches!(cluster.namespace(1, make()).await, Ok(Reply::Done)));
    assert!(matches!(cluster.namespace(2, delete()).await, Ok(Reply::Deleted { existed: true })));
    for _ in 0..2 {
        assert!(matches!(cluster.namespace(1, make()).await, Ok(Reply::Done)));
        assert!(matches!(cluster.namespace(2, delete()).await, Ok(Reply::Deleted { existed: true })));
        let status = cluster.namespace(9, Operation::Status { path: "/a".parse().unwrap() }).await;
        assert!(matches!(status, Err(NamespaceError::NotFound(_))), "the repeat made nothing: {status:?}");
        assert_eq!(cluster.submit(rig::two_stages(5, 1, 1)).await, job, "one token is one job");
        cluster.restart().await;
    }
    cluster.kill(job).await.unwrap();
    cluster.end_of(job).await;
    cluster.restart().await;
    assert_eq!(cluster.submit(rig::two_stages(5, 1, 1)).await, job, "also when it is over");
    let again = cluster.kill(job).await;
    assert!(matches!(again, Err(JobError::AlreadyOver { .. })), "{again:?}");
}

/// The journal of a master that ended; it lets go of the file in the background.
async fn journal(folder: &Path) -> (Journal, Replay) {
    let begin = std::time::Instant::now();
    loop {
        match Journal::open(&folder.join("journal")) {
            Ok((journal, mut replays)) => return (journal, replays.remove(&Section::Scheduler).unwrap()),
            Err(JournalError::Locked { .. }) if begin.elapsed() < GUARD => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_stored_whole_now_and_then_and_a_master_starts_from_it() {
    let mut cluster = Cluster::start_with(Tuning { snapshot_every_records: 5, ..TUNING }).await;
    let worker = cluster.worker(Role::Core).await;
    let mut ended = Vec::new();
    for token in 1..=10 {
        let job = cluster.submit(rig::two_stages(token, 3, 1)).await;
        ended.push(cluster.end_of(job).await);
    }
    worker.hang_up();
    cluster.stop().await;
    let (_, replay) = journal(cluster.folder.path()).await;
    let (stored_at, _) = replay.snapshot.expect("a snapshot was stored");
    assert!(replay.entries.iter().all(|(lsn, _)| *lsn > stored_at));
    cluster.start_again().await;
    for (token, before) in (1..=10).zip(ended) {
        let job = cluster.submit(rig::two_stages(token, 3, 1)).await;
        assert_eq!(job, before.summary.id);
        assert_eq!(cluster.end_of(job).await.results, before.results);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_the_namespace_alone_make_the_scheduler_store_its_state_too() {
    let mut cluster = Cluster::start_with(Tuning { snapshot_every_records: 20, ..TUNING }).await;
    for number in 1..=60 {
        let path = format!("/folder/{number}").parse().unwrap();
        cluster.namespace(number, Operation::MakeDirectory { path, parents: true }).await.unwrap();
    }
    cluster.stop().await;
    let (_, replay) = journal(cluster.folder.path()).await;
    assert!(replay.snapshot.is_some_and(|(lsn, _)| lsn >= 20), "so that the log can be cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_format_is_one_clear_error_at_the_start() {
    let mut cluster = Cluster::start().await;
    cluster.submit(rig::two_stages(1, 1, 1)).await;
    cluster.stop().await;
    let (journal, _) = journal(cluster.folder.path()).await;
    journal.snapshot(Section::Scheduler, Lsn(1), vec![9, 0, 0]).await.unwrap();
    drop(journal);
    let begin = std::time::Instant::now();
    let error = loop {
        match start_at(cluster.folder.path(), &cluster.endpoint, TUNING).await {
            Err(MasterError::Journal(JournalError::Locked { .. })) if begin.elapsed() < GUARD => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => break error,
            Ok(_) => panic!("it started"),
        }
    };
    assert!(matches!(error, MasterError::Format { found: 9, .. }), "{error}");
    assert!(error.to_string().contains("use the release that wrote it"), "{error}");
}
