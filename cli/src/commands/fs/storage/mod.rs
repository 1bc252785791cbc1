//! One face for the stores that `skep fs` works on: the cluster, this machine, S3.

pub mod cluster;
pub mod local;
pub mod objects;

use super::{
    error::{FsError, Reason},
    item::Item,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::LocalBoxStream;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File,
}

/// What a store knows of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub kind: Kind,
    pub len_bytes: u64,
    /// 0 for directories.
    pub replication: u16,
    pub block_bytes: u64,
    pub modified_ms: u64,
    pub accessed_ms: u64,
    pub owner: String,
    pub group: String,
    pub mode: u16,
}

impl Status {
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// Something that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub item: Item,
    pub status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    pub directories: u64,
    pub files: u64,
    pub len_bytes: u64,
    /// With all replicas.
    pub stored_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// As `df` names it.
    pub name: String,
    pub capacity_bytes: u64,
    pub used_bytes: u64,
    pub free_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    Mode(u16),
    Owner {
        owner: Option<String>,
        group: Option<String>,
    },
    /// Milliseconds since 1970; `None` keeps.
    Times {
        modified_ms: Option<u64>,
        accessed_ms: Option<u64>,
    },
    Replication(u16),
}

pub type Contents = LocalBoxStream<'static, Result<Bytes, FsError>>;

/// A file being written. It is there, whole, when `finish` returns; `abandon` leaves nothing.
#[async_trait(?Send)]
pub trait Writing {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), FsError>;
    async fn finish(self: Box<Self>) -> Result<(), FsError>;
    async fn abandon(self: Box<Self>);
}

/// A store. Errors are about the item that was given.
#[async_trait(?Send)]
pub trait Storage {
    async fn status(&self, item: &Item) -> Result<Status, FsError>;
    /// Children of a directory, in name order.
    async fn list(&self, item: &Item) -> Result<Vec<Found>, FsError>;
    /// Bytes of a file in the range, cut at its end.
    async fn read(&self, item: &Item, from: u64, to: u64) -> Result<Contents, FsError>;
    /// Replaces a file that is there.
    async fn create(&self, item: &Item) -> Result<Box<dyn Writing>, FsError>;
    /// With its parents; fine if it is there.
    async fn make_directories(&self, item: &Item) -> Result<(), FsError>;
    /// A file, or a directory with all that is in it.
    async fn delete(&self, item: &Item) -> Result<(), FsError>;
    /// An empty directory, and nothing else.
    async fn delete_empty(&self, item: &Item) -> Result<(), FsError>;
    /// Within the store. With `replace` a file that is there goes.
    async fn rename(&self, from: &Item, to: &Item, replace: bool) -> Result<(), FsError>;
    async fn set(&self, item: &Item, attribute: Attribute) -> Result<(), FsError>;
    async fn room(&self, item: &Item) -> Result<Room, FsError>;
    /// Name of the algorithm and checksum of a file's bytes.
    async fn checksum(&self, item: &Item) -> Result<(&'static str, u32), FsError>;

    /// Whether every block of the file has so many live replicas now.
    async fn has_replicas(&self, item: &Item, replication: u16) -> Result<bool, FsError>;

    /// Whether files in the making must not be seen under their own name: written beside it and renamed.
    fn needs_temporary_name(&self) -> bool;
    /// Whether a file may be put where there is no directory.
    fn has_implied_directories(&self) -> bool;

    /// What lies at or below `item`.
    async fn totals(&self, item: &Item) -> Result<Totals, FsError> {
        let status = self.status(item).await?;
        let mut totals = Totals::default();
        let mut open = vec![Found { item: item.clone(), status }];
        while let Some(found) = open.pop() {
            if found.status.is_directory() {
                totals.directories += 1;
                open.extend(self.list(&found.item).await?);
            } else {
                totals.files += 1;
                totals.len_bytes += found.status.len_bytes;
                totals.stored_bytes += found.status.len_bytes * u64::from(found.status.replication.max(1));
            }
        }
        Ok(totals)
    }

    /// `None`: it is not there.
    async fn look(&self, item: &Item) -> Result<Option<Status>, FsError> {
        match self.status(item).await {
            Ok(status) => Ok(Some(status)),
            // Below a file there is nothing either.
            Err(error) if matches!(error.reason, Reason::NotFound | Reason::NotDirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
