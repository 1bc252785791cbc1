//! The master's side of a worker's connections: takes registrations, notes what it hears, says what a test wants.

use skep_hdfs::WorkerId;
use skep_jobs::{
    model::{AttemptId, JobId, Outcome},
    protocol::{
        BEAT_SERVICE, WORKER_SERVICE,
        worker::{
            Beat, MasterCall, MasterCallAnswer, MasterTell, RegisterError, Registration, WorkerAnswer,
            WorkerCall, WorkerReply, WorkerTell,
        },
    },
};
use skep_wire::{
    Acceptor, Connection, Endpoint, Identity, Listener, Mode, Peer, Secret, Service, handshake::Refusal,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

pub const GUARD: Duration = Duration::from_secs(60);
pub const WORKER: WorkerId = WorkerId(7);
pub const CLUSTER: u64 = 99;

#[derive(Default)]
pub struct Seen {
    pub registrations: Vec<Registration>,
    pub tells: Vec<WorkerTell>,
    pub outcomes: BTreeMap<AttemptId, Outcome>,
    pub beats: Vec<Beat>,
    living: Vec<JobId>,
    refuse: Option<RegisterError>,
    control: Option<Peer>,
}

pub struct FakeMaster {
    pub endpoint: Endpoint,
    pub secret: Secret,
    seen: Arc<Mutex<Seen>>,
    stop: CancellationToken,
}

impl FakeMaster {
    pub async fn start() -> FakeMaster {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (endpoint, secret, stop) =
            (listener.endpoint.clone(), Secret::random(), CancellationToken::new());
        let seen = Arc::new(Mutex::new(Seen::default()));
        tokio::spawn(listener.serve(secret.clone(), Arc::new(Gate(seen.clone())), stop.clone()));
        FakeMaster { endpoint, secret, seen, stop }
    }

    pub fn registrations(&self) -> Vec<Registration> {
        self.seen.lock().unwrap().registrations.clone()
    }

    pub fn outcome(&self, attempt: AttemptId) -> Outcome {
        self.seen.lock().unwrap().outcomes[&attempt].clone()
    }

    pub fn refuse(&self, error: RegisterError) {
        self.seen.lock().unwrap().refuse = Some(error);
    }

    pub fn forget_jobs(&self) {
        self.seen.lock().unwrap().living.clear();
    }

    pub fn drop_connections(&self) {
        self.seen.lock().unwrap().control.take().expect("a connection").close();
    }

    pub async fn wait(&self, what: &str, condition: impl Fn(&Seen) -> bool) {
        let begin = Instant::now();
        while !condition(&self.seen.lock().unwrap()) {
            assert!(begin.elapsed() < GUARD, "never happened: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn control(&self) -> Peer {
        self.wait("a control connection", |seen| seen.control.is_some()).await;
        self.seen.lock().unwrap().control.clone().unwrap()
    }

    pub async fn tell(&self, tell: MasterTell) {
        match &tell {
            MasterTell::Job(header) => self.seen.lock().unwrap().living.push(header.job),
            MasterTell::JobOver(job) => self.seen.lock().unwrap().living.retain(|living| living != job),
            _ => {}
        }
        self.control().await.tell(&tell).await.unwrap();
    }

    pub async fn logs(&self, job: JobId, stems: Option<Vec<String>>) -> String {
        let call = MasterCall::Logs { job, stems, bytes_max: 1 << 20 };
        let MasterCallAnswer::Logs { text, .. } = self.control().await.call(&call, GUARD).await.unwrap();
        text
    }
}

impl Drop for FakeMaster {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Gate(Arc<Mutex<Seen>>);

impl Acceptor for Gate {
    fn admit(&self, service: &str, _mode: Mode, identity: &Identity) -> Result<(), Refusal> {
        match (service, identity) {
            (WORKER_SERVICE | BEAT_SERVICE, Identity::Cluster) => Ok(()),
            _ => Err(Refusal::Service { service: service.to_owned() }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        let peer = match connection.service.as_str() {
            WORKER_SERVICE => Peer::start(connection, Arc::new(Control(self.0.clone()))),
            _ => Peer::start(connection, Arc::new(Beats(self.0.clone()))),
        };
        peer.closed().await;
    }
}

struct Control(Arc<Mutex<Seen>>);

impl Service for Control {
    type Call = WorkerCall;
    type Answer = WorkerAnswer;
    type Tell = WorkerTell;

    async fn call(&self, from: &Peer, WorkerCall::Register(registration): WorkerCall) -> WorkerAnswer {
        let mut seen = self.0.lock().unwrap();
        if let Some(error) = &seen.refuse {
            return Err(error.clone());
        }
        seen.outcomes.extend(registration.outcomes.clone());
        seen.registrations.push(*registration);
        seen.control = Some(from.clone());
        Ok(WorkerReply::Registered {
            worker: WORKER,
            cluster: CLUSTER,
            jobs: seen.living.clone(),
            beat_every_ms: 50,
        })
    }

    async fn tell(&self, _from: &Peer, message: WorkerTell) {
        let mut seen = self.0.lock().unwrap();
        if let WorkerTell::Outcomes(outcomes) = &message {
            seen.outcomes.extend(outcomes.clone());
        }
        seen.tells.push(message);
    }
}

struct Beats(Arc<Mutex<Seen>>);

impl Service for Beats {
    type Call = ();
    type Answer = ();
    type Tell = Beat;

    async fn call(&self, _from: &Peer, (): ()) {}

    async fn tell(&self, _from: &Peer, beat: Beat) {
        self.0.lock().unwrap().beats.push(beat);
    }
}
