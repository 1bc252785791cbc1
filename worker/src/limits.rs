//! Every bound and default of this crate in one place.

use std::time::Duration;

/// How long running attempts may take to end once the worker was told to stop.
pub const STOP_GRACE_DEFAULT: Duration = Duration::from_secs(30);

/// Attempts that may wait for a slot here, per slot: lets the master send the next task before the last one's outcome
/// arrived, and no more.
pub const QUEUED_PER_SLOT_MAX: usize = 16;
/// Noted attempts that are remembered per job, so that a launch that arrives twice does not run twice.
pub const NOTED_REMEMBERED_MAX: usize = 4096;

/// A task process that has not said hello this long after its start is ended.
pub const HELLO_DEADLINE_MS: u64 = 60_000;
/// An attempt that was told to stop may take this long before its process is ended.
pub const KILL_GRACE_MS: u64 = 3_000;
/// An idle process that was told to exit may take this long before it is ended.
pub const EXIT_GRACE_MS: u64 = 2_000;
/// A process whose connection closed may take this long to exit by itself before it is ended.
pub const LINK_LOST_GRACE_MS: u64 = 1_000;

/// How often the memory of task processes is measured, at most: a look at a machine with very many processes takes
/// longer, and may not cost more than a fiftieth of the time.
pub const MEMORY_SAMPLE_EVERY: Duration = Duration::from_millis(200);
/// How often a process that is being ended is looked at.
pub const ENDING_LOOK_EVERY: Duration = Duration::from_millis(3);
/// How long processes of an earlier life may take to end before the worker gives up its start.
pub const LEFTOVERS_DEADLINE: Duration = Duration::from_secs(20);

/// One segment of a job's log ...
pub const LOG_SEGMENT_BYTES: u64 = 8 << 20;
/// ... and how many are kept: a job's log on one worker is bounded by their product.
pub const LOG_SEGMENTS_KEPT: usize = 2;
/// A longer line is cut into several.
pub const LOG_LINE_BYTES_MAX: usize = 64 << 10;
/// Reads of 16 KiB from a pipe in one go, before others get their turn at the log.
pub const LOG_DRAIN_READS_MAX: usize = 64;
/// Lines that a message about a dead process quotes, and how much of each.
pub const LAST_LINES_MAX: usize = 10;
pub const LAST_LINE_BYTES_MAX: usize = 500;

/// The kernel's bound on the path of a Unix socket, without its final zero.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;
/// Logs of jobs that are over stay on the worker this long ...
pub const LOG_KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// ... and together take this much room at most.
pub const LOGS_BYTES_MAX: u64 = 256 << 20;

/// Job binaries and shipped files that are kept for the next job.
pub const PROGRAM_CACHE_BYTES_MAX: u64 = 2 << 30;
/// One read when such a file is brought from storage.
pub const PROGRAM_READ_BYTES: u64 = 4 << 20;

/// Things that happened and that the daemon has not looked at: whoever reports more waits.
pub const INPUTS_WAITING_MAX: usize = 4096;
/// Messages to the master that may wait; when there are more, the connection is given up and made again, and the
/// registration repeats what matters.
pub const MASTER_TELLS_WAITING_MAX: usize = 1024;
/// How long the master may take to answer a registration (with a full block report in it).
pub const REGISTER_DEADLINE: Duration = Duration::from_secs(60);
/// Pauses between tries to reach the master grow from the first to the second, and are shortened at random by up to half.
pub const RECONNECT_PAUSE_MIN: Duration = Duration::from_millis(20);
pub const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Liveness before the master said how often.
pub const BEAT_EVERY_DEFAULT: Duration = Duration::from_secs(1);
/// A process that died is reported once everything that it sent has been read, or after this long.
pub const EXIT_SETTLES_WITHIN: Duration = Duration::from_millis(500);
/// How long last words to the master may take when the worker ends.
pub const LAST_WORDS_WITHIN: Duration = Duration::from_millis(500);
/// The newest part of a job's log that is brought to the cluster's storage when the job is over.
pub const LOG_UPLOAD_BYTES_MAX: u64 = 4 << 20;
/// How long that may take.
pub const LOG_UPLOAD_WITHIN: Duration = Duration::from_secs(60);
/// What one answer to a question for logs may hold.
pub const LOG_ANSWER_BYTES_MAX: u64 = 16 << 20;
/// How long calls to storage wait for a master that is away.
pub const STORAGE_PATIENCE: Duration = Duration::from_secs(120);

/// What small shuffle outputs may take in memory, all together, before the largest are written to files.
pub const SHUFFLE_MEMORY_BYTES_DEFAULT: u64 = 64 << 20;
/// A delivered output up to this length is first kept in memory.
pub const SHUFFLE_MEMORY_OUTPUT_BYTES_MAX: u64 = 1 << 20;
/// Jobs that are remembered to be over, so that nothing is kept for them that comes late.
pub const JOBS_OVER_REMEMBERED_MAX: usize = 10_000;
/// Stored shuffle data that is read at once, and written at once when it is delivered.
pub const SHUFFLE_CHUNK_BYTES: usize = 1 << 20;
/// Chunks that wait to be sent, on all connections together.
pub const SHUFFLE_CHUNKS_MAX: usize = 64;
/// A consumer that takes no bytes for this long, or a producer that sends none, has its connection closed.
pub const SHUFFLE_PATIENCE: Duration = Duration::from_secs(60);
