//! A master in this process, and what a client says to it.

use super::fake::{FakeWorker, GUARD};
use crate::{Master, MasterError, MasterOptions, options::Tuning};
use skep_hdfs::{
    ClientId,
    client::{Client, ClientOptions},
    protocol::{
        NAMESPACE_SERVICE,
        namespace::{NamespaceAnswer, NamespaceCall, Operation},
    },
};
use skep_jobs::{
    model::{JobId, JobSpec, JobView},
    protocol::{
        JOBS_SERVICE,
        client::{ClusterView, JobAnswer, JobCall, JobReply, Role},
    },
    submit::JobsClient,
};
use skep_wire::{Credential, DialError, Dialer, Endpoint, Mode, NoService, Peer, Secret};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const TUNING: Tuning = Tuning { gone_after: Duration::from_secs(5), ..Tuning::DEFAULT };

pub struct Cluster {
    pub folder: tempfile::TempDir,
    pub endpoint: Endpoint,
    pub secret: Secret,
    tuning: Tuning,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), MasterError>>,
}

pub async fn start_at(
    data: &Path,
    listen: &Endpoint,
    tuning: Tuning,
) -> Result<(Master, CancellationToken), MasterError> {
    let stop = CancellationToken::new();
    let options = MasterOptions { listen: listen.clone(), data: data.to_path_buf() };
    Master::start_with(options, tuning, stop.clone()).await.map(|master| (master, stop))
}

impl Cluster {
    pub async fn start() -> Cluster {
        Cluster::start_with(TUNING).await
    }

    pub async fn start_with(tuning: Tuning) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let (master, stop) = start_at(folder.path(), &anywhere, tuning).await.unwrap();
        let (endpoint, secret) = (master.endpoint().clone(), master.secret().clone());
        Cluster { folder, endpoint, secret, tuning, stop, ended: tokio::spawn(master.wait()) }
    }

    /// For the next master.
    pub fn set_tuning(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    pub async fn stop(&mut self) {
        self.stop.cancel();
        (&mut self.ended).await.unwrap().unwrap();
    }

    /// After `stop`: another master takes its place, at the same address.
    pub async fn start_again(&mut self) {
        let begin = std::time::Instant::now();
        let (master, stop) = loop {
            match start_at(self.folder.path(), &self.endpoint, self.tuning).await {
                Ok(started) => break started,
                // The journal's file and the port are let go of in the background.
                Err(error) => assert!(begin.elapsed() < GUARD, "never starts again: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        self.stop = stop;
        self.ended = tokio::spawn(master.wait());
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    pub async fn worker(&self, role: Role) -> FakeWorker {
        FakeWorker::start(&self.endpoint, &self.secret, role, 2).await
    }

    pub fn dialer(&self) -> Dialer {
        Dialer::new(Credential::Cluster(self.secret.clone()))
    }

    /// A connection with the token of a job.
    pub async fn open_as(&self, job: JobId, service: &str) -> Result<Peer, DialError> {
        let (job, token) = (job.to_string(), self.secret.token_for(&job.to_string()));
        let dialer = Dialer::new(Credential::Job { job, token });
        let connection = dialer.connect(&self.endpoint, service, Mode::Calls).await?;
        Ok(Peer::start(connection, Arc::new(NoService)))
    }

    pub async fn peer(&self, service: &str) -> Result<Peer, DialError> {
        let connection = self.dialer().connect(&self.endpoint, service, Mode::Calls).await?;
        Ok(Peer::start(connection, Arc::new(NoService)))
    }

    pub fn jobs(&self) -> JobsClient {
        JobsClient::new(self.endpoint.clone(), Credential::Cluster(self.secret.clone()))
    }

    pub fn files(&self) -> Client {
        Client::new(ClientOptions {
            master: self.endpoint.clone(),
            credential: Credential::Cluster(self.secret.clone()),
            user: "somebody".to_owned(),
            host: String::new(),
            worker: None,
            patience: GUARD,
        })
    }

    pub async fn call(&self, call: JobCall) -> JobAnswer {
        self.peer(JOBS_SERVICE).await.unwrap().call(&call, GUARD).await.unwrap()
    }

    /// One call of a client to the namespace, under a number of the test's choice.
    pub async fn namespace(&self, number: u64, operation: Operation) -> NamespaceAnswer {
        let user = "somebody".to_owned();
        let call = NamespaceCall { client: ClientId(77), call: number, user, worker: None, operation };
        self.peer(NAMESPACE_SERVICE).await.unwrap().call(&call, GUARD).await.unwrap()
    }

    pub async fn submit(&self, spec: JobSpec) -> JobId {
        match self.call(JobCall::Submit(Box::new(spec))).await {
            Ok(JobReply::Submitted(job)) => job,
            other => panic!("not submitted: {other:?}"),
        }
    }

    pub async fn kill(&self, job: JobId) -> JobAnswer {
        self.call(JobCall::Kill { job, user: "somebody".to_owned() }).await
    }

    async fn view(&self, job: JobId, after: u64, wait_ms: u64) -> JobView {
        match self.call(JobCall::Watch { job, after, wait_ms }).await {
            Ok(JobReply::Job(view)) => *view,
            other => panic!("no view: {other:?}"),
        }
    }

    pub async fn end_of(&self, job: JobId) -> JobView {
        let begin = std::time::Instant::now();
        let mut view = self.view(job, 0, 0).await;
        while !view.summary.state.is_final() {
            assert!(begin.elapsed() < GUARD, "{job} does not end: {view:?}");
            view = self.view(job, view.version, 1_000).await;
        }
        view
    }

    /// Waits until so few workers are left.
    pub async fn shrinks_to(&self, workers: usize) {
        let begin = std::time::Instant::now();
        while self.status().await.workers.len() > workers {
            assert!(begin.elapsed() < GUARD, "nobody goes");
        }
    }

    pub async fn status(&self) -> ClusterView {
        match self.call(JobCall::Status).await {
            Ok(JobReply::Status(view)) => *view,
            other => panic!("no status: {other:?}"),
        }
    }
}
