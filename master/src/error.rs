//! Why a master does not start, or has to stop.

use skep_hdfs::journal::JournalError;
use skep_wire::Endpoint;
use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    #[error("{path} cannot be used as the master's data directory: {source}; give another one with --data")]
    Directory { path: PathBuf, source: io::Error },
    #[error("{path} is in use by another master; stop it, or give another directory with --data")]
    InUse { path: PathBuf },
    #[error("{path} is not a file that a master wrote ({reason}); restore it from a backup")]
    Damaged { path: PathBuf, reason: String },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(
        "the scheduler's snapshot has format {found}, this release reads {known}; use the release that wrote it"
    )]
    Format { found: u8, known: u8 },
    #[error("the scheduler's record {lsn} cannot be read: {reason}; use the release that wrote it")]
    Record { lsn: u64, reason: String },
    #[error("cannot listen on {endpoint}: {source}; give another address with --listen")]
    Listen { endpoint: Endpoint, source: io::Error },
    #[error(
        "the journal cannot make anything durable any more: {0}; see to the disk and start the master again"
    )]
    Stopped(String),
}
