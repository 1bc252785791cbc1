//! Calls of clients to the namespace.

use crate::{BlockId, ClientId, FileId, FsPath, Generation, WorkerId};
use serde::{Deserialize, Serialize};
use skep_wire::Endpoint;

/// A call with what makes repeating it harmless: the namespace remembers the answers of each client's recent calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceCall {
    pub client: ClientId,
    /// Counts up per client.
    pub call: u64,
    /// Shown as the owner of what the call creates.
    pub user: String,
    /// The worker that the caller runs on, if any: the first target of its writes.
    pub worker: Option<WorkerId>,
    pub operation: Operation,
}

pub type NamespaceAnswer = Result<Reply, NamespaceError>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Opens a new file for writing and gives the client its lease. Parents are made as needed.
    /// → `Reply::Created`
    Create { path: FsPath, overwrite: bool, replication: Option<u16>, block_bytes: Option<u64> },
    /// Commits the previous block (if any) and allocates the next. `exclude`: workers that failed for this block.
    /// → `Reply::Block`
    AddBlock { file: FileId, previous: Option<WrittenBlock>, exclude: Vec<WorkerId> },
    /// Gives up the last, unwritten block (its pipeline could not be built or broke before anything was durable).
    /// → `Reply::Done`
    AbandonBlock { file: FileId, block: BlockId },
    /// A pipeline broke in the middle: a new generation for the block, to be continued on the given survivors.
    /// → `Reply::Generation`
    RenewPipeline { file: FileId, block: BlockId, survivors: Vec<WorkerId> },
    /// Commits the last block and closes the file. Answered when the journal record is durable and every block has
    /// at least one finalised replica reported.
    /// → `Reply::Status`
    Complete { file: FileId, last: Option<WrittenBlock> },
    /// Gives up a file that is being written: it is removed. → `Reply::Done`
    Abandon { file: FileId },
    /// Keeps all leases of the client. → `Reply::Done`
    RenewLeases,
    /// Blocks of a closed or open file with their locations, nearest first for `reader`.
    /// → `Reply::Blocks`
    Blocks { path: FsPath, reader: Option<WorkerId> },
    /// → `Reply::Status`
    Status { path: FsPath },
    /// One page of a directory (or of one file), in name order, after the name `after`. → `Reply::Listing`
    List { path: FsPath, after: Option<String> },
    /// Every file at or below `path`, depth first, one page after the path `after`. → `Reply::Listing`
    ListTree { path: FsPath, after: Option<FsPath> },
    /// → `Reply::Summary`
    Summary { path: FsPath },
    /// `parents: false` fails if the parent is missing or the directory exists. → `Reply::Done`
    MakeDirectory { path: FsPath, parents: bool },
    /// → `Reply::Done`. `replace`: an existing file at `to` is replaced (never a directory).
    Rename { from: FsPath, to: FsPath, replace: bool },
    /// → `Reply::Deleted`
    Delete { path: FsPath, recursive: bool },
    /// → `Reply::Done`. The copies are made or removed in the background.
    SetReplication { path: FsPath, replication: u16 },
    /// Milliseconds since 1970; `None` keeps. → `Reply::Done`
    SetTimes { path: FsPath, modified_ms: Option<u64>, accessed_ms: Option<u64> },
    /// → `Reply::Done`
    SetPermission { path: FsPath, mode: u16 },
    /// → `Reply::Done`
    SetOwner { path: FsPath, owner: Option<String>, group: Option<String> },
    /// All of it or none of it, in one journal record. → `Reply::Done`
    Transaction(Transaction),
    /// One key of the keyed store. → `Reply::Value`
    Get { key: String },
    /// Keys that begin with `prefix`, in order, after `after`. → `Reply::Values`
    Scan { prefix: String, after: Option<String>, limit: u32 },
    /// → `Reply::Cluster`
    Cluster,
    /// A client read a replica that does not match its checksum. → `Reply::Done`
    ReportCorrupt { block: BlockId, generation: Generation, worker: WorkerId },
}

/// Changes of the namespace and of the keyed store that become visible together. First every `Expect` is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transaction {
    pub expect: Vec<Expect>,
    pub changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    Absent(FsPath),
    Exists(FsPath),
    /// The key has this version (`None`: is absent).
    KeyVersion(String, Option<u64>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    MakeDirectories(FsPath),
    /// An existing file at `to` is replaced. A `from` that is gone counts as done if what lies at `to` was moved there
    /// from this very `from` by a transaction, so that a repeated commit is harmless, also by another process.
    Rename {
        from: FsPath,
        to: FsPath,
    },
    /// An empty, closed file; replaces nothing: an existing file is left as it is.
    CreateEmpty(FsPath),
    /// Nothing there is no error.
    Delete(FsPath),
    Put {
        key: String,
        value: Vec<u8>,
    },
    Remove {
        key: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    Done,
    Deleted {
        existed: bool,
    },
    Created {
        file: FileId,
        replication: u16,
        block_bytes: u64,
    },
    Block(NewBlock),
    Generation(Generation),
    Status(FileStatus),
    Blocks(FileBlocks),
    Listing {
        entries: Vec<FileStatus>,
        more: bool,
    },
    Summary(Summary),
    Value(Option<(u64, Vec<u8>)>),
    /// Key, version, value.
    Values(Vec<(String, u64, Vec<u8>)>),
    Cluster(ClusterStatus),
}

impl Reply {
    /// Which kind it is, for messages about one that was not expected.
    pub fn name(&self) -> &'static str {
        match self {
            Reply::Done => "`done`",
            Reply::Deleted { .. } => "`deleted`",
            Reply::Created { .. } => "`created`",
            Reply::Block(_) => "`block`",
            Reply::Generation(_) => "`generation`",
            Reply::Status(_) => "`status`",
            Reply::Blocks(_) => "`blocks`",
            Reply::Listing { .. } => "`listing`",
            Reply::Summary(_) => "`summary`",
            Reply::Value(_) => "`value`",
            Reply::Values(_) => "`values`",
            Reply::Cluster(_) => "`cluster`",
        }
    }
}

/// A block that a writer finished: durable on every worker in `replicas`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenBlock {
    pub block: BlockId,
    pub generation: Generation,
    pub len_bytes: u64,
    pub replicas: Vec<WorkerId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBlock {
    pub block: BlockId,
    pub generation: Generation,
    /// The pipeline, in order.
    pub targets: Vec<Location>,
}

/// A core worker as clients need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    pub worker: WorkerId,
    pub endpoint: Endpoint,
    /// Host name as the worker gave it: equal names mean that the Unix socket can be used.
    pub host: String,
    /// Its Unix socket, for clients on the same host.
    pub socket: Option<std::path::PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    Directory,
    File,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    pub path: FsPath,
    pub id: FileId,
    pub kind: FileKind,
    pub len_bytes: u64,
    pub replication: u16,
    pub block_bytes: u64,
    pub modified_ms: u64,
    pub accessed_ms: u64,
    pub owner: String,
    pub group: String,
    pub mode: u16,
    /// Still being written: `len_bytes` counts committed blocks.
    pub open: bool,
    /// Children of a directory.
    pub children: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileBlocks {
    pub status: FileStatus,
    pub blocks: Vec<LocatedBlock>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocatedBlock {
    pub block: BlockId,
    pub generation: Generation,
    /// Where in the file the block begins.
    pub offset: u64,
    pub len_bytes: u64,
    /// Workers with a good replica, nearest first. Empty: no live worker has one now.
    pub locations: Vec<Location>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    pub directories: u64,
    pub files: u64,
    pub len_bytes: u64,
    /// With all replicas.
    pub stored_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    pub capacity_bytes: u64,
    pub used_bytes: u64,
    pub free_bytes: u64,
    pub under_replicated_blocks: u64,
    pub missing_blocks: u64,
    pub corrupt_replicas: u64,
    /// While set, the namespace is read-only: what it waits for.
    pub safe_mode: Option<String>,
    pub files: u64,
    pub blocks: u64,
}

/// What the namespace refuses, for the user to read: each says what and on which path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NamespaceError {
    #[error("{0}: No such file or directory")]
    NotFound(FsPath),
    #[error("{0}: File exists")]
    Exists(FsPath),
    #[error("{0}: Is not a directory")]
    NotDirectory(FsPath),
    #[error("{0}: Is a directory")]
    IsDirectory(FsPath),
    #[error("{0}: Directory is not empty")]
    NotEmpty(FsPath),
    #[error(
        "{path}: is being written by {holder} (lease renewed {idle_ms} ms ago); wait for it or delete the file"
    )]
    Leased { path: FsPath, holder: ClientId, idle_ms: u64 },
    #[error("{path}: the lease of {client} is lost (another writer took over, or the file was deleted)")]
    LeaseLost { path: String, client: ClientId },
    #[error(
        "no core worker can take a block of {path}: {live} live, {excluded} excluded by this writer, {full} without room"
    )]
    NoTarget { path: FsPath, live: u32, excluded: u32, full: u32 },
    #[error("the namespace is in safe mode: {0}")]
    SafeMode(String),
    #[error("cannot move {from} to {to}: a directory cannot be moved into itself")]
    IntoItself { from: FsPath, to: FsPath },
    #[error("expected {0} to be absent, but it exists")]
    ExpectedAbsent(FsPath),
    #[error("expected {0} to exist")]
    ExpectedPresent(FsPath),
    #[error("key `{key}` has version {found:?}, expected {expected:?}")]
    VersionConflict { key: String, expected: Option<u64>, found: Option<u64> },
    #[error("{what} is {given}, the limit is {limit}")]
    Limit { what: String, given: u64, limit: u64 },
    #[error("{path}: blocks {missing} have no durable replica reported yet")]
    NotDurable { path: FsPath, missing: u64 },
    #[error(
        "{path}: {block} ({generation}) is not the block that is being written now; abandon the file and write it again"
    )]
    StaleBlock { path: FsPath, block: BlockId, generation: Generation },
    #[error(
        "{path}: its writer was given {block} and has neither finished nor abandoned it; do one of them first"
    )]
    Unfinished { path: FsPath, block: BlockId },
    /// The master is starting or stopping; the client repeats the call.
    #[error("the master is not serving now: {0}")]
    Unavailable(String),
}

impl NamespaceError {
    /// Whether the same call may succeed a little later without anybody's doing.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            NamespaceError::SafeMode(_) | NamespaceError::Unavailable(_) | NamespaceError::NotDurable { .. }
        )
    }
}
