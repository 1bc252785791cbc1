//! S3. It has no directories: a prefix with something below it counts as one.

use super::{
    super::{
        error::{FsError, Reason},
        item::Item,
    },
    Attribute, Contents, Found, Kind, Room, Status, Storage, Writing,
};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, WriteMultipart, path::Path,
};
use std::sync::Arc;

/// Objects that are deleted or copied at a time.
const CALLS_AT_ONCE: usize = 16;
const PARTS_AT_ONCE: usize = 4;
const BLOCK_BYTES: u64 = 32 << 20;

pub struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    user: String,
}

fn key(item: &Item) -> Result<Path, FsError> {
    Path::parse(item.path.trim_start_matches('/')).map_err(|error| FsError::other(&item.shown, error))
}

fn told(item: &Item) -> impl Fn(object_store::Error) -> FsError + '_ {
    |error| FsError::from_objects(&item.shown, error)
}

impl ObjectStorage {
    pub fn new(store: Arc<dyn ObjectStore>, user: &str) -> ObjectStorage {
        ObjectStorage { store, user: user.to_owned() }
    }

    fn file(&self, object: &ObjectMeta) -> Status {
        let modified_ms = u64::try_from(object.last_modified.timestamp_millis()).unwrap_or_default();
        Status {
            kind: Kind::File,
            len_bytes: object.size,
            replication: 1,
            block_bytes: BLOCK_BYTES,
            modified_ms,
            accessed_ms: modified_ms,
            mode: 0o666,
            ..self.directory()
        }
    }

    fn directory(&self) -> Status {
        Status {
            kind: Kind::Directory,
            len_bytes: 0,
            replication: 0,
            block_bytes: 0,
            modified_ms: 0,
            accessed_ms: 0,
            owner: self.user.clone(),
            group: self.user.clone(),
            mode: 0o777,
        }
    }

    /// Keys of the object itself and of all objects below it.
    async fn all_below(&self, item: &Item) -> Result<Vec<Path>, FsError> {
        let prefix = key(item)?;
        let listed: Result<Vec<ObjectMeta>, _> = self.store.list(Some(&prefix)).try_collect().await;
        let mut keys: Vec<Path> =
            listed.map_err(told(item))?.into_iter().map(|object| object.location).collect();
        if !item.is_root() && self.store.head(&prefix).await.is_ok() {
            keys.push(prefix);
        }
        Ok(keys)
    }

    async fn copy_then_delete(&self, keys: Vec<Path>, from: &Path, to: &Path) -> object_store::Result<()> {
        let moved = keys.into_iter().map(|source| {
            let ending: Vec<_> = source.prefix_match(from).into_iter().flatten().collect();
            let target = Path::from_iter(to.parts().chain(ending));
            async move {
                self.store.copy(&source, &target).await?;
                self.store.delete(&source).await
            }
        });
        stream::iter(moved).buffer_unordered(CALLS_AT_ONCE).try_collect().await
    }
}

#[async_trait(?Send)]
impl Storage for ObjectStorage {
    async fn status(&self, item: &Item) -> Result<Status, FsError> {
        if item.is_root() {
            return Ok(self.directory());
        }
        match self.store.head(&key(item)?).await {
            Ok(object) => return Ok(self.file(&object)),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(told(item)(error)),
        }
        let mut below = self.store.list(Some(&key(item)?));
        match below.next().await {
            Some(Ok(_)) => Ok(self.directory()),
            Some(Err(error)) => Err(told(item)(error)),
            None => Err(item.error(Reason::NotFound)),
        }
    }

    async fn list(&self, item: &Item) -> Result<Vec<Found>, FsError> {
        let listed = self.store.list_with_delimiter(Some(&key(item)?)).await.map_err(told(item))?;
        let name = |path: &Path| path.filename().unwrap_or_default().to_owned();
        let directories = listed.common_prefixes.iter().map(|prefix| (name(prefix), self.directory()));
        let files = listed.objects.iter().map(|object| (name(&object.location), self.file(object)));
        let mut found: Vec<Found> = directories
            .chain(files)
            .map(|(name, status)| Found { item: item.child(&name), status })
            .collect();
        found.sort_by(|a, b| a.item.path.cmp(&b.item.path));
        Ok(found)
    }

    async fn read(&self, item: &Item, from: u64, to: u64) -> Result<Contents, FsError> {
        let size = match self.store.head(&key(item)?).await {
            Ok(object) => object.size,
            Err(error) => {
                // A prefix is told from nothing at all.
                self.status(item).await?;
                return Err(match error {
                    object_store::Error::NotFound { .. } => item.error(Reason::IsDirectory),
                    other => told(item)(other),
                });
            }
        };
        let end = to.min(size);
        if from >= end {
            return Ok(stream::empty().boxed_local());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(from..end)), ..GetOptions::default() };
        let got = self.store.get_opts(&key(item)?, options).await.map_err(told(item))?;
        let shown = item.shown.clone();
        Ok(got.into_stream().map_err(move |error| FsError::from_objects(&shown, error)).boxed_local())
    }

    async fn create(&self, item: &Item) -> Result<Box<dyn Writing>, FsError> {
        let upload = self.store.put_multipart(&key(item)?).await.map_err(told(item))?;
        Ok(Box::new(Object { upload: WriteMultipart::new(upload), item: item.clone() }))
    }

    async fn make_directories(&self, item: &Item) -> Result<(), FsError> {
        tracing::info!(path = item.shown, "S3 has no directories: it is there once something is in it");
        Ok(())
    }

    async fn delete(&self, item: &Item) -> Result<(), FsError> {
        let keys = self.all_below(item).await?;
        if keys.is_empty() {
            return Err(item.error(Reason::NotFound));
        }
        let deleted = keys.iter().map(|key| self.store.delete(key));
        stream::iter(deleted).buffer_unordered(CALLS_AT_ONCE).try_collect().await.map_err(told(item))
    }

    /// A prefix with nothing below it is not there anyway.
    async fn delete_empty(&self, _item: &Item) -> Result<(), FsError> {
        Ok(())
    }

    async fn rename(&self, from: &Item, to: &Item, replace: bool) -> Result<(), FsError> {
        if !replace && self.look(to).await?.is_some() {
            return Err(to.error(Reason::Exists));
        }
        let keys = self.all_below(from).await?;
        if keys.is_empty() {
            return Err(from.error(Reason::NotFound));
        }
        self.copy_then_delete(keys, &key(from)?, &key(to)?).await.map_err(told(from))
    }

    async fn set(&self, item: &Item, _attribute: Attribute) -> Result<(), FsError> {
        Err(item.error(Reason::Unsupported("S3 keeps no modes, owners, times or replicas of ours")))
    }

    async fn room(&self, item: &Item) -> Result<Room, FsError> {
        Err(item.error(Reason::Unsupported("S3 does not say how much room it has")))
    }

    async fn checksum(&self, item: &Item) -> Result<(&'static str, u32), FsError> {
        Err(item.error(Reason::Unsupported("checksums of S3 objects")))
    }

    async fn has_replicas(&self, _item: &Item, replication: u16) -> Result<bool, FsError> {
        Ok(replication == 1)
    }

    fn needs_temporary_name(&self) -> bool {
        false
    }

    fn has_implied_directories(&self) -> bool {
        true
    }
}

/// An upload in parts: the object appears when it is completed.
struct Object {
    upload: WriteMultipart,
    item: Item,
}

#[async_trait(?Send)]
impl Writing for Object {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), FsError> {
        self.upload.wait_for_capacity(PARTS_AT_ONCE).await.map_err(told(&self.item))?;
        self.upload.write(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), FsError> {
        let item = self.item;
        self.upload.finish().await.map(|_| ()).map_err(told(&item))
    }

    async fn abandon(self: Box<Self>) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(path = self.item.shown, %error, "parts of an unfinished upload stay in the bucket");
        }
    }
}
