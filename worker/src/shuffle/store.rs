//! The store. Its methods do disk I/O: call them where blocking is allowed, not on a reactor's thread.
//!
//! ```text
//! keep(file)   ─► rename to .data ─► write .index ─► held
//! keep(memory) ─► held ─over the budget─► the largest ones are written out
//! held ─► served ─checksum wrong, file gone─► reported as lost, not served again
//! drop, drop_job, sweep ─► index removed, data removed
//! ```

use super::{
    StoreError,
    index::{Index, IndexError, Placed, place},
    inventory::{self, Paths},
    outputs::{Bad, InMemory, Outputs, Place},
};
use bytes::Bytes;
use skep_jobs::{
    limits::PARTITIONS_MAX,
    model::{AttemptId, JobId, Segment, outcome::LossReason},
    protocol::task::KeptData,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::Notify;

const INCOMING: &str = "incoming";

/// A moment in the life of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

pub struct ShuffleStore {
    root: PathBuf,
    memory_budget_bytes: u64,
    outputs: Mutex<Outputs>,
    lost: Mutex<BTreeSet<AttemptId>>,
    lost_more: Notify,
    files_made: AtomicU64,
}

/// Stored bytes of one partition.
pub(super) enum Located {
    Memory { segment: Segment, bytes: Bytes },
    File { segment: Segment, start: u64, file: File },
}

impl ShuffleStore {
    /// Opens the store in `root`, making the directory when it is not there. Outputs whose files are whole are held again;
    /// everything else in the directory is removed. `memory_budget_bytes`: what small outputs may take in memory.
    pub fn open(root: &Path, memory_budget_bytes: u64) -> Result<ShuffleStore, StoreError> {
        let unusable = |error| StoreError::disk("use the shuffle directory", root, error);
        fs::create_dir_all(root).map_err(unusable)?;
        let mut outputs = Outputs::default();
        for found in inventory::read(root)? {
            outputs.insert(found.attempt, found.data_bytes, found.partitions, Place::File);
        }
        fs::create_dir_all(root.join(INCOMING)).map_err(unusable)?;
        Ok(ShuffleStore {
            root: root.to_owned(),
            memory_budget_bytes,
            outputs: Mutex::new(outputs),
            lost: Mutex::default(),
            lost_more: Notify::new(),
            files_made: AtomicU64::new(0),
        })
    }

    fn held(&self) -> MutexGuard<'_, Outputs> {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn paths(&self, attempt: &AttemptId) -> Paths {
        Paths::of(&self.root, attempt)
    }

    /// Holds an output from now on. A file is moved into the store, and is gone from where it was in any case but an error.
    /// Keeping the same again is harmless; after an error nothing of the output is left.
    pub fn keep(&self, attempt: AttemptId, segments: Vec<Segment>, data: KeptData) -> Result<(), StoreError> {
        let index = Index { attempt, segments };
        if index.segments.len() > PARTITIONS_MAX as usize {
            return Err(StoreError::Partitions { attempt, partitions: index.segments.len() });
        }
        self.check_length(&index, &data)?;
        if self.holds(&index)? {
            if let KeptData::File(path) = data {
                inventory::remove(&path);
            }
            return Ok(());
        }
        match data {
            KeptData::File(path) => self.keep_file(&index, &path),
            KeptData::Memory(bytes) => self.keep_bytes(index, bytes),
        }
    }

    fn check_length(&self, index: &Index, data: &KeptData) -> Result<(), StoreError> {
        let found = match data {
            KeptData::Memory(bytes) => bytes.len() as u64,
            KeptData::File(path) => {
                let metadata = fs::metadata(path);
                metadata.map_err(|error| StoreError::disk("take over the shuffle output", path, error))?.len()
            }
        };
        match index.data_bytes() {
            expected if expected == found => Ok(()),
            expected => Err(StoreError::Length { attempt: index.attempt, found, expected }),
        }
    }

    /// Whether this very output is held. An error when nothing may be kept under its name.
    fn holds(&self, index: &Index) -> Result<bool, StoreError> {
        let outputs = self.held();
        if outputs.is_over(index.attempt.job) {
            return Err(StoreError::JobOver(index.attempt.job));
        }
        match outputs.get(&index.attempt) {
            None => Ok(false),
            // It was found bad and comes once more: the new one replaces it.
            Some(output) if !output.is_good() => Ok(false),
            Some(output)
                if output.data_bytes == index.data_bytes()
                    && output.partitions as usize == index.segments.len() =>
            {
                Ok(true)
            }
            Some(_) => Err(StoreError::Conflict(index.attempt)),
        }
    }

    fn keep_file(&self, index: &Index, path: &Path) -> Result<(), StoreError> {
        let paths = self.paths(&index.attempt);
        let moved = self.make_job_directory(&paths).and_then(|()| {
            move_file(path, &paths.data)
                .map_err(|error| StoreError::disk("move a shuffle output to", &paths.data, error))
        });
        moved.and_then(|()| self.finish_file(index, &paths)).inspect_err(|error| {
            paths.remove();
            if let StoreError::JobOver(_) = error {
                // The job's directory was made again after the job's end.
                let _ = fs::remove_dir(&paths.job);
            }
        })
    }

    /// The data is in its place: writes the index and holds the output.
    fn finish_file(&self, index: &Index, paths: &Paths) -> Result<(), StoreError> {
        index.write(&paths.index)?;
        let mut outputs = self.held();
        if outputs.is_over(index.attempt.job) {
            return Err(StoreError::JobOver(index.attempt.job));
        }
        outputs.insert(index.attempt, index.data_bytes(), index.segments.len() as u32, Place::File);
        Ok(())
    }

    fn keep_bytes(&self, index: Index, bytes: Vec<u8>) -> Result<(), StoreError> {
        let attempt = index.attempt;
        let segments: Vec<Placed> = place(&index.segments).collect();
        let in_memory = Arc::new(InMemory { segments, bytes: bytes.into() });
        {
            let mut outputs = self.held();
            if outputs.is_over(attempt.job) {
                return Err(StoreError::JobOver(attempt.job));
            }
            let partitions = index.segments.len() as u32;
            outputs.insert(attempt, index.data_bytes(), partitions, Place::Memory(in_memory));
        }
        self.shrink_memory().inspect_err(|_| {
            self.drop_outputs(&[attempt]);
        })
    }

    /// Writes outputs to files until the rest is within the budget.
    fn shrink_memory(&self) -> Result<(), StoreError> {
        loop {
            let (attempt, in_memory) = {
                let outputs = self.held();
                if outputs.memory_bytes() <= self.memory_budget_bytes {
                    return Ok(());
                }
                match outputs.largest_in_memory() {
                    Some(largest) => largest,
                    None => return Ok(()),
                }
            };
            self.write_out(attempt, &in_memory)?;
        }
    }

    fn write_out(&self, attempt: AttemptId, in_memory: &Arc<InMemory>) -> Result<(), StoreError> {
        let paths = self.paths(&attempt);
        let index =
            Index { attempt, segments: in_memory.segments.iter().map(|placed| placed.segment).collect() };
        let new = self.incoming_path();
        let written = fs::write(&new, &in_memory.bytes)
            .map_err(|error| StoreError::disk("write a shuffle output to", &new, error))
            .and_then(|()| self.make_job_directory(&paths))
            .and_then(|()| {
                fs::rename(&new, &paths.data)
                    .map_err(|error| StoreError::disk("move a shuffle output to", &paths.data, error))
            })
            .and_then(|()| index.write(&paths.index));
        if let Err(error) = written {
            inventory::remove(&new);
            paths.remove();
            return Err(error);
        }
        if !self.held().moved_to_file(&attempt, in_memory) {
            paths.remove();
        }
        Ok(())
    }

    fn make_job_directory(&self, paths: &Paths) -> Result<(), StoreError> {
        fs::create_dir_all(&paths.job)
            .map_err(|error| StoreError::disk("make the directory", &paths.job, error))
    }

    /// A path of its own for bytes on their way in. On the file system of the store.
    pub(super) fn incoming_path(&self) -> PathBuf {
        let number = self.files_made.fetch_add(1, Relaxed);
        self.root.join(INCOMING).join(format!("{number}.new"))
    }

    /// Finds one partition of an output. What turns out missing or damaged is reported as lost.
    pub(super) fn locate(&self, attempt: AttemptId, partition: u32) -> Result<Located, LossReason> {
        let place = {
            let outputs = self.held();
            let output = outputs.get(&attempt).ok_or(LossReason::NotThere)?;
            if !output.may_serve(partition) {
                return Err(LossReason::Corrupt);
            }
            output.place.clone()
        };
        match place {
            Place::Memory(held) => {
                let Placed { start, segment } =
                    *held.segments.get(partition as usize).ok_or(LossReason::NotThere)?;
                let end = start + segment.len_bytes;
                Ok(Located::Memory { segment, bytes: held.bytes.slice(start as usize..end as usize) })
            }
            Place::File => self.locate_in_file(attempt, partition),
        }
    }

    fn locate_in_file(&self, attempt: AttemptId, partition: u32) -> Result<Located, LossReason> {
        let paths = self.paths(&attempt);
        let placed = Index::read_one(&paths.index, attempt, partition)
            .and_then(|placed| Ok((placed, File::open(&paths.data)?)));
        match placed {
            Ok((Some(Placed { start, segment }), file)) => Ok(Located::File { segment, start, file }),
            Ok((None, _)) => Err(LossReason::NotThere),
            Err(IndexError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                // Dropped between the look-up and now, or removed by somebody else.
                self.report_bad(attempt, Bad::Whole, &error);
                Err(LossReason::NotThere)
            }
            Err(error) => {
                self.report_bad(attempt, Bad::Whole, &error);
                Err(LossReason::Corrupt)
            }
        }
    }

    /// Remembers what cannot be served, and passes it on.
    pub(super) fn report_bad(&self, attempt: AttemptId, bad: Bad, reason: &dyn std::fmt::Display) {
        if self.held().mark_bad(&attempt, bad) {
            tracing::error!(%attempt, ?bad, %reason, "a stored shuffle output is bad: its task must run again");
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt);
            self.lost_more.notify_one();
        }
    }

    /// Waits for outputs that turned out bad or lost, each named once. For one caller, who tells the master.
    pub async fn next_lost(&self) -> Vec<AttemptId> {
        loop {
            let lost = std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner));
            if !lost.is_empty() {
                return lost.into_iter().collect();
            }
            self.lost_more.notified().await;
        }
    }

    /// Every output that is held and good.
    pub fn outputs(&self) -> Vec<AttemptId> {
        self.held().matching(|_, output| output.is_good())
    }

    /// How many outputs are held, good or not.
    pub fn len(&self) -> usize {
        self.held().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stored bytes of each job that has any outputs here.
    pub fn bytes_by_job(&self) -> BTreeMap<JobId, u64> {
        self.held().bytes_by_job()
    }

    /// What the outputs in memory take.
    pub fn memory_bytes(&self) -> u64 {
        self.held().memory_bytes()
    }

    /// Removes these outputs. Unknown ones are none.
    pub fn drop_outputs(&self, attempts: &[AttemptId]) {
        for attempt in attempts {
            let removed = self.held().remove(attempt);
            if removed.is_some_and(|output| matches!(output.place, Place::File)) {
                self.paths(attempt).remove();
            }
        }
    }

    /// Removes all outputs of a job that is over, and refuses what comes late.
    pub fn drop_job(&self, job: JobId) {
        let attempts = {
            let mut outputs = self.held();
            outputs.end_job(job);
            outputs.of_job(job)
        };
        self.drop_outputs(&attempts);
        inventory::remove(&self.root.join(job.to_string()));
    }

    /// Now: take it before asking the master which jobs live.
    pub fn mark(&self) -> Mark {
        Mark(self.held().next_sequence())
    }

    /// Removes outputs of jobs that do not live. `asked` is from before the question which ones do: what was kept since
    /// may be of a job that is younger than the answer.
    pub fn sweep(&self, live: &BTreeSet<JobId>, asked: Mark) {
        let dead =
            self.held().matching(|attempt, output| !live.contains(&attempt.job) && output.sequence < asked.0);
        if !dead.is_empty() {
            tracing::info!(outputs = dead.len(), "removing shuffle outputs of jobs that are over");
        }
        self.drop_outputs(&dead);
        let jobs: BTreeSet<JobId> = dead.iter().map(|attempt| attempt.job).collect();
        for job in jobs {
            // Fails, as it should, when something was kept since.
            let _ = fs::remove_dir(self.root.join(job.to_string()));
        }
    }
}

/// Moves a file, also to another file system.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            fs::copy(from, to)?;
            fs::remove_file(from)
        }
        done => done,
    }
}
