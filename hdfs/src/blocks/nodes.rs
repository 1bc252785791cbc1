//! Block servers of a small cluster in this process, over real sockets: for tests.

use super::{BlockServer, BlockStore, StoreOptions, remote::Channels};
use crate::{
    BlockId, Generation, WorkerId,
    protocol::{BLOCKS_SERVICE, control::BlockReport, namespace::Location},
};
use skep_wire::{
    Acceptor, Channel, Connection, Credential, Dialer, Endpoint, Identity, Listener, Mode, Secret,
    handshake::Refusal,
};
use std::{
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub const HOST: &str = "test-host";
/// Long enough for a machine that is busy with other tests.
const STALL: Duration = Duration::from_secs(6);

/// One worker with its disk.
pub struct Node {
    pub location: Location,
    pub server: Arc<BlockServer>,
    pub store: Arc<BlockStore>,
    pub reports: mpsc::Receiver<BlockReport>,
    stop: CancellationToken,
    listeners: Vec<JoinHandle<()>>,
}

struct Blocks(Arc<BlockServer>);

impl Acceptor for Blocks {
    fn admit(&self, service: &str, mode: Mode, _identity: &Identity) -> Result<(), Refusal> {
        match (service, mode) {
            (BLOCKS_SERVICE, Mode::Exchange) => Ok(()),
            _ => Err(Refusal::Service { service: service.to_owned() }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        self.0.clone().serve(Channel::new(connection)).await;
    }
}

/// A worker that hangs.
struct Silence;

impl Acceptor for Silence {
    fn admit(&self, _service: &str, _mode: Mode, _identity: &Identity) -> Result<(), Refusal> {
        Ok(())
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        std::future::pending::<()>().await;
        drop(connection);
    }
}

impl Node {
    /// Starts a worker on the disk at `directory`.
    pub async fn start(worker: u32, directory: &Path, secret: &Secret) -> Node {
        Node::start_with(worker, directory, secret, StoreOptions { limit_bytes: None, reserve_bytes: 0 })
            .await
    }

    pub async fn start_with(worker: u32, directory: &Path, secret: &Secret, options: StoreOptions) -> Node {
        let store = Arc::new(BlockStore::open_with(&directory.join("blocks"), options).unwrap());
        let (told, reports) = mpsc::channel(1000);
        let dialer = Dialer::new(Credential::Cluster(secret.clone()));
        let channels = Channels::new(dialer, None).with_stall(STALL);
        let server = BlockServer::over(WorkerId(worker), store.clone(), channels, told);
        let socket = directory.join("socket");
        let stop = CancellationToken::new();
        let mut endpoints = Vec::new();
        let mut listeners = Vec::new();
        for endpoint in [Endpoint::Tcp("127.0.0.1:0".to_owned()), Endpoint::Unix(socket.clone())] {
            let listener = Listener::bind(&endpoint).await.unwrap();
            endpoints.push(listener.endpoint.clone());
            let acceptor = Arc::new(Blocks(server.clone()));
            listeners.push(tokio::spawn(listener.serve(secret.clone(), acceptor, stop.clone())));
        }
        let location = Location {
            worker: WorkerId(worker),
            endpoint: endpoints.remove(0),
            host: HOST.to_owned(),
            socket: Some(socket),
        };
        Node { location, server, store, reports, stop, listeners }
    }

    /// Ends the worker without notice: its connections break and nobody listens any more.
    pub async fn kill(self) {
        self.stop.cancel();
        for listener in self.listeners {
            listener.await.unwrap();
        }
        // Work on the disk that had begun ends; then the directory is free for the next life.
        while Arc::strong_count(&self.store) > 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Hangs from now on, as far as others can see: takes connections, and answers nothing on them. Until it is cancelled.
    pub async fn fall_silent(self, secret: &Secret) -> CancellationToken {
        let at = [self.location.endpoint.clone(), Endpoint::Unix(self.location.socket.clone().unwrap())];
        self.kill().await;
        let stop = CancellationToken::new();
        for endpoint in at {
            let listener = Listener::bind(&endpoint).await.unwrap();
            tokio::spawn(listener.serve(secret.clone(), Arc::new(Silence), stop.clone()));
        }
        stop
    }

    /// The next report, which must come.
    pub async fn next_report(&mut self) -> BlockReport {
        tokio::time::timeout(Duration::from_secs(60), self.reports.recv()).await.unwrap().unwrap()
    }
}

/// Several workers, and connections to them.
pub struct Nodes {
    pub secret: Secret,
    pub directory: TempDir,
    pub nodes: Vec<Node>,
    pub channels: Channels,
}

impl Nodes {
    pub async fn start(count: u32) -> Nodes {
        let secret = Secret::random();
        let directory = scratch();
        let dialer = Dialer::new(Credential::Cluster(secret.clone()));
        let channels = Channels::new(dialer, None);
        let mut all = Nodes { secret, directory, nodes: Vec::new(), channels };
        for worker in 0..count {
            let node = Node::start(worker, &all.disk(worker), &all.secret).await;
            all.nodes.push(node);
        }
        all
    }

    pub fn disk(&self, worker: u32) -> PathBuf {
        let disk = self.directory.path().join(format!("worker-{worker}"));
        std::fs::create_dir_all(&disk).unwrap();
        disk
    }

    pub fn locations(&self) -> Vec<Location> {
        self.nodes.iter().map(|node| node.location.clone()).collect()
    }

    /// Flips one byte of a finalised replica.
    pub fn flip(&self, worker: u32, block: BlockId, generation: Generation, at: u64) {
        let layout = crate::blocks::layout::Layout::new(&self.disk(worker).join("blocks"));
        let path = layout.finalised(block, generation).data;
        let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[!byte[0]], at).unwrap();
    }
}

/// A directory that is synced quickly, where there is such a thing.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

/// Bytes without a short period.
pub fn data(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}
