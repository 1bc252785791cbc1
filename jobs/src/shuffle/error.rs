//! What can go wrong between a producer's records and a consumer's.

use super::format::FormatError;
use crate::{model::outcome::LostPiece, task_program::ShuffleFault};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why a combiner failed: an error of the job's own code.
pub type CombineFailure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum ShuffleError {
    #[error("cannot {action} {path}: {source}")]
    Disk { action: &'static str, path: PathBuf, source: Arc<io::Error> },
    /// A scratch file does not hold what was written to it.
    #[error("the scratch file {path} is damaged: {source}; check the disk")]
    DamagedScratch { path: PathBuf, source: FormatError },
    #[error("a record has {len_bytes} bytes; the limit is {limit}")]
    RecordTooLarge { len_bytes: u64, limit: usize },
    #[error(
        "the partitioner chose partition {chosen} of {partitions}: it must return less than the number of partitions"
    )]
    NoSuchPartition { chosen: u32, partitions: u32 },
    #[error("{partitions} partitions: there must be between 1 and {limit}")]
    PartitionCount { partitions: u32, limit: u32 },
    #[error(
        "{bounds} bounds do not cut keys into {partitions} partitions: they must be sorted and fewer than the partitions"
    )]
    BadBounds { bounds: usize, partitions: u32 },
    #[error("the combiner failed: {0}")]
    Combine(#[source] CombineFailure),
    /// Exactly these pieces could not be had; their producers must run again.
    #[error("{} shuffle pieces are lost{}", .0.len(), first_of(.0))]
    Lost(Vec<LostPiece>),
    #[error("the attempt was told to stop")]
    Cancelled,
}

fn first_of(pieces: &[LostPiece]) -> String {
    pieces.first().map_or_else(String::new, |piece| {
        format!(", the first from {} on {}: {:?}", piece.producer, piece.holder, piece.reason)
    })
}

impl ShuffleError {
    pub(super) fn disk(action: &'static str, path: &Path, source: io::Error) -> ShuffleError {
        ShuffleError::Disk { action, path: path.to_owned(), source: Arc::new(source) }
    }

    pub fn disk_full(&self) -> bool {
        matches!(self, ShuffleError::Disk { source, .. } if is_disk_full(source))
    }

    /// Whether the job's own code is to blame, rather than the machine or the network.
    pub fn is_users(&self) -> bool {
        matches!(
            self,
            ShuffleError::RecordTooLarge { .. }
                | ShuffleError::NoSuchPartition { .. }
                | ShuffleError::Combine(_)
        )
    }
}

/// A full disk, a used-up quota, or a file over the limit of the file system.
pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

impl From<ShuffleError> for ShuffleFault {
    fn from(error: ShuffleError) -> ShuffleFault {
        match error {
            ShuffleError::Lost(pieces) => ShuffleFault::Lost(pieces),
            ShuffleError::Cancelled => ShuffleFault::Cancelled,
            ShuffleError::Disk { .. } | ShuffleError::DamagedScratch { .. } => {
                ShuffleFault::Disk { full: error.disk_full(), reason: error.to_string() }
            }
            other => ShuffleFault::Worker(other.to_string()),
        }
    }
}
