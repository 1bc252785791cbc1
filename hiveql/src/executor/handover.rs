//! The rows of a stage for the tasks of another one: partitioned, put together to whole batches, and written in Arrow's
//! IPC format, one stream for each partition.

use super::fault::TaskFault;
use crate::stages::Handover;
use datafusion::{
    arrow::{
        array::{Array, RecordBatch},
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
    /// Rows of a batch that goes into a partition, at most.
    batch_rows: usize,
    /// In bytes, about; `None`: as the operators made it.
    batch_bytes: Option<usize>,
    /// Rows that wait to become whole batches, in bytes, and how many may.
    waiting_bytes: usize,
    waiting_bytes_max: usize,
    /// Of the first batch, for all.
    row_bytes: Option<usize>,
    out: OpaqueWriter,
}

/// Whoever merges holds a batch of every producer.
const MERGED_BATCH_BYTES: usize = 128 << 10;
/// However many partitions there are and however little memory.
const BATCH_ROWS_MIN: usize = 32;

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
        task: usize,
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
            Handover::Own { first, .. } => (first + task, 1, None),
            Handover::Together { .. } | Handover::Result => (0, 1, None),
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
            batch_bytes: match handover {
                Handover::Together { sorted: true } => Some(MERGED_BATCH_BYTES),
                _ => None,
            },
            waiting_bytes: 0,
            waiting_bytes_max: memory_bytes / 2,
            row_bytes: None,
            out,
        })
    }

    pub fn push(&mut self, batch: RecordBatch) -> Result<(), TaskFault> {
        self.measure(&batch);
        let Some(mut partitioner) = self.partitioner.take() else { return self.write_cut(&batch) };
        let mut parts = Vec::new();
        let partitioned = partitioner.partition(batch, |partition, part| {
            parts.push((partition, part));
            Ok(())
        });
        self.partitioner = Some(partitioner);
        partitioned?;
        for (partition, part) in parts {
            self.gather(partition, part)?;
            if self.waiting_bytes > self.waiting_bytes_max {
                self.write_waiting()?;
            }
        }
        Ok(())
    }

    /// A batch that waits takes its whole room at once, and there is one for each partition.
    fn measure(&mut self, batch: &RecordBatch) {
        if self.row_bytes.is_some() || batch.num_rows() == 0 {
            return;
        }
        // Of these rows alone: a batch may be a slice of something large.
        let bytes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
        let bytes: usize = bytes.map(Result::unwrap_or_default).sum();
        let row_bytes = (bytes / batch.num_rows()).max(1);
        self.row_bytes = Some(row_bytes);
        let room = self.waiting_bytes_max / 2 / self.partitions.len() / row_bytes;
        self.batch_rows = room.clamp(BATCH_ROWS_MIN, self.batch_rows.max(BATCH_ROWS_MIN));
    }

    /// For the one partition that there is.
    fn write_cut(&mut self, batch: &RecordBatch) -> Result<(), TaskFault> {
        let (Some(bytes), Some(row_bytes)) = (self.batch_bytes, self.row_bytes) else {
            return self.write(0, batch);
        };
        let step = (bytes / row_bytes).max(BATCH_ROWS_MIN);
        let starts = (0..batch.num_rows()).step_by(step);
        let mut cuts = starts.map(|start| batch.slice(start, step.min(batch.num_rows() - start)));
        cuts.try_for_each(|cut| self.write(0, &cut))
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
