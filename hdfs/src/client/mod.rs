//! A client of the cluster's files.

use crate::{
    ClientId, FsPath, WorkerId,
    protocol::{
        blocks::BlockError,
        namespace::{
            ClusterStatus, FileBlocks, FileStatus, NamespaceError, Operation, Reply, Summary, Transaction,
        },
    },
};
use bytes::Bytes;
use skep_wire::{CallError, Credential, Endpoint};
use std::{ops::Range, time::Duration};

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
    #[error("{path}: {block} cannot be written: {tried}")]
    Unwritable { path: FsPath, block: crate::BlockId, tried: String },
    #[error("{path}: {source}")]
    Block { path: FsPath, source: BlockError },
    #[error("{path}: bytes {start}.. were asked for, the file has {len_bytes}")]
    OutOfRange { path: FsPath, start: u64, len_bytes: u64 },
    #[error("the master answered {0} out of turn: use the same release on both sides")]
    Protocol(&'static str),
}

#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    pub overwrite: bool,
    pub replication: Option<u16>,
    pub block_bytes: Option<u64>,
}

/// Cheap to clone; clones share connections and leases, which a background task renews while files are open.
#[derive(Clone)]
pub struct Client {}

impl Client {
    pub fn new(options: ClientOptions) -> Client {
        let _ = options;
        unimplemented!()
    }

    pub fn options(&self) -> &ClientOptions {
        unimplemented!()
    }

    pub fn id(&self) -> ClientId {
        unimplemented!()
    }

    /// Any operation; repeated under one call id while the master is away.
    pub async fn call(&self, operation: Operation) -> Result<Reply, ClientError> {
        let _ = operation;
        unimplemented!()
    }

    pub async fn create(&self, path: &FsPath, options: CreateOptions) -> Result<FileWriter, ClientError> {
        let _ = (path, options);
        unimplemented!()
    }

    pub async fn open(&self, path: &FsPath) -> Result<FileReader, ClientError> {
        let _ = path;
        unimplemented!()
    }

    pub async fn status(&self, path: &FsPath) -> Result<FileStatus, ClientError> {
        let _ = path;
        unimplemented!()
    }

    /// All entries of a directory in name order (or the one file).
    pub async fn list(&self, path: &FsPath) -> Result<Vec<FileStatus>, ClientError> {
        let _ = path;
        unimplemented!()
    }

    /// Everything at or below `path`, depth first.
    pub async fn list_tree(&self, path: &FsPath) -> Result<Vec<FileStatus>, ClientError> {
        let _ = path;
        unimplemented!()
    }

    pub async fn blocks(&self, path: &FsPath) -> Result<FileBlocks, ClientError> {
        let _ = path;
        unimplemented!()
    }

    pub async fn summary(&self, path: &FsPath) -> Result<Summary, ClientError> {
        let _ = path;
        unimplemented!()
    }

    pub async fn make_directories(&self, path: &FsPath) -> Result<(), ClientError> {
        let _ = path;
        unimplemented!()
    }

    pub async fn rename(&self, from: &FsPath, to: &FsPath, replace: bool) -> Result<(), ClientError> {
        let _ = (from, to, replace);
        unimplemented!()
    }

    /// Says whether there was something.
    pub async fn delete(&self, path: &FsPath, recursive: bool) -> Result<bool, ClientError> {
        let _ = (path, recursive);
        unimplemented!()
    }

    pub async fn transaction(&self, transaction: Transaction) -> Result<(), ClientError> {
        let _ = transaction;
        unimplemented!()
    }

    pub async fn cluster(&self) -> Result<ClusterStatus, ClientError> {
        unimplemented!()
    }

    /// Length and CRC32C of a whole file, combined from its blocks' checksums without reading them here.
    pub async fn checksum(&self, path: &FsPath) -> Result<(u64, u32), ClientError> {
        let _ = path;
        unimplemented!()
    }
}

/// Writes one file. Dropped without `finish`: the file is abandoned (in the background, or by its lease's end).
pub struct FileWriter {}

impl FileWriter {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let _ = bytes;
        unimplemented!()
    }

    /// Durable on every replica and in the journal when this returns.
    pub async fn finish(self) -> Result<FileStatus, ClientError> {
        unimplemented!()
    }

    pub async fn abandon(self) -> Result<(), ClientError> {
        unimplemented!()
    }
}

/// Reads one file at any offset. Every byte is checked against its checksum; a bad or lost replica is reported and the
/// next one is read.
pub struct FileReader {}

impl FileReader {
    pub fn status(&self) -> &FileStatus {
        unimplemented!()
    }

    /// Blocks and locations as they were when the file was opened.
    pub fn blocks(&self) -> &FileBlocks {
        unimplemented!()
    }

    /// Exactly these bytes, cut at the end of the file.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, ClientError> {
        let _ = range;
        unimplemented!()
    }
}
