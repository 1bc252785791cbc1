//! What lies at a place and below it: the few questions that every kind of store answers in its own way.

use super::{Place, PlaceKind, StoreError, Stores};
use crate::{
    client::{Client, ClientError},
    protocol::namespace::{FileKind, FileStatus, NamespaceError},
};
use futures::TryStreamExt;
use std::{fs, io, path::PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    File { len_bytes: u64 },
    Directory,
}

impl Stores {
    /// What is at this place, if anything. On S3 a prefix of keys is a directory.
    pub(super) async fn look(&self, place: &Place) -> Result<Option<Node>, StoreError> {
        match &place.kind {
            PlaceKind::Cluster(path) => match self.cluster_client(place)?.status(path).await {
                Ok(status) => Ok(Some(node_of(&status))),
                Err(error) if is_nothing(&error) => Ok(None),
                Err(error) => Err(StoreError::store(&place.text, error)),
            },
            PlaceKind::Local(path) => {
                let path = path.clone();
                match on_thread(move || fs::metadata(path)).await {
                    Ok(metadata) => Ok(Some(node_of_metadata(&metadata))),
                    Err(error) if is_missing(&error) => Ok(None),
                    Err(error) => Err(StoreError::store(&place.text, error)),
                }
            }
            PlaceKind::S3 { .. } => look_s3(place).await,
        }
    }

    /// The entries of a directory, in name order. Nothing there: no entries.
    pub(super) async fn children(&self, place: &Place) -> Result<Vec<(String, Node)>, StoreError> {
        let mut entries = match &place.kind {
            PlaceKind::Cluster(path) => match self.cluster_client(place)?.list(path).await {
                Ok(entries) => {
                    let below = entries.into_iter().filter(|entry| entry.path != *path && !entry.open);
                    below.filter_map(|entry| Some((entry.path.name()?.to_owned(), node_of(&entry)))).collect()
                }
                Err(error) if is_nothing(&error) => Vec::new(),
                Err(error) => return Err(StoreError::store(&place.text, error)),
            },
            PlaceKind::Local(path) => {
                let path = path.clone();
                let listed = on_thread(move || list_local(path)).await;
                listed.map_err(|error| StoreError::store(&place.text, error))?
            }
            PlaceKind::S3 { .. } => list_s3(place).await?,
        };
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(entries)
    }

    /// The place of an entry of a directory.
    pub(super) fn child(&self, place: &Place, name: &str) -> Result<Place, StoreError> {
        let text = format!("{}/{name}", place.text.trim_end_matches('/'));
        let mut child = place.clone();
        match &place.kind {
            PlaceKind::Cluster(path) => {
                let path = path.join(name).map_err(|error| StoreError::bad_path(&text, error.reason))?;
                child.path =
                    super::cluster::object_path(&path).map_err(|error| StoreError::bad_path(&text, error))?;
                child.kind = PlaceKind::Cluster(path);
            }
            PlaceKind::Local(path) => {
                let path = path.join(name);
                child.path = object_store::path::Path::from_absolute_path(&path)
                    .map_err(|error| StoreError::bad_path(&text, error))?;
                child.kind = PlaceKind::Local(path);
            }
            PlaceKind::S3 { .. } => {
                let key = format!("{}/{name}", place.path);
                child.path = object_store::path::Path::parse(key)
                    .map_err(|error| StoreError::bad_path(&text, error))?;
            }
        }
        child.text = text;
        Ok(child)
    }

    fn cluster_client(&self, place: &Place) -> Result<&Client, StoreError> {
        self.client().ok_or_else(|| StoreError::NoCluster { text: place.text.clone() })
    }
}

fn node_of(status: &FileStatus) -> Node {
    match status.kind {
        FileKind::Directory => Node::Directory,
        FileKind::File => Node::File { len_bytes: status.len_bytes },
    }
}

fn node_of_metadata(metadata: &fs::Metadata) -> Node {
    match metadata.is_dir() {
        true => Node::Directory,
        false => Node::File { len_bytes: metadata.len() },
    }
}

fn is_nothing(error: &ClientError) -> bool {
    matches!(error, ClientError::Namespace(NamespaceError::NotFound(_) | NamespaceError::NotDirectory(_)))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn list_local(path: PathBuf) -> io::Result<Vec<(String, Node)>> {
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name().into_string().map_err(|name| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the name of `{}` is not UTF-8; rename it", path.join(name).display()),
            )
        })?;
        // Follows links, and passes over one that leads nowhere and over what was removed meanwhile.
        match fs::metadata(path.join(&name)) {
            Ok(metadata) => found.push((name, node_of_metadata(&metadata))),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

async fn look_s3(place: &Place) -> Result<Option<Node>, StoreError> {
    use object_store::ObjectStoreExt;
    let store_error = |error| StoreError::store(&place.text, error);
    if !place.path.as_ref().is_empty() {
        match place.store.head(&place.path).await {
            Ok(meta) => return Ok(Some(Node::File { len_bytes: meta.size })),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(store_error(error)),
        }
    }
    let mut below = place.store.list(Some(&place.path));
    Ok(below.try_next().await.map_err(store_error)?.map(|_| Node::Directory))
}

async fn list_s3(place: &Place) -> Result<Vec<(String, Node)>, StoreError> {
    let listed = place.store.list_with_delimiter(Some(&place.path)).await;
    let listed = listed.map_err(|error| StoreError::store(&place.text, error))?;
    let name = |path: &object_store::path::Path| path.filename().map(str::to_owned);
    let directories = listed.common_prefixes.iter().map(|path| (name(path), Node::Directory));
    let files = listed.objects.iter().map(|meta| (name(&meta.location), Node::File { len_bytes: meta.size }));
    Ok(directories.chain(files).filter_map(|(name, node)| Some((name?, node))).collect())
}
