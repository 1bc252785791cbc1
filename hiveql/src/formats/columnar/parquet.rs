//! Parquet: columns by name, row groups by what their statistics say of the predicate.

use super::{Adapter, Matching, opening, pruning, store_reader::StoreReader};
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
use object_store::ObjectStore;
use parquet::{
    arrow::{
        ArrowWriter, ParquetRecordBatchStreamBuilder, ProjectionMask, arrow_reader::ArrowReaderOptions,
        async_reader::AsyncFileReader,
    },
    basic::{Compression, GzipLevel, ZstdLevel},
    file::{metadata::RowGroupMetaData, properties::WriterProperties, statistics::Statistics},
};
use std::sync::Arc;

#[derive(Debug)]
pub(in crate::formats) struct ParquetFiles {
    columns: Vec<(String, HiveType)>,
    matching: Matching,
    properties: WriterProperties,
}

impl ParquetFiles {
    pub fn new(storage: &Storage, columns: &[(String, HiveType)]) -> Result<ParquetFiles, FormatError> {
        let by_index = storage.is_true("parquet.column.index.access");
        let dictionary = storage.get("parquet.enable.dictionary") != Some("false");
        let properties = WriterProperties::builder()
            .set_compression(compression(storage)?)
            .set_dictionary_enabled(dictionary)
            .set_created_by("parquet-mr compatible: skep".to_owned())
            .build();
        let matching = if by_index { Matching::Position } else { Matching::Name };
        Ok(ParquetFiles { columns: columns.to_vec(), matching, properties })
    }

    pub fn read(&self, store: Arc<dyn ObjectStore>, file: FileRange, options: ReadOptions) -> BatchStream {
        let path = file.path.clone();
        let (columns, matching) = (self.columns.clone(), self.matching);
        opening(&path, async move { open(store, file, options, columns, matching).await })
    }

    pub async fn summary(&self, store: Arc<dyn ObjectStore>, file: &FileRange) -> Option<FileSummary> {
        let metadata = StoreReader::new(store, file).get_metadata(None).await.ok()?;
        let leaves = metadata.file_metadata().schema_descr().columns();
        let bounds = self.columns.iter().enumerate().map(|(index, (name, ty))| {
            let leaf = leaves.iter().position(|leaf| {
                let root = match leaf.path().parts() {
                    [root] => root,
                    _ => return false,
                };
                self.matching == Matching::Name && root.eq_ignore_ascii_case(name)
            });
            let leaf = if self.matching == Matching::Position { Some(index) } else { leaf };
            let leaf = leaf.filter(|leaf| is_countable(ty) && *leaf < leaves.len())?;
            let groups = metadata.row_groups().iter().map(|group| bounds(group.column(leaf).statistics()?));
            let (lows, highs): (Vec<i64>, Vec<i64>) = groups.collect::<Option<Vec<_>>>()?.into_iter().unzip();
            Some((lows.into_iter().min()?, highs.into_iter().max()?))
        });
        let rows = u64::try_from(metadata.file_metadata().num_rows()).ok()?;
        Some(FileSummary { rows, bounds: bounds.collect() })
    }

    pub fn writer(
        &self,
        schema: SchemaRef,
        buffer: SharedBuffer,
    ) -> Result<Box<dyn ColumnWriter>, ArrowError> {
        Ok(Box::new(ArrowWriter::try_new(buffer, schema, Some(self.properties.clone()))?))
    }
}

async fn open(
    store: Arc<dyn ObjectStore>,
    file: FileRange,
    options: ReadOptions,
    columns: Vec<(String, HiveType)>,
    matching: Matching,
) -> Result<BatchStream, FormatError> {
    let broken = |error: parquet::errors::ParquetError| FormatError::broken(&file.path, Place::Head, error);
    let reader = StoreReader::new(store, &file);
    // The Arrow types that another writer noted down are not what the table says.
    let reading = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, reading).await.map_err(broken)?;
    let names: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let (adapter, read) = Adapter::new(&file, &options, &columns, &names, matching);
    let groups = builder.metadata().row_groups();
    let mine: Vec<usize> = (0..groups.len()).filter(|index| file.contains(middle(&groups[*index]))).collect();
    let groups = match &options.predicate {
        Some(predicate) => pruning::keep(predicate, &columns, &builder, mine),
        None => mine,
    };
    let mask = ProjectionMask::roots(builder.parquet_schema(), read);
    let builder =
        builder.with_projection(mask).with_row_groups(groups).with_batch_size(options.batch_rows.max(1));
    let batches = builder.build().map_err(broken)?;
    let path = file.path.clone();
    let batches = batches.map_err(move |error| FormatError::broken(&path, Place::Head, error));
    Ok(adapter.adapt_all(batches.boxed()))
}

fn bounds(statistics: &Statistics) -> Option<(i64, i64)> {
    match statistics {
        Statistics::Int32(values) => Some(((*values.min_opt()?).into(), (*values.max_opt()?).into())),
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

/// A row group is read by the range that has its middle.
fn middle(group: &RowGroupMetaData) -> u64 {
    let start = group.columns().iter().map(|column| column.byte_range().0).min().unwrap_or(0);
    start + u64::try_from(group.compressed_size()).unwrap_or(0) / 2
}

fn compression(storage: &Storage) -> Result<Compression, FormatError> {
    let Some(word) = storage.get("parquet.compression") else { return Ok(Compression::UNCOMPRESSED) };
    Ok(match word.to_ascii_uppercase().as_str() {
        "UNCOMPRESSED" | "NONE" => Compression::UNCOMPRESSED,
        "SNAPPY" => Compression::SNAPPY,
        "GZIP" => Compression::GZIP(GzipLevel::default()),
        "ZSTD" => Compression::ZSTD(ZstdLevel::default()),
        "LZ4" | "LZ4_RAW" => Compression::LZ4_RAW,
        _ => {
            return Err(FormatError::Property {
                name: "parquet.compression",
                value: word.to_owned(),
                reason: "no such codec".to_owned(),
            });
        }
    })
}

impl ColumnWriter for ArrowWriter<SharedBuffer> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        Ok(ArrowWriter::write(self, batch)?)
    }

    fn close(self: Box<Self>) -> Result<(), ArrowError> {
        ArrowWriter::close(*self)?;
        Ok(())
    }
}
