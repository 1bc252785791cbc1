//! Why a master cannot start or go on.

use skep_hdfs::journal::JournalError;
use skep_wire::Endpoint;
use std::{io, path::PathBuf, sync::Arc};

#[derive(Debug, Clone, thiserror::Error)]
pub enum MasterError {
    #[error("cannot use the data directory {path}: {source}")]
    Directory { path: PathBuf, source: Arc<io::Error> },
    #[error("cannot listen on {endpoint}: {source}; choose another --listen, or stop what listens there")]
    Listen { endpoint: Endpoint, source: Arc<io::Error> },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("record {lsn} of the journal cannot be read: {reason}; use the release that wrote it")]
    Record { lsn: u64, reason: String },
    #[error(
        "the journal could not be written, so nothing more can be acknowledged: free the disk and start again"
    )]
    Stopped,
}
