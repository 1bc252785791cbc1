//! The columns that a file says it has, for a table that is made like it.

use super::store_reader::StoreReader;
use crate::{
    formats::{FormatError, error::Place, range::FileRange},
    types::{HiveType, StructField},
};
use arrow_avro::reader::AsyncAvroFileReader;
use datafusion::arrow::datatypes::SchemaRef;
use object_store::ObjectStore;
use orc_rust::ArrowReaderBuilder;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, arrow_reader::ArrowReaderOptions};
use std::sync::Arc;

/// Formats whose files know their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfDescribing {
    Parquet,
    Orc,
    Avro,
}

impl SelfDescribing {
    pub fn of_word(word: &str) -> Option<SelfDescribing> {
        [SelfDescribing::Parquet, SelfDescribing::Orc, SelfDescribing::Avro]
            .into_iter()
            .find(|format| format.word().eq_ignore_ascii_case(word))
    }

    pub fn word(self) -> &'static str {
        match self {
            SelfDescribing::Parquet => "Parquet",
            SelfDescribing::Orc => "ORC",
            SelfDescribing::Avro => "Avro",
        }
    }
}

/// `text_of_bytes`: bytes that nothing is said of are strings.
pub async fn file_columns(
    store: Arc<dyn ObjectStore>,
    file: &FileRange,
    format: SelfDescribing,
    text_of_bytes: bool,
) -> Result<Vec<(String, HiveType)>, FormatError> {
    let schema = schema(store, file, format).await?;
    let column = |field: &Arc<datafusion::arrow::datatypes::Field>| {
        let ty = HiveType::of_arrow(field.data_type()).ok_or_else(|| {
            let reason = format!("HiveQL has no type for {} of column {}", field.data_type(), field.name());
            FormatError::broken(&file.path, Place::Head, reason)
        })?;
        let ty = if text_of_bytes { with_texts(ty) } else { ty };
        Ok((field.name().to_lowercase(), ty))
    };
    schema.fields().iter().map(column).collect()
}

async fn schema(
    store: Arc<dyn ObjectStore>,
    file: &FileRange,
    format: SelfDescribing,
) -> Result<SchemaRef, FormatError> {
    let broken = |reason: &dyn std::fmt::Display| FormatError::broken(&file.path, Place::Head, reason);
    let reader = StoreReader::new(store.clone(), file);
    match format {
        SelfDescribing::Parquet => {
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            let builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, options).await;
            Ok(builder.map_err(|error| broken(&error))?.schema().clone())
        }
        SelfDescribing::Orc => {
            if file.size < super::orc::SMALLEST {
                return Err(broken(&"too short for an ORC file"));
            }
            let is_parquet = super::orc::is_parquet(&store, file).await;
            if is_parquet.map_err(|error| FormatError::store(&file.path, error))? {
                return Box::pin(schema_of_parquet(store, file)).await;
            }
            let builder = ArrowReaderBuilder::try_new_async(reader).await;
            Ok(builder.map_err(|error| broken(&error))?.schema())
        }
        SelfDescribing::Avro => {
            let builder = AsyncAvroFileReader::builder(reader, file.size, 1);
            let reader = builder.with_range(0..file.size).try_build().await;
            Ok(reader.map_err(|error| broken(&error))?.schema())
        }
    }
}

async fn schema_of_parquet(store: Arc<dyn ObjectStore>, file: &FileRange) -> Result<SchemaRef, FormatError> {
    schema(store, file, SelfDescribing::Parquet).await
}

fn with_texts(ty: HiveType) -> HiveType {
    match ty {
        HiveType::Binary => HiveType::String,
        HiveType::Array(element) => HiveType::array(with_texts(*element)),
        HiveType::Map(key, value) => HiveType::map(with_texts(*key), with_texts(*value)),
        HiveType::Struct(fields) => {
            let field = |field: StructField| StructField { name: field.name, ty: with_texts(field.ty) };
            HiveType::Struct(fields.into_iter().map(field).collect())
        }
        other => other,
    }
}
