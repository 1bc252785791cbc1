//! What a session is opened with.

use std::path::PathBuf;

/// A session of its own, in this process.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Directory of the catalog and of managed tables; made where it is missing.
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
}
