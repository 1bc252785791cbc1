//! Sorting and framing of shuffle output in memory.

use super::PartitionFunction;
use crate::{
    model::Segment,
    plan::fault::TaskFault,
    protocol::task::KeptData,
    record::Malformed,
    task_program::{RecordBatch, ShuffleFault, SortedInput},
};
use std::hash::BuildHasher;

/// Puts the values of one key together.
pub trait CombineValues: Send {
    fn combine(&mut self, values: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Malformed>;
}

pub enum Partition {
    Hash,
    /// First keys of all partitions but the first.
    Range(Vec<Vec<u8>>),
    Custom(PartitionFunction),
}

impl Partition {
    fn of(&self, key: &[u8], partitions: u32) -> u32 {
        match self {
            Partition::Hash => {
                let hash = foldhash::fast::FixedState::with_seed(1).hash_one(key);
                ((u128::from(hash) * u128::from(partitions)) >> 64) as u32
            }
            Partition::Range(bounds) => bounds.partition_point(|bound| bound[..] <= *key) as u32,
            Partition::Custom(function) => function(key, partitions),
        }
    }
}

pub struct MemorySorter {
    partition: Partition,
    combiner: Option<Box<dyn CombineValues>>,
    records: Vec<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl MemorySorter {
    pub fn new(partitions: u32, partition: Partition, combiner: Option<Box<dyn CombineValues>>) -> Self {
        MemorySorter { partition, combiner, records: vec![Vec::new(); partitions.max(1) as usize] }
    }

    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), TaskFault> {
        let partition = self.partition.of(key, self.records.len() as u32);
        self.records[partition as usize].push((key.to_vec(), value.to_vec()));
        Ok(())
    }

    pub fn finish(mut self) -> Result<(Vec<Segment>, KeptData), TaskFault> {
        let mut bytes = Vec::new();
        let mut segments = Vec::new();
        for mut records in self.records {
            records.sort_by(|a, b| a.0.cmp(&b.0));
            let start = bytes.len();
            let mut count = 0;
            for group in records.chunk_by(|a, b| a.0 == b.0) {
                match &mut self.combiner {
                    Some(combiner) => {
                        let values: Vec<&[u8]> = group.iter().map(|record| &record.1[..]).collect();
                        let mut combined = Vec::new();
                        combiner.combine(&values, &mut combined)?;
                        frame(&group[0].0, &combined, &mut bytes);
                        count += 1;
                    }
                    None => {
                        group.iter().for_each(|(key, value)| frame(key, value, &mut bytes));
                        count += group.len() as u64;
                    }
                }
            }
            let len_bytes = (bytes.len() - start) as u64;
            segments.push(Segment { len_bytes, records: count, crc: 0 });
        }
        Ok((segments, KeptData::Memory(bytes)))
    }
}

fn frame(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [key, value] {
        out.extend_from_slice(&(part.len() as u32).to_le_bytes());
        out.extend_from_slice(part);
    }
}

/// Merges pieces by sorting all of their records.
pub struct MemoryInput {
    records: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
}

impl MemoryInput {
    pub fn new(pieces: &[&[u8]]) -> Result<MemoryInput, ShuffleFault> {
        let mut records = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let mut part = || -> Option<Vec<u8>> {
                    let (len, after) = rest.split_first_chunk::<4>()?;
                    let (part, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
                    rest = after;
                    Some(part.to_vec())
                };
                let record = part().zip(part());
                records.push(
                    record.ok_or_else(|| ShuffleFault::Worker("a shuffle piece is cut off".to_owned()))?,
                );
            }
        }
        records.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(MemoryInput { records: records.into_iter() })
    }
}

impl SortedInput for MemoryInput {
    fn fill(&mut self, batch: &mut RecordBatch) -> Result<(), ShuffleFault> {
        batch.clear();
        while !batch.is_full()
            && let Some((key, value)) = self.records.next()
        {
            batch.push(&key, &value);
        }
        Ok(())
    }
}
