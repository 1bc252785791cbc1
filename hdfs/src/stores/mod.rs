//! Paths of every store: what the user wrote becomes an [`ObjectStore`] and a path in it.
//!
//! `hdfs://HOST/x` and, with a cluster, `/x` are the cluster's (and a plain `x` lies in the user's directory `/user/NAME`);
//! `s3://bucket/key` is S3 (endpoint, region and credentials from `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
//! ...); `file:///x` and, without a cluster, any plain path are this machine's.
//!
//! [`cluster`] is the cluster's own [`ObjectStore`], [`upload`] how bytes get into it; [`glob`] are patterns, [`expand`]
//! finds what they match, by the few questions of [`tree`] that every kind of store answers.

mod cluster;
mod expand;
pub mod glob;
mod tree;
mod upload;

#[cfg(test)]
mod tests;

pub use cluster::ClusterStore;
pub use glob::is_hidden;

use crate::{FsPath, WorkerId, client::Client};
use object_store::{
    ObjectStore,
    aws::{AmazonS3, AmazonS3Builder},
    local::LocalFileSystem,
    multipart::MultipartStore,
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("`{text}` is not a path: {reason}")]
    BadPath { text: String, reason: String },
    #[error("`{text}`: the scheme `{scheme}` is not known; use hdfs://, s3://, file:// or a plain path")]
    UnknownScheme { text: String, scheme: String },
    #[error("`{text}` is a path of a cluster, and there is no cluster here; use file:// or --master")]
    NoCluster { text: String },
    #[error("{path}: No such file or directory")]
    NotFound { path: String },
    #[error("{path}: {reason}")]
    Store { path: String, reason: String },
}

impl StoreError {
    fn bad_path(text: &str, reason: impl ToString) -> StoreError {
        StoreError::BadPath { text: text.to_owned(), reason: reason.to_string() }
    }

    fn store(path: &str, reason: impl ToString) -> StoreError {
        StoreError::Store { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// A resolved path.
#[derive(Clone)]
pub struct Place {
    /// As the user would write it, with its scheme unless it is the default one. Absolute.
    pub text: String,
    pub kind: PlaceKind,
    pub store: Arc<dyn ObjectStore>,
    pub path: object_store::path::Path,
    multipart: Option<Arc<AmazonS3>>,
}

impl Place {
    /// Uploads in parts that one process starts and another completes: what S3 has in the place of a rename.
    pub fn multipart(&self) -> Option<Arc<dyn MultipartStore>> {
        self.multipart.clone().map(|store| store as Arc<dyn MultipartStore>)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceKind {
    Cluster(FsPath),
    S3 { bucket: String },
    Local(PathBuf),
}

/// A file that a pattern matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Resolves to this very file.
    pub text: String,
    pub len_bytes: u64,
}

/// A piece of a file and the workers that hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    pub offset: u64,
    pub len_bytes: u64,
    pub workers: Vec<WorkerId>,
}

/// Resolves paths; keeps one store per bucket. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Option<(Client, Arc<ClusterStore>)>,
    local: Arc<LocalFileSystem>,
    buckets: Mutex<HashMap<String, Arc<AmazonS3>>>,
}

impl Stores {
    /// With a cluster: plain absolute paths are its own.
    pub fn cluster(client: Client) -> Stores {
        let store = Arc::new(ClusterStore::new(client.clone()));
        Stores::with(Some((client, store)))
    }

    /// Without one: plain paths are this machine's.
    pub fn local() -> Stores {
        Stores::with(None)
    }

    fn with(cluster: Option<(Client, Arc<ClusterStore>)>) -> Stores {
        let local = Arc::new(LocalFileSystem::new());
        Stores { shared: Arc::new(Shared { cluster, local, buckets: Mutex::default() }) }
    }

    pub fn client(&self) -> Option<&Client> {
        self.shared.cluster.as_ref().map(|(client, _)| client)
    }

    pub fn resolve(&self, text: &str) -> Result<Place, StoreError> {
        match text.split_once("://") {
            _ if text.is_empty() => Err(StoreError::bad_path(text, "it is empty")),
            None => match self.client() {
                Some(client) => self.resolve_cluster(text, &in_cluster(client, text)),
                None => self.resolve_local(text, Path::new(text)),
            },
            Some(("hdfs", rest)) => {
                let slash = rest.find('/').ok_or_else(|| {
                    StoreError::bad_path(text, "a path is missing: write hdfs://HOST/PATH or hdfs:///PATH")
                })?;
                self.resolve_cluster(text, &rest[slash..])
            }
            Some(("s3" | "s3a", rest)) => self.resolve_s3(text, rest),
            Some(("file", rest)) if rest.starts_with('/') => self.resolve_local(text, Path::new(rest)),
            Some(("file", _)) => {
                Err(StoreError::bad_path(text, "write file:///PATH: the path must be absolute"))
            }
            Some((scheme, _)) => {
                Err(StoreError::UnknownScheme { text: text.to_owned(), scheme: scheme.to_owned() })
            }
        }
    }

    fn resolve_cluster(&self, text: &str, path: &str) -> Result<Place, StoreError> {
        let Some((_, store)) = &self.shared.cluster else {
            return Err(StoreError::NoCluster { text: text.to_owned() });
        };
        let path: FsPath =
            path.parse().map_err(|error: crate::path::PathError| StoreError::bad_path(text, error.reason))?;
        Ok(Place {
            text: path.to_string(),
            store: store.clone(),
            path: cluster::object_path(&path).map_err(|error| StoreError::bad_path(text, error))?,
            kind: PlaceKind::Cluster(path),
            multipart: None,
        })
    }

    fn resolve_local(&self, text: &str, path: &Path) -> Result<Place, StoreError> {
        let absolute = std::path::absolute(path).map_err(|error| StoreError::bad_path(text, error))?;
        let shown = absolute.to_str().ok_or_else(|| StoreError::bad_path(text, "it is not UTF-8"))?;
        let shown = if shown.len() > 1 { shown.trim_end_matches('/') } else { shown };
        Ok(Place {
            text: if self.client().is_some() { format!("file://{shown}") } else { shown.to_owned() },
            store: self.shared.local.clone(),
            path: object_store::path::Path::from_absolute_path(&absolute)
                .map_err(|error| StoreError::bad_path(text, error))?,
            kind: PlaceKind::Local(PathBuf::from(shown)),
            multipart: None,
        })
    }

    fn resolve_s3(&self, text: &str, rest: &str) -> Result<Place, StoreError> {
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(StoreError::bad_path(text, "a bucket is missing: write s3://BUCKET/KEY"));
        }
        let store = self.bucket(text, bucket)?;
        let path = object_store::path::Path::parse(key).map_err(|error| StoreError::bad_path(text, error))?;
        Ok(Place {
            text: format!("s3://{bucket}/{path}").trim_end_matches('/').to_owned(),
            kind: PlaceKind::S3 { bucket: bucket.to_owned() },
            store: store.clone(),
            path,
            multipart: Some(store),
        })
    }

    fn bucket(&self, text: &str, bucket: &str) -> Result<Arc<AmazonS3>, StoreError> {
        let mut buckets = self.shared.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = buckets.get(bucket) {
            return Ok(store.clone());
        }
        let store = build_s3(bucket).map_err(|error| StoreError::store(text, error))?;
        let store = Arc::new(store);
        buckets.insert(bucket.to_owned(), store.clone());
        Ok(store)
    }
}

/// The usual AWS variables decide. An endpoint of one's own is spoken to in path style, and without TLS if it says `http:`.
fn build_s3(bucket: &str) -> object_store::Result<AmazonS3> {
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    if let Some(endpoint) = endpoint {
        let is_plain = endpoint.starts_with("http://");
        builder = builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false);
        if is_plain {
            builder = builder.with_allow_http(true);
        }
    }
    builder.build()
}

/// A path without a scheme, with a cluster: relative ones lie in the user's directory, as Hadoop has it.
fn in_cluster(client: &Client, text: &str) -> String {
    match text {
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        "." => format!("/user/{}", client.options().user),
        relative => format!("/user/{}/{relative}", client.options().user),
    }
}
