//! Spilled runs of a producer and how they become fewer.

use super::{
    ShuffleError,
    block::{BlockWriter, SegmentsWriter},
    combine::{GroupCombiner, SortedRecords},
    merge::Merge,
    scratch::{GrowingFile, ScratchFile},
    segment::SortedSegment,
};
use crate::limits::{SCRATCH_READ_BYTES, SHUFFLE_BLOCK_BYTES, SHUFFLE_MERGE_MAX};
use crate::model::Segment;
use std::sync::Arc;

/// A sorted file: one segment per partition.
pub(super) struct Run {
    file: Arc<ScratchFile>,
    segments: Vec<Placed>,
    /// How many merges its oldest record has been through.
    pub level: u32,
}

struct Placed {
    start: u64,
    len_bytes: u64,
    records: u64,
}

impl Run {
    pub fn new(file: ScratchFile, segments: Vec<Segment>, level: u32) -> Run {
        let mut start = 0;
        let place = |segment: Segment| {
            let placed = Placed { start, len_bytes: segment.len_bytes, records: segment.records };
            start += segment.len_bytes;
            placed
        };
        Run { segments: segments.into_iter().map(place).collect(), file: Arc::new(file), level }
    }

    fn segment(&self, partition: u32) -> Option<SortedSegment> {
        let placed = self.segments.get(partition as usize).filter(|placed| placed.len_bytes > 0)?;
        Some(SortedSegment::scratch(Arc::clone(&self.file), placed.start, placed.len_bytes, placed.records))
    }
}

/// How many runs may be merged at once with this much memory.
pub(super) fn merge_width(memory_bytes: usize) -> usize {
    (memory_bytes / (SHUFFLE_BLOCK_BYTES + SCRATCH_READ_BYTES)).clamp(2, SHUFFLE_MERGE_MAX)
}

/// Merges `runs` partition by partition.
pub(super) fn merge_runs(
    runs: &[Run],
    partitions: u32,
    combiner: Option<&mut GroupCombiner>,
    blocks: &mut BlockWriter,
    out: GrowingFile,
) -> Result<(Vec<Segment>, GrowingFile), ShuffleError> {
    let mut writer = SegmentsWriter::new(blocks, out, partitions);
    let mut combiner = combiner;
    for partition in 0..partitions {
        let mut merge = Merge::new(runs.iter().filter_map(|run| run.segment(partition)))?;
        while let Some((key, value)) = merge.head() {
            match &mut combiner {
                Some(combiner) => combiner.push(partition, key, value, &mut writer)?,
                None => writer.push(partition, key, value)?,
            }
            merge.advance()?;
        }
    }
    if let Some(combiner) = combiner {
        combiner.finish(&mut writer)?;
    }
    writer.finish()
}
