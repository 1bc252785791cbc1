//! Files that hold columns with types of their own: Parquet, ORC and Avro. What they hold becomes what the table says.

mod avro;
mod avro_schema;
mod conform;
mod inferred;
mod orc;
mod parquet;
mod pruning;
mod row_filter;
mod store_reader;

pub(super) use avro::AvroFiles;
pub use avro_schema::avro_columns;
pub use inferred::{SelfDescribing, file_columns};
pub(super) use orc::OrcFiles;
pub(super) use parquet::ParquetFiles;
pub use row_filter::Judgement;

use super::{
    error::{FormatError, Place},
    range::{BatchStream, FileRange, OneBlock, ReadOptions},
};
use crate::types::HiveType;
use conform::{Matching, conform};
use datafusion::arrow::{
    array::{ArrayRef, new_null_array},
    datatypes::{Field, Schema, SchemaRef},
    error::ArrowError,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use futures::{FutureExt, StreamExt, stream, stream::BoxStream};
use std::{panic::AssertUnwindSafe, sync::Arc};

type ArrowStream = BoxStream<'static, Result<RecordBatch, FormatError>>;

/// Which columns of a file a table's columns are, and how a batch of the file becomes one of the table.
struct Adapter {
    file: FileRange,
    options: ReadOptions,
    /// Type and, if the file has it, place among the columns that are read.
    columns: Vec<(HiveType, Option<usize>)>,
    schema: SchemaRef,
    matching: Matching,
}

impl Adapter {
    /// Also the file's columns that must be read, in the file's order.
    fn new(
        file: &FileRange,
        options: &ReadOptions,
        table: &[(String, HiveType)],
        names: &[String],
        matching: Matching,
    ) -> (Adapter, Vec<usize>) {
        let place = |index: usize| match matching {
            Matching::Name => names.iter().position(|name| name.eq_ignore_ascii_case(&table[index].0)),
            Matching::Position => Some(index).filter(|index| *index < names.len()),
        };
        let places: Vec<Option<usize>> = options.projection.iter().map(|index| place(*index)).collect();
        let mut read: Vec<usize> = places.iter().flatten().copied().collect();
        read.sort_unstable();
        read.dedup();
        let among = |place: &Option<usize>| place.and_then(|place| read.binary_search(&place).ok());
        let columns = options
            .projection
            .iter()
            .zip(&places)
            .map(|(index, place)| (table[*index].1.clone(), among(place)));
        let adapter = Adapter {
            file: file.clone(),
            options: options.clone(),
            columns: columns.collect(),
            schema: read_schema(table, options),
            matching,
        };
        (adapter, read)
    }

    /// `first`: how many rows came before.
    fn adapt(&self, batch: &RecordBatch, first: usize) -> Result<RecordBatch, ArrowError> {
        let rows = batch.num_rows();
        let column = |(ty, place): &(HiveType, Option<usize>)| match place {
            Some(place) => conform(batch.column(*place), ty, self.matching),
            None => Ok(new_null_array(&ty.arrow(), rows)),
        };
        let mut columns = self.columns.iter().map(column).collect::<Result<Vec<ArrayRef>, _>>()?;
        let block = OneBlock { offset: self.file.start, first, rows };
        columns.extend(self.options.virtual_arrays(&self.file, block));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
    }

    fn adapt_all(self, batches: ArrowStream) -> BatchStream {
        let mut first = 0;
        let adapted = batches.map(move |batch| {
            let batch = batch?;
            let before = first;
            first += batch.num_rows();
            self.adapt(&batch, before).map_err(|error| FormatError::arrow(&self.file.path, error))
        });
        adapted.boxed()
    }
}

/// Values of a partition whose columns have other types than the table's.
pub fn conform_columns(array: &ArrayRef, ty: &HiveType) -> Result<ArrayRef, ArrowError> {
    // A text of the right type was cut to its length when it was read.
    if *array.data_type() == ty.arrow() { Ok(array.clone()) } else { conform(array, ty, Matching::Position) }
}

/// The schema of what is read with these options.
pub(super) fn read_schema(table: &[(String, HiveType)], options: &ReadOptions) -> SchemaRef {
    let data =
        options.projection.iter().map(|index| Field::new(&table[*index].0, table[*index].1.arrow(), true));
    let added = options.virtual_columns.iter().map(|column| column.field());
    Arc::new(Schema::new(data.chain(added).collect::<Vec<_>>()))
}

/// A library that panics over a broken file says no more than that it is broken.
fn guarded(path: String, batches: BatchStream) -> BatchStream {
    let mut failed = false;
    let guarded = AssertUnwindSafe(batches).catch_unwind().map(move |item| match item {
        Ok(item) => item,
        Err(_) => Err(FormatError::broken(&path, Place::Head, "the file is damaged")),
    });
    guarded
        .take_while(move |item| {
            let go_on = !failed;
            failed = item.is_err();
            futures::future::ready(go_on)
        })
        .boxed()
}

/// A stream that must first be opened.
fn opening(
    path: &str,
    open: impl Future<Output = Result<BatchStream, FormatError>> + Send + 'static,
) -> BatchStream {
    let broken = FormatError::broken(&path, Place::Head, "the file is damaged");
    let opened = async move { AssertUnwindSafe(open).catch_unwind().await.unwrap_or(Err(broken)) };
    let flat = stream::once(opened).map(|opened| match opened {
        Ok(batches) => batches,
        Err(error) => stream::once(futures::future::ready(Err(error))).boxed(),
    });
    guarded(path.to_owned(), flat.flatten().boxed())
}
