//! Avro: columns by name; a table's own schema, where it has one, is the reader's.

use super::{Adapter, Matching, avro_schema, conform, opening, store_reader::StoreReader};
use crate::{
    formats::{
        FormatError, arrow_schema,
        error::Place,
        range::{BatchStream, FileRange, ReadOptions},
        storage::Storage,
        writer::{ColumnWriter, SharedBuffer},
    },
    types::{HiveType, StructField},
};
use arrow_avro::{
    compression::CompressionCodec,
    errors::AvroError,
    reader::AsyncAvroFileReader,
    schema::AvroSchema,
    writer::{AvroWriter, WriterBuilder, format::AvroOcfFormat},
};
use datafusion::arrow::{datatypes::SchemaRef, error::ArrowError, record_batch::RecordBatch};
use futures::StreamExt;
use object_store::ObjectStore;
use std::sync::Arc;

#[derive(Debug)]
pub(in crate::formats) struct AvroFiles {
    columns: Vec<(String, HiveType)>,
    schema: Option<String>,
    compression: Option<CompressionCodec>,
}

impl AvroFiles {
    pub fn new(storage: &Storage, columns: &[(String, HiveType)]) -> Result<AvroFiles, FormatError> {
        let schema = avro_schema::of_table(storage)?;
        let columns = match &schema {
            Some(schema) => avro_schema::columns(schema)?,
            None => columns.to_vec(),
        };
        let schema = schema.map(|schema| schema.to_string());
        Ok(AvroFiles { columns, schema, compression: compression(storage)? })
    }

    /// Those of the table's schema, if it has one.
    pub fn columns(&self) -> &[(String, HiveType)] {
        &self.columns
    }

    pub fn read(&self, store: Arc<dyn ObjectStore>, file: FileRange, options: ReadOptions) -> BatchStream {
        let path = file.path.clone();
        let (columns, schema) = (self.columns.clone(), self.schema.clone());
        opening(&path, async move { open(store, file, options, columns, schema).await })
    }

    pub fn writer(&self, buffer: SharedBuffer) -> Result<Box<dyn ColumnWriter>, ArrowError> {
        let columns: Vec<_> = self.columns.iter().map(|(name, ty)| (name.clone(), avro_type(ty))).collect();
        let schema = arrow_schema(&columns);
        let builder = WriterBuilder::new(schema.as_ref().clone()).with_compression(self.compression);
        let writer = builder
            .build::<_, AvroOcfFormat>(buffer)
            .map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        Ok(Box::new(Conforming { columns, schema, writer }))
    }

    pub fn check_writable(&self) -> Result<(), FormatError> {
        for (column, ty) in &self.columns {
            if !has_avro_form(ty) {
                let (column, ty) = (column.clone(), ty.clone());
                return Err(FormatError::ColumnType { column, ty, format: "Avro" });
            }
        }
        Ok(())
    }
}

async fn open(
    store: Arc<dyn ObjectStore>,
    file: FileRange,
    options: ReadOptions,
    columns: Vec<(String, HiveType)>,
    schema: Option<String>,
) -> Result<BatchStream, FormatError> {
    let broken = |error: AvroError| FormatError::broken(&file.path, Place::Head, error);
    let builder = || {
        let reader = StoreReader::new(store.clone(), &file);
        let builder = AsyncAvroFileReader::builder(reader, file.size, options.batch_rows.max(1));
        builder.with_range(file.start..file.end)
    };
    // What cannot be resolved as Avro says is resolved by the columns' names.
    let resolved = match schema {
        Some(schema) => builder().with_reader_schema(AvroSchema::new(schema)).try_build().await.ok(),
        None => None,
    };
    let batches = match resolved {
        Some(batches) => batches,
        None => builder().try_build().await.map_err(broken)?,
    };
    let names: Vec<String> = batches.schema().fields().iter().map(|field| field.name().clone()).collect();
    let (adapter, read) = Adapter::new(&file, &options, &columns, &names, Matching::Name);
    let path = file.path.clone();
    let batches = batches.map(move |batch| {
        let batch = batch.map_err(|error| FormatError::broken(&path, Place::Head, error))?;
        batch.project(&read).map_err(|error| FormatError::arrow(&path, error))
    });
    Ok(adapter.adapt_all(batches.boxed()))
}

/// What Hive's TypeInfoToSchema would write.
fn avro_type(ty: &HiveType) -> HiveType {
    match ty {
        HiveType::TinyInt | HiveType::SmallInt => HiveType::Int,
        HiveType::Char(_) | HiveType::Varchar(_) => HiveType::String,
        HiveType::Array(element) => HiveType::array(avro_type(element)),
        HiveType::Map(_, value) => HiveType::map(HiveType::String, avro_type(value)),
        HiveType::Struct(fields) => HiveType::Struct(
            fields
                .iter()
                .map(|field| StructField { name: field.name.clone(), ty: avro_type(&field.ty) })
                .collect(),
        ),
        // As a record of the tag and all alternatives, of which one is not NULL.
        HiveType::Union(types) => {
            let tag = StructField { name: "tag".to_owned(), ty: HiveType::Int };
            let others = types.iter().enumerate();
            let others =
                others.map(|(index, ty)| StructField { name: format!("_{index}"), ty: avro_type(ty) });
            HiveType::Struct(std::iter::once(tag).chain(others).collect())
        }
        other => other.clone(),
    }
}

fn has_avro_form(ty: &HiveType) -> bool {
    match ty {
        HiveType::Array(element) => has_avro_form(element),
        HiveType::Map(key, value) => key.is_text() && has_avro_form(value),
        HiveType::Struct(fields) => fields.iter().all(|field| has_avro_form(&field.ty)),
        HiveType::Union(types) => types.iter().all(has_avro_form),
        _ => !ty.is_interval(),
    }
}

fn compression(storage: &Storage) -> Result<Option<CompressionCodec>, FormatError> {
    let Some(word) = storage.get("avro.output.codec") else { return Ok(None) };
    Ok(Some(match word {
        "null" => return Ok(None),
        "deflate" => CompressionCodec::Deflate,
        "snappy" => CompressionCodec::Snappy,
        "zstandard" => CompressionCodec::ZStandard,
        _ => {
            return Err(FormatError::Property {
                name: "avro.output.codec",
                value: word.to_owned(),
                reason: "no such codec".to_owned(),
            });
        }
    }))
}

/// Casts to what Avro can hold before it writes.
struct Conforming {
    columns: Vec<(String, HiveType)>,
    schema: SchemaRef,
    writer: AvroWriter<SharedBuffer>,
}

impl ColumnWriter for Conforming {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let columns = batch.columns().iter().zip(&self.columns);
        let columns = columns.map(|(array, (_, ty))| conform(array, ty, Matching::Position));
        let batch = RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_, _>>()?)?;
        self.writer.write(&batch).map_err(|error| ArrowError::ExternalError(Box::new(error)))
    }

    fn close(mut self: Box<Self>) -> Result<(), ArrowError> {
        self.writer.finish().map_err(|error| ArrowError::ExternalError(Box::new(error)))
    }
}
