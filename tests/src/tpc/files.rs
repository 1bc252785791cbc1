//! Rows of a generator as files.

use orc_rust::ArrowWriterBuilder;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::Arc,
};
use tpchgen_arrow::arrow::{
    array::{RecordBatch, RecordBatchReader},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
};

/// How the files of a table are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Parquet,
    /// Decimals are strings in the file: the writer at hand has no decimals.
    Orc,
    /// As `dbgen` writes it: `|` after every value.
    Text,
}

impl FileKind {
    /// What CREATE TABLE says of it.
    pub fn clause(self) -> &'static str {
        match self {
            FileKind::Parquet => "STORED AS PARQUET",
            FileKind::Orc => "STORED AS ORC",
            FileKind::Text => "ROW FORMAT DELIMITED FIELDS TERMINATED BY '|' STORED AS TEXTFILE",
        }
    }

    /// Of the one file of each table.
    pub fn file_name(self) -> &'static str {
        match self {
            FileKind::Parquet => "data.parquet",
            FileKind::Orc => "data.orc",
            FileKind::Text => "data.tbl",
        }
    }
}

pub(super) type Rows = Box<dyn RecordBatchReader>;
pub(super) type Lines = Box<dyn Iterator<Item = String>>;

pub(super) fn write(path: &Path, rows: Rows, kind: FileKind) {
    let file = BufWriter::new(File::create(path).expect("the file is made"));
    match kind {
        FileKind::Orc => write_orc(file, rows),
        _ => write_parquet(file, rows),
    }
}

pub(super) fn write_lines(path: &Path, lines: Lines) {
    let mut file = BufWriter::new(File::create(path).expect("the file is made"));
    lines.for_each(|line| writeln!(file, "{line}").expect("a line is written"));
    file.flush().expect("the file is written");
}

fn write_parquet(file: impl Write + Send, rows: Rows) {
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).expect("a writer");
    rows.for_each(|batch| writer.write(&batch.expect("rows")).expect("rows are written"));
    writer.close().expect("the file is written");
}

fn write_orc(file: impl Write, rows: Rows) {
    let schema = plain_schema(&rows.schema());
    let mut writer = ArrowWriterBuilder::new(file, schema.clone()).try_build().expect("a writer");
    rows.for_each(|batch| {
        let batch = plain(&batch.expect("rows"), &schema);
        writer.write(&batch).expect("rows are written");
    });
    writer.close().expect("the file is written");
}

/// With types that the writer of ORC knows.
fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let ty = match field.data_type() {
            DataType::Utf8View | DataType::Decimal128(..) => DataType::Utf8,
            other => other.clone(),
        };
        Field::new(field.name(), ty, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()).expect("a plain column"));
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("a batch")
}
