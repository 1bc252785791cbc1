//! Rows as a TRANSFORM script sees them: one line each, in the form of LazySimpleSerDe.

use super::Delimited;
use crate::{
    formats::{
        FormatError, arrow_schema,
        lines::{Lines, Span},
        rows::{EncodedRows, RowSerde},
        storage::Storage,
    },
    types::HiveType,
};
use bytes::Bytes;
use datafusion::arrow::{
    datatypes::SchemaRef,
    error::ArrowError,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use std::collections::BTreeMap;

/// Encodes the rows that go into a script and decodes those that come out of it.
#[derive(Debug)]
pub struct RowFormat {
    delimited: Delimited,
    columns: usize,
    schema: SchemaRef,
}

impl RowFormat {
    /// `properties` are those of ROW FORMAT (`field.delim`, `escape.delim`, ...); without one of its own, a tab
    /// separates the fields. `last_takes_rest` is for scripts whose columns the query does not name.
    pub fn new(
        properties: &BTreeMap<String, String>,
        columns: &[(String, HiveType)],
        last_takes_rest: bool,
    ) -> Result<RowFormat, FormatError> {
        let mut properties = properties.clone();
        properties.entry("field.delim".to_owned()).or_insert_with(|| "\t".to_owned());
        if last_takes_rest {
            properties.insert("serialization.last.column.takes.rest".to_owned(), "true".to_owned());
        }
        let storage = Storage {
            input_format: String::new(),
            output_format: String::new(),
            serde: String::new(),
            serde_properties: properties,
            table_properties: BTreeMap::new(),
        };
        let delimited = Delimited::new(&storage, columns, false)?;
        Ok(RowFormat { delimited, columns: columns.len(), schema: arrow_schema(columns) })
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Appends the batch's rows, each with its line feed.
    pub fn encode(&self, batch: &RecordBatch, out: &mut Vec<u8>) {
        let mut rows = EncodedRows::default();
        self.delimited.encode(batch, &mut rows);
        for row in rows.iter() {
            out.extend_from_slice(row);
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
        let lines = Lines { bytes, spans, offset: 0 };
        let projection: Vec<usize> = (0..self.columns).collect();
        let columns = self.delimited.decode(&lines, &projection);
        let columns = columns.map_err(|bad| ArrowError::ParseError(bad.reason))?;
        let options = RecordBatchOptions::new().with_row_count(Some(lines.rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
    }
}
