//! Every bound and default of shuffle in one place.

use std::time::Duration;

/// Raw bytes of a block before it is closed and compressed. LZ4 looks back no further than this, and a merge holds one
/// block of every run that takes part.
pub const BLOCK_RAW_BYTES: usize = 64 << 10;
/// The largest key and value together.
pub const RECORD_BYTES_MAX: usize = 1 << 30;
/// The partition number has 24 bits in an index entry of the sort buffer.
pub const PARTITIONS_MAX: u32 = 1 << 20;
/// Runs that are merged at once, at most: more are merged in several passes.
pub const MERGE_RUNS_MAX: usize = 64;
/// Bytes that are gathered before they are written to a file, and read from one at a time.
pub const WRITE_BUFFER_BYTES: usize = 256 << 10;
pub const READ_BUFFER_BYTES: usize = 64 << 10;
/// Values of one key that are gathered before the combiner sees them.
pub const COMBINE_BATCH_BYTES: usize = 64 << 10;
/// Bytes of one payload frame of stored shuffle data.
pub const FRAME_BYTES: usize = 128 << 10;

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

const _: () = assert!(FRAME_BYTES <= skep_wire::limits::PAYLOAD_BYTES_MAX);
const _: () = assert!(PARTITIONS_MAX <= 1 << 24);
const _: () = assert!(RECORD_BYTES_MAX <= u32::MAX as usize / 2);
