//! Every bound and default of this crate in one place.

use std::time::Duration;

/// How long running attempts may take to end once the worker was told to stop.
pub const STOP_GRACE_DEFAULT: Duration = Duration::from_secs(30);

/// Attempts that may wait for a slot here, per slot: lets the master send the next task before the last one's outcome
/// arrived, and no more.
pub const QUEUED_PER_SLOT_MAX: usize = 4;
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
