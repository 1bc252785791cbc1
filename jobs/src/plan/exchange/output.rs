//! The end of a stage that feeds an exchange: records go into the shuffle's writer, and what it made is published.

use crate::{
    limits::SHUFFLE_INLINE_BYTES,
    plan::{batch::StageEnd, fault::TaskFault, scope::TaskScope},
    shuffle::{CombineValues, Partition, ShuffleWriter, WriterOptions},
    task_program::PublishedOutput,
};
use std::sync::atomic::Ordering::Relaxed;

pub struct ShuffleOutput<'a> {
    scope: &'a TaskScope<'a>,
    writer: ShuffleWriter,
    bytes: u64,
    records: u64,
}

impl<'a> ShuffleOutput<'a> {
    pub fn open(
        scope: &'a TaskScope<'a>,
        partition: Partition,
        combiner: Option<Box<dyn CombineValues>>,
    ) -> Result<ShuffleOutput<'a>, TaskFault> {
        let options = WriterOptions {
            partitions: scope.launch.partitions,
            memory_bytes: scope.memory_share(),
            scratch: scope.context.scratch.clone(),
            stem: "shuffle".to_owned(),
            keep_in_memory_bytes: SHUFFLE_INLINE_BYTES,
        };
        let writer = ShuffleWriter::new(options, partition, combiner)?;
        Ok(ShuffleOutput { scope, writer, bytes: 0, records: 0 })
    }

    /// One record: a whole key form, a whole record form.
    #[inline]
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), TaskFault> {
        self.bytes += (key.len() + value.len()) as u64;
        self.records += 1;
        Ok(self.writer.push(key, value)?)
    }

    pub fn finish(self) -> Result<StageEnd, TaskFault> {
        let context = self.scope.context;
        let output = self.writer.finish()?;
        context.progress.spilled_bytes.fetch_add(output.spilled_bytes, Relaxed);
        let published = PublishedOutput {
            attempt: context.attempt,
            segments: output.segments.clone(),
            data: output.data.into(),
            deliver_to: &self.scope.launch.deliver_to,
            moved_bytes: &context.progress.shuffled_bytes,
        };
        let holder = context.shuffle.publish(published)?;
        self.scope.wrote(self.bytes, self.records);
        Ok(StageEnd { segments: output.segments, holder, ..StageEnd::default() })
    }
}
