//! SerDes of single rows: bytes of a row to values and back.

use super::{
    error::{FormatError, Place},
    lines::Lines,
};
use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};
use std::fmt;

/// Why a row cannot be read; it is counted from the block's first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadRow {
    pub row: usize,
    pub reason: String,
}

impl BadRow {
    pub fn in_file(self, file: &str, lines: &Lines) -> FormatError {
        let start = lines.spans.get(self.row).map_or(0, |span| u64::from(span.start));
        FormatError::broken(&file, Place::Offset(lines.offset + start), self.reason)
    }
}

/// Rows as bytes, one after the other.
#[derive(Debug, Default)]
pub(super) struct EncodedRows {
    pub bytes: Vec<u8>,
    pub ends: Vec<usize>,
}

impl EncodedRows {
    pub fn end_row(&mut self) {
        self.ends.push(self.bytes.len());
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// A SerDe for which a row is a byte string.
pub(super) trait RowSerde: fmt::Debug + Send + Sync {
    /// The projected columns of all rows.
    fn decode(&self, lines: &Lines, projection: &[usize]) -> Result<Vec<ArrayRef>, BadRow>;

    /// Whether there is a way to write at all.
    fn check_writable(&self) -> Result<(), FormatError> {
        Ok(())
    }

    /// Appends the rows of a batch that has all columns.
    fn encode(&self, batch: &RecordBatch, rows: &mut EncodedRows);
}
