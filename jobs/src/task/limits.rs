//! Every bound of the executor in one place.

use std::time::Duration;

pub(super) const IO_THREADS: usize = 2;
/// How long the worker may take to welcome a process that it started itself.
pub(super) const HELLO_DEADLINE: Duration = Duration::from_secs(30);
/// How long the worker may take to take over the output of one attempt (a rename, or bytes into memory).
pub(super) const KEEP_DEADLINE: Duration = Duration::from_secs(60);
/// How often changed progress is reported.
pub(super) const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// Messages to the worker that may wait before attempts wait.
pub(super) const TELLS_WAITING_MAX: usize = 1024;
/// Like the main thread's: user code may recurse.
pub(super) const STACK_BYTES: usize = 8 << 20;
/// How long the file client of an attempt waits for a master that is away.
pub(super) const MASTER_PATIENCE: Duration = Duration::from_secs(120);
/// Looks at all processes for those that attempts started, before the process of a dead worker ends.
pub(super) const ORPHAN_ROUNDS: usize = 20;
