//! Parquet: columns by name, row groups by what their statistics say of the predicate.

use super::{
    Adapter, ArrowStream, Matching, opening, pruning,
    row_filter::{self, Rows},
    store_reader::StoreReader,
};
use crate::{
    formats::{
        FileSummary, FormatError,
        error::Place,
        range::{BatchStream, FileRange, ReadOptions, RowPredicate},
        storage::Storage,
        summary::is_countable,
        writer::{ColumnWriter, SharedBuffer},
    },
    types::HiveType,
};
use datafusion::arrow::{datatypes::SchemaRef, error::ArrowError, record_batch::RecordBatch};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use parquet::{
    arrow::{
        ArrowWriter, ParquetRecordBatchStreamBuilder, ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
        async_reader::AsyncFileReader,
    },
    basic::{Compression, GzipLevel, ZstdLevel},
    errors::ParquetError,
    file::{metadata::RowGroupMetaData, properties::WriterProperties, statistics::Statistics},
};
use std::sync::Arc;

/// Of columns that a predicate has decoded and the result needs too.
const PREDICATE_CACHE_BYTES: usize = 16 << 20;

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
    let broken = |error: ParquetError| FormatError::broken(&file.path, Place::Head, error);
    // The Arrow types that another writer noted down are not what the table says.
    let reading = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let mut reader = StoreReader::new(Arc::clone(&store), &file);
    let metadata = ArrowReaderMetadata::load_async(&mut reader, reading).await.map_err(broken)?;
    let names: Vec<String> = metadata.schema().fields().iter().map(|field| field.name().clone()).collect();
    let (adapter, read) = Adapter::new(&file, &options, &columns, &names, matching);
    let groups = metadata.metadata().row_groups();
    let mine: Vec<usize> = (0..groups.len()).filter(|index| file.contains(middle(&groups[*index]))).collect();
    let mine = match &options.predicate {
        Some(predicate) => pruning::keep(predicate, &columns, &metadata, mine),
        None => mine,
    };
    let mask = ProjectionMask::roots(metadata.parquet_schema(), read);
    let groups = RowGroups { store, file, options, columns, names, matching, metadata, mask };
    let batches = stream::iter(mine).flat_map(move |group| groups.read(group));
    Ok(adapter.adapt_all(batches.boxed()))
}

/// The row groups of an open file.
struct RowGroups {
    store: Arc<dyn ObjectStore>,
    file: FileRange,
    options: ReadOptions,
    columns: Vec<(String, HiveType)>,
    /// Of the file's columns.
    names: Vec<String>,
    matching: Matching,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
}

impl RowGroups {
    /// With what the predicates say by now.
    fn read(&self, group: usize) -> ArrowStream {
        let known = |predicate: &RowPredicate| Some((predicate.clone(), row_filter::now(predicate)?));
        let predicates: Vec<_> = self.options.row_predicates.iter().filter_map(known).collect();
        let holds_none = |expr| pruning::keep(expr, &self.columns, &self.metadata, vec![group]).is_empty();
        if predicates.iter().any(|(_, expr)| holds_none(expr)) {
            return stream::empty().boxed();
        }
        let reader = StoreReader::new(Arc::clone(&self.store), &self.file);
        let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, self.metadata.clone())
            .with_projection(self.mask.clone())
            .with_row_groups(vec![group])
            .with_batch_size(self.options.batch_rows.max(1))
            .with_max_predicate_cache_size(PREDICATE_CACHE_BYTES);
        if let Some(filter) = self.rows().filter(&predicates) {
            builder = builder.with_row_filter(filter);
        }
        let path = self.file.path.clone();
        let broken = move |error| FormatError::broken(&path, Place::Head, error);
        match builder.build() {
            Ok(batches) => batches.map_err(broken).boxed(),
            Err(error) => stream::once(futures::future::ready(Err(broken(error)))).boxed(),
        }
    }

    fn rows(&self) -> Rows<'_> {
        Rows {
            file: &self.file,
            columns: &self.columns,
            names: &self.names,
            matching: self.matching,
            schema: self.metadata.parquet_schema(),
        }
    }
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
