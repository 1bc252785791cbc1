//! Every bound and default of this crate in one place.

use std::time::Duration;

pub const BLOCK_BYTES_DEFAULT: u64 = 128 << 20;
pub const BLOCK_BYTES_MIN: u64 = 64 << 10;
pub const REPLICATION_DEFAULT: u16 = 3;
pub const REPLICATION_MAX: u16 = 64;
/// Bytes covered by one CRC32C in a replica's checksum file: the unit of verified reading.
pub const CHECKSUM_CHUNK_BYTES: usize = 64 << 10;
/// Bytes of one payload frame in a write pipeline or a streamed read.
pub const PACKET_BYTES: usize = 1 << 20;
pub const NAME_BYTES_MAX: usize = 255;
pub const PATH_BYTES_MAX: usize = 8000;
/// A lease that was not renewed for this long may be taken over by another writer ...
pub const LEASE_SOFT: Duration = Duration::from_secs(60);
/// ... and after this long the master closes the file itself.
pub const LEASE_HARD: Duration = Duration::from_secs(600);
/// How often a client with open files renews.
pub const LEASE_RENEWAL: Duration = Duration::from_secs(10);
/// Block copies that one worker may be sending or receiving for repair at a time.
pub const REPAIRS_PER_WORKER_MAX: usize = 4;
/// Paths that one `Publish` or one listing page may name.
pub const PUBLISH_ENTRIES_MAX: usize = 100_000;
pub const LISTING_PAGE: usize = 1_000;
