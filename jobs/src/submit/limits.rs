//! Every bound and default of submitting and watching in one place.

use std::time::Duration;

/// How long one call to the master may take before it is repeated.
pub const CALL_DEADLINE: Duration = Duration::from_secs(30);
/// How long a client goes on asking a master that is away before it gives up on it.
pub const MASTER_PATIENCE: Duration = Duration::from_secs(600);
/// How long the first call waits for a master: a wrong address should be told soon.
pub const FIRST_CALL_PATIENCE: Duration = Duration::from_secs(5);
/// How long reads and writes of files wait for a master that is away.
pub const STORAGE_PATIENCE: Duration = Duration::from_secs(30);
/// How long the master may hold back an answer to `Watch` while nothing changes.
pub const WATCH_WAIT: Duration = Duration::from_secs(5);
/// Pause before a lost master is asked again: doubles from the first to the second.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(20);
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);
/// A master that is away for less than this is not worth a line on the terminal.
pub const SILENT_ABSENCE: Duration = Duration::from_millis(500);
/// How long an interrupted client waits for the job that it killed to be over.
pub const KILL_PATIENCE: Duration = Duration::from_secs(15);
/// Bytes read and written at a time when a file is uploaded or hashed.
pub const COPY_BYTES: usize = 1 << 20;
/// Files whose hashes are remembered.
pub const REMEMBERED_HASHES_MAX: usize = 256;
/// A file that was changed less than this ago is hashed again next time: its next change could leave the same times.
pub const HASH_SETTLING: Duration = Duration::from_secs(1);
/// A stored binary that was marked as used less than this ago is not marked again. The master keeps it for an hour.
pub const MARKED_USED_FOR: Duration = Duration::from_secs(600);
/// Uploads that were never finished are removed after this long.
pub const UPLOAD_LEFTOVER_AGE: Duration = Duration::from_secs(24 * 3600);
/// Bars on the terminal at the same time.
pub const STAGE_BARS_MAX: usize = 8;
