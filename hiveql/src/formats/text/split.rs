//! Lines to the spans of their fields, only of the columns that are wanted.

use super::parameters::{FieldDelimiter, Parameters};
use crate::formats::lines::{Lines, Span};

/// For each projected column the span of each row; a field that is missing or is the null word is NULL.
pub(super) fn fields(
    lines: &Lines,
    projection: &[usize],
    columns: usize,
    parameters: &Parameters,
) -> Vec<Vec<Span>> {
    let mut found: Vec<Vec<Span>> = projection.iter().map(|_| Vec::with_capacity(lines.rows())).collect();
    let Some(last_wanted) = projection.iter().max().copied() else { return found };
    let rest = if parameters.last_takes_rest { columns - 1 } else { usize::MAX };
    let mut fields = Vec::with_capacity(last_wanted + 1);
    for line in &lines.spans {
        fields.clear();
        let splitter = Splitter { bytes: &lines.bytes, end: line.end as usize, parameters };
        splitter.split(line.start as usize, last_wanted, rest, &mut fields);
        for (column, found) in projection.iter().zip(&mut found) {
            let span = fields.get(*column).copied().unwrap_or(Span::NULL);
            let is_null = span.of(&lines.bytes) == Some(parameters.null.as_slice());
            found.push(if is_null { Span::NULL } else { span });
        }
    }
    found
}

struct Splitter<'a> {
    bytes: &'a [u8],
    end: usize,
    parameters: &'a Parameters,
}

impl Splitter<'_> {
    /// The fields up to `last`; that of index `rest` reaches to the line's end.
    fn split(&self, mut start: usize, last: usize, rest: usize, fields: &mut Vec<Span>) {
        while fields.len() <= last {
            let found = if fields.len() == rest { None } else { self.find(start) };
            let (end, next) = found.unwrap_or((self.end, usize::MAX));
            fields.push(Span { start: start as u32, end: end as u32 });
            if next > self.end {
                return;
            }
            start = next;
        }
    }

    /// Where the next delimiter begins and ends.
    fn find(&self, start: usize) -> Option<(usize, usize)> {
        match &self.parameters.fields {
            FieldDelimiter::Byte(delimiter) => {
                let found = find_byte(&self.bytes[start..self.end], *delimiter, self.parameters.escape)?;
                Some((start + found, start + found + 1))
            }
            FieldDelimiter::Bytes(finder) => {
                let found = finder.find(&self.bytes[start..self.end])?;
                Some((start + found, start + found + finder.needle().len()))
            }
        }
    }
}

/// The first such byte that no escape stands before.
pub(super) fn find_byte(bytes: &[u8], delimiter: u8, escape: Option<u8>) -> Option<usize> {
    let Some(escape) = escape else { return memchr::memchr(delimiter, bytes) };
    let mut start = 0;
    loop {
        let found = start + memchr::memchr2(delimiter, escape, bytes.get(start..)?)?;
        if bytes[found] == delimiter {
            return Some(found);
        }
        start = found + 2;
    }
}

/// The pieces of a nested value; an empty one has none.
pub(super) fn pieces(
    block: &[u8],
    whole: Span,
    separator: Option<u8>,
    escape: Option<u8>,
    to: &mut Vec<Span>,
) {
    let (mut start, end) = (whole.start as usize, whole.end as usize);
    if start == end {
        return;
    }
    let find = |start: usize| find_byte(&block[start..end], separator?, escape);
    while let Some(found) = find(start) {
        to.push(Span { start: start as u32, end: (start + found) as u32 });
        start += found + 1;
    }
    to.push(Span { start: start as u32, end: end as u32 });
}
