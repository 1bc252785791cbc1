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
pub const PATH_COMPONENTS_MAX: usize = 1_000;
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

/// So much of a worker's disk is left to others.
pub const DISK_RESERVE_BYTES: u64 = 256 << 20;
/// Bad replicas that a worker keeps for a look.
pub const BAD_REPLICAS_KEPT_MAX: usize = 4;
/// Writers that one worker serves at a time.
pub const WRITERS_PER_WORKER_MAX: usize = 128;
/// Packets of one writer that may wait for the disk of a worker.
pub const DISK_QUEUE_PACKETS: usize = 8;
/// Packets that may wait between the disk and the socket of a streamed read.
pub const READ_QUEUE_PACKETS: usize = 2;
/// Bytes that a writer may have sent and not seen acknowledged; it keeps a copy of them.
pub const WRITE_WINDOW_BYTES: u64 = 8 << 20;
/// How long a pipeline may make no progress before the next worker in it counts as failed; a third of it longer for each
/// worker after that one.
pub const PIPELINE_STALL: Duration = Duration::from_secs(30);
/// How long a reply of one message may take (the disk is read for some).
pub const BLOCK_REPLY_DEADLINE: Duration = Duration::from_secs(20);
/// How long a streamed read may make no progress.
pub const READ_STALL: Duration = Duration::from_secs(30);
/// When nothing of a block came for this long, its next replica is read as well.
pub const READ_PATIENCE: Duration = Duration::from_secs(2);
/// When no replica gave the bytes: pauses before each time that a reader asks again where they lie.
pub const LOCATE_AGAIN_PAUSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1500)];
/// How long an unused connection to a worker is kept by its client, and by the worker (longer).
pub const IDLE_CHANNEL: Duration = Duration::from_secs(20);
pub const IDLE_CHANNEL_SERVED: Duration = Duration::from_secs(60);
/// Unused connections kept per worker.
pub const IDLE_CHANNELS_MAX: usize = 4;
/// How often a writer asks for another block or continues a broken one before it gives up.
pub const WRITE_ATTEMPTS_MAX: u32 = 6;
/// Blocks whose files one reader keeps open.
pub const OPEN_BLOCKS_PER_READER: usize = 16;
/// How long one call to the master may take before it is repeated.
pub const CALL_DEADLINE: Duration = Duration::from_secs(30);
/// Bytes per second that a worker re-reads in the background to find decay, and the least time between two beginnings of
/// doing so.
pub const SCRUB_BYTES_PER_SECOND: u64 = 4 << 20;
pub const SCRUB_ROUND: Duration = Duration::from_secs(24 * 3600);
/// Blocks of a file whose checksums are asked for at the same time.
pub const CHECKSUMS_AT_ONCE: usize = 16;
/// Bytes of one read of the object store's streams ...
pub const OBJECT_READ_BYTES: u64 = 4 << 20;
/// ... and how many of them go on at the same time.
pub const OBJECT_READ_AHEAD: usize = 4;
/// An upload that nobody completed is removed at this age.
pub const UPLOAD_LEFTOVER: Duration = Duration::from_secs(7 * 24 * 3600);
/// Records that may wait to be written to the journal before appending waits, in bytes.
pub const JOURNAL_QUEUE_BYTES: usize = 64 << 20;
/// Memory that the journal's pages may use.
pub const JOURNAL_CACHE_BYTES: usize = 16 << 20;
/// Bytes of a snapshot in one value of the journal's table.
pub const JOURNAL_CHUNK_BYTES: usize = 8 << 20;
/// Answers remembered for each client, for all of them, and for how long after a client's last change.
pub const CALLS_REMEMBERED_PER_CLIENT: usize = 256;
pub const CALLS_REMEMBERED: usize = 50_000;
pub const CLIENT_REMEMBERED_FOR: Duration = Duration::from_secs(900);
/// After a start of the master nothing is copied or erased for this long: workers are still coming back.
pub const STARTUP_GRACE: Duration = Duration::from_secs(15);
/// A copy (or recovery, or erasure) that was ordered and not reported for this long is ordered again.
pub const REPAIR_TIMEOUT: Duration = Duration::from_secs(120);
/// A repair that failed is tried again after this long, then after twice as long each time, up to `REPAIR_TIMEOUT`.
pub const REPAIR_PAUSE: Duration = Duration::from_secs(5);
/// Replicas that one worker is told to erase at a time, how often one is told, and how many may wait for their turn.
pub const ERASURES_AT_ONCE: usize = 1_000;
pub const ERASURE_TRIES_MAX: u32 = 3;
pub const ERASURES_PER_WORKER_MAX: usize = 1_000_000;
/// How often a worker is asked for all that it holds.
pub const INVENTORY_INTERVAL: Duration = Duration::from_secs(6 * 3600);
/// How often leases, repairs and erasures are looked at.
pub const NAMESPACE_TURN: Duration = Duration::from_millis(500);
/// How long closing a file waits for a durable replica before the writer hears why; less than its deadline for a call.
pub const COMPLETE_WAIT: Duration = Duration::from_secs(20);
/// Bytes of a user's, an owner's or a group's name.
pub const PRINCIPAL_BYTES_MAX: usize = 255;
/// Bytes of a key and of a value in the keyed store.
pub const KEY_BYTES_MAX: usize = 4_096;
pub const VALUE_BYTES_MAX: usize = 16 << 20;
/// Repairs looked at in one turn.
pub const REPAIRS_PER_TURN: usize = 256;
/// Messages that may wait for the namespace's task before their senders wait, and how many it takes at once.
pub const NAMESPACE_INBOX: usize = 4_096;
pub const NAMESPACE_BATCH: usize = 256;
/// How often readers of the view get a fresh one, if something changed.
pub const VIEW_INTERVAL: Duration = Duration::from_millis(100);
/// A section of the journal is asked for a snapshot when the log after its last one has so many records or bytes.
pub const SNAPSHOT_AFTER_RECORDS: u64 = 50_000;
pub const SNAPSHOT_AFTER_BYTES: u64 = 64 << 20;
