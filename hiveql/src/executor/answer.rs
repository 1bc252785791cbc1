//! Rows for the client: short ones travel through the master, long ones wait in a file of the cluster's storage.

use super::{fault::TaskFault, handover::ipc_options};
use crate::stages::results::{INLINE_BYTES_MAX, ResultPart};
use bytes::Bytes;
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef, ipc::writer::StreamWriter};
use object_store::{ObjectStore, buffered::BufWriter, path::Path};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

/// Where an answer that is too long goes.
pub(super) struct Overflow {
    pub store: Arc<dyn ObjectStore>,
    pub path: Path,
    /// As the client resolves it.
    pub text: String,
    /// How much may go through the master.
    pub inline_bytes: usize,
}

impl Overflow {
    /// Tasks of the last stage share what the master may hold.
    pub fn share(tasks: usize) -> usize {
        INLINE_BYTES_MAX / tasks.max(1)
    }
}

pub(super) struct Answer {
    stream: StreamWriter<Vec<u8>>,
    overflow: Option<Overflow>,
    file: Option<BufWriter>,
    rows: u64,
}

impl Answer {
    pub fn new(schema: &SchemaRef, overflow: Option<Overflow>) -> Result<Answer, TaskFault> {
        let stream = StreamWriter::try_new_with_options(Vec::new(), schema, ipc_options()?)?;
        Ok(Answer { stream, overflow, file: None, rows: 0 })
    }

    pub async fn push(&mut self, batch: &RecordBatch) -> Result<(), TaskFault> {
        self.rows += batch.num_rows() as u64;
        self.stream.write(batch)?;
        let Some(overflow) = &self.overflow else { return Ok(()) };
        let bytes = self.stream.get_mut();
        if self.file.is_none() && bytes.len() <= overflow.inline_bytes {
            return Ok(());
        }
        let file = self
            .file
            .get_or_insert_with(|| BufWriter::new(Arc::clone(&overflow.store), overflow.path.clone()));
        let written = file.put(Bytes::from(std::mem::take(bytes))).await;
        written.map_err(|error| fault(overflow, &error))
    }

    pub async fn finish(mut self) -> Result<ResultPart, TaskFault> {
        self.stream.finish()?;
        let rest = std::mem::take(self.stream.get_mut());
        let (Some(mut file), Some(overflow)) = (self.file, self.overflow) else {
            return Ok(ResultPart::Inline { bytes: rest, rows: self.rows });
        };
        file.put(Bytes::from(rest)).await.map_err(|error| fault(&overflow, &error))?;
        // Only then is it durable.
        file.shutdown().await.map_err(|error| fault(&overflow, &error))?;
        Ok(ResultPart::File { path: overflow.text, rows: self.rows })
    }
}

fn fault(overflow: &Overflow, error: &dyn std::fmt::Display) -> TaskFault {
    TaskFault::Answer { directory: overflow.text.clone(), reason: error.to_string() }
}
