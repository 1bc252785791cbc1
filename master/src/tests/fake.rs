//! A worker without processes, but with a disk: it registers and beats like a real one, and ends tasks as it is told to.

use super::disk::Disk;
use skep_hdfs::{
    Epoch, WorkerId,
    protocol::control::{BlockReport, Capacity},
};
use skep_jobs::{
    model::{AttemptId, Done, Outcome, Segment},
    protocol::{
        BEAT_SERVICE, WORKER_SERVICE,
        client::Role,
        worker::{
            Beat, Launch, MasterCall, MasterCallAnswer, MasterTell, RegisterError, Registration,
            WorkerAnswer, WorkerCall, WorkerReply, WorkerTell,
        },
    },
};
use skep_wire::{Credential, Dialer, Endpoint, Listener, Mode, NoService, Peer, Secret, Service};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub const GUARD: Duration = Duration::from_secs(60);

pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < GUARD, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub struct Seen {
    pub running: BTreeMap<AttemptId, Launch>,
    pub unnoted: BTreeMap<AttemptId, Outcome>,
    pub outputs: Vec<AttemptId>,
    pub tells: Vec<MasterTell>,
    pub launched: u64,
    /// Whether it keeps logs.
    pub logs: bool,
    pub beats: bool,
    /// How often it was registered.
    pub registered: u32,
    /// End tasks as soon as they come.
    pub eager: bool,
    peer: Option<Peer>,
    id: WorkerId,
}

impl Seen {
    fn new() -> Seen {
        Seen {
            running: BTreeMap::new(),
            unnoted: BTreeMap::new(),
            outputs: Vec::new(),
            tells: Vec::new(),
            launched: 0,
            logs: true,
            beats: true,
            registered: 0,
            eager: true,
            peer: None,
            id: WorkerId(0),
        }
    }
}

#[derive(Clone)]
pub struct FakeWorker {
    pub epoch: Epoch,
    pub role: Role,
    slots: u32,
    cluster: Option<u64>,
    endpoint: Endpoint,
    seen: Arc<Mutex<Seen>>,
    disk: Arc<Disk>,
    stop: CancellationToken,
}

impl FakeWorker {
    /// Registers a new worker with its own listener.
    pub async fn start(master: &Endpoint, secret: &Secret, role: Role, slots: u32) -> FakeWorker {
        let mut worker = FakeWorker::listen(secret, role, slots).await;
        worker.register(master, secret).await.unwrap();
        worker
    }

    /// Listens, and is not registered yet.
    async fn listen(secret: &Secret, role: Role, slots: u32) -> FakeWorker {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let endpoint = listener.endpoint.clone();
        let (stop, disk) = (CancellationToken::new(), Disk::new());
        tokio::spawn(listener.serve(secret.clone(), Arc::clone(&disk), stop.clone()));
        let seen = Arc::new(Mutex::new(Seen::new()));
        FakeWorker { epoch: Epoch(1), role, slots, cluster: None, endpoint, seen, disk, stop }
    }

    /// The same worker in another process, with nothing left of this one; not registered yet.
    pub async fn next_life(&self, secret: &Secret) -> FakeWorker {
        let mut next = FakeWorker::listen(secret, self.role, self.slots).await;
        (next.epoch, next.cluster) = (Epoch(self.epoch.0 + 1), self.cluster);
        next.lock().id = self.id();
        next
    }

    pub fn id(&self) -> WorkerId {
        self.lock().id
    }

    pub fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub fn registration(&self) -> Registration {
        let seen = self.lock();
        Registration {
            worker: (seen.id.0 > 0).then_some(seen.id),
            cluster: self.cluster,
            epoch: self.epoch,
            role: self.role,
            endpoint: self.endpoint.clone(),
            socket: "/nowhere".into(),
            host: "here".to_owned(),
            process: 1,
            slots: self.slots,
            memory_bytes: u64::from(self.slots) << 30,
            draining: false,
            running: seen.running.keys().copied().collect(),
            outcomes: seen.unnoted.iter().map(|(attempt, outcome)| (*attempt, outcome.clone())).collect(),
            outputs: seen.outputs.clone(),
            replicas: Vec::new(),
            capacity: Capacity { total_bytes: 1 << 40, used_bytes: 0, free_bytes: 1 << 40 },
        }
    }

    /// Registers on a new connection, and begins to beat.
    pub async fn register(&mut self, master: &Endpoint, secret: &Secret) -> Result<(), RegisterError> {
        let dialer = Dialer::new(Credential::Cluster(secret.clone()));
        let connection = dialer.connect(master, WORKER_SERVICE, Mode::Calls).await.unwrap();
        let peer = Peer::start(connection, Arc::new(Words(self.clone())));
        let call = WorkerCall::Register(Box::new(self.registration()));
        self.lock().peer = Some(peer.clone());
        let WorkerReply::Registered { worker, cluster, .. } =
            peer.call::<_, WorkerAnswer>(&call, GUARD).await.unwrap()?;
        {
            let mut seen = self.lock();
            seen.id = worker;
            seen.registered += 1;
        }
        self.cluster = Some(cluster);
        if let Some(reports) = self.disk.serve_as(worker, secret) {
            tokio::spawn(report(self.clone(), reports));
        }
        let connection = dialer.connect(master, BEAT_SERVICE, Mode::Calls).await.unwrap();
        tokio::spawn(beat(self.clone(), Peer::start(connection, Arc::new(NoService))));
        Ok(())
    }

    /// Like `kill -9`: nobody listens, every connection is closed.
    pub async fn die(&self) {
        self.stop.cancel();
        until("the listener closed", || std::net::TcpStream::connect(self.endpoint.to_string()).is_err())
            .await;
        self.hang_up();
    }

    pub fn hang_up(&self) {
        if let Some(peer) = self.lock().peer.take() {
            peer.close();
        }
    }

    pub async fn end(&self, attempt: AttemptId, outcome: Outcome) {
        let peer = {
            let mut seen = self.lock();
            seen.running.remove(&attempt);
            seen.unnoted.insert(attempt, outcome.clone());
            seen.peer.clone()
        };
        if let Some(peer) = peer {
            let _ = peer.tell(&WorkerTell::Outcomes(vec![(attempt, outcome)])).await;
        }
    }

    async fn finish(&self, launches: Vec<Launch>) {
        let mut outcomes = Vec::new();
        for launch in &launches {
            let holder = launch.deliver_to.first().map_or(self.id(), |location| location.worker);
            let done = Done {
                segments: vec![Segment::default(); launch.partitions as usize],
                holder: (launch.partitions > 0).then_some(holder),
                result: launch.payload.clone(),
                ..Done::default()
            };
            outcomes.push((launch.attempt, Outcome::Done(done)));
        }
        let peer = {
            let mut seen = self.lock();
            for (attempt, outcome) in &outcomes {
                seen.running.remove(attempt);
                seen.unnoted.insert(*attempt, outcome.clone());
            }
            seen.peer.clone()
        };
        if let Some(peer) = peer {
            let _ = peer.tell(&WorkerTell::Outcomes(outcomes)).await;
        }
    }

    pub async fn finish_one(&self, launch: Launch) {
        self.finish(vec![launch]).await;
    }

    /// Ends everything that runs, and what comes from now on.
    pub async fn go_on(&self) {
        let launches = {
            let mut seen = self.lock();
            seen.eager = true;
            seen.running.values().cloned().collect()
        };
        self.finish(launches).await;
    }
}

/// To whatever connection the worker has.
async fn report(worker: FakeWorker, mut reports: mpsc::Receiver<BlockReport>) {
    while let Some(one) = reports.recv().await {
        let peer = worker.lock().peer.clone();
        if let Some(peer) = peer {
            let _ = peer.tell(&WorkerTell::Blocks(one)).await;
        }
    }
}

async fn beat(worker: FakeWorker, peer: Peer) {
    while !worker.stop.is_cancelled() && worker.lock().peer.is_some() {
        let beat = Beat {
            worker: worker.id(),
            epoch: worker.epoch,
            capacity: worker.registration().capacity,
            memory_used_bytes: 0,
        };
        if worker.lock().beats && peer.tell(&beat).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Words(FakeWorker);

impl Service for Words {
    type Call = MasterCall;
    type Answer = MasterCallAnswer;
    type Tell = MasterTell;

    async fn call(&self, _from: &Peer, MasterCall::Logs { job, .. }: MasterCall) -> MasterCallAnswer {
        let text = if self.0.lock().logs { format!("{job} was here\n") } else { String::new() };
        MasterCallAnswer::Logs { text, truncated: false }
    }

    async fn tell(&self, _from: &Peer, message: MasterTell) {
        let mut to_finish = Vec::new();
        if let MasterTell::Blocks(command) = &message
            && let Some(server) = self.0.disk.server()
        {
            server.command(command.clone());
        }
        {
            let mut seen = self.0.lock();
            match &message {
                MasterTell::Launch(launches) => {
                    seen.launched += launches.len() as u64;
                    seen.running.extend(launches.iter().map(|launch| (launch.attempt, launch.clone())));
                    if seen.eager {
                        to_finish.clone_from(launches);
                    }
                }
                MasterTell::Noted(attempts) => {
                    attempts.iter().for_each(|attempt| drop(seen.unnoted.remove(attempt)));
                }
                _ => {}
            }
            if !matches!(message, MasterTell::Launch(_) | MasterTell::Noted(_)) {
                seen.tells.push(message);
            }
        }
        if !to_finish.is_empty() {
            self.0.finish(to_finish).await;
        }
    }
}
