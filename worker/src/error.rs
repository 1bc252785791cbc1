//! Why a worker could not start, or had to stop.

use skep_hdfs::WorkerId;
use skep_jobs::protocol::worker::RegisterError;
use std::{io, path::PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("cannot use the data directory {path}: {source}; check that it exists, is writable and has room")]
    DataDirectory { path: PathBuf, source: io::Error },
    #[error("the data directory {path} is in use by another worker process; give each worker its own --data")]
    InUse { path: PathBuf },
    #[error("{path} is damaged ({reason}); restore it, or empty the directory to join as a new worker")]
    DamagedIdentity { path: PathBuf, reason: String },
    #[error(
        "the data directory {path} belongs to a {was:?} worker ({worker}); use another --data for the other role"
    )]
    OtherRole { path: PathBuf, worker: WorkerId, was: skep_jobs::protocol::client::Role },
    #[error("cannot listen on {endpoint}: {source}")]
    Listen { endpoint: skep_wire::Endpoint, source: io::Error },
    #[error("cannot start a thread: {0}; raise the limit on processes (ulimit -u)")]
    Thread(io::Error),
    #[error("cannot start {program}, which ends what tasks started when this worker is killed: {source}")]
    Warden { program: PathBuf, source: io::Error },
    #[error("the master refuses this worker: {0}")]
    Refused(#[from] RegisterError),
    #[error("the master at {master} refuses the connection: {refusal}")]
    Handshake { master: skep_wire::Endpoint, refusal: skep_wire::handshake::Refusal },
}
