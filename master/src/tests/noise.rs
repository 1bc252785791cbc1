//! Connections that send garbage, nothing, or read nothing: they cost only themselves.

use super::{cluster::Cluster, fake::GUARD};
use crate::{core::tests::rig, limits::PROVIDER_QUEUE_MAX};
use serde::de::DeserializeOwned;
use skep_hdfs::protocol::{NAMESPACE_SERVICE, namespace::Operation};
use skep_jobs::{
    model::{AttemptId, AttemptNumber, JobId, JobState, Outcome, PartId, Round, StageId},
    protocol::{
        BEAT_SERVICE, JOBS_SERVICE, PROVIDER_SERVICE, WORKER_SERVICE,
        client::{JobAnswer, JobCall, JobReply, Role},
        provider::{Offer, ProviderOrder},
        worker::{MasterTell, Registration, WorkerAnswer, WorkerCall, WorkerTell},
    },
};
use skep_wire::{Mode, Peer, Service};
use std::{future::pending, io::Write, marker::PhantomData, net::TcpStream, sync::Arc};

async fn jobs_run(cluster: &Cluster, token: u64) {
    let job = cluster.submit(rig::two_stages(token, 20, 2)).await;
    assert_eq!(cluster.end_of(job).await.summary.state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_half_open_connections_stall_nobody() {
    let cluster = Cluster::start().await;
    let _worker = cluster.worker(Role::Core).await;
    let address = cluster.endpoint.to_string();
    // Before the handshake: nothing, or anything.
    let silent: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for length in 1..50 {
        let bytes: Vec<u8> = (0..length * 37).map(|_| rand::random()).collect();
        let mut socket = TcpStream::connect(&address).unwrap();
        // The master may have closed it already.
        let _ = socket.write_all(&bytes);
    }
    // After it: nothing, or messages that cannot be read.
    let mut kept = Vec::new();
    for service in [NAMESPACE_SERVICE, JOBS_SERVICE, WORKER_SERVICE, BEAT_SERVICE, PROVIDER_SERVICE] {
        kept.push(cluster.peer(service).await.unwrap());
        let noisy = cluster.peer(service).await.unwrap();
        for length in 1..50 {
            let bytes: Vec<u8> = (0..length * 37).map(|_| rand::random()).collect();
            let _ = noisy.tell(&bytes).await;
        }
        let answered = noisy.call::<_, u8>(&vec![255_u8; 9], GUARD).await;
        assert!(answered.is_err(), "{service}: {answered:?}");
        kept.push(noisy);
    }
    jobs_run(&cluster, 1).await;
    drop(silent);
    jobs_run(&cluster, 2).await;
}

/// Takes one message, and never comes to an end with it.
struct Stuck<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned + Send + 'static> Service for Stuck<T> {
    type Call = ();
    type Answer = ();
    type Tell = T;

    async fn call(&self, _from: &Peer, (): ()) {}

    async fn tell(&self, _from: &Peer, _message: T) {
        pending().await
    }
}

async fn stuck<T: DeserializeOwned + Send + 'static>(cluster: &Cluster, service: &str) -> Peer {
    let connection = cluster.dialer().connect(&cluster.endpoint, service, Mode::Calls).await.unwrap();
    Peer::start(connection, Arc::new(Stuck::<T>(PhantomData)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_takes_no_messages_is_cut_off_and_stalls_nobody() {
    let cluster = Cluster::start().await;
    let worker = cluster.worker(Role::Core).await;
    let peer = stuck::<MasterTell>(&cluster, WORKER_SERVICE).await;
    let registration = Registration { worker: None, role: Role::Task, ..worker.registration() };
    let call = WorkerCall::Register(Box::new(registration));
    peer.call::<_, WorkerAnswer>(&call, GUARD).await.unwrap().unwrap();
    // Each outcome is noted, whatever it is of: so many notes, until they do not fit any more.
    let flood = tokio::spawn({
        let peer = peer.clone();
        async move {
            for part in 0.. {
                let attempt = AttemptId {
                    job: JobId(1),
                    stage: StageId(0),
                    round: Round(0),
                    part: PartId(part),
                    attempt: AttemptNumber(0),
                };
                let outcomes = WorkerTell::Outcomes(vec![(attempt, Outcome::Killed)]);
                if peer.tell(&outcomes).await.is_err() {
                    return;
                }
            }
        }
    });
    for number in 1..=50 {
        let path = format!("/{number}").parse().unwrap();
        cluster.namespace(number, Operation::MakeDirectory { path, parents: true }).await.unwrap();
        assert!(cluster.status().await.workers.len() <= 2);
    }
    tokio::time::timeout(GUARD, peer.closed()).await.expect("it is cut off");
    flood.await.unwrap();
    jobs_run(&cluster, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_takes_no_orders_stalls_nobody() {
    let cluster = Cluster::start().await;
    let _worker = cluster.worker(Role::Core).await;
    let provider = stuck::<ProviderOrder>(&cluster, PROVIDER_SERVICE).await;
    let () = provider.call(&Offer { name: "stuck".to_owned(), core: 1, task: 0 }, GUARD).await.unwrap();
    let jobs = cluster.peer(JOBS_SERVICE).await.unwrap();
    for target in 1..=2 * PROVIDER_QUEUE_MAX as u32 + 100 {
        let resize = JobCall::Resize { core: None, task: Some(target), plan: false };
        let answer = jobs.call::<_, JobAnswer>(&resize, GUARD).await.unwrap();
        assert!(matches!(answer, Ok(JobReply::Plan(_))), "{answer:?}");
    }
    jobs_run(&cluster, 1).await;
}
