//! Jobs from their submission to their end.

use super::{
    cluster::{Cluster, TUNING},
    fake::{FakeWorker, GUARD, until},
};
use crate::{core::tests::rig, options::Tuning};
use skep_jobs::{
    model::{FaultKind, JobState, Outcome},
    protocol::{
        client::{JobCall, JobError, JobReply, Role},
        worker::MasterTell,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_through_the_wire_and_its_results_come_back_in_task_order() {
    let cluster = Cluster::start().await;
    let _core = cluster.worker(Role::Core).await;
    let _task = cluster.worker(Role::Task).await;
    let job = cluster.submit(rig::two_stages(7, 5, 3)).await;
    let view = cluster.end_of(job).await;
    assert_eq!(view.summary.state, JobState::Succeeded, "{view:?}");
    assert_eq!(view.results, [vec![0], vec![1], vec![2]]);
    assert_eq!(cluster.submit(rig::two_stages(7, 5, 3)).await, job, "the same token is the same job");
    let Ok(JobReply::Logs(logs)) = cluster.call(JobCall::Logs { job, task: None, bytes_max: 1_000 }).await
    else {
        panic!("no logs");
    };
    assert_eq!(logs.len(), 2);
    assert_eq!(logs[0].text, format!("{job} was here\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_job_stops_its_attempts_and_ends() {
    let cluster = Cluster::start().await;
    let worker = cluster.worker(Role::Core).await;
    worker.lock().eager = false;
    let job = cluster.submit(rig::two_stages(1, 1, 1)).await;
    until("it runs", || worker.lock().running.len() == 1).await;
    let user = "somebody".to_owned();
    assert!(matches!(cluster.call(JobCall::Kill { job, user: user.clone() }).await, Ok(JobReply::Done)));
    until("the worker is told", || {
        worker.lock().tells.iter().any(|tell| matches!(tell, MasterTell::Kill { .. }))
    })
    .await;
    let attempt = *worker.lock().running.keys().next().unwrap();
    worker.end(attempt, Outcome::Killed).await;
    assert_eq!(cluster.end_of(job).await.summary.state, JobState::Killed);
    until("its end is told", || {
        worker.lock().tells.iter().any(|tell| matches!(tell, MasterTell::JobOver(_)))
    })
    .await;
    let again = cluster.call(JobCall::Kill { job, user }).await;
    assert!(matches!(again, Err(JobError::AlreadyOver { .. })), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_is_gone_at_once_and_its_task_runs_elsewhere_at_no_cost() {
    // Nobody waits for the beats of a process that is gone.
    let cluster = Cluster::start_with(Tuning { gone_after: GUARD * 10, ..TUNING }).await;
    let core = cluster.worker(Role::Core).await;
    core.lock().eager = false;
    let spot = cluster.worker(Role::Task).await;
    spot.lock().eager = false;
    let job = cluster.submit(rig::two_stages(1, 4, 1)).await;
    until("both run", || spot.lock().running.len() == 2 && core.lock().running.len() == 2).await;
    spot.die().await;
    cluster.shrinks_to(1).await;
    core.go_on().await;
    let view = cluster.end_of(job).await;
    assert_eq!(view.summary.state, JobState::Succeeded, "{view:?}");
    assert_eq!((view.attempts_preempted, view.attempts_failed, view.tasks_recomputed), (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_users_code_end_the_job_with_the_message_of_the_last_one() {
    let cluster = Cluster::start().await;
    let worker = cluster.worker(Role::Core).await;
    worker.lock().eager = false;
    let job = cluster.submit(rig::two_stages(1, 1, 1)).await;
    for _ in 0..4 {
        until("it runs", || !worker.lock().running.is_empty()).await;
        let attempt = *worker.lock().running.keys().next().unwrap();
        worker
            .end(attempt, Outcome::Failed { kind: FaultKind::User, message: "no such luck".to_owned() })
            .await;
    }
    let view = cluster.end_of(job).await;
    assert_eq!(view.summary.state, JobState::Failed);
    assert!(view.error.as_deref().unwrap_or_default().contains("no such luck"), "{:?}", view.error);
    assert_eq!(view.attempts_failed, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_empty_tasks() {
    let cluster = Cluster::start().await;
    let mut workers = Vec::new();
    for role in [Role::Core, Role::Core, Role::Task, Role::Task] {
        workers.push(FakeWorker::start(&cluster.endpoint, &cluster.secret, role, 4).await);
    }
    let begin = std::time::Instant::now();
    let mut spec = rig::two_stages(1, 20_000, 1);
    spec.stages.truncate(1);
    spec.stages[0].output = skep_jobs::model::StageOutput::Result;
    let job = cluster.submit(spec).await;
    let view = cluster.end_of(job).await;
    assert_eq!(view.summary.state, JobState::Succeeded);
    let rate = 20_000.0 / begin.elapsed().as_secs_f64();
    println!("20000 empty tasks through the wire and the journal: {rate:.0} tasks/s");
}
