//! The rows of a query's last stage on their way to the client.

use datafusion::{
    arrow::{
        array::RecordBatch,
        buffer::Buffer,
        datatypes::SchemaRef,
        error::ArrowError,
        ipc::reader::{StreamDecoder, StreamReader},
    },
    common::{DataFusionError, Result, exec_err},
    execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};
use skep_hdfs::stores::Stores;
use std::io::Cursor;

/// What all tasks of a last stage together may send through the master.
pub const INLINE_BYTES_MAX: usize = 2 << 20;

/// What one task of the last stage hands back. The bytes, here or there, are Arrow's IPC format.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ResultPart {
    Inline { bytes: Vec<u8>, rows: u64 },
    File { path: String, rows: u64 },
}

impl ResultPart {
    pub fn rows(&self) -> u64 {
        match self {
            ResultPart::Inline { rows, .. } | ResultPart::File { rows, .. } => *rows,
        }
    }
}

/// As the tasks of the last stage handed them back.
pub fn decode(results: &[Vec<u8>]) -> Result<Vec<ResultPart>> {
    let part = |bytes: &Vec<u8>| {
        skep_wire::codec::decode(bytes).map_err(|error| DataFusionError::External(Box::new(error)))
    };
    results.iter().map(part).collect()
}

/// The rows of all parts, one after the other. Files are read no faster than rows are taken.
pub fn stream_of(parts: Vec<ResultPart>, schema: SchemaRef, stores: Stores) -> SendableRecordBatchStream {
    let rows = stream::iter(parts).flat_map(move |part| {
        let expected = part.rows();
        let batches = match part {
            ResultPart::Inline { bytes, .. } => inline(bytes),
            ResultPart::File { path, .. } => file(path, stores.clone()),
        };
        counted(batches, expected)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

type Batches = BoxStream<'static, Result<RecordBatch>>;

fn inline(bytes: Vec<u8>) -> Batches {
    match StreamReader::try_new(Cursor::new(bytes), None) {
        Ok(reader) => stream::iter(reader).map_err(DataFusionError::from).boxed(),
        Err(error) => stream::iter([Err(error.into())]).boxed(),
    }
}

fn file(path: String, stores: Stores) -> Batches {
    let opened = async move {
        let place = stores.resolve(&path).map_err(|error| DataFusionError::External(error.into()))?;
        let got = place.store.get(&place.path).await?;
        Ok::<_, DataFusionError>(got.into_stream().map_err(DataFusionError::from).boxed())
    };
    let bytes = stream::once(opened).try_flatten().boxed();
    let state = FileBatches { bytes, held: Buffer::from(Vec::<u8>::new()), decoder: StreamDecoder::new() };
    stream::try_unfold(state, |mut state| async move { Ok(state.next().await?.map(|batch| (batch, state))) })
        .boxed()
}

struct FileBatches {
    bytes: BoxStream<'static, Result<bytes::Bytes>>,
    held: Buffer,
    decoder: StreamDecoder,
}

impl FileBatches {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.decoder.decode(&mut self.held)? {
                return Ok(Some(batch));
            }
            match self.bytes.try_next().await? {
                Some(bytes) => self.held = Buffer::from(bytes),
                None => return self.decoder.finish().map(|()| None).map_err(ArrowError::into),
            }
        }
    }
}

/// Fails when there were other than the rows that the task counted.
fn counted(batches: Batches, expected: u64) -> Batches {
    let state = (batches, 0u64);
    let counted = stream::try_unfold(state, move |(mut batches, seen)| async move {
        match batches.try_next().await? {
            Some(batch) => {
                let seen = seen + batch.num_rows() as u64;
                Ok(Some((batch, (batches, seen))))
            }
            None if seen == expected => Ok(None),
            None => exec_err!("a part of the result has {seen} rows, its task wrote {expected}"),
        }
    });
    counted.boxed()
}
