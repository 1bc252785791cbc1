//! What a session is opened with.

use std::path::PathBuf;

/// How a session begins.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Directory of managed tables and, without a cluster, of the catalog; made where it is missing.
    pub warehouse: PathBuf,
    /// `None`: `default`.
    pub database: Option<String>,
    /// As SET says them, `--hiveconf`.
    pub conf: Vec<(String, String)>,
    /// `--hivevar`.
    pub variables: Vec<(String, String)>,
    pub user: String,
    /// Threads that one query may use.
    pub partitions: usize,
    /// What operators may hold before they spill.
    pub memory_bytes: usize,
    /// What the session's id begins with, for whoever has to know whose writes are whose.
    pub owner: String,
}
