//! Parts of a text by their place.

use super::{
    arguments::{binary_or_string, strings},
    function,
    rows::{Bytes, byte_of_char, char_count, int_at, text_at, texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{primitive, scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Array, BinaryBuilder, Int64Array},
    datatypes::{Int32Type, Int64Type},
};
use memchr::memmem;
use std::{fmt::Write, ops::Range, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "substr",
        &["substring", "mid"],
        "_FUNC_(str, pos[, len]) - returns the substring of str that starts at pos and is of length len or_FUNC_(bin, pos[, len]) - returns the slice of byte array that starts at pos and is of length len",
        "pos is a 1-based index. If pos<0 the starting position is determined by counting backwards from the end of str.\nExample:\n   > SELECT _FUNC_('Facebook', 5) FROM src LIMIT 1;\n  'book'\n  > SELECT _FUNC_('Facebook', -5) FROM src LIMIT 1;\n  'ebook'\n  > SELECT _FUNC_('Facebook', 5, 1) FROM src LIMIT 1;\n  'b'",
        substr,
    ),
    function(
        "substring_index",
        &[],
        "_FUNC_(str, delim, count) - Returns the substring from string str before count occurrences of the delimiter delim.",
        "If count is positive, everything to the left of the final delimiter (counting from the left) is returned. If count is negative, everything to the right of the final delimiter (counting from the right) is returned. Substring_index performs a case-sensitive match when searching for delim.\nExample:\n > SELECT _FUNC_('www.apache.org', '.', 2);\n 'www.apache'",
        substring_index,
    ),
];

/// The part of something `length` long that starts at `position` (from 1, or from the end where negative).
fn part(position: i64, wanted: i64, length: usize) -> Range<usize> {
    let length = length as i64;
    if wanted <= 0 || position.abs() > length {
        return 0..0;
    }
    let start = match position {
        1.. => position - 1,
        0 => 0,
        _ => length + position,
    };
    start as usize..(start + wanted).min(length) as usize
}

fn substr(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let mut takes = strings(name, args, 2..=3)?;
    for (index, arg) in args.iter().enumerate().skip(1) {
        if !arg.ty.is_integer() && arg.ty != HiveType::Void {
            return Err(wrong_type(name, args, index, "int"));
        }
    }
    takes.fill(HiveType::BigInt);
    takes[0] = binary_or_string(&args[0]);
    let returns = takes[0].clone();
    if returns == HiveType::Binary {
        return Ok(substr_of_bytes(name, args, takes));
    }
    Ok(scalar(name, args, takes, returns, |columns, rows| {
        let (values, positions) = (text(columns, 0)?, primitive::<Int64Type>(columns, 1)?);
        let lengths = if columns.len() == 3 { Some(primitive::<Int64Type>(columns, 2)?) } else { None };
        texts(rows, values.value_data().len(), |row, out| {
            let value = text_at(values, row)?;
            let (position, wanted) = (small(positions, row)?, wanted(lengths, row)?);
            let part = part(position, wanted, char_count(value));
            let start = byte_of_char(value, part.start);
            let end = start + byte_of_char(&value[start..], part.len());
            out.write_str(&value[start..end]).ok()
        })
    }))
}

/// A number of more than 32 bits is as good as NULL.
fn small(numbers: &Int64Array, row: usize) -> Option<i64> {
    let number = numbers.is_valid(row).then(|| numbers.value(row));
    number.filter(|&number| i32::try_from(number).is_ok())
}

fn wanted(lengths: Option<&Int64Array>, row: usize) -> Option<i64> {
    lengths.map_or(Some(i64::from(i32::MAX)), |lengths| small(lengths, row))
}

fn substr_of_bytes(name: &str, args: &[Arg], takes: Vec<HiveType>) -> Scalar {
    scalar(name, args, takes, HiveType::Binary, |columns, rows| {
        let (values, positions) = (Bytes::of(&columns[0])?, primitive::<Int64Type>(columns, 1)?);
        let lengths = if columns.len() == 3 { Some(primitive::<Int64Type>(columns, 2)?) } else { None };
        let mut builder = BinaryBuilder::with_capacity(rows, 0);
        for row in 0..rows {
            let slice = || {
                let value = values.at(row)?;
                Some(&value[part(small(positions, row)?, wanted(lengths, row)?, value.len())])
            };
            builder.append_option(slice());
        }
        Ok(Arc::new(builder.finish()))
    })
}

fn substring_index(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let mut takes = strings(name, args, 3..=3)?;
    takes[2] = HiveType::Int;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (values, delimiters) = (text(columns, 0)?, text(columns, 1)?);
        let counts = primitive::<Int32Type>(columns, 2)?;
        texts(rows, values.value_data().len(), |row, out| {
            let (value, delimiter) = (text_at(values, row)?, text_at(delimiters, row)?);
            out.write_str(before_occurrences(value, delimiter, int_at(counts, row)?)).ok()
        })
    }))
}

fn before_occurrences<'a>(value: &'a str, delimiter: &str, count: i32) -> &'a str {
    let nth = count.unsigned_abs() as usize;
    if nth == 0 || value.is_empty() || delimiter.is_empty() {
        return "";
    }
    // Occurrences may overlap.
    let (bytes, sought) = (value.as_bytes(), delimiter.as_bytes());
    if count > 0 {
        let mut end = None;
        for _ in 0..nth {
            let from = end.map_or(0, |end| end + 1);
            match memmem::find(&bytes[from..], sought) {
                Some(at) => end = Some(from + at),
                None => return value,
            }
        }
        return &value[..end.unwrap_or(value.len())];
    }
    let mut limit = value.len();
    let mut start = 0;
    for _ in 0..nth {
        match memmem::rfind(&bytes[..limit], sought) {
            Some(at) => {
                start = at + sought.len();
                limit = start.saturating_sub(1);
            }
            None => return value,
        }
    }
    &value[start..]
}
