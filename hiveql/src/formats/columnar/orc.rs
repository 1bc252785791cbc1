//! ORC: columns by name, or by position where the file's names are `_col0`, `_col1` and so on.
//!
//! The ORC writer at hand knows no decimals and nothing nested. Rows with such columns are written as Parquet; files are
//! told apart by how they begin.

use super::{Adapter, Matching, ParquetFiles, opening, store_reader::StoreReader};
use crate::{
    formats::{
        FileSummary, FormatError,
        error::Place,
        range::{BatchStream, FileRange, ReadOptions},
        storage::Storage,
        summary::is_countable,
        writer::{ColumnWriter, SharedBuffer},
    },
    types::HiveType,
};
use datafusion::arrow::{datatypes::SchemaRef, error::ArrowError, record_batch::RecordBatch};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt};
use orc_rust::{
    ArrowReaderBuilder, ArrowWriterBuilder, TimestampPrecision, compression::CompressionType,
    projection::ProjectionMask, statistics::TypeStatistics,
};
use std::sync::{
    Arc,
    mpsc::{self, Receiver, Sender},
};

const PARQUET_MAGIC: &[u8] = b"PAR1";
/// Smaller than this, a file is not even an empty ORC file.
const SMALLEST: u64 = 4;

#[derive(Debug)]
pub(in crate::formats) struct OrcFiles {
    columns: Vec<(String, HiveType)>,
    by_position: bool,
    compression: Option<CompressionType>,
    nested: Arc<ParquetFiles>,
}

impl OrcFiles {
    pub fn new(storage: &Storage, columns: &[(String, HiveType)]) -> Result<OrcFiles, FormatError> {
        Ok(OrcFiles {
            columns: columns.to_vec(),
            by_position: storage.is_true("orc.force.positional.evolution"),
            compression: compression(storage)?,
            nested: Arc::new(ParquetFiles::new(storage, columns)?),
        })
    }

    pub fn read(&self, store: Arc<dyn ObjectStore>, file: FileRange, options: ReadOptions) -> BatchStream {
        let path = file.path.clone();
        let (columns, by_position, nested) = (self.columns.clone(), self.by_position, self.nested.clone());
        opening(&path, async move {
            if file.size < SMALLEST {
                let broken = FormatError::broken(&file.path, Place::Head, "too short for an ORC file");
                return Err(broken);
            }
            if is_parquet(&store, &file).await.map_err(|error| FormatError::store(&file.path, error))? {
                return Ok(nested.read(store, file, options));
            }
            open(store, file, options, columns, by_position).await
        })
    }

    pub async fn summary(&self, store: Arc<dyn ObjectStore>, file: &FileRange) -> Option<FileSummary> {
        if file.size < SMALLEST || is_parquet(&store, file).await.ok()? {
            return self.nested.summary(store, file).await;
        }
        let builder = ArrowReaderBuilder::try_new_async(StoreReader::new(store, file)).await.ok()?;
        let metadata = builder.file_metadata();
        let children = metadata.root_data_type().children();
        let nameless =
            children.iter().enumerate().all(|(index, child)| child.name() == format!("_col{index}"));
        let bounds = self.columns.iter().enumerate().map(|(index, (name, ty))| {
            let child = match self.by_position || nameless {
                true => children.get(index),
                false => children.iter().find(|child| child.name().eq_ignore_ascii_case(name)),
            };
            let column = child.filter(|_| is_countable(ty))?.data_type().column_index();
            match metadata.column_file_statistics().get(column)?.type_statistics()? {
                TypeStatistics::Integer { min, max, .. } => Some((*min, *max)),
                TypeStatistics::Date { min, max } => Some((i64::from(*min), i64::from(*max))),
                _ => None,
            }
        });
        Some(FileSummary { rows: metadata.number_of_rows(), bounds: bounds.collect() })
    }

    pub fn writer(
        &self,
        schema: SchemaRef,
        buffer: SharedBuffer,
    ) -> Result<Box<dyn ColumnWriter>, ArrowError> {
        let plain = self.columns.iter().all(|(_, ty)| {
            let zoned = matches!(ty, HiveType::TimestampLocalTz | HiveType::Void);
            ty.is_primitive() && !ty.is_interval() && !zoned && !matches!(ty, HiveType::Decimal { .. })
        });
        if !plain || schema.fields().is_empty() {
            return self.nested.writer(schema, buffer);
        }
        Ok(Box::new(OrcThread::start(schema, buffer, self.compression)?))
    }
}

async fn is_parquet(store: &Arc<dyn ObjectStore>, file: &FileRange) -> object_store::Result<bool> {
    Ok(store.get_range(&file.location(), 0..SMALLEST).await? == PARQUET_MAGIC)
}

async fn open(
    store: Arc<dyn ObjectStore>,
    file: FileRange,
    options: ReadOptions,
    columns: Vec<(String, HiveType)>,
    by_position: bool,
) -> Result<BatchStream, FormatError> {
    let broken = |error: orc_rust::error::OrcError| FormatError::broken(&file.path, Place::Head, error);
    let reader = StoreReader::new(store, &file);
    let builder = ArrowReaderBuilder::try_new_async(reader).await.map_err(broken)?;
    let root = builder.file_metadata().root_data_type();
    let names: Vec<String> = root.children().iter().map(|column| column.name().to_owned()).collect();
    let nameless = names.iter().enumerate().all(|(index, name)| *name == format!("_col{index}"));
    let matching = if by_position || nameless { Matching::Position } else { Matching::Name };
    let (adapter, read) = Adapter::new(&file, &options, &columns, &names, matching);
    let wanted: Vec<usize> =
        read.iter().map(|index| root.children()[*index].data_type().column_index()).collect();
    let mask = ProjectionMask::roots(root, wanted);
    let range =
        usize::try_from(file.start).unwrap_or(usize::MAX)..usize::try_from(file.end).unwrap_or(usize::MAX);
    let builder = builder
        .with_projection(mask)
        .with_file_byte_range(range)
        .with_timestamp_precision(TimestampPrecision::Microsecond)
        .with_batch_size(options.batch_rows.max(1));
    let path = file.path.clone();
    let batches = builder.build_async().map_err(move |error| FormatError::broken(&path, Place::Head, error));
    Ok(adapter.adapt_all(batches.boxed()))
}

fn compression(storage: &Storage) -> Result<Option<CompressionType>, FormatError> {
    let word = storage.get("orc.compress").unwrap_or("ZLIB");
    Ok(Some(match word.to_ascii_uppercase().as_str() {
        "NONE" => return Ok(None),
        "ZLIB" => CompressionType::Zlib,
        "SNAPPY" => CompressionType::Snappy,
        "LZ4" => CompressionType::Lz4,
        "ZSTD" => CompressionType::Zstd,
        _ => {
            return Err(FormatError::Property {
                name: "orc.compress",
                value: word.to_owned(),
                reason: "no such codec".to_owned(),
            });
        }
    }))
}

/// The library's writer must not change threads, so it has one of its own.
struct OrcThread {
    batches: Sender<RecordBatch>,
    answers: Receiver<Result<(), ArrowError>>,
}

impl OrcThread {
    fn start(
        schema: SchemaRef,
        buffer: SharedBuffer,
        compression: Option<CompressionType>,
    ) -> Result<OrcThread, ArrowError> {
        let (batches, inbox) = mpsc::channel::<RecordBatch>();
        let (outbox, answers) = mpsc::channel();
        let body = move || {
            let external = |error| ArrowError::ExternalError(Box::new(error));
            let mut builder = ArrowWriterBuilder::new(buffer, schema);
            if let Some(compression) = compression {
                builder = builder.with_compression(compression);
            }
            let mut writer = match builder.try_build().map_err(external) {
                Ok(writer) => writer,
                Err(error) => return drop(outbox.send(Err(error))),
            };
            // Whoever hangs up wants to hear of it no more.
            let mut heard = outbox.send(Ok(())).is_ok();
            for batch in inbox {
                heard &= outbox.send(writer.write(&batch).map_err(external)).is_ok();
            }
            if heard {
                drop(outbox.send(writer.close().map_err(external)));
            }
        };
        std::thread::Builder::new().name("orc-writer".to_owned()).spawn(body)?;
        let thread = OrcThread { batches, answers };
        thread.answer()?;
        Ok(thread)
    }

    fn answer(&self) -> Result<(), ArrowError> {
        self.answers.recv().map_err(|_| gone())?
    }
}

fn gone() -> ArrowError {
    ArrowError::IpcError("the ORC writer has ended".to_owned())
}

impl ColumnWriter for OrcThread {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.batches.send(batch.clone()).map_err(|_| gone())?;
        self.answer()
    }

    fn close(self: Box<Self>) -> Result<(), ArrowError> {
        let OrcThread { batches, answers } = *self;
        drop(batches);
        answers.recv().map_err(|_| gone())?
    }
}
