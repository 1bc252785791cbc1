//! Casts to text and to binary.

use super::integers::unexpected;
use crate::{
    render::primitive::{Primitive, Style, padded},
    types::HiveType,
};
use chrono_tz::Tz;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, StringArray},
        buffer::{Buffer, OffsetBuffer},
    },
    common::Result,
};
use std::sync::Arc;

/// A string, a varchar or a char, cut to its length.
pub(super) fn to_text(array: &ArrayRef, from: &HiveType, to: &HiveType, zone: Tz) -> Result<ArrayRef> {
    if from.is_text() {
        return Ok(cut(array.as_string(), to));
    }
    let Some(primitive) = Primitive::new(array, from, Style::Cast, zone)? else {
        return Err(unexpected(from));
    };
    let nulls = array.logical_nulls();
    let mut values = Vec::new();
    let mut ends = Vec::with_capacity(array.len() + 1);
    ends.push(0);
    for row in 0..array.len() {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            primitive.write(row, &mut values);
        }
        ends.push(values.len());
    }
    if *from == HiveType::Binary {
        lossy(&mut values, &mut ends);
    }
    let offsets = OffsetBuffer::<i32>::from_lengths(ends.windows(2).map(|ends| ends[1] - ends[0]));
    let texts = StringArray::try_new(offsets, Buffer::from_vec(values), nulls)?;
    Ok(cut(&texts, to))
}

/// Bytes that are no text are replaced. Seldom there are any.
fn lossy(values: &mut Vec<u8>, ends: &mut [usize]) {
    let mut replaced = Vec::with_capacity(values.len());
    let mut start = 0;
    for end in ends.iter_mut() {
        replaced.extend_from_slice(String::from_utf8_lossy(&values[start..*end]).as_bytes());
        start = std::mem::replace(end, replaced.len());
    }
    *values = replaced;
}

/// Cut to the length of the type.
pub(super) fn cut(texts: &StringArray, to: &HiveType) -> ArrayRef {
    let whole = || Arc::new(texts.clone()) as ArrayRef;
    match to {
        HiveType::Varchar(length) => {
            let length = *length as usize;
            if texts.offsets().lengths().all(|text| text <= length) {
                return whole();
            }
        }
        HiveType::Char(length) => {
            let length = *length as usize;
            if texts.iter().flatten().all(|text| text.len() <= length && !text.ends_with(' ')) {
                return whole();
            }
        }
        _ => return whole(),
    }
    Arc::new(texts.iter().map(|text| text.map(|text| fitted(text, to))).collect::<StringArray>())
}

/// Cut to the length of the type. A char loses its trailing blanks, which it is printed with.
pub(crate) fn fitted<'a>(text: &'a str, ty: &HiveType) -> &'a str {
    match ty {
        HiveType::Varchar(length) => first(text, *length as usize),
        HiveType::Char(length) => first(text, *length as usize).trim_end_matches(' '),
        _ => text,
    }
}

/// So many characters.
fn first(text: &str, length: usize) -> &str {
    if text.len() <= length {
        return text;
    }
    match text.char_indices().nth(length) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// A char has all its blanks.
pub(super) fn to_binary(array: &ArrayRef, from: &HiveType) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    let HiveType::Char(length) = from else {
        return Ok(Arc::new(BinaryArray::from(texts.clone())));
    };
    let mut builder = BinaryBuilder::with_capacity(texts.len(), texts.len() * *length as usize);
    let mut value = Vec::new();
    for text in texts {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        value.clear();
        padded(text, *length as usize, &mut value);
        builder.append_value(&value);
    }
    Ok(Arc::new(builder.finish()))
}
