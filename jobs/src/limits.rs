//! Every bound and default of this crate in one place.

/// The largest record: offsets inside a batch are 32 bits wide.
pub const RECORD_BYTES_MAX: usize = 1 << 30;
/// What a job may hand back to its client without a file.
pub const RESULT_BYTES_MAX: usize = 32 << 20;
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
