//! Why an output could not be kept.

use skep_jobs::{
    limits::PARTITIONS_MAX,
    model::{AttemptId, JobId},
    shuffle::is_disk_full,
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("cannot {action} {path}: {source}")]
    Disk { action: &'static str, path: PathBuf, source: Arc<io::Error> },
    #[error("the output of {attempt} has {found} bytes, its segments {expected}")]
    Length { attempt: AttemptId, found: u64, expected: u64 },
    #[error("partition {partition} of the output of {attempt} arrived with a wrong checksum")]
    Checksum { attempt: AttemptId, partition: u32 },
    #[error("the output of {attempt} has {partitions} partitions; the limit is {PARTITIONS_MAX}")]
    Partitions { attempt: AttemptId, partitions: usize },
    #[error("another output of {0} is already here")]
    Conflict(AttemptId),
    #[error("{0} is over: nothing is kept for it")]
    JobOver(JobId),
}

impl StoreError {
    pub(super) fn disk(action: &'static str, path: &Path, source: io::Error) -> StoreError {
        StoreError::Disk { action, path: path.to_owned(), source: Arc::new(source) }
    }

    pub fn disk_full(&self) -> bool {
        matches!(self, StoreError::Disk { source, .. } if is_disk_full(source))
    }
}
