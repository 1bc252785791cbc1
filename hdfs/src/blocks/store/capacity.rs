//! How much a store may hold.

use crate::{limits::DISK_RESERVE_BYTES, protocol::control::Capacity};
use std::{io, path::Path};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// At most so much for blocks, however large the disk is.
    pub limit_bytes: Option<u64>,
    /// So much of the disk stays free for others.
    pub reserve_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions { limit_bytes: None, reserve_bytes: DISK_RESERVE_BYTES }
    }
}

/// What the disk says, capped by the options. A disk that cannot be asked has no room.
pub(super) fn measure(root: &Path, options: &StoreOptions, used_bytes: u64) -> Capacity {
    let (disk_bytes, available_bytes) = disk(root).unwrap_or_else(|error| {
        tracing::warn!(root = %root.display(), %error, "cannot ask the file system for its free space");
        (0, 0)
    });
    let limit_bytes = options.limit_bytes.unwrap_or(u64::MAX);
    Capacity {
        total_bytes: limit_bytes.min(disk_bytes.saturating_sub(options.reserve_bytes)),
        used_bytes,
        free_bytes: limit_bytes
            .saturating_sub(used_bytes)
            .min(available_bytes.saturating_sub(options.reserve_bytes)),
    }
}

fn disk(root: &Path) -> io::Result<(u64, u64)> {
    let disk = rustix::fs::statvfs(root)?;
    Ok((disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize))
}
