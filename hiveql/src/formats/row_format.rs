//! Rows as a TRANSFORM script sees them: one line each, in the form of a SerDe whose rows are lines.

use super::{
    FormatError, Kind, LAZY_SIMPLE, arrow_schema,
    classes::SerdeKind,
    csv, escaped,
    lines::{Lines, Span},
    rows::{EncodedRows, RowSerde},
    storage::Storage,
};
use crate::types::HiveType;
use bytes::Bytes;
use datafusion::arrow::{
    datatypes::SchemaRef,
    error::ArrowError,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// What a query says of the lines that go into a script, or of those that come out of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowWords {
    /// The class; empty for LazySimpleSerDe.
    pub serde: String,
    /// Those of ROW FORMAT (`field.delim`, `escape.delim`, ...).
    pub properties: BTreeMap<String, String>,
    pub columns: Vec<(String, HiveType)>,
    /// The last column is the rest of the line: for scripts whose columns the query does not name.
    pub last_takes_rest: bool,
    /// `hive.transform.escape.input`: line ends and tabs inside of values travel behind a backslash.
    pub escaped: bool,
}

/// Encodes the rows that go into a script and decodes those that come out of it.
#[derive(Debug)]
pub struct RowFormat {
    serde: Arc<dyn RowSerde>,
    columns: Vec<(String, HiveType)>,
    schema: SchemaRef,
    escaped: bool,
}

impl RowFormat {
    /// Where nothing else is said, a tab separates the fields.
    pub fn new(words: &RowWords) -> Result<RowFormat, FormatError> {
        let mut properties = words.properties.clone();
        let separator = if words.escaped { escaped::SEPARATOR } else { "\t" };
        properties.entry("field.delim".to_owned()).or_insert_with(|| separator.to_owned());
        if words.last_takes_rest {
            properties.insert("serialization.last.column.takes.rest".to_owned(), "true".to_owned());
        }
        let class = if words.serde.is_empty() { LAZY_SIMPLE } else { words.serde.as_str() };
        let kind = SerdeKind::of(class)?;
        let columns = match kind {
            SerdeKind::OpenCsv => csv::Csv::columns(&words.columns),
            _ => words.columns.clone(),
        };
        let storage = Storage {
            input_format: String::new(),
            output_format: String::new(),
            serde: class.to_owned(),
            serde_properties: properties,
            table_properties: BTreeMap::new(),
        };
        let lines = match kind {
            SerdeKind::Avro | SerdeKind::Parquet | SerdeKind::Orc | SerdeKind::Binary => None,
            kind => match super::rows(kind, &storage, &columns)? {
                Kind::Rows { serde, .. } => Some(serde),
                _ => None,
            },
        };
        let Some(serde) = lines else {
            return Err(FormatError::Mismatch {
                serde: class.to_owned(),
                input_format: "the lines of a script".to_owned(),
            });
        };
        Ok(RowFormat { serde, schema: arrow_schema(&columns), columns, escaped: words.escaped })
    }

    /// For rows that go into a script.
    pub fn check_writable(&self) -> Result<(), FormatError> {
        self.serde.check_writable()
    }

    /// As the SerDe has them: those of OpenCSVSerde are strings.
    pub fn columns(&self) -> &[(String, HiveType)] {
        &self.columns
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Appends the batch's rows, each with its line feed.
    pub fn encode(&self, batch: &RecordBatch, out: &mut Vec<u8>) {
        let mut rows = EncodedRows::default();
        self.serde.encode(batch, &mut rows);
        for row in rows.iter() {
            match self.escaped {
                true => escaped::write(row, out),
                false => out.extend_from_slice(row),
            }
            out.push(b'\n');
        }
    }

    /// The rows of whole lines; a last line need not have its line feed.
    pub fn decode(&self, bytes: Bytes) -> Result<RecordBatch, ArrowError> {
        let mut spans = Vec::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &bytes).chain(std::iter::once(bytes.len())) {
            if end > start || end < bytes.len() {
                spans.push(Span { start: start as u32, end: end as u32 });
            }
            start = end + 1;
        }
        let mut lines = Lines { bytes, spans, offset: 0 };
        if self.escaped {
            lines = unescaped(&lines);
        }
        let projection: Vec<usize> = (0..self.columns.len()).collect();
        let columns = self.serde.decode(&lines, &projection);
        let columns = columns.map_err(|bad| ArrowError::ParseError(bad.reason))?;
        let options = RecordBatchOptions::new().with_row_count(Some(lines.rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
    }
}

fn unescaped(lines: &Lines) -> Lines {
    let mut bytes = Vec::with_capacity(lines.bytes.len());
    let spans = lines.iter().map(|line| {
        let start = bytes.len() as u32;
        escaped::read(line, &mut bytes);
        Span { start, end: bytes.len() as u32 }
    });
    let spans = spans.collect();
    Lines { bytes: Bytes::from(bytes), spans, offset: lines.offset }
}
