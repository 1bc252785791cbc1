//! Columns read and written row by row, without a string of its own for each row.

use crate::functions::Rows;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, BinaryArray, BooleanArray, Int32Array, StringArray, StringBuilder},
        datatypes::DataType,
    },
    common::{DataFusionError, Result},
};
use std::sync::Arc;

/// A text, where there is one.
pub(super) fn text_at(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

pub(super) fn int_at(numbers: &Int32Array, row: usize) -> Option<i32> {
    numbers.is_valid(row).then(|| numbers.value(row))
}

/// Strings or binary values, as bytes.
pub(super) enum Bytes<'a> {
    Text(&'a StringArray),
    Binary(&'a BinaryArray),
}

impl<'a> Bytes<'a> {
    pub(super) fn of(column: &'a ArrayRef) -> Result<Bytes<'a>> {
        let any = column.as_any();
        match (any.downcast_ref(), any.downcast_ref()) {
            (Some(texts), _) => Ok(Bytes::Text(texts)),
            (_, Some(values)) => Ok(Bytes::Binary(values)),
            _ => Err(DataFusionError::Internal(format!(
                "{} is neither {} nor {}",
                column.data_type(),
                DataType::Utf8,
                DataType::Binary
            ))),
        }
    }

    pub(super) fn at(&self, row: usize) -> Option<&'a [u8]> {
        match self {
            Bytes::Text(texts) => texts.is_valid(row).then(|| texts.value(row).as_bytes()),
            Bytes::Binary(values) => values.is_valid(row).then(|| values.value(row)),
        }
    }
}

/// The texts of a batch are one array, whose places are counted in 32 bits.
#[derive(Debug, thiserror::Error)]
#[error("the texts of one batch are longer than 2 GiB")]
struct TooLong;

/// Fails where so many more bytes have no room in the column.
pub(super) fn check_room(out: &StringBuilder, bytes: usize) -> Result<()> {
    match out.values_slice().len().checked_add(bytes) {
        Some(length) if i32::try_from(length).is_ok() => Ok(()),
        _ => Err(DataFusionError::External(Box::new(TooLong))),
    }
}

/// A column of what `write` appends in each row; NULL where it returns nothing.
pub(super) fn texts(
    rows: Rows,
    capacity_bytes: usize,
    mut write: impl FnMut(usize, &mut StringBuilder) -> Option<()>,
) -> Result<ArrayRef> {
    try_texts(rows, capacity_bytes, |row, out| Ok(write(row, out)))
}

/// As [`texts`], where a row can fail the query.
pub(super) fn try_texts(
    rows: Rows,
    capacity_bytes: usize,
    mut write: impl FnMut(usize, &mut StringBuilder) -> Result<Option<()>>,
) -> Result<ArrayRef> {
    let mut builder = StringBuilder::with_capacity(rows, capacity_bytes);
    for row in 0..rows {
        let written = write(row, &mut builder)?;
        check_room(&builder, 0)?;
        match written {
            // Ends what was appended piece by piece.
            Some(()) => builder.append_value(""),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

pub(super) fn ints(rows: Rows, value: impl Fn(usize) -> Option<i32>) -> Result<ArrayRef> {
    Ok(Arc::new((0..rows).map(value).collect::<Int32Array>()))
}

pub(super) fn try_truths(rows: Rows, value: impl FnMut(usize) -> Result<Option<bool>>) -> Result<ArrayRef> {
    Ok(Arc::new((0..rows).map(value).collect::<Result<BooleanArray>>()?))
}

/// Where in `text` the character at `index` (from 0) starts, or its end.
pub(super) fn byte_of_char(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
}

pub(super) fn char_count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// Java counts in 32 bits.
pub(super) fn count_of(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
