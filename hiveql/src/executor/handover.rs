//! The rows of a stage for the tasks of another one: partitioned, put together to whole batches, and written in Arrow's
//! IPC format, one stream for each partition.

use super::fault::TaskFault;
use crate::stages::Handover;
use datafusion::{
    arrow::{
        array::RecordBatch,
        compute::BatchCoalescer,
        datatypes::SchemaRef,
        error::ArrowError,
        ipc::{
            CompressionType,
            writer::{IpcWriteOptions, StreamWriter},
        },
    },
    common::Result,
    physical_plan::{metrics::Time, repartition::BatchPartitioner},
};
use skep_jobs::{
    limits::SHUFFLE_INLINE_BYTES,
    shuffle::{OpaqueWriter, ShuffleOutput, WriterOptions},
};
use std::path::Path;

pub(super) struct ShuffleOut {
    partitioner: Option<BatchPartitioner>,
    /// Number of the first partition that this stage writes to.
    first: usize,
    partitions: Vec<PartitionOut>,
    schema: SchemaRef,
    batch_rows: usize,
    /// Rows that wait to become whole batches, in bytes, and how many may.
    waiting_bytes: usize,
    waiting_bytes_max: usize,
    out: OpaqueWriter,
}

/// Begins with its first rows.
#[derive(Default)]
struct PartitionOut {
    gather: Option<BatchCoalescer>,
    stream: Option<StreamWriter<Vec<u8>>>,
}

/// What a stage writes, in IPC.
pub(super) fn ipc_options() -> Result<IpcWriteOptions, ArrowError> {
    IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))
}

impl ShuffleOut {
    pub fn new(
        handover: &Handover,
        schema: SchemaRef,
        partitions: u32,
        batch_rows: usize,
        memory_bytes: usize,
        scratch: &Path,
    ) -> Result<ShuffleOut, TaskFault> {
        let (first, count, partitioner) = match handover {
            Handover::Hashed { keys, first, count } if *count > 1 => (
                *first,
                *count,
                Some(BatchPartitioner::new_hash_partitioner(keys.clone(), *count, Time::new())?),
            ),
            Handover::Hashed { first, .. } => (*first, 1, None),
            Handover::Together | Handover::Result => (0, 1, None),
        };
        if first + count > partitions as usize {
            let what = format!("{partitions} partitions are fewer than {}", first + count);
            return Err(TaskFault::Unfit(what));
        }
        let out = OpaqueWriter::new(WriterOptions {
            partitions,
            memory_bytes: memory_bytes / 2,
            scratch: scratch.to_path_buf(),
            stem: "shuffle".to_owned(),
            keep_in_memory_bytes: SHUFFLE_INLINE_BYTES,
        })?;
        Ok(ShuffleOut {
            partitioner,
            first,
            partitions: (0..count).map(|_| PartitionOut::default()).collect(),
            schema,
            batch_rows,
            waiting_bytes: 0,
            waiting_bytes_max: memory_bytes / 2,
            out,
        })
    }

    pub fn push(&mut self, batch: RecordBatch) -> Result<(), TaskFault> {
        let Some(mut partitioner) = self.partitioner.take() else { return self.write(0, &batch) };
        let mut parts = Vec::new();
        let partitioned = partitioner.partition(batch, |partition, part| {
            parts.push((partition, part));
            Ok(())
        });
        self.partitioner = Some(partitioner);
        partitioned?;
        for (partition, part) in parts {
            self.gather(partition, part)?;
        }
        if self.waiting_bytes > self.waiting_bytes_max { self.write_waiting() } else { Ok(()) }
    }

    /// Small parts are put together before they are written.
    fn gather(&mut self, partition: usize, part: RecordBatch) -> Result<(), TaskFault> {
        if part.num_columns() == 0 {
            return self.write(partition, &part);
        }
        let (schema, rows) = (&self.schema, self.batch_rows);
        let gather = &mut self.partitions[partition].gather;
        let gather = gather.get_or_insert_with(|| BatchCoalescer::new(SchemaRef::clone(schema), rows));
        let before = gather.size();
        // Operators are not strict about metadata of fields, and the coalescer is.
        let part = RecordBatch::try_new(SchemaRef::clone(schema), part.columns().to_vec())?;
        gather.push_batch(part)?;
        let mut ready = Vec::new();
        while let Some(batch) = gather.next_completed_batch() {
            ready.push(batch);
        }
        let after = gather.size();
        self.waiting_bytes = (self.waiting_bytes + after).saturating_sub(before);
        ready.iter().try_for_each(|batch| self.write(partition, batch))
    }

    fn write_waiting(&mut self) -> Result<(), TaskFault> {
        for partition in 0..self.partitions.len() {
            if let Some(mut gather) = self.partitions[partition].gather.take() {
                gather.finish_buffered_batch()?;
                while let Some(batch) = gather.next_completed_batch() {
                    self.write(partition, &batch)?;
                }
            }
        }
        self.waiting_bytes = 0;
        Ok(())
    }

    fn write(&mut self, partition: usize, batch: &RecordBatch) -> Result<(), TaskFault> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let stream = match &mut self.partitions[partition].stream {
            Some(stream) => stream,
            none => {
                none.insert(StreamWriter::try_new_with_options(Vec::new(), &self.schema, ipc_options()?)?)
            }
        };
        stream.write(batch)?;
        let bytes = stream.get_mut();
        self.out.append((self.first + partition) as u32, bytes, batch.num_rows() as u64)?;
        bytes.clear();
        Ok(())
    }

    pub fn finish(mut self) -> Result<ShuffleOutput, TaskFault> {
        self.write_waiting()?;
        for (partition, out) in self.partitions.iter_mut().enumerate() {
            if let Some(stream) = &mut out.stream {
                stream.finish()?;
                self.out.append((self.first + partition) as u32, stream.get_mut(), 0)?;
            }
        }
        Ok(self.out.finish()?)
    }
}
