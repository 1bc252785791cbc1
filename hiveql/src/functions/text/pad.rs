//! Texts made longer: filled up, or repeated.

use super::{
    arguments::{strings, strings_then_ints},
    function,
    rows::{byte_of_char, char_count, int_at, text_at, texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{primitive, scalar, text},
    },
    types::HiveType,
};
use datafusion::arrow::{array::StringBuilder, datatypes::Int32Type};
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "lpad",
        &[],
        "_FUNC_(str, len, pad) - Returns str, left-padded with pad to a length of len",
        "If str is longer than len, the return value is shortened to len characters.\nIn case of empty pad string, the return value is null.\nExample:\n  > SELECT _FUNC_('hi', 5, '??') FROM src LIMIT 1;\n  '???hi'\n  > SELECT _FUNC_('hi', 1, '??') FROM src LIMIT 1;\n  'h'\n  > SELECT _FUNC_('hi', 5, '') FROM src LIMIT 1;\n  null",
        |name, args, _| pad(name, args, true),
    ),
    function(
        "rpad",
        &[],
        "_FUNC_(str, len, pad) - Returns str, right-padded with pad to a length of len",
        "If str is longer than len, the return value is shortened to len characters.\nIn case of empty pad string, the return value is null.\nExample:\n  > SELECT _FUNC_('hi', 5, '??') FROM src LIMIT 1;\n  'hi???'\n  > SELECT _FUNC_('hi', 1, '??') FROM src LIMIT 1;\n  'h'\n  > SELECT _FUNC_('hi', 5, '') FROM src LIMIT 1;\n  null",
        |name, args, _| pad(name, args, false),
    ),
    function(
        "repeat",
        &[],
        "_FUNC_(str, n) - repeat str n times ",
        "Example:\n  > SELECT _FUNC_('123', 2) FROM src LIMIT 1;\n  '123123'",
        repeat,
    ),
    function(
        "space",
        &[],
        "_FUNC_(n) - returns n spaces",
        "Example:\n   > SELECT _FUNC_(2) FROM src LIMIT 1;\n  '  '",
        space,
    ),
];

fn pad(name: &str, args: &[Arg], left: bool) -> Result<Scalar, FunctionError> {
    let mut takes = strings(name, args, 3..=3)?;
    takes[1] = HiveType::Int;
    Ok(scalar(name, args, takes, HiveType::String, move |columns, rows| {
        let (values, fillings) = (text(columns, 0)?, text(columns, 2)?);
        let lengths = primitive::<Int32Type>(columns, 1)?;
        texts(rows, values.value_data().len(), |row, out| {
            let (value, filling) = (text_at(values, row)?, text_at(fillings, row)?);
            let length = usize::try_from(int_at(lengths, row)?).ok()?;
            let found = char_count(value);
            if found >= length {
                return out.write_str(&value[..byte_of_char(value, length)]).ok();
            }
            if filling.is_empty() {
                return None;
            }
            if left {
                fill(filling, length - found, out)?;
                return out.write_str(value).ok();
            }
            out.write_str(value).ok()?;
            fill(filling, length - found, out)
        })
    }))
}

/// Appends `length` characters.
fn fill(filling: &str, length: usize, out: &mut StringBuilder) -> Option<()> {
    let each = char_count(filling);
    for _ in 0..length / each {
        out.write_str(filling).ok()?;
    }
    out.write_str(&filling[..byte_of_char(filling, length % each)]).ok()
}

fn repeat(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings_then_ints(name, args, 2..=2, 1)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (values, counts) = (text(columns, 0)?, primitive::<Int32Type>(columns, 1)?);
        texts(rows, values.value_data().len(), |row, out| {
            let (value, count) = (text_at(values, row)?, int_at(counts, row)?);
            if value.is_empty() {
                return Some(());
            }
            (0..count).try_for_each(|_| out.write_str(value).ok())
        })
    }))
}

fn space(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings_then_ints(name, args, 1..=1, 0)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let counts = primitive::<Int32Type>(columns, 0)?;
        texts(rows, 0, |row, out| {
            let count = usize::try_from(int_at(counts, row)?).unwrap_or(0);
            if count == 0 { Some(()) } else { fill(" ", count, out) }
        })
    }))
}
