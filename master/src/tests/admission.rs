//! Who may open what: tokens of jobs open files while their job lives.

use super::{
    cluster::Cluster,
    fake::{GUARD, until},
};
use crate::core::tests::rig;
use skep_hdfs::protocol::NAMESPACE_SERVICE;
use skep_jobs::{
    model::{JobId, JobState},
    protocol::{BEAT_SERVICE, JOBS_SERVICE, PROVIDER_SERVICE, WORKER_SERVICE, client::Role},
};
use skep_wire::{DialError, Peer, handshake::Refusal};

async fn refusal(cluster: &Cluster, job: JobId, service: &str) -> Refusal {
    match cluster.open_as(job, service).await {
        Err(DialError::Refused { refusal, .. }) => refusal,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("{service} was opened"),
    }
}

async fn closed(peer: &Peer) {
    tokio::time::timeout(GUARD, peer.closed()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_token_opens_the_namespace_while_its_job_lives_and_nothing_else() {
    let mut cluster = Cluster::start().await;
    let job = cluster.submit(rig::two_stages(1, 1, 1)).await;
    cluster.open_as(job, NAMESPACE_SERVICE).await.unwrap();
    for service in [JOBS_SERVICE, WORKER_SERVICE, BEAT_SERVICE, PROVIDER_SERVICE] {
        assert!(matches!(refusal(&cluster, job, service).await, Refusal::Forbidden { .. }));
    }
    let never = JobId(job.0 + 1);
    assert!(matches!(refusal(&cluster, never, NAMESPACE_SERVICE).await, Refusal::JobOver { .. }));
    cluster.restart().await;
    let open = cluster.open_as(job, NAMESPACE_SERVICE).await.unwrap();
    cluster.kill(job).await.unwrap();
    assert_eq!(cluster.end_of(job).await.summary.state, JobState::Killed);
    closed(&open).await;
    let refused = refusal(&cluster, job, NAMESPACE_SERVICE).await;
    assert!(refused.to_string().contains("over"), "{refused}");
    cluster.restart().await;
    assert!(matches!(refusal(&cluster, job, NAMESPACE_SERVICE).await, Refusal::JobOver { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_job_that_succeeded_opens_nothing_any_more() {
    let cluster = Cluster::start().await;
    let worker = cluster.worker(Role::Core).await;
    worker.lock().eager = false;
    let job = cluster.submit(rig::two_stages(1, 1, 1)).await;
    until("it runs", || worker.lock().running.len() == 1).await;
    let open = cluster.open_as(job, NAMESPACE_SERVICE).await.unwrap();
    worker.go_on().await;
    assert_eq!(cluster.end_of(job).await.summary.state, JobState::Succeeded);
    closed(&open).await;
    assert!(matches!(refusal(&cluster, job, NAMESPACE_SERVICE).await, Refusal::JobOver { .. }));
}
