//! The end of a stage that feeds an exchange: records go into the shuffle's writer, and what it made is published.

use super::memory::{CombineValues, MemorySorter, Partition};
use crate::{
    plan::{batch::StageEnd, fault::TaskFault, scope::TaskScope},
    task_program::PublishedOutput,
};

pub struct ShuffleOutput<'a> {
    scope: &'a TaskScope<'a>,
    sorter: MemorySorter,
    bytes: u64,
    records: u64,
}

impl<'a> ShuffleOutput<'a> {
    pub fn new(
        scope: &'a TaskScope<'a>,
        partition: Partition,
        combiner: Option<Box<dyn CombineValues>>,
    ) -> ShuffleOutput<'a> {
        let sorter = MemorySorter::new(scope.launch.partitions, partition, combiner);
        ShuffleOutput { scope, sorter, bytes: 0, records: 0 }
    }

    /// One record: a whole key form, a whole record form.
    #[inline]
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), TaskFault> {
        self.bytes += (key.len() + value.len()) as u64;
        self.records += 1;
        self.sorter.push(key, value)
    }

    pub fn finish(self) -> Result<StageEnd, TaskFault> {
        let context = self.scope.context;
        let (segments, data) = self.sorter.finish()?;
        let output = PublishedOutput {
            attempt: context.attempt,
            segments: segments.clone(),
            data,
            deliver_to: &self.scope.launch.deliver_to,
        };
        let holder = context.shuffle.publish(output)?;
        self.scope.wrote(self.bytes, self.records);
        Ok(StageEnd { segments, holder, ..StageEnd::default() })
    }
}
