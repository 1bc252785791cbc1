//! The consumer's side: many sorted segments as one sequence of records, within a memory grant.
//!
//! A merge holds a block of every segment. Where that is too much, the shortest segments are merged to scratch files first.

use super::{ShuffleError, block::BlockWriter, merge::Merge, scratch::GrowingFile, segment::SortedSegment};
use crate::limits::SCRATCH_WRITE_BYTES;
use crate::task_program::{RecordBatch, ShuffleFault, SortedInput};
use std::{
    cmp::Reverse,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// A record that is lent: key and value.
pub type RecordRef<'a> = (&'a [u8], &'a [u8]);

/// Walks over the records of all segments in key order.
pub struct MergeReader {
    merge: Merge,
    /// The head of the merge was handed out.
    head_taken: bool,
    spilled_bytes: u64,
}

impl MergeReader {
    /// Starts the merge. Files of its own go to `scratch` under names that begin with `stem`; they are gone when the
    /// reader is dropped. `moved_bytes` is raised by what is merged before the first record is there.
    pub fn open(
        segments: Vec<SortedSegment>,
        memory_bytes: usize,
        scratch: &Path,
        stem: &str,
        moved_bytes: &AtomicU64,
    ) -> Result<MergeReader, ShuffleError> {
        let mut passes = Passes { scratch, stem, memory_bytes, made: 0, spilled_bytes: 0, moved_bytes };
        let segments = passes.fit(segments)?;
        Ok(MergeReader {
            merge: Merge::new(segments)?,
            head_taken: false,
            spilled_bytes: passes.spilled_bytes,
        })
    }

    /// The next record; `None` after the last one, when every segment had what it should have.
    #[expect(clippy::should_implement_trait, reason = "the record is lent until the next call")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<RecordRef<'_>>, ShuffleError> {
        if std::mem::replace(&mut self.head_taken, true) {
            self.merge.advance()?;
        }
        Ok(self.merge.head())
    }

    /// Bytes written to scratch by this reader and by the fetch that it was opened with.
    pub fn spilled_bytes(&self) -> u64 {
        self.spilled_bytes
    }

    pub(super) fn add_spilled_bytes(&mut self, bytes: u64) {
        self.spilled_bytes += bytes;
    }
}

impl SortedInput for MergeReader {
    fn fill(&mut self, batch: &mut RecordBatch) -> Result<(), ShuffleFault> {
        batch.clear();
        while !batch.is_full()
            && let Some((key, value)) = self.next()?
        {
            batch.push(key, value);
        }
        Ok(())
    }

    fn spilled_bytes(&self) -> u64 {
        self.spilled_bytes
    }
}

/// Merges ahead of the merge, until what is left fits.
struct Passes<'a> {
    scratch: &'a Path,
    stem: &'a str,
    memory_bytes: usize,
    made: u32,
    spilled_bytes: u64,
    moved_bytes: &'a AtomicU64,
}

/// Bytes between two signs of life.
const MOVED_STEP_BYTES: usize = 1 << 20;

impl Passes<'_> {
    fn fit(&mut self, mut segments: Vec<SortedSegment>) -> Result<Vec<SortedSegment>, ShuffleError> {
        segments.retain(|segment| !segment.is_empty());
        let reading =
            |segments: &[SortedSegment]| segments.iter().map(SortedSegment::reading_bytes).sum::<usize>();
        while segments.len() > 2 && reading(&segments) > self.memory_bytes {
            segments.sort_by_key(|segment| Reverse(segment.len_bytes()));
            let excess = reading(&segments) - self.memory_bytes;
            let shortest = self.take_shortest(&mut segments, excess);
            segments.push(self.merge(shortest)?);
        }
        Ok(segments)
    }

    /// As many as one merge can take, or as need to go for the rest to fit.
    fn take_shortest(&self, segments: &mut Vec<SortedSegment>, excess: usize) -> Vec<SortedSegment> {
        let room = self.memory_bytes.saturating_sub(2 * SCRATCH_WRITE_BYTES).max(self.memory_bytes / 2);
        let mut taken = Vec::new();
        let mut taken_bytes = 0;
        while let Some(next) = segments.last().map(SortedSegment::reading_bytes) {
            let enough = taken_bytes > excess + SCRATCH_WRITE_BYTES || taken_bytes + next > room;
            if taken.len() >= 2 && enough {
                break;
            }
            taken.extend(segments.pop());
            taken_bytes += next;
        }
        taken
    }

    fn merge(&mut self, segments: Vec<SortedSegment>) -> Result<SortedSegment, ShuffleError> {
        let path = self.next_path();
        let mut out = GrowingFile::new(path, 0);
        let mut blocks = BlockWriter::new();
        let mut merge = Merge::new(segments)?;
        let mut unsaid_bytes = 0;
        while let Some((key, value)) = merge.head() {
            unsaid_bytes += key.len() + value.len();
            if unsaid_bytes >= MOVED_STEP_BYTES {
                self.moved_bytes.fetch_add(std::mem::take(&mut unsaid_bytes) as u64, Relaxed);
            }
            blocks.push(key, value, &mut out)?;
            merge.advance()?;
        }
        self.moved_bytes.fetch_add(unsaid_bytes as u64, Relaxed);
        let segment = blocks.end_segment(&mut out)?;
        self.spilled_bytes += segment.len_bytes;
        Ok(SortedSegment::scratch(Arc::new(out.into_scratch()?), 0, segment.len_bytes, segment.records))
    }

    fn next_path(&mut self) -> PathBuf {
        self.made += 1;
        self.scratch.join(format!("{}.merge{}", self.stem, self.made))
    }
}
