//! Rows of other stages: the host fetches their pieces, and they are decoded as the operators ask for them.

use super::fault::FirstFault;
use crate::stages::{OpenPieces, TaskPart};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError, ipc::reader::StreamReader},
    common::{DataFusionError, Result, internal_datafusion_err, internal_err},
    execution::SendableRecordBatchStream,
    physical_plan::{coop::make_cooperative, stream::RecordBatchStreamAdapter},
};
use futures::{FutureExt, future::BoxFuture, stream};
use skep_hdfs::protocol::namespace::Location;
use skep_jobs::{
    protocol::worker::Piece,
    shuffle::{OpaquePiece, OpaqueReader},
    task_program::{Cancel, OpenInput, ShuffleFault, ShuffleHost, TaskProgress},
};
use std::{
    io::BufReader,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// One stage's pieces for this task.
pub(super) struct Input {
    pub stage: usize,
    /// Partition of the producers.
    pub partition: u32,
    pub pieces: Vec<Piece>,
    pub holders: Vec<Location>,
}

/// All that one attempt reads of other stages.
pub(super) struct TaskInputs {
    pub inputs: Vec<Arc<Input>>,
    pub task: usize,
    pub fetch: Fetch,
}

/// What a fetch may use.
#[derive(Clone)]
pub(super) struct Fetch {
    pub shuffle: Arc<dyn ShuffleHost>,
    pub progress: Arc<TaskProgress>,
    pub cancel: Cancel,
    pub scratch: PathBuf,
    pub memory_bytes: usize,
    pub fault: FirstFault,
}

impl OpenPieces for TaskInputs {
    fn open(
        &self,
        stage: usize,
        task: TaskPart,
        schema: SchemaRef,
    ) -> BoxFuture<'static, Result<Vec<SendableRecordBatchStream>>> {
        let input = self.inputs.iter().find(|input| input.stage == stage).cloned();
        let (own, fetch) = (self.task, self.fetch.clone());
        async move {
            let Some(input) = input else { return internal_err!("the task has no input of stage {stage}") };
            if let TaskPart::Of(other) = task
                && other != own
            {
                return internal_err!("task {own} was asked for the input of task {other}");
            }
            let fault = fetch.fault.clone();
            // It blocks its thread until all is here.
            let fetched = tokio::task::spawn_blocking(move || fetch.run(&input)).await;
            let pieces = fetched
                .map_err(|error| internal_datafusion_err!("the fetch of stage {stage} ended early: {error}"))?
                .map_err(|first| fault.note(first))?;
            let open = |piece| make_cooperative(rows(piece, Arc::clone(&schema), fault.clone()));
            Ok(pieces.into_iter().map(open).collect())
        }
        .boxed()
    }
}

impl Fetch {
    fn run(&self, input: &Input) -> Result<Vec<OpaquePiece>, ShuffleFault> {
        let fetched = self.shuffle.fetch(OpenInput {
            pieces: &input.pieces,
            holders: &input.holders,
            partition: input.partition,
            memory_bytes: self.memory_bytes,
            scratch: &self.scratch,
            cancel: &self.cancel,
            moved_bytes: &self.progress.shuffled_bytes,
        })?;
        self.progress.spilled_bytes.fetch_add(fetched.spilled_bytes, Relaxed);
        Ok(fetched.pieces)
    }
}

/// The rows of one piece, counted.
fn rows(piece: OpaquePiece, schema: SchemaRef, fault: FirstFault) -> SendableRecordBatchStream {
    let batches = PieceBatches { piece, reader: None, rows: 0, over: false, fault };
    Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
}

struct PieceBatches {
    piece: OpaquePiece,
    reader: Option<StreamReader<BufReader<OpaqueReader>>>,
    rows: u64,
    over: bool,
    fault: FirstFault,
}

impl PieceBatches {
    fn read(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(StreamReader::try_new(BufReader::new(self.piece.reader()), None)?),
        };
        reader.next().transpose()
    }

    fn blame(&self, error: ArrowError) -> DataFusionError {
        let ArrowError::IoError(_, source) = &error else { return self.fault.note(self.piece.corrupt()) };
        let known = source.get_ref().and_then(|inner| inner.downcast_ref::<ShuffleFault>());
        self.fault.note(known.cloned().unwrap_or_else(|| self.piece.corrupt()))
    }
}

impl Iterator for PieceBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        if self.over {
            return None;
        }
        match self.read() {
            Ok(Some(batch)) => {
                self.rows += batch.num_rows() as u64;
                Some(Ok(batch))
            }
            Ok(None) => {
                self.over = true;
                let all = self.rows == self.piece.records();
                (!all).then(|| Err(self.fault.note(self.piece.mismatch())))
            }
            Err(error) => {
                self.over = true;
                Some(Err(self.blame(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use datafusion::arrow::{
        array::{ArrayRef, Int32Array},
        ipc::writer::StreamWriter,
    };
    use futures::TryStreamExt;
    use skep_hdfs::WorkerId;
    use skep_jobs::{
        model::{
            AttemptId, AttemptNumber, JobId, PartId, Round, Segment, StageId,
            outcome::{LossReason, LostPiece},
        },
        shuffle::{OpaqueWriter, OutputData, WriterOptions},
    };

    fn batch() -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..100));
        RecordBatch::try_from_iter([("n", numbers)]).unwrap()
    }

    fn ipc() -> Vec<u8> {
        let mut stream = StreamWriter::try_new(Vec::new(), &batch().schema()).unwrap();
        stream.write(&batch()).unwrap();
        stream.finish().unwrap();
        std::mem::take(stream.get_mut())
    }

    /// What a task makes of a piece with these bytes, of which its producer said that they are so many records.
    fn read(bytes: &[u8], records: u64) -> Result<usize, ShuffleFault> {
        let options = WriterOptions {
            partitions: 1,
            memory_bytes: 1 << 20,
            scratch: PathBuf::new(),
            stem: String::new(),
            keep_in_memory_bytes: 1 << 20,
        };
        let mut writer = OpaqueWriter::new(options).unwrap();
        writer.append(0, bytes, records).unwrap();
        let output = writer.finish().unwrap();
        let OutputData::Memory(stored) = output.data else { panic!("it is short") };
        let producer = AttemptId {
            job: JobId(1),
            stage: StageId(0),
            round: Round(0),
            part: PartId(0),
            attempt: AttemptNumber(0),
        };
        let segment: Segment = output.segments[0];
        let piece = OpaquePiece::in_memory(
            Arc::new(Piece { producer, holder: WorkerId(1), segment }),
            Bytes::from(stored),
        );
        let fault = FirstFault::default();
        let rows = rows(piece, batch().schema(), fault.clone());
        let batches: Result<Vec<RecordBatch>> = futures::executor::block_on(rows.try_collect());
        match batches {
            Ok(batches) => Ok(batches.iter().map(RecordBatch::num_rows).sum()),
            Err(_) => Err(fault.take().expect("it was noted")),
        }
    }

    fn reason(fault: ShuffleFault) -> LossReason {
        match fault {
            ShuffleFault::Lost(pieces) => {
                let [LostPiece { reason, .. }] = &pieces[..] else { panic!("one piece") };
                reason.clone()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pieces_that_are_not_what_was_promised_are_the_producers_loss() {
        let bytes = ipc();
        assert_eq!(read(&bytes, 100).unwrap(), 100);
        assert_eq!(reason(read(&bytes, 99).unwrap_err()), LossReason::Mismatch);
        assert_eq!(reason(read(b"no stream of batches", 100).unwrap_err()), LossReason::Corrupt);
        let cut = &bytes[..bytes.len() / 2];
        assert!(matches!(read(cut, 100), Err(ShuffleFault::Lost(_))));
    }
}
