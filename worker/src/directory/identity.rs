//! Which worker a data directory is, of which cluster. Written once, at the first registration.

use super::write_whole;
use crate::WorkerError;
use serde::{Deserialize, Serialize};
use skep_hdfs::WorkerId;
use skep_jobs::protocol::client::Role;
use std::{fs, io, path::Path};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub worker: WorkerId,
    pub cluster: u64,
    pub role: Role,
}

pub(super) fn load(path: &Path) -> Result<Option<Identity>, WorkerError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(WorkerError::DataDirectory { path: path.to_path_buf(), source }),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| WorkerError::DamagedIdentity { path: path.to_path_buf(), reason: error.to_string() })
}

pub(super) fn save(path: &Path, identity: &Identity) -> Result<(), WorkerError> {
    let fail = |source| WorkerError::DataDirectory { path: path.to_path_buf(), source };
    let text = serde_json::to_vec(identity).map_err(|error| fail(error.into()))?;
    write_whole(path, &text).map_err(fail)
}
