//! File formats and SerDes: what a table's storage words stand for, files to batches, and batches to files.
//!
//! Text, CSV, JSON and regular expressions are rows of bytes; Parquet, ORC and Avro hold columns. Hive's binary SerDes
//! and its RCFILE are kept as Parquet inside, its SEQUENCEFILE as Parquet of whole columns too: they were never read by
//! others than Hive. Nothing here knows of queries or of who runs them.

mod classes;
mod columnar;
mod compression;
mod csv;
mod error;
mod escaped;
mod json;
mod lines;
mod range;
mod regex;
mod row_format;
mod rows;
mod storage;
mod summary;
mod text;
mod writer;

pub use classes::{Classes, LAZY_SIMPLE, TEXT_INPUT, TEXT_OUTPUT, is_of_other_format, stored_as};
pub use columnar::{SelfDescribing, avro_columns, conform_columns, file_columns};
pub use compression::Compression;
pub use error::{FormatError, Place};
pub use range::{BatchStream, FileRange, ReadOptions, RowPredicate, VirtualColumn};
pub use row_format::{RowFormat, RowWords};
pub use storage::{Storage, StorageWords};
pub use summary::FileSummary;

pub use writer::{FileWriter, Sink, Written};

use crate::types::HiveType;
use classes::{ContainerKind, SerdeKind};
use columnar::{AvroFiles, OrcFiles, ParquetFiles};
use datafusion::arrow::{
    datatypes::{Field, Schema, SchemaRef},
    record_batch::{RecordBatch, RecordBatchOptions},
};
use futures::{StreamExt, stream::BoxStream};
use lines::{LineOptions, Lines};
use object_store::ObjectStore;
use rows::RowSerde;
use std::sync::Arc;
use writer::{Body, SharedBuffer};

/// How the files of a table, or of one of its partitions, are read and written.
#[derive(Debug)]
pub struct FileFormat {
    storage: Storage,
    declared: Vec<(String, HiveType)>,
    columns: Vec<(String, HiveType)>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Rows { serde: Arc<dyn RowSerde>, header: usize, footer: usize },
    Avro(AvroFiles),
    Parquet(Box<ParquetFiles>),
    Orc(OrcFiles),
}

impl FileFormat {
    pub fn new(words: StorageWords<'_>, columns: &[(String, HiveType)]) -> Result<FileFormat, FormatError> {
        FileFormat::of(Storage::from(words), columns)
    }

    pub fn of(storage: Storage, declared: &[(String, HiveType)]) -> Result<FileFormat, FormatError> {
        let serde = SerdeKind::of(&storage.serde)?;
        let container = ContainerKind::of(&storage.input_format);
        let columns = match serde {
            SerdeKind::OpenCsv => csv::Csv::columns(declared),
            _ => declared.to_vec(),
        };
        let mismatch = || FormatError::Mismatch {
            serde: storage.serde.clone(),
            input_format: storage.input_format.clone(),
        };
        let kind = match (serde, container) {
            (SerdeKind::Avro, ContainerKind::Avro | ContainerKind::Lines) => {
                Kind::Avro(AvroFiles::new(&storage, &columns)?)
            }
            (SerdeKind::Orc, ContainerKind::Orc) => Kind::Orc(OrcFiles::new(&storage, &columns)?),
            (SerdeKind::Parquet, ContainerKind::Parquet) => {
                Kind::Parquet(Box::new(ParquetFiles::new(&storage, &columns)?))
            }
            (SerdeKind::Avro | SerdeKind::Orc | SerdeKind::Parquet, _) => return Err(mismatch()),
            // Hive's own binary rows and containers are columns here, whatever the file is said to be.
            (SerdeKind::Binary, _) | (_, ContainerKind::Records | ContainerKind::Columns) => {
                Kind::Parquet(Box::new(ParquetFiles::new(&storage, &columns)?))
            }
            (_, ContainerKind::Lines) => rows(serde, &storage, &columns)?,
            _ => return Err(mismatch()),
        };
        let columns = match &kind {
            Kind::Avro(files) => files.columns().to_vec(),
            _ => columns,
        };
        Ok(FileFormat { storage, declared: declared.to_vec(), columns, kind })
    }

    /// What `of` makes an equal format from, elsewhere.
    pub fn definition(&self) -> (&Storage, &[(String, HiveType)]) {
        (&self.storage, &self.declared)
    }

    /// As the SerDe has them: those of OpenCSVSerde are strings, those of AvroSerDe may be its schema's.
    pub fn columns(&self) -> &[(String, HiveType)] {
        &self.columns
    }

    /// In EXPLAIN.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Rows { .. } => "text",
            Kind::Avro(_) => "avro",
            Kind::Parquet(_) => "parquet",
            Kind::Orc(_) => "orc",
        }
    }

    pub fn schema(&self, options: &ReadOptions) -> SchemaRef {
        columnar::read_schema(&self.columns, options)
    }

    /// Whether ranges of a file can be read apart.
    pub fn splits(&self, path: &str) -> bool {
        match &self.kind {
            Kind::Rows { footer, .. } => *footer == 0 && Compression::of_path(path) == Compression::None,
            Kind::Avro(_) | Kind::Parquet(_) | Kind::Orc(_) => true,
        }
    }

    pub fn read(&self, store: Arc<dyn ObjectStore>, file: FileRange, options: ReadOptions) -> BatchStream {
        // A file of no bytes is a table of no rows in every format.
        if file.size == 0 {
            return futures::stream::empty().boxed();
        }
        match &self.kind {
            Kind::Avro(files) => files.read(store, file, options),
            Kind::Parquet(files) => files.read(store, file, options),
            Kind::Orc(files) => files.read(store, file, options),
            Kind::Rows { serde, header, footer } => {
                let schema = self.schema(&options);
                let lines = LineOptions { header: *header, footer: *footer, batch_rows: options.batch_rows };
                let lines = lines::read(store, file.clone(), lines);
                decode(serde.clone(), lines, file, options, schema)
            }
        }
    }

    /// `compression` is that of `hive.exec.compress.output`; formats that compress by themselves ignore it.
    pub async fn writer(&self, sink: Sink, compression: Compression) -> Result<FileWriter, FormatError> {
        FileWriter::open(sink, self.body(compression)?).await
    }

    /// What the name of a file that is written ends with.
    pub fn ending(&self, compression: Compression) -> &'static str {
        match &self.kind {
            Kind::Rows { .. } => compression.ending(),
            _ => "",
        }
    }

    fn body(&self, compression: Compression) -> Result<Body, FormatError> {
        let buffer = SharedBuffer::default();
        let schema = arrow_schema(&self.columns);
        let writer = match &self.kind {
            Kind::Rows { serde, .. } => {
                serde.check_writable()?;
                return Body::lines(serde.clone(), compression)
                    .map_err(|error| FormatError::io(&"a new file", error));
            }
            Kind::Avro(files) => {
                files.check_writable()?;
                files.writer(buffer.clone())
            }
            Kind::Parquet(files) => files.writer(schema, buffer.clone()),
            Kind::Orc(files) => files.writer(schema, buffer.clone()),
        };
        let writer = writer.map_err(|error| FormatError::arrow(&"a new file", error))?;
        Ok(Body::Columns { writer, buffer })
    }
}

fn rows(serde: SerdeKind, storage: &Storage, columns: &[(String, HiveType)]) -> Result<Kind, FormatError> {
    let serde: Arc<dyn RowSerde> = match serde {
        SerdeKind::OpenCsv => Arc::new(csv::Csv::new(storage)?),
        SerdeKind::Regex => Arc::new(regex::RegexRows::new(storage, columns)?),
        SerdeKind::Json => Arc::new(json::Json::new(storage, columns)),
        other => Arc::new(text::Delimited::new(storage, columns, other == SerdeKind::MultiDelimit)?),
    };
    let (header, footer) =
        (storage.count("skip.header.line.count")?, storage.count("skip.footer.line.count")?);
    Ok(Kind::Rows { serde, header, footer })
}

fn decode(
    serde: Arc<dyn RowSerde>,
    lines: BoxStream<'static, Result<Lines, FormatError>>,
    file: FileRange,
    options: ReadOptions,
    schema: SchemaRef,
) -> BatchStream {
    let batches = lines.map(move |lines| {
        let lines = lines?;
        let columns = serde.decode(&lines, &options.projection);
        let mut columns = columns.map_err(|bad| bad.in_file(&file.path, &lines))?;
        columns.extend(options.virtual_arrays(&file, &lines));
        let with_rows = RecordBatchOptions::new().with_row_count(Some(lines.rows()));
        RecordBatch::try_new_with_options(schema.clone(), columns, &with_rows)
            .map_err(|error| FormatError::arrow(&file.path, error))
    });
    batches.boxed()
}

/// All columns may be NULL.
pub fn arrow_schema(columns: &[(String, HiveType)]) -> SchemaRef {
    Arc::new(Schema::new(
        columns.iter().map(|(name, ty)| Field::new(name, ty.arrow(), true)).collect::<Vec<_>>(),
    ))
}

#[cfg(test)]
mod tests;
