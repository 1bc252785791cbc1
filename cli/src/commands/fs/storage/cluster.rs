//! The cluster's own storage.

use super::{
    super::{
        error::{FsError, Reason},
        item::Item,
    },
    Attribute, Contents, Found, Kind, Room, Status, Storage, Totals, Writing,
};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use skep_hdfs::{
    FsPath,
    client::{Client, ClientError, CreateOptions, FileWriter},
    protocol::namespace::{FileKind, FileStatus, Operation},
};
use std::rc::Rc;

/// Bytes asked for at a time, and how many such reads are under way.
const READ_BYTES: u64 = 4 << 20;
const READS_AT_ONCE: usize = 4;

pub struct ClusterStorage {
    client: Client,
    new_files: CreateOptions,
}

impl ClusterStorage {
    pub fn new(client: Client, new_files: CreateOptions) -> ClusterStorage {
        ClusterStorage { client, new_files }
    }
}

fn path_of(item: &Item) -> Result<FsPath, FsError> {
    item.path.parse().map_err(|error| FsError::other(&item.shown, error))
}

fn told(item: &Item) -> impl Fn(ClientError) -> FsError + '_ {
    |error| FsError::from_client(&item.shown, error)
}

fn status_of(status: FileStatus) -> Status {
    let kind = match status.kind {
        FileKind::Directory => Kind::Directory,
        FileKind::File => Kind::File,
    };
    Status {
        kind,
        len_bytes: status.len_bytes,
        replication: if kind == Kind::Directory { 0 } else { status.replication },
        block_bytes: if kind == Kind::Directory { 0 } else { status.block_bytes },
        modified_ms: status.modified_ms,
        accessed_ms: status.accessed_ms,
        owner: status.owner,
        group: status.group,
        mode: status.mode,
    }
}

#[async_trait(?Send)]
impl Storage for ClusterStorage {
    async fn status(&self, item: &Item) -> Result<Status, FsError> {
        Ok(status_of(self.client.status(&path_of(item)?).await.map_err(told(item))?))
    }

    async fn list(&self, item: &Item) -> Result<Vec<Found>, FsError> {
        let entries = self.client.list(&path_of(item)?).await.map_err(told(item))?;
        let found = entries.into_iter().map(|entry| Found {
            item: item.child(entry.path.name().unwrap_or_default()),
            status: status_of(entry),
        });
        Ok(found.collect())
    }

    async fn read(&self, item: &Item, from: u64, to: u64) -> Result<Contents, FsError> {
        let file = Rc::new(self.client.open(&path_of(item)?).await.map_err(told(item))?);
        let end = to.min(file.len_bytes());
        let shown = item.shown.clone();
        let starts = (from..end).step_by(READ_BYTES as usize);
        let reads = stream::iter(starts).map(move |start| {
            let (file, shown) = (file.clone(), shown.clone());
            async move {
                let piece = file.read(start..(start + READ_BYTES).min(end)).await;
                piece.map_err(|error| FsError::from_client(&shown, error))
            }
        });
        Ok(reads.buffered(READS_AT_ONCE).boxed_local())
    }

    async fn create(&self, item: &Item) -> Result<Box<dyn Writing>, FsError> {
        let writer = self.client.create(&path_of(item)?, self.new_files).await.map_err(told(item))?;
        Ok(Box::new(ClusterFile { writer, shown: item.shown.clone() }))
    }

    async fn make_directories(&self, item: &Item) -> Result<(), FsError> {
        self.client.make_directories(&path_of(item)?).await.map_err(told(item))
    }

    async fn delete(&self, item: &Item) -> Result<(), FsError> {
        match self.client.delete(&path_of(item)?, true).await.map_err(told(item))? {
            true => Ok(()),
            false => Err(item.error(Reason::NotFound)),
        }
    }

    async fn delete_empty(&self, item: &Item) -> Result<(), FsError> {
        self.client.delete(&path_of(item)?, false).await.map(|_| ()).map_err(told(item))
    }

    async fn rename(&self, from: &Item, to: &Item, replace: bool) -> Result<(), FsError> {
        self.client.rename(&path_of(from)?, &path_of(to)?, replace).await.map_err(told(from))
    }

    async fn set(&self, item: &Item, attribute: Attribute) -> Result<(), FsError> {
        let path = path_of(item)?;
        let operation = match attribute {
            Attribute::Mode(mode) => Operation::SetPermission { path, mode },
            Attribute::Owner { owner, group } => Operation::SetOwner { path, owner, group },
            Attribute::Times { modified_ms, accessed_ms } => {
                Operation::SetTimes { path, modified_ms, accessed_ms }
            }
            Attribute::Replication(replication) => Operation::SetReplication { path, replication },
        };
        self.client.call(operation).await.map_err(told(item))?;
        Ok(())
    }

    async fn room(&self, item: &Item) -> Result<Room, FsError> {
        let cluster = self.client.cluster().await.map_err(told(item))?;
        Ok(Room {
            name: format!("hdfs://{}", self.client.options().master),
            capacity_bytes: cluster.capacity_bytes,
            used_bytes: cluster.used_bytes,
            free_bytes: cluster.free_bytes,
        })
    }

    async fn checksum(&self, item: &Item) -> Result<(&'static str, u32), FsError> {
        let (_, crc) = self.client.checksum(&path_of(item)?).await.map_err(told(item))?;
        Ok(("COMPOSITE-CRC32C", crc))
    }

    async fn has_replicas(&self, item: &Item, replication: u16) -> Result<bool, FsError> {
        let blocks = self.client.blocks(&path_of(item)?).await.map_err(told(item))?.blocks;
        Ok(blocks.iter().all(|block| block.locations.len() == usize::from(replication)))
    }

    fn needs_temporary_name(&self) -> bool {
        true
    }

    fn has_implied_directories(&self) -> bool {
        false
    }

    async fn totals(&self, item: &Item) -> Result<Totals, FsError> {
        let summary = self.client.summary(&path_of(item)?).await.map_err(told(item))?;
        Ok(Totals {
            directories: summary.directories,
            files: summary.files,
            len_bytes: summary.len_bytes,
            stored_bytes: summary.stored_bytes,
        })
    }
}

struct ClusterFile {
    writer: FileWriter,
    shown: String,
}

#[async_trait(?Send)]
impl Writing for ClusterFile {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), FsError> {
        self.writer.write(bytes).await.map_err(|error| FsError::from_client(&self.shown, error))
    }

    async fn finish(self: Box<Self>) -> Result<(), FsError> {
        let shown = self.shown;
        self.writer.finish().await.map(|_| ()).map_err(|error| FsError::from_client(&shown, error))
    }

    async fn abandon(self: Box<Self>) {
        if let Err(error) = self.writer.abandon().await {
            tracing::debug!(path = self.shown, %error, "the lease of an unfinished file runs out instead");
        }
    }
}
