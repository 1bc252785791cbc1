//! A master's namespace in this process, behind a real socket and over a real journal: for tests.

use crate::{
    Epoch, WorkerId,
    blocks::{
        BlockServer,
        nodes::{HOST, Node, Nodes, scratch},
    },
    client::{Client, ClientOptions},
    journal::{Journal, JournalError, Section},
    namespace::Namespace,
    protocol::{
        NAMESPACE_SERVICE,
        control::{BlockCommand, BlockReport, Replica},
        namespace::{NamespaceAnswer, NamespaceCall, NamespaceError, Operation},
    },
};
use skep_wire::{
    Acceptor, Connection, Credential, Endpoint, Identity, Listener, Mode, Peer, Secret, Service,
    handshake::Refusal,
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const EPOCH: Epoch = Epoch(1);

/// What outlives a restart of the namespace, and what tests look at.
#[derive(Default)]
struct Shared {
    /// `None` while the master is away.
    namespace: Mutex<Option<Namespace>>,
    /// A worker's own death must free its disk: no hold on it here.
    servers: Mutex<BTreeMap<WorkerId, Weak<BlockServer>>>,
    /// Every operation that arrived, in order.
    seen: Mutex<Vec<Operation>>,
    /// So many of the next calls are refused as unavailable.
    unavailable: Mutex<u32>,
}

pub struct Master {
    shared: Arc<Shared>,
    directory: TempDir,
    endpoint: Endpoint,
    secret: Secret,
    stop: CancellationToken,
    listening: JoinHandle<()>,
}

struct Serve(Arc<Shared>);

impl Service for Serve {
    type Call = NamespaceCall;
    type Answer = NamespaceAnswer;
    type Tell = ();

    async fn call(&self, _from: &Peer, call: NamespaceCall) -> NamespaceAnswer {
        let refuse = {
            let mut left = self.0.unavailable.lock().unwrap();
            let refuse = *left > 0;
            *left = left.saturating_sub(1);
            refuse
        };
        let namespace = self.0.namespace.lock().unwrap().clone().filter(|_| !refuse);
        let Some(namespace) = namespace else {
            return Err(NamespaceError::Unavailable("a test said so".to_owned()));
        };
        self.0.seen.lock().unwrap().push(call.operation.clone());
        namespace.call(call).await
    }

    async fn tell(&self, _from: &Peer, (): ()) {}
}

impl Acceptor for Serve {
    fn admit(&self, service: &str, _mode: Mode, _identity: &Identity) -> Result<(), Refusal> {
        match service {
            NAMESPACE_SERVICE => Ok(()),
            _ => Err(Refusal::Service { service: service.to_owned() }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        Peer::start(connection, self).closed().await;
    }
}

impl Master {
    /// Starts a namespace for these workers and joins them to it.
    pub async fn start(nodes: &mut Nodes) -> Master {
        let shared = Arc::new(Shared::default());
        let directory = scratch();
        open(&shared, directory.path()).await;
        let at = Endpoint::Tcp("127.0.0.1:0".to_owned());
        let (endpoint, stop, listening) = listen(&shared, &at, &nodes.secret).await;
        let secret = nodes.secret.clone();
        let master = Master { shared, directory, endpoint, secret, stop, listening };
        for node in &mut nodes.nodes {
            master.join(node, EPOCH).await;
        }
        master
    }

    /// A worker registers: its reports go to the namespace, and commands come to it.
    pub async fn join(&self, node: &mut Node, epoch: Epoch) {
        let worker = node.location.worker;
        self.shared.servers.lock().unwrap().insert(worker, Arc::downgrade(&node.server));
        self.register(node, epoch).await;
        let reports = std::mem::replace(&mut node.reports, mpsc::channel(1).1);
        tokio::spawn(pass_on(self.shared.clone(), worker, epoch, reports));
    }

    async fn register(&self, node: &Node, epoch: Epoch) {
        let namespace = self.shared.namespace.lock().unwrap().clone().unwrap();
        let (replicas, capacity) = inventory(&node.server);
        namespace.joined(node.location.clone(), epoch, capacity, false, replicas).await;
    }

    /// Dies, stays away for a while, and comes back from its journal.
    pub async fn restart_after(self, away: Duration, nodes: &Nodes) -> Master {
        self.stop.cancel();
        self.listening.await.unwrap();
        *self.shared.namespace.lock().unwrap() = None;
        tokio::time::sleep(away).await;
        open(&self.shared, self.directory.path()).await;
        let (endpoint, stop, listening) = listen(&self.shared, &self.endpoint, &self.secret).await;
        let master = Master { endpoint, stop, listening, ..self };
        for node in &nodes.nodes {
            master.register(node, EPOCH).await;
        }
        master
    }

    pub fn refuse(&self, calls: u32) {
        *self.shared.unavailable.lock().unwrap() = calls;
    }

    pub fn client(&self, host: &str) -> Client {
        Client::new(ClientOptions {
            master: self.endpoint.clone(),
            credential: Credential::Cluster(self.secret.clone()),
            user: "tester".to_owned(),
            host: host.to_owned(),
            worker: None,
            patience: Duration::from_secs(30),
        })
    }

    /// On the machine of the workers.
    pub fn local_client(&self) -> Client {
        self.client(HOST)
    }

    /// On another machine.
    pub fn remote_client(&self) -> Client {
        self.client("elsewhere")
    }

    pub fn seen(&self, wanted: impl Fn(&Operation) -> bool) -> usize {
        self.shared.seen.lock().unwrap().iter().filter(|operation| wanted(operation)).count()
    }
}

fn inventory(server: &BlockServer) -> (Vec<Replica>, crate::protocol::control::Capacity) {
    match server.store().report_all() {
        BlockReport::Full { replicas, capacity } => (replicas, capacity),
        other => panic!("not a full report: {other:?}"),
    }
}

async fn open(shared: &Arc<Shared>, directory: &Path) {
    let (journal, mut replay) = loop {
        match Journal::open(directory) {
            // The last life is still ending.
            Err(JournalError::Locked { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            opened => break opened.unwrap(),
        }
    };
    let replay = replay.remove(&Section::Namespace).unwrap_or_default();
    let (namespace, commands) = Namespace::start(journal, replay).unwrap();
    *shared.namespace.lock().unwrap() = Some(namespace);
    tokio::spawn(route(shared.clone(), commands));
}

async fn listen(
    shared: &Arc<Shared>,
    at: &Endpoint,
    secret: &Secret,
) -> (Endpoint, CancellationToken, JoinHandle<()>) {
    let listener = Listener::bind(at).await.unwrap();
    let (endpoint, stop) = (listener.endpoint.clone(), CancellationToken::new());
    let serve = listener.serve(secret.clone(), Arc::new(Serve(shared.clone())), stop.clone());
    (endpoint, stop, tokio::spawn(serve))
}

async fn route(shared: Arc<Shared>, mut commands: mpsc::Receiver<(WorkerId, BlockCommand)>) {
    while let Some((worker, command)) = commands.recv().await {
        let server = shared.servers.lock().unwrap().get(&worker).and_then(Weak::upgrade);
        if let Some(server) = server {
            server.command(command);
        }
    }
}

/// While the master is away reports are lost: a registration makes up for them.
async fn pass_on(
    shared: Arc<Shared>,
    worker: WorkerId,
    epoch: Epoch,
    mut reports: mpsc::Receiver<BlockReport>,
) {
    while let Some(report) = reports.recv().await {
        let namespace = shared.namespace.lock().unwrap().clone();
        if let Some(namespace) = namespace {
            namespace.report(worker, epoch, report).await;
        }
    }
}
