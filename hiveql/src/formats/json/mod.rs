//! JsonSerDe: one document per row; names of columns and fields match in any case.

mod decode;
mod encode;

use super::{
    lines::Lines,
    rows::{BadRow, EncodedRows, RowSerde},
    storage::Storage,
    text::Primitives,
};
use crate::types::HiveType;
use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};

#[derive(Debug)]
pub(super) struct Json {
    columns: Vec<(String, HiveType)>,
    primitives: Primitives,
    ignore_malformed: bool,
    /// Binary values are their text's bytes, not base64.
    raw_binary: bool,
}

impl Json {
    pub fn new(storage: &Storage, columns: &[(String, HiveType)]) -> Json {
        let format = storage.get("json.binary.format").unwrap_or_default();
        Json {
            columns: columns.to_vec(),
            primitives: Primitives::new(storage, None),
            ignore_malformed: storage.is_true("ignore.malformed.json"),
            raw_binary: format.eq_ignore_ascii_case("rawstring"),
        }
    }
}

impl RowSerde for Json {
    fn decode(&self, lines: &Lines, projection: &[usize]) -> Result<Vec<ArrayRef>, BadRow> {
        decode::rows(self, lines, projection)
    }

    fn encode(&self, batch: &RecordBatch, rows: &mut EncodedRows) {
        encode::rows(&self.columns, batch, self.raw_binary, rows);
    }
}
