//! RegexSerDe: a row is a line that the whole pattern matches, its columns are the pattern's groups.

use super::{
    FormatError,
    lines::{Lines, Span},
    rows::{BadRow, EncodedRows, RowSerde},
    storage::Storage,
    text::{Block, Primitives, write_primitive},
};
use crate::types::HiveType;
use datafusion::arrow::{
    array::{Array, ArrayRef, new_null_array},
    record_batch::RecordBatch,
};
use fancy_regex::Regex;
use std::borrow::Cow;

const PATTERN: &str = "input.regex";
const OUTPUT: &str = "output.format.string";

#[derive(Debug)]
pub(super) struct RegexRows {
    pattern: Regex,
    columns: Vec<(String, HiveType)>,
    primitives: Primitives,
    output: Option<Vec<Piece>>,
}

/// Of a Java format string of `%1$s` and text.
#[derive(Debug)]
enum Piece {
    Text(String),
    Column(usize),
}

impl RegexRows {
    pub fn new(storage: &Storage, columns: &[(String, HiveType)]) -> Result<RegexRows, FormatError> {
        let pattern = storage.get(PATTERN).ok_or(FormatError::Missing(PATTERN))?;
        let case = if storage.is_true("input.regex.case.insensitive") { "(?i)" } else { "" };
        // Java's DOTALL alone lets a dot match a line's end, and a line has none.
        let anchored = format!("{case}^(?:{pattern})$");
        let compiled = Regex::new(&anchored).map_err(|error| FormatError::Property {
            name: PATTERN,
            value: pattern.to_owned(),
            reason: error.to_string(),
        })?;
        if let Some((column, ty)) = columns.iter().find(|(_, ty)| !ty.is_primitive()) {
            let (column, ty) = (column.clone(), ty.clone());
            return Err(FormatError::ColumnType { column, ty, format: "RegexSerDe" });
        }
        Ok(RegexRows {
            pattern: compiled,
            columns: columns.to_vec(),
            primitives: Primitives::new(storage, None),
            output: storage.get(OUTPUT).map(pieces),
        })
    }
}

impl RowSerde for RegexRows {
    fn decode(&self, lines: &Lines, projection: &[usize]) -> Result<Vec<ArrayRef>, BadRow> {
        let mut text = Vec::with_capacity(lines.bytes.len());
        let mut spans: Vec<Vec<Span>> = projection.iter().map(|_| Vec::with_capacity(lines.rows())).collect();
        for (row, line) in lines.iter().enumerate() {
            let start = text.len();
            let line: Cow<'_, str> = String::from_utf8_lossy(line);
            text.extend_from_slice(line.as_bytes());
            let bad = |error: fancy_regex::Error| BadRow { row, reason: error.to_string() };
            let groups = self.pattern.captures(line.as_ref()).map_err(bad)?;
            for (spans, index) in spans.iter_mut().zip(projection) {
                let group = groups.as_ref().and_then(|groups| groups.get(index + 1));
                let at = |place: usize| (start + place) as u32;
                spans.push(
                    group.map_or(Span::NULL, |group| Span { start: at(group.start()), end: at(group.end()) }),
                );
            }
        }
        let block = Block::new(&text);
        let column = |(index, spans): (&usize, &Vec<Span>)| {
            let ty = &self.columns[*index].1;
            self.primitives
                .column(ty, block, spans)
                .unwrap_or_else(|| new_null_array(&ty.arrow(), spans.len()))
        };
        Ok(projection.iter().zip(&spans).map(column).collect())
    }

    fn check_writable(&self) -> Result<(), FormatError> {
        if self.output.is_some() { Ok(()) } else { Err(FormatError::Missing(OUTPUT)) }
    }

    fn encode(&self, batch: &RecordBatch, rows: &mut EncodedRows) {
        for row in 0..batch.num_rows() {
            for piece in self.output.iter().flatten() {
                match piece {
                    Piece::Text(text) => rows.bytes.extend_from_slice(text.as_bytes()),
                    Piece::Column(index) => {
                        let Some((_, ty)) = self.columns.get(*index) else { continue };
                        let array = batch.column(*index);
                        if array.is_null(row) {
                            rows.bytes.extend_from_slice(b"null");
                        } else {
                            write_primitive(array, ty, row, &mut rows.bytes);
                        }
                    }
                }
            }
            rows.end_row();
        }
    }
}

fn pieces(format: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some((text, behind)) = rest.split_once('%') {
        pieces.push(Piece::Text(text.to_owned()));
        let column =
            behind.split_once("$s").and_then(|(number, rest)| Some((number.parse::<usize>().ok()?, rest)));
        match column {
            Some((number, behind)) if number > 0 => {
                pieces.push(Piece::Column(number - 1));
                rest = behind;
            }
            _ => {
                pieces.push(Piece::Text("%".to_owned()));
                rest = behind.strip_prefix('%').unwrap_or(behind);
            }
        }
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces
}
