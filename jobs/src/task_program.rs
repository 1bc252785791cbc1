//! The seam between a program (a built plan) and whoever hosts its tasks: the task process on a cluster, threads of one
//! process in [`crate::local`]. A program runs one attempt on the calling thread; the host gives it everything that it may
//! touch and turns nothing of it into decisions.
//!
//! It must not know where the host gets its pieces from, nor what a plan looks like.

use crate::{
    model::{AttemptId, Counters, JobConf, Outcome, Segment, outcome::LostPiece},
    protocol::{
        task::KeptData,
        worker::{Launch, Piece, Progress},
    },
    shuffle::OpaquePiece,
};
use skep_hdfs::{WorkerId, protocol::namespace::Location, stores::Stores};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// Something that can run the tasks of one job.
pub trait TaskProgram: Send + Sync {
    /// Runs one attempt on the calling thread, which is not one of the I/O runtime's and may be busy for as long as it
    /// takes. Panics of user code are caught inside and become an outcome.
    fn run(&self, launch: &Launch, context: &TaskContext) -> Outcome;
}

/// Builds the program from the arguments that its user gave: the same arguments build the same program everywhere.
pub type BuildProgram<'a> = &'a (dyn Fn(&[String]) -> Result<Arc<dyn TaskProgram>, BuildError> + Sync);

/// The arguments do not build a program. On a cluster this is `FaultKind::Undecodable`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuildError {
    #[error("the arguments do not fit this program: {0}")]
    Arguments(String),
    #[error("the program panicked while it built its plan: {0}")]
    Panicked(String),
    #[error("the plan cannot work: {0}")]
    Plan(String),
}

/// All that one attempt may use.
pub struct TaskContext {
    pub attempt: AttemptId,
    /// What its buffers may use before they spill.
    pub memory_bytes: usize,
    /// A directory of this attempt alone. Whoever writes there first makes it; the host removes it afterwards.
    pub scratch: PathBuf,
    /// Working directory with the shipped files.
    pub work: PathBuf,
    pub conf: Arc<JobConf>,
    /// Shown as the owner of what the job writes.
    pub user: String,
    /// This machine's name.
    pub host: String,
    pub stores: Stores,
    /// For I/O: block on it from the task's thread; never run user code on it.
    pub runtime: tokio::runtime::Handle,
    pub progress: Arc<TaskProgress>,
    pub cancel: Cancel,
    pub shuffle: Arc<dyn ShuffleHost>,
    pub log: Arc<dyn AttemptLog>,
}

/// Raised when the attempt shall stop; looked at once per batch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub fn raise(&self) {
        self.0.store(true, Relaxed);
    }

    pub fn is_raised(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// What the attempt has done so far. Written once per batch by its thread, read by the host at its own pace.
#[derive(Debug, Default)]
pub struct TaskProgress {
    pub input_bytes: AtomicU64,
    pub input_records: AtomicU64,
    pub output_bytes: AtomicU64,
    pub output_records: AtomicU64,
    pub spilled_bytes: AtomicU64,
    /// Shuffle bytes that were fetched, merged ahead or delivered, some of them more than once. It tells a task that is
    /// busy with them from one that hangs, and nothing else.
    pub shuffled_bytes: AtomicU64,
    named: Mutex<Named>,
}

#[derive(Debug, Default)]
struct Named {
    counters: Counters,
    status: Option<String>,
}

impl TaskProgress {
    fn named(&self) -> std::sync::MutexGuard<'_, Named> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to a counter of the job. Call it per batch, not per record.
    pub fn count(&self, name: &str, by: u64) {
        let mut named = self.named();
        match named.counters.get_mut(name) {
            Some(value) => *value = value.saturating_add(by),
            None => {
                named.counters.insert(name.to_owned(), by);
            }
        }
    }

    pub fn set_status(&self, status: String) {
        self.named().status = Some(status);
    }

    pub fn counters(&self) -> Counters {
        self.named().counters.clone()
    }

    /// As it is reported to the master.
    pub fn snapshot(&self, attempt: AttemptId) -> Progress {
        let named = self.named();
        Progress {
            attempt,
            input_bytes: self.input_bytes.load(Relaxed),
            input_records: self.input_records.load(Relaxed),
            output_records: self.output_records.load(Relaxed),
            shuffled_bytes: self.shuffled_bytes.load(Relaxed),
            counters: named.counters.clone(),
            status: named.status.clone(),
        }
    }
}

/// Where lines go that belong to one attempt: standard error of a command that it runs.
pub trait AttemptLog: Send + Sync {
    /// Whole lines, each with its `\n`.
    fn lines(&self, bytes: &[u8]);
}

/// Shuffle as a task sees it. Calls block the task's thread.
pub trait ShuffleHost: Send + Sync {
    /// Makes the sorted output of a finished attempt available to its consumers; says which core worker holds it.
    /// `None` where there are no workers (the local runner).
    fn publish(&self, output: PublishedOutput<'_>) -> Result<Option<WorkerId>, ShuffleFault>;

    /// The pieces of one partition, merged in key order within the memory grant.
    fn open(&self, request: OpenInput<'_>) -> Result<Box<dyn SortedInput>, ShuffleFault>;

    /// The pieces of one partition as they are, in the producers' order, those without records left out. What there is no
    /// room for in memory lies in scratch.
    fn fetch(&self, request: OpenInput<'_>) -> Result<FetchedInput, ShuffleFault>;
}

pub struct PublishedOutput<'a> {
    pub attempt: AttemptId,
    /// One per partition, in order; `data` holds their stored bytes one after the other.
    pub segments: Vec<Segment>,
    /// A file lies in the attempt's scratch directory and is moved from there.
    pub data: KeptData,
    /// From the launch: empty on a core worker.
    pub deliver_to: &'a [Location],
    /// Is raised by the bytes that are delivered.
    pub moved_bytes: &'a AtomicU64,
}

pub struct OpenInput<'a> {
    pub pieces: &'a [Piece],
    pub holders: &'a [Location],
    pub partition: u32,
    /// The share of the grant for this merge.
    pub memory_bytes: usize,
    pub scratch: &'a std::path::Path,
    pub cancel: &'a Cancel,
    /// Is raised by the bytes that are fetched and merged before the first record is there.
    pub moved_bytes: &'a AtomicU64,
}

pub struct FetchedInput {
    pub pieces: Vec<OpaquePiece>,
    pub spilled_bytes: u64,
}

/// Records in key order, handed over in batches: one virtual call per batch, not per record.
pub trait SortedInput: Send {
    /// Clears `batch` and fills it with the next records until it is full. It stays empty at the end.
    fn fill(&mut self, batch: &mut RecordBatch) -> Result<(), ShuffleFault>;

    /// Bytes that the merge wrote to scratch so far, because its share of memory was too small.
    fn spilled_bytes(&self) -> u64 {
        0
    }
}

/// Why shuffle data could not be read or handed over.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ShuffleFault {
    /// The producers must run again.
    #[error("{} pieces of the task's input are lost", .0.len())]
    Lost(Vec<LostPiece>),
    #[error("a disk of the worker: {reason}")]
    Disk { reason: String, full: bool },
    #[error("{0}")]
    Worker(String),
    #[error("the attempt was told to stop")]
    Cancelled,
}

/// Encoded keys and values, one after the other in one buffer. Reused from batch to batch.
#[derive(Debug, Clone, Default)]
pub struct RecordBatch {
    bytes: Vec<u8>,
    ends: Vec<RecordEnds>,
}

#[derive(Debug, Clone, Copy)]
struct RecordEnds {
    key: u32,
    value: u32,
}

impl RecordBatch {
    /// A batch is full when it has this many bytes; one more record still goes in.
    pub const FULL_BYTES: usize = 64 << 10;

    pub fn new() -> RecordBatch {
        RecordBatch::default()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() >= Self::FULL_BYTES || self.ends.len() >= Self::FULL_BYTES / 8
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends one record. Offsets are 32 bits wide: [`RECORD_BYTES_MAX`](crate::limits::RECORD_BYTES_MAX) sees to it.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        debug_assert!(self.bytes.len() <= u32::MAX as usize, "a batch holds at most 4 GiB");
        self.ends.push(RecordEnds { key: key_end as u32, value: self.bytes.len() as u32 });
    }

    pub fn get(&self, index: usize) -> (&[u8], &[u8]) {
        let start = if index == 0 { 0 } else { self.ends[index - 1].value as usize };
        let RecordEnds { key, value } = self.ends[index];
        (&self.bytes[start..key as usize], &self.bytes[key as usize..value as usize])
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_back_what_was_pushed() {
        let mut batch = RecordBatch::new();
        let records: [(&[u8], &[u8]); 4] = [(b"a", b"1"), (b"", b""), (b"", b"x"), (b"key", b"")];
        for (key, value) in records {
            batch.push(key, value);
        }
        assert_eq!(batch.iter().collect::<Vec<_>>(), records);
        batch.clear();
        assert!(batch.is_empty());
    }
}
