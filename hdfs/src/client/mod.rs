//! A client of the cluster's files: calls to the namespace, and bytes to and from block servers.
//!
//! [`writer`] is way 1 from its beginning: packets, pipelines, what to do when one breaks. [`reader`] picks replicas and
//! checks what they give. [`leases`] keeps open files open. What a block server is asked, and how, is
//! [`crate::blocks::remote`]'s.

/// The one kind of reply that an operation has, or a sign that the two sides are not of one release.
macro_rules! expect_reply {
    ($reply:expr, $pattern:pat => $value:expr) => {
        match $reply {
            $pattern => Ok($value),
            other => Err(ClientError::Protocol(other.name())),
        }
    };
}

mod leases;
mod reader;
mod writer;

#[cfg(test)]
pub(crate) mod master;
#[cfg(test)]
mod tests;

pub use reader::FileReader;
pub use writer::FileWriter;

use crate::{
    ClientId, FsPath, WorkerId,
    blocks::{
        crc,
        remote::{self, Channels},
    },
    limits::{CALL_DEADLINE, CHECKSUMS_AT_ONCE, READ_PATIENCE},
    protocol::{
        NAMESPACE_SERVICE,
        namespace::{
            ClusterStatus, FileBlocks, FileStatus, LocatedBlock, NamespaceAnswer, NamespaceCall,
            NamespaceError, Operation, Reply, Summary, Transaction,
        },
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use skep_wire::{CallError, Credential, Dialer, Endpoint, Redial};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

#[derive(Debug, Clone)]
pub struct ClientOptions {
    pub master: Endpoint,
    pub credential: Credential,
    /// Owner of what it creates.
    pub user: String,
    /// This machine's name, to find replicas on it.
    pub host: String,
    /// The worker that this client runs on, if any: its replica is tried first, and it is the first target of writes.
    pub worker: Option<WorkerId>,
    /// How long calls wait for a master that is away (restarting) before they fail.
    pub patience: Duration,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    #[error("the master at {master} does not answer: {source}")]
    Master { master: Endpoint, source: CallError },
    #[error("{path}: {block} (bytes {offset}..{end}) cannot be read: {tried}")]
    Unreadable { path: FsPath, block: crate::BlockId, offset: u64, end: u64, tried: String },
    #[error("{path}: a block cannot be written: {tried}")]
    Unwritable { path: FsPath, tried: String },
    #[error("{path}: an earlier write failed or was broken off; the file is not whole: write it anew")]
    Broken { path: FsPath },
    #[error("{path}: bytes {start}.. were asked for, the file has {len_bytes}")]
    OutOfRange { path: FsPath, start: u64, len_bytes: u64 },
    #[error("the master answered {0} out of turn: use the same release on both sides")]
    Protocol(&'static str),
}

#[derive(Debug, Clone, Copy, Default)]
pub struct CreateOptions {
    pub overwrite: bool,
    pub replication: Option<u16>,
    pub block_bytes: Option<u64>,
}

/// Cheap to clone; clones share connections and leases, which a background task renews while files are open.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    options: ClientOptions,
    id: ClientId,
    next_call: AtomicU64,
    master: Redial,
    channels: Channels,
    /// How long a replica may be silent before the next one is read as well.
    read_patience: Duration,
    leases: leases::Leases,
}

impl Client {
    pub fn new(options: ClientOptions) -> Client {
        let dialer = Dialer::new(options.credential.clone());
        Client {
            shared: Arc::new(Shared {
                id: ClientId(rand::random()),
                next_call: AtomicU64::new(1),
                master: Redial::new(dialer.clone(), options.master.clone(), NAMESPACE_SERVICE),
                channels: Channels::new(dialer, Some(&options.host)),
                read_patience: READ_PATIENCE,
                leases: leases::Leases::default(),
                options,
            }),
        }
    }

    pub fn options(&self) -> &ClientOptions {
        &self.shared.options
    }

    pub fn id(&self) -> ClientId {
        self.shared.id
    }

    /// Any operation; repeated under one call id while the master is away.
    pub async fn call(&self, operation: Operation) -> Result<Reply, ClientError> {
        self.call_for(operation, self.shared.options.patience).await
    }

    async fn call_for(&self, operation: Operation, patience: Duration) -> Result<Reply, ClientError> {
        let Shared { options, id, next_call, master, .. } = &*self.shared;
        let call = NamespaceCall {
            client: *id,
            call: next_call.fetch_add(1, Ordering::Relaxed),
            user: options.user.clone(),
            worker: options.worker,
            operation,
        };
        let end = Instant::now() + patience;
        let mut pause = Duration::from_millis(5);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match master.call_again::<_, NamespaceAnswer>(&call, CALL_DEADLINE, left).await {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(refusal)) if !refusal.retryable() || Instant::now() + pause >= end => {
                    return Err(refusal.into());
                }
                Err(CallError::Deadline(_)) if Instant::now() + pause < end => {}
                Err(source) => {
                    return Err(ClientError::Master { master: options.master.clone(), source });
                }
                Ok(Err(_)) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    pub async fn create(&self, path: &FsPath, options: CreateOptions) -> Result<FileWriter, ClientError> {
        FileWriter::create(self, path, options).await
    }

    pub async fn open(&self, path: &FsPath) -> Result<FileReader, ClientError> {
        let blocks = self.blocks(path).await?;
        Ok(FileReader::new(self.clone(), blocks))
    }

    pub async fn status(&self, path: &FsPath) -> Result<FileStatus, ClientError> {
        let reply = self.call(Operation::Status { path: path.clone() }).await?;
        expect_reply!(reply, Reply::Status(status) => status)
    }

    /// All entries of a directory in name order (or the one file).
    pub async fn list(&self, path: &FsPath) -> Result<Vec<FileStatus>, ClientError> {
        let mut all: Vec<FileStatus> = Vec::new();
        loop {
            let after = all.last().and_then(|last| last.path.name()).map(str::to_owned);
            let reply = self.call(Operation::List { path: path.clone(), after }).await?;
            let (entries, more) = expect_reply!(reply, Reply::Listing { entries, more } => (entries, more))?;
            let is_last = !more || entries.is_empty();
            all.extend(entries);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Everything at or below `path`, depth first.
    pub async fn list_tree(&self, path: &FsPath) -> Result<Vec<FileStatus>, ClientError> {
        let mut all: Vec<FileStatus> = Vec::new();
        loop {
            let after = all.last().map(|last| last.path.clone());
            let reply = self.call(Operation::ListTree { path: path.clone(), after }).await?;
            let (entries, more) = expect_reply!(reply, Reply::Listing { entries, more } => (entries, more))?;
            let is_last = !more || entries.is_empty();
            all.extend(entries);
            if is_last {
                return Ok(all);
            }
        }
    }

    pub async fn blocks(&self, path: &FsPath) -> Result<FileBlocks, ClientError> {
        let reader = self.shared.options.worker;
        let reply = self.call(Operation::Blocks { path: path.clone(), reader }).await?;
        expect_reply!(reply, Reply::Blocks(blocks) => blocks)
    }

    pub async fn summary(&self, path: &FsPath) -> Result<Summary, ClientError> {
        let reply = self.call(Operation::Summary { path: path.clone() }).await?;
        expect_reply!(reply, Reply::Summary(summary) => summary)
    }

    /// With its parents; fine if it is there.
    pub async fn make_directories(&self, path: &FsPath) -> Result<(), ClientError> {
        self.done(Operation::MakeDirectory { path: path.clone(), parents: true }).await
    }

    pub async fn rename(&self, from: &FsPath, to: &FsPath, replace: bool) -> Result<(), ClientError> {
        self.done(Operation::Rename { from: from.clone(), to: to.clone(), replace }).await
    }

    /// Says whether there was something.
    pub async fn delete(&self, path: &FsPath, recursive: bool) -> Result<bool, ClientError> {
        let reply = self.call(Operation::Delete { path: path.clone(), recursive }).await?;
        expect_reply!(reply, Reply::Deleted { existed } => existed)
    }

    pub async fn transaction(&self, transaction: Transaction) -> Result<(), ClientError> {
        self.done(Operation::Transaction(transaction)).await
    }

    pub async fn cluster(&self) -> Result<ClusterStatus, ClientError> {
        let reply = self.call(Operation::Cluster).await?;
        expect_reply!(reply, Reply::Cluster(status) => status)
    }

    async fn done(&self, operation: Operation) -> Result<(), ClientError> {
        let reply = self.call(operation).await?;
        expect_reply!(reply, Reply::Done => ())
    }

    /// Length and CRC32C of a whole file, combined from its blocks' checksums without reading them here.
    pub async fn checksum(&self, path: &FsPath) -> Result<(u64, u32), ClientError> {
        let file = self.blocks(path).await?;
        let blocks = file.blocks.into_iter().map(|block| async move {
            self.block_checksum(path, &block).await.map(|crc| (crc, block.len_bytes))
        });
        let sums: Vec<(u32, u64)> = stream::iter(blocks).buffered(CHECKSUMS_AT_ONCE).try_collect().await?;
        let len_bytes = sums.iter().map(|(_, len_bytes)| len_bytes).sum();
        Ok((len_bytes, crc::join_all(sums)))
    }

    async fn block_checksum(&self, path: &FsPath, located: &LocatedBlock) -> Result<u32, ClientError> {
        let mut tried = Tried::default();
        for location in &located.locations {
            let asked = remote::checksum(&self.shared.channels, location, located.block, located.generation);
            match asked.await {
                Ok((len_bytes, crc)) if len_bytes == located.len_bytes => return Ok(crc),
                Ok((len_bytes, _)) => {
                    tried.add(location.worker, &format!("its replica has {len_bytes} bytes"));
                }
                Err(error) => tried.add(location.worker, &error),
            }
        }
        Err(tried.unreadable(path, located, located.offset..located.offset + located.len_bytes))
    }
}

/// What was tried in vain, for the message to the user.
#[derive(Default)]
struct Tried(Vec<String>);

impl Tried {
    fn add(&mut self, worker: WorkerId, error: &dyn std::fmt::Display) {
        let text = format!("{worker}: {error}");
        if !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    fn text(&self) -> String {
        match self.0.is_empty() {
            true => "no live worker holds a good replica; start the workers that hold it".to_owned(),
            false => self.0.join("; "),
        }
    }

    fn unreadable(&self, path: &FsPath, located: &LocatedBlock, range: std::ops::Range<u64>) -> ClientError {
        ClientError::Unreadable {
            path: path.clone(),
            block: located.block,
            offset: range.start,
            end: range.end,
            tried: self.text(),
        }
    }
}
