//! Paths of every store: what the user wrote becomes an [`ObjectStore`] and a path in it.
//!
//! `hdfs://HOST/x` and, with a cluster, `/x` are the cluster's; `s3://bucket/key` is S3 (endpoint, region and credentials
//! from `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, ...); `file:///x` and, without a cluster, any plain path are
//! this machine's.

use crate::{FsPath, WorkerId, client::Client};
use object_store::ObjectStore;
use std::{path::PathBuf, sync::Arc};

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

/// A resolved path.
#[derive(Clone)]
pub struct Place {
    /// As the user would write it, with its scheme unless it is the default one.
    pub text: String,
    pub kind: PlaceKind,
    pub store: Arc<dyn ObjectStore>,
    pub path: object_store::path::Path,
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
pub struct Stores {}

impl Stores {
    /// With a cluster: plain absolute paths are its own.
    pub fn cluster(client: Client) -> Stores {
        let _ = client;
        unimplemented!()
    }

    /// Without one: plain paths are this machine's.
    pub fn local() -> Stores {
        unimplemented!()
    }

    pub fn client(&self) -> Option<&Client> {
        unimplemented!()
    }

    pub fn resolve(&self, text: &str) -> Result<Place, StoreError> {
        let _ = text;
        unimplemented!()
    }

    /// The files that an input pattern names, in path order: a file, every visible file directly in a directory (and below
    /// it when `recursive`), or a glob (`*`, `?`, `[a-z]`, `{a,b}`, `**`). Names that begin with `_` or `.` are hidden, as Hadoop has
    /// it. A pattern that names nothing is an error; an empty directory is not.
    pub async fn expand(&self, pattern: &str, recursive: bool) -> Result<Vec<FoundFile>, StoreError> {
        let _ = (pattern, recursive);
        unimplemented!()
    }

    /// Where the bytes of a file lie. One extent without workers for stores that have no locations.
    pub async fn extents(&self, file: &FoundFile) -> Result<Vec<Extent>, StoreError> {
        let _ = file;
        unimplemented!()
    }

    pub async fn exists(&self, text: &str) -> Result<bool, StoreError> {
        let _ = text;
        unimplemented!()
    }
}
