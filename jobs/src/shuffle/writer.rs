//! The producer's side: records in, one sorted and indexed output out, within a memory grant.
//!
//! ```text
//! push ─► sort buffer ─full─► sort, combine ─► run in a scratch file ─too many─► merge some
//! finish: no run: sort, combine ─┐
//!         runs:   merge, combine ─┴─► segments, in memory when short, else in a file
//! ```
//! It must not know where records come from or where the output goes.

use super::{
    ShuffleError,
    block::{BlockWriter, SegmentsWriter},
    buffer::SortBuffer,
    combine::{CombineValues, GroupCombiner},
    partition::{Partition, Partitioner},
    runs::{Run, merge_runs, merge_width},
    scratch::GrowingFile,
};
use crate::limits::RECORD_BYTES_MAX;
use crate::{model::Segment, protocol::task::KeptData};
use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct WriterOptions {
    pub partitions: u32,
    /// What buffer and index may take before records are spilled.
    pub memory_bytes: usize,
    /// A directory for runs and output, made with the first of them.
    pub scratch: PathBuf,
    /// File names begin with it; unique in the directory.
    pub stem: String,
    /// An output up to this length stays in memory.
    pub keep_in_memory_bytes: usize,
}

/// What a producer made: segments of all partitions, one after the other in `data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShuffleOutput {
    pub segments: Vec<Segment>,
    pub data: OutputData,
    pub spilled_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputData {
    Memory(Vec<u8>),
    /// Belongs to the receiver: move or remove it.
    File(PathBuf),
}

impl From<OutputData> for KeptData {
    fn from(data: OutputData) -> KeptData {
        match data {
            OutputData::Memory(bytes) => KeptData::Memory(bytes),
            OutputData::File(path) => KeptData::File(path),
        }
    }
}

pub struct ShuffleWriter {
    options: WriterOptions,
    partitioner: Partitioner,
    combiner: Option<GroupCombiner>,
    buffer: SortBuffer,
    blocks: BlockWriter,
    runs: Vec<Run>,
    files_made: u32,
    spilled_bytes: u64,
}

impl ShuffleWriter {
    pub fn new(
        options: WriterOptions,
        partition: Partition,
        combiner: Option<Box<dyn CombineValues>>,
    ) -> Result<ShuffleWriter, ShuffleError> {
        Ok(ShuffleWriter {
            partitioner: Partitioner::new(partition, options.partitions)?,
            combiner: combiner.map(GroupCombiner::new),
            buffer: SortBuffer::new(options.memory_bytes),
            blocks: BlockWriter::new(),
            runs: Vec::new(),
            files_made: 0,
            spilled_bytes: 0,
            options,
        })
    }

    /// Adds a record to the partition of its key.
    #[inline]
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), ShuffleError> {
        let partition = self.partitioner.of(key)?;
        self.push_checked(partition, key, value)
    }

    /// Adds a record to a partition that the caller chose.
    #[inline]
    pub fn push_to(&mut self, partition: u32, key: &[u8], value: &[u8]) -> Result<(), ShuffleError> {
        let partition = self.partitioner.checked(partition)?;
        self.push_checked(partition, key, value)
    }

    #[inline]
    fn push_checked(&mut self, partition: u32, key: &[u8], value: &[u8]) -> Result<(), ShuffleError> {
        if key.len().saturating_add(value.len()) > RECORD_BYTES_MAX {
            let len_bytes = key.len() as u64 + value.len() as u64;
            return Err(ShuffleError::RecordTooLarge { len_bytes, limit: RECORD_BYTES_MAX });
        }
        if !self.buffer.push(partition, key, value) {
            self.spill()?;
            // An emptied buffer takes any record that is allowed.
            self.buffer.push(partition, key, value);
        }
        Ok(())
    }

    /// Bytes written to runs so far.
    pub fn spilled_bytes(&self) -> u64 {
        self.spilled_bytes
    }

    /// Ends the output. Nothing but the output's own file stays in scratch.
    pub fn finish(mut self) -> Result<ShuffleOutput, ShuffleError> {
        let path = self.options.scratch.join(format!("{}.out", self.options.stem));
        let out = GrowingFile::new(path, self.options.keep_in_memory_bytes);
        let (segments, out) = if self.runs.is_empty() {
            self.write_buffer(out)?
        } else {
            if !self.buffer.is_empty() {
                self.spill()?;
            }
            self.buffer.release();
            let width = merge_width(self.options.memory_bytes);
            while self.runs.len() > width {
                let surplus = self.runs.len() - width + 1;
                self.merge_smallest(surplus.min(width))?;
            }
            merge_runs(&self.runs, self.options.partitions, self.combiner.as_mut(), &mut self.blocks, out)?
        };
        Ok(ShuffleOutput { segments, data: out.into_output()?, spilled_bytes: self.spilled_bytes })
    }

    fn new_run_file(&mut self) -> GrowingFile {
        let name = format!("{}.run{}", self.options.stem, self.files_made);
        self.files_made += 1;
        GrowingFile::new(self.options.scratch.join(name), 0)
    }

    /// Writes the buffer out as a sorted run and empties it.
    #[cold]
    fn spill(&mut self) -> Result<(), ShuffleError> {
        let out = self.new_run_file();
        let (segments, out) = self.write_buffer(out)?;
        self.buffer.clear();
        self.add_run(segments, out, 0)?;
        let width = merge_width(self.options.memory_bytes);
        while let Some(level) = self.runs.last().map(|run| run.level)
            && self.runs.iter().filter(|run| run.level == level).count() >= width
        {
            self.buffer.release();
            self.merge_smallest(width)?;
        }
        Ok(())
    }

    fn write_buffer(&mut self, out: GrowingFile) -> Result<(Vec<Segment>, GrowingFile), ShuffleError> {
        self.buffer.sort();
        let mut writer = SegmentsWriter::new(&mut self.blocks, out, self.options.partitions);
        match &mut self.combiner {
            Some(combiner) => {
                self.buffer.visit(|record| {
                    combiner.push(record.partition, record.key(), record.value(), &mut writer)
                })?;
                combiner.finish(&mut writer)?;
            }
            None => self.buffer.visit(|record| writer.push_encoded(record.partition, record.encoded()))?,
        }
        writer.finish()
    }

    fn add_run(&mut self, segments: Vec<Segment>, out: GrowingFile, level: u32) -> Result<(), ShuffleError> {
        self.spilled_bytes += out.len_bytes();
        self.runs.push(Run::new(out.into_scratch()?, segments, level));
        Ok(())
    }

    /// Puts the `count` runs of the lowest levels together. Levels fall along the list, so these are the last ones, and
    /// the order of pushing is kept among equal keys.
    fn merge_smallest(&mut self, count: usize) -> Result<(), ShuffleError> {
        let merged = self.runs.split_off(self.runs.len() - count);
        let level = merged.iter().map(|run| run.level).max().unwrap_or(0) + 1;
        let out = self.new_run_file();
        let (segments, out) =
            merge_runs(&merged, self.options.partitions, self.combiner.as_mut(), &mut self.blocks, out)?;
        self.add_run(segments, out, level)
    }
}
