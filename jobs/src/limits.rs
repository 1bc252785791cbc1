//! Every bound and default of this crate in one place.

use std::time::Duration;

/// The largest record: offsets inside a batch are 32 bits wide.
pub const RECORD_BYTES_MAX: usize = 1 << 30;
/// What one task may hand back to the client without a file.
pub const RESULT_BYTES_MAX: usize = 16 << 20;
/// Bytes that a source reads ahead of the task, per read and in all.
pub const READ_CHUNK_BYTES: u64 = 4 << 20;
pub const READ_AHEAD_CHUNKS: usize = 2;
/// A split is not made smaller than this for the sake of using all slots.
pub const SPLIT_BYTES_MIN: u64 = 64 << 10;
/// Shuffle partitions are sized for about this many bytes of the job's input, unless `job.partitions` says otherwise.
pub const PARTITION_BYTES: u64 = 64 << 20;
pub const PARTITIONS_MAX: u32 = 10_000;
/// Bytes that a sink gathers before it hands them to storage, and buffers that may wait there.
pub const SINK_BUFFER_BYTES: usize = 4 << 20;
pub const SINK_BUFFERS_MAX: usize = 2;
/// Parts of an S3 upload are at least this long, but for the last one.
pub const UPLOAD_PART_BYTES: usize = 8 << 20;
/// Memory of an operator that can grow, at the least: below it, spilling would cost more than it saves.
pub const OPERATOR_MEMORY_MIN: usize = 256 << 10;
/// What a task of the local runner may use before it spills.
pub const LOCAL_TASK_MEMORY: usize = 256 << 20;
/// Keys that one task contributes to the sample of a total order, and tasks that do.
pub const SAMPLE_KEYS_PER_TASK: usize = 4_096;
pub const SAMPLE_TASKS_MAX: usize = 64;
/// Places in a split that a sampling task looks at, and how far it reads at each.
pub const SAMPLE_PLACES: u64 = 8;
pub const SAMPLE_PLACE_BYTES: u64 = 128 << 10;
/// The last lines of a command's standard error that go into the message when it fails.
pub const STDERR_LINES_KEPT: usize = 20;

/// A task's shuffle output up to this length is handed over in memory, without a file.
pub const SHUFFLE_INLINE_BYTES: usize = 1 << 20;
/// Raw bytes of a block before it is closed and compressed. LZ4 looks back no further than this, and a merge holds one
/// block of every run that takes part.
pub const SHUFFLE_BLOCK_BYTES: usize = 64 << 10;
/// Runs that are merged at once, at most: more are merged in several passes.
pub const SHUFFLE_MERGE_MAX: usize = 64;
/// Bytes that are gathered before they are written to a file, and read from one at a time.
pub const SCRATCH_WRITE_BYTES: usize = 256 << 10;
pub const SCRATCH_READ_BYTES: usize = 64 << 10;
/// Values of one key that are gathered before the combiner sees them.
pub const COMBINE_BATCH_BYTES: usize = 64 << 10;
/// Bytes of one payload frame of stored shuffle data.
pub const SHUFFLE_FRAME_BYTES: usize = 128 << 10;

/// Holders that one consumer reads from at the same time, at most.
pub const FETCH_HOLDERS_MAX: usize = 8;
/// Pieces that one request names, at most.
pub const FETCH_PIECES_MAX: usize = 512;
/// How long a consumer tries to reach a holder that does not answer before it reports the holder's pieces as lost.
pub const FETCH_PATIENCE: Duration = Duration::from_secs(10);
/// Pauses between two attempts to reach a holder: doubled from the first to the last.
pub const FETCH_PAUSE_MIN: Duration = Duration::from_millis(20);
pub const FETCH_PAUSE_MAX: Duration = Duration::from_secs(1);
/// How often a waiting consumer looks whether it was told to stop.
pub const CANCEL_POLL: Duration = Duration::from_millis(50);
/// A holder that accepts no bytes of a delivery, or answers nothing, for this long is given up.
pub const DELIVER_PATIENCE: Duration = Duration::from_secs(30);
/// How often a delivery goes round the core workers that it may go to.
pub const DELIVER_ROUNDS: u32 = 3;

const _: () = assert!(SHUFFLE_FRAME_BYTES <= skep_wire::limits::PAYLOAD_BYTES_MAX);
// A partition's number has 24 bits in an index entry of the sort buffer, a record's place in its arena 32.
const _: () = assert!(PARTITIONS_MAX <= 1 << 24);
const _: () = assert!(RECORD_BYTES_MAX <= u32::MAX as usize / 2);
