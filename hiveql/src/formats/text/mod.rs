//! LazySimpleSerDe and MultiDelimitSerDe: fields between delimiters, nested values between delimiters of their own.

mod datetimes;
mod decode;
mod encode;
mod nested;
mod parameters;
mod patterns;
mod split;
mod values;

pub(super) use datetimes::TimestampReader;
pub(super) use decode::{Block, Primitives, text_column};
pub(super) use nested::{first_keys, map_array};
pub(super) use values::write_primitive;

use super::{
    FormatError,
    lines::Lines,
    rows::{BadRow, EncodedRows, RowSerde},
    storage::Storage,
};
use crate::types::HiveType;
use bytes::Bytes;
use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};
use parameters::Parameters;

#[derive(Debug)]
pub(super) struct Delimited {
    columns: Vec<(String, HiveType)>,
    parameters: Parameters,
}

impl Delimited {
    pub fn new(
        storage: &Storage,
        columns: &[(String, HiveType)],
        multiple: bool,
    ) -> Result<Delimited, FormatError> {
        Ok(Delimited { columns: columns.to_vec(), parameters: Parameters::new(storage, multiple)? })
    }
}

impl RowSerde for Delimited {
    fn decode(&self, lines: &Lines, projection: &[usize]) -> Result<Vec<ArrayRef>, BadRow> {
        let recoded = self.parameters.encoding.map(|encoding| recode(encoding, lines));
        let lines = recoded.as_ref().unwrap_or(lines);
        let block = Block::new(&lines.bytes);
        let fields = split::fields(lines, projection, self.columns.len(), &self.parameters);
        let decode = |(index, spans): (&usize, Vec<_>)| {
            nested::column(&self.columns[*index].1, block, &spans, 1, &self.parameters)
        };
        Ok(projection.iter().zip(fields).map(decode).collect())
    }

    fn encode(&self, batch: &RecordBatch, rows: &mut EncodedRows) {
        let Some(encoding) = self.parameters.encoding else {
            return encode::rows(batch, &self.columns, &self.parameters, rows);
        };
        let mut plain = EncodedRows::default();
        encode::rows(batch, &self.columns, &self.parameters, &mut plain);
        for row in plain.iter() {
            rows.bytes.extend_from_slice(&encoding.encode(&String::from_utf8_lossy(row)).0);
            rows.end_row();
        }
    }
}

/// The same lines in UTF-8. Offsets then are only right for the block's start.
fn recode(encoding: &'static encoding_rs::Encoding, lines: &Lines) -> Lines {
    let mut bytes = Vec::with_capacity(lines.bytes.len());
    let spans = lines.iter().map(|line| {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(encoding.decode_without_bom_handling(line).0.as_bytes());
        super::lines::Span { start, end: bytes.len() as u32 }
    });
    let spans = spans.collect();
    Lines { bytes: Bytes::from(bytes), spans, offset: lines.offset }
}

#[cfg(test)]
mod tests;
