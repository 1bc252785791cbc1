//! What all parts of a worker share: facts that do not change in one life, and handles to its stores.

use super::{outputs::Outputs, shell::Input};
use crate::{
    WorkerError, WorkerOptions,
    directory::{DataDirectory, identity::Identity},
    limits,
    process::JobLog,
    program::ProgramCache,
};
use skep_hdfs::{
    Epoch, WorkerId,
    blocks::{BlockServer, BlockStore, ScrubPace},
    client::{Client, ClientOptions},
    protocol::control::{BlockReport, Capacity, Replica},
};
use skep_jobs::{model::JobId, protocol::client::Role};
use skep_wire::{Credential, Dialer, Endpoint, Secret};
use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
};

pub(crate) struct NodeFacts {
    pub role: Role,
    pub epoch: Epoch,
    pub endpoint: Endpoint,
    pub socket: PathBuf,
    pub host: String,
    pub slots: u32,
    pub memory_bytes: u64,
    pub master: Endpoint,
    pub skep: PathBuf,
}

impl NodeFacts {
    /// Which life of the worker this is, as its task processes carry it.
    pub fn life(&self) -> String {
        self.epoch.0.to_string()
    }
}

pub(crate) struct Node {
    pub facts: NodeFacts,
    pub data: DataDirectory,
    pub secret: Secret,
    pub inputs: mpsc::Sender<Input>,
    pub programs: ProgramCache,
    /// `None` until the first registration of the data directory.
    pub identity: watch::Sender<Option<Identity>>,
    pub beat_every_ms: AtomicU64,
    /// Resident memory of all task processes at the last look.
    pub task_memory_bytes: Arc<AtomicU64>,
    pub(super) outputs: Option<Outputs>,
    blocks: Option<Blocks>,
    client: OnceLock<Client>,
    logs: Mutex<BTreeMap<JobId, Arc<JobLog>>>,
}

/// A core worker's replicas. The server needs to know which worker it is.
struct Blocks {
    store: Arc<BlockStore>,
    server: OnceLock<Arc<BlockServer>>,
    reports: mpsc::Sender<BlockReport>,
}

impl Node {
    pub fn open(
        options: &WorkerOptions,
        data: DataDirectory,
        facts: NodeFacts,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Arc<Node>, WorkerError> {
        let identity = data.identity()?;
        if let Some(identity) = identity.filter(|identity| identity.role != facts.role) {
            let path = data.root().to_path_buf();
            return Err(WorkerError::OtherRole { path, worker: identity.worker, was: identity.role });
        }
        let (blocks, outputs) = match facts.role {
            Role::Core => {
                let outputs = Outputs::open(&data, options.shuffle_memory_bytes, inputs.clone())?;
                (Some(Blocks::open(&data, inputs.clone())?), Some(outputs))
            }
            Role::Task => (None, None),
        };
        let node = Arc::new(Node {
            programs: ProgramCache::new(data.programs(), limits::PROGRAM_CACHE_BYTES_MAX),
            identity: watch::Sender::new(identity),
            secret: options.secret.clone(),
            inputs,
            beat_every_ms: AtomicU64::new(
                u64::try_from(limits::BEAT_EVERY_DEFAULT.as_millis()).unwrap_or(1000),
            ),
            task_memory_bytes: Arc::default(),
            outputs,
            blocks,
            client: OnceLock::new(),
            logs: Mutex::default(),
            data,
            facts,
        });
        Ok(node)
    }

    pub fn dialer(&self) -> Dialer {
        Dialer::new(Credential::Cluster(self.secret.clone()))
    }

    pub fn worker(&self) -> Option<WorkerId> {
        self.identity.borrow().map(|identity| identity.worker)
    }

    /// The master gave this worker its name, or confirmed it.
    pub fn registered(&self, identity: Identity, beat_every_ms: u64) -> Result<(), WorkerError> {
        self.beat_every_ms.store(beat_every_ms.max(10), Relaxed);
        if *self.identity.borrow() != Some(identity) {
            self.data.save_identity(&identity)?;
        }
        if let Some(blocks) = &self.blocks {
            blocks.server(identity.worker, self.dialer());
        }
        self.identity.send_replace(Some(identity));
        Ok(())
    }

    /// For the worker's own files in the cluster's storage: programs in, logs out.
    pub fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            Client::new(ClientOptions {
                master: self.facts.master.clone(),
                credential: Credential::Cluster(self.secret.clone()),
                user: "skep".to_owned(),
                host: self.facts.host.clone(),
                worker: self.worker(),
                patience: limits::STORAGE_PATIENCE,
            })
        })
    }

    /// The log of a job, opened if it is not open.
    pub fn log(&self, job: JobId) -> io::Result<Arc<JobLog>> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = logs.get(&job) {
            return Ok(Arc::clone(log));
        }
        let log = JobLog::open(&self.data.logs(job))?;
        logs.insert(job, Arc::clone(&log));
        Ok(log)
    }

    pub fn open_log(&self, job: JobId) -> Option<Arc<JobLog>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).get(&job).cloned()
    }

    pub fn close_log(&self, job: JobId) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
    }

    /// Serves replicas, once the worker knows who it is.
    pub fn block_server(&self) -> Option<Arc<BlockServer>> {
        self.blocks.as_ref()?.server.get().cloned()
    }

    /// Looks for decay in the replicas, once the worker knows who it is. Returns only when there is nothing to do ever.
    pub async fn scrub(self: Arc<Node>, bytes_per_second: u64) {
        let mut identity = self.identity.subscribe();
        if bytes_per_second == 0 || identity.wait_for(Option::is_some).await.is_err() {
            return;
        }
        drop(identity);
        if let Some(server) = self.block_server() {
            server.scrub(ScrubPace::of(bytes_per_second)).await;
        }
    }

    pub fn replicas(&self) -> Vec<Replica> {
        match self.blocks.as_ref().map(|blocks| blocks.store.report_all()) {
            Some(BlockReport::Full { replicas, .. }) => replicas,
            _ => Vec::new(),
        }
    }

    pub fn block_report(&self) -> Option<BlockReport> {
        self.blocks.as_ref().map(|blocks| blocks.store.report_all())
    }

    pub fn capacity(&self) -> Capacity {
        match &self.blocks {
            Some(blocks) => blocks.store.capacity(),
            None => self.disk_capacity().unwrap_or_default(),
        }
    }

    fn disk_capacity(&self) -> io::Result<Capacity> {
        let disk = rustix::fs::statvfs(self.data.root())?;
        let (total_bytes, free_bytes) = (disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize);
        Ok(Capacity { total_bytes, used_bytes: 0, free_bytes })
    }

    /// The worker was released: nothing of it stays.
    pub async fn forget(self: Arc<Node>) -> Result<(), WorkerError> {
        let path = self.data.root().to_path_buf();
        let emptied = spawn_blocking(move || self.data.forget()).await;
        let emptied = emptied.unwrap_or_else(|error| Err(error.into()));
        emptied.map_err(|source| WorkerError::DataDirectory { path, source })
    }
}

impl Blocks {
    fn open(data: &DataDirectory, inputs: mpsc::Sender<Input>) -> Result<Blocks, WorkerError> {
        let path = data.blocks();
        let store = BlockStore::open(&path).map_err(|source| WorkerError::DataDirectory { path, source })?;
        let (reports, mut outbox) = mpsc::channel(limits::MASTER_TELLS_WAITING_MAX);
        tokio::spawn(async move {
            while let Some(report) = outbox.recv().await {
                if inputs.send(Input::Blocks(report)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Blocks { store: Arc::new(store), server: OnceLock::new(), reports })
    }

    fn server(&self, worker: WorkerId, dialer: Dialer) -> &Arc<BlockServer> {
        let make = || BlockServer::new(worker, Arc::clone(&self.store), dialer, self.reports.clone());
        self.server.get_or_init(make)
    }
}
