//! Texts made longer: filled up, or repeated.

use super::{
    arguments::{strings, strings_then_ints},
    function,
    rows::{byte_of_char, char_count, check_room, int_at, text_at, try_texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{primitive, scalar, text},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{array::StringBuilder, datatypes::Int32Type},
    common::DataFusionError,
};
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
        try_texts(rows, values.value_data().len(), |row, out| {
            let length = int_at(lengths, row).and_then(|length| usize::try_from(length).ok());
            let texts = text_at(values, row).zip(text_at(fillings, row));
            let Some(((value, filling), length)) = texts.zip(length) else { return Ok(None) };
            let found = char_count(value);
            if found >= length {
                out.write_str(&value[..byte_of_char(value, length)])?;
                return Ok(Some(()));
            }
            if filling.is_empty() {
                return Ok(None);
            }
            if left {
                fill(filling, length - found, out)?;
                out.write_str(value)?;
            } else {
                out.write_str(value)?;
                fill(filling, length - found, out)?;
            }
            Ok(Some(()))
        })
    }))
}

/// Appends `length` characters; the filling is not empty.
fn fill(filling: &str, length: usize, out: &mut StringBuilder) -> Result<(), DataFusionError> {
    let each = char_count(filling);
    times(filling, length / each, out)?;
    out.write_str(&filling[..byte_of_char(filling, length % each)])?;
    Ok(())
}

fn times(value: &str, count: usize, out: &mut StringBuilder) -> Result<(), DataFusionError> {
    check_room(out, value.len().saturating_mul(count))?;
    (0..count).try_for_each(|_| out.write_str(value))?;
    Ok(())
}

fn repeat(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings_then_ints(name, args, 2..=2, 1)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (values, counts) = (text(columns, 0)?, primitive::<Int32Type>(columns, 1)?);
        try_texts(rows, values.value_data().len(), |row, out| {
            let both = text_at(values, row).zip(int_at(counts, row));
            let Some((value, count)) = both else { return Ok(None) };
            if !value.is_empty() {
                times(value, usize::try_from(count).unwrap_or(0), out)?;
            }
            Ok(Some(()))
        })
    }))
}

fn space(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings_then_ints(name, args, 1..=1, 0)?;
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let counts = primitive::<Int32Type>(columns, 0)?;
        try_texts(rows, 0, |row, out| {
            let Some(count) = int_at(counts, row) else { return Ok(None) };
            times(" ", usize::try_from(count).unwrap_or(0), out)?;
            Ok(Some(()))
        })
    }))
}
