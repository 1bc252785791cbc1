//! Every bound and default of this crate in one place.

use std::time::Duration;

/// How often workers send a beat.
pub const BEAT_EVERY: Duration = Duration::from_millis(500);
/// A worker that was not heard of for this long gets nothing new ...
pub const SUSPECT_AFTER: Duration = Duration::from_secs(3);
/// ... and after this long it is gone.
pub const GONE_AFTER: Duration = Duration::from_secs(10);
/// A core worker that is drained stays at least this long, so that a worker with the other copies of its blocks that is dead
/// already is suspected before it leaves.
pub const DRAIN_SURE_AFTER: Duration = Duration::from_secs(4);
/// After a restart, how long workers that the journal knows may take to come back before they count as gone.
pub const RETURN_GRACE: Duration = Duration::from_secs(10);
/// After a restart, how long launches are held while known workers are still missing: a worker that comes back may be
/// running the very tasks. Workers dial again at least every 2 s.
pub const RESTART_HOLD: Duration = Duration::from_secs(3);

/// Attempt numbers of one life of the master ("term") begin at `term * this`, so that none is used twice.
pub const ATTEMPTS_PER_TERM: u32 = 1_000;

pub const JOBS_ACTIVE_MAX: usize = 10_000;
pub const STAGES_PER_JOB_MAX: usize = 1_000;
pub const TASKS_PER_JOB_MAX: usize = 1_000_000;
pub const PARTITIONS_MAX: u32 = 65_536;
/// Result bytes of one job.
pub const RESULTS_PER_JOB_BYTES_MAX: usize = 48 << 20;
/// Finished jobs that are remembered.
pub const HISTORY_JOBS_MAX: usize = 1_000;
/// Result bytes that finished jobs may keep in all; the oldest results go first, their jobs stay.
pub const HISTORY_RESULT_BYTES_MAX: usize = 64 << 20;
/// Ended attempts of one running job that are remembered for `skep jobs show`.
pub const RECENT_ATTEMPTS_MAX: usize = 1_000;
/// Failed attempts that the history of a job keeps.
pub const FAILURES_KEPT_MAX: usize = 20;
/// Text of one failure that is kept; the beginning says what happened.
pub const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Exclusion of a worker after a fault or a refusal: doubles from the first to the last.
pub const FAULT_BACKOFF_FIRST: Duration = Duration::from_secs(1);
pub const FAULT_BACKOFF_LAST: Duration = Duration::from_secs(60);
pub const REFUSAL_BACKOFF_FIRST: Duration = Duration::from_millis(100);
pub const REFUSAL_BACKOFF_LAST: Duration = Duration::from_secs(5);
/// Faults in a row, of any jobs, after which a worker is excluded for all of them.
pub const WORKER_FAULTS_MAX: u32 = 3;
/// A job to which workers did nothing but fail fails itself after this many faults ...
pub const NO_PROGRESS_FAULTS: u32 = 8;
/// ... and this long without one finished task.
pub const NO_PROGRESS_AFTER: Duration = Duration::from_secs(120);
/// Reports that a live holder cannot be reached before its output counts as lost.
pub const UNREACHABLE_REPORTS_MAX: u32 = 3;
/// Pause before a consumer of an unreachable holder is started again.
pub const UNREACHABLE_PAUSE: Duration = Duration::from_secs(1);

/// Pause before a task is started again whose output went to a core worker that is gone.
pub const HOLDER_GONE_PAUSE: Duration = Duration::from_millis(100);

/// How long an ended job waits for its killed attempts before it cleans up.
pub const KILL_GRACE: Duration = Duration::from_secs(5);
/// The clean-up of a failed or killed job is given up after this many attempts ...
pub const ABORT_ATTEMPTS_MAX: u32 = 3;
/// ... or this long.
pub const ABORT_WITHIN: Duration = Duration::from_secs(60);
/// ... or, with no worker to run it, this long.
pub const ABORT_WITHOUT_WORKERS: Duration = Duration::from_secs(10);

/// Work that may be queued on a worker beyond its slots, for tasks that are shorter than this.
pub const PREFETCH_AHEAD: Duration = Duration::from_millis(40);
/// Queued attempts per slot at most; workers take 16.
pub const PREFETCH_PER_SLOT_MAX: u32 = 12;
/// Core workers named to a task worker for its shuffle output.
pub const DELIVER_TO_MAX: usize = 3;
/// Memory of a job's process on a worker above the grants of its tasks: code, runtime, allocator.
pub const PROCESS_HEADROOM_BYTES: u64 = 256 << 20;

/// How long a provider may take to bring a worker that it was asked for before it is asked again.
pub const START_PATIENCE: Duration = Duration::from_secs(30);
/// Pause after a provider said that it could not start a worker.
pub const START_FAILED_PAUSE: Duration = Duration::from_secs(5);
pub const WORKERS_MAX: u32 = 10_000;

/// Messages that may wait for the task that owns the scheduler before their senders wait.
pub const INBOX_MAX: usize = 4_096;
/// Messages that the owner takes at a time.
pub const BATCH_MAX: usize = 1_024;
/// Messages that may wait to be written to one worker; one that falls behind further is disconnected and registers again.
pub const LINK_QUEUE_MAX: usize = 1_024;
/// Launches in one message, by an estimate of their size.
pub const LAUNCH_MESSAGE_BYTES: usize = 8 << 20;
/// A watcher is not answered again sooner than this, unless the job's state changed.
pub const WATCH_PAUSE: Duration = Duration::from_millis(50);
pub const WATCH_WAIT_MAX: Duration = Duration::from_secs(60);
/// How often beats are looked at.
pub const LIVENESS_CHECK_EVERY: Duration = Duration::from_millis(100);
/// The most silence that one look at the beats may add. More than this since the last look is time in which the master
/// itself was stopped or starved.
pub const LIVENESS_STEP_MAX: Duration = Duration::from_millis(300);
/// How often the scheduler hears what the namespace has to move.
pub const STORAGE_FACTS_EVERY: Duration = Duration::from_millis(100);
/// How long a worker may take to say what a job logged.
pub const LOGS_DEADLINE: Duration = Duration::from_secs(5);
/// How long logs may take to be read from the cluster's storage.
pub const STORED_LOGS_DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of one worker's log in an answer to a client ...
pub const LOGS_BYTES_MAX: u64 = 16 << 20;
/// ... and of all workers' logs.
pub const LOGS_ANSWER_BYTES_MAX: u64 = 48 << 20;
/// Orders that may wait for a provider that does not read them; the scheduler gives those that come to nothing again.
pub const PROVIDER_QUEUE_MAX: usize = 256;
/// How often what nobody needs any more is removed from `/.skep` in the cluster's storage.
pub const SWEEP_EVERY: Duration = Duration::from_secs(300);
/// Job binaries that are kept for the next job, those of unfinished jobs apart: the last used ones.
pub const BINARIES_KEPT_MAX: usize = 16;
/// A binary that was used since then is kept in any case: somebody may be about to submit a job with it.
pub const BINARY_KEPT_FOR: Duration = Duration::from_secs(3600);
/// Stored logs of finished jobs in all; the oldest jobs' go first.
pub const LOGS_STORED_BYTES_MAX: u64 = 1 << 30;
/// A result of a query whose client has not removed it after this long: nobody reads it any more.
pub const RESULTS_KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
pub const LIST_MAX: u32 = 10_000;
/// How long a worker whose control connection broke may take to be reached before it is left to its beats.
pub const PROBE_DEADLINE: Duration = Duration::from_secs(2);
