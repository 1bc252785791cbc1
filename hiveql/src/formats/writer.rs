//! Files that are written: rows or columns into a buffer, the buffer into a store. Nothing is seen before the close.

use super::{
    FormatError,
    compression::{Compression, Encoder},
    rows::{EncodedRows, RowSerde},
};
use bytes::Bytes;
use datafusion::arrow::{error::ArrowError, record_batch::RecordBatch};
use object_store::{ObjectStore, buffered::BufWriter, path::Path};
use std::{
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::io::AsyncWriteExt;

/// Where a file goes.
#[derive(Debug, Clone)]
pub enum Sink {
    Store {
        store: Arc<dyn ObjectStore>,
        path: String,
    },
    /// A file of this machine that is the caller's alone until it is closed.
    Local(PathBuf),
}

/// How a file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    pub rows: u64,
    pub bytes: u64,
}

/// What a library's writer writes to.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl SharedBuffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Of a file format that a library writes.
pub(super) trait ColumnWriter: Send {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError>;
    fn close(self: Box<Self>) -> Result<(), ArrowError>;
}

/// How batches become bytes.
pub(super) enum Body {
    Lines { serde: Arc<dyn RowSerde>, encoder: Box<Encoder>, rows: EncodedRows },
    Columns { writer: Box<dyn ColumnWriter>, buffer: SharedBuffer },
}

impl Body {
    pub fn lines(serde: Arc<dyn RowSerde>, compression: Compression) -> io::Result<Body> {
        Ok(Body::Lines { serde, encoder: Box::new(compression.encoder()?), rows: EncodedRows::default() })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        match self {
            Body::Columns { writer, buffer } => {
                writer.write(batch)?;
                Ok(buffer.take())
            }
            Body::Lines { serde, encoder, rows } => {
                rows.bytes.clear();
                rows.ends.clear();
                serde.encode(batch, rows);
                let mut lines = Vec::with_capacity(rows.bytes.len() + rows.ends.len());
                for row in rows.iter() {
                    lines.extend_from_slice(row);
                    lines.push(b'\n');
                }
                encoder.push(&lines)?;
                Ok(encoder.take())
            }
        }
    }

    fn close(self) -> Result<Vec<u8>, ArrowError> {
        match self {
            Body::Lines { encoder, .. } => Ok(encoder.finish()?),
            Body::Columns { writer, buffer } => {
                writer.close()?;
                Ok(buffer.take())
            }
        }
    }
}

enum Target {
    Store(BufWriter),
    Local(tokio::fs::File),
}

/// A file in the writing. Dropped without a close, it leaves nothing in a store.
pub struct FileWriter {
    name: String,
    body: Body,
    target: Target,
    written: Written,
}

impl FileWriter {
    pub(super) async fn open(sink: Sink, body: Body) -> Result<FileWriter, FormatError> {
        let (name, target) = match sink {
            Sink::Store { store, path } => {
                let place = Path::parse(&path).unwrap_or_else(|_| Path::from(path.as_str()));
                let writer = BufWriter::new(store, place);
                (path, Target::Store(writer))
            }
            Sink::Local(path) => {
                let name = path.display().to_string();
                let file =
                    tokio::fs::File::create(&path).await.map_err(|error| FormatError::io(&name, error))?;
                (name, Target::Local(file))
            }
        };
        Ok(FileWriter { name, body, target, written: Written::default() })
    }

    /// The batch has all columns of the format, in their Arrow types.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let bytes = self.body.write(batch).map_err(|error| FormatError::arrow(&self.name, error))?;
        self.written.rows += batch.num_rows() as u64;
        put(&mut self.target, bytes, &mut self.written)
            .await
            .map_err(|error| FormatError::io(&self.name, error))
    }

    pub async fn close(self) -> Result<Written, FormatError> {
        let FileWriter { name, body, mut target, mut written } = self;
        let bytes = body.close().map_err(|error| FormatError::arrow(&name, error))?;
        let ended = async {
            put(&mut target, bytes, &mut written).await?;
            match &mut target {
                Target::Store(writer) => writer.shutdown().await,
                Target::Local(file) => file.flush().await,
            }
        };
        ended.await.map_err(|error| FormatError::io(&name, error))?;
        Ok(written)
    }

    /// Gives up what was written so far.
    pub async fn abort(self) -> Result<(), FormatError> {
        match self.target {
            Target::Store(mut writer) => {
                writer.abort().await.map_err(|error| FormatError::store(&self.name, error))
            }
            Target::Local(_) => {
                let removed = tokio::fs::remove_file(&self.name).await;
                removed.map_err(|error| FormatError::io(&self.name, error))
            }
        }
    }
}

async fn put(target: &mut Target, bytes: Vec<u8>, written: &mut Written) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    written.bytes += bytes.len() as u64;
    match target {
        Target::Store(writer) => writer.put(Bytes::from(bytes)).await.map_err(io::Error::other),
        Target::Local(file) => file.write_all(&bytes).await,
    }
}
