//! How long a text is, and its first byte.

use super::{
    arguments::{binary_or_string, primitives, strings},
    function,
    rows::{Bytes, char_count, count_of, ints, text_at},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, text},
    },
    types::HiveType,
};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "length",
        &[],
        "_FUNC_(str | binary) - Returns the length of str or number of bytes in binary data",
        "Example:\n  > SELECT _FUNC_('Facebook') FROM src LIMIT 1;\n  8",
        length,
    ),
    function(
        "character_length",
        &["char_length"],
        "_FUNC_(str | binary) - Returns the number of characters in str or binary data",
        "Example:\n  > SELECT _FUNC_('안녕하세요') FROM src LIMIT 1;\n  5",
        length,
    ),
    function(
        "octet_length",
        &[],
        "_FUNC_(str | binary) - Returns the number of bytes in str or binary data",
        "Example:\n  > SELECT _FUNC_('안녕하세요') FROM src LIMIT 1;\n  15",
        octet_length,
    ),
    function(
        "ascii",
        &[],
        "_FUNC_(str) - returns the numeric value of the first character of str",
        "Returns 0 if str is empty or NULL if str is NULL\nExample:\n  > SELECT _FUNC_('222') FROM src LIMIT 1;  50\n  > SELECT _FUNC_(2) FROM src LIMIT 1;\n  50",
        ascii,
    ),
];

/// In characters of a string, in bytes of a binary value.
fn length(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    if args.first().is_some_and(|arg| arg.ty == HiveType::Binary) {
        return octet_length(name, args, facts);
    }
    let takes = strings(name, args, 1..=1)?;
    Ok(scalar(name, args, takes, HiveType::Int, |columns, rows| {
        let values = text(columns, 0)?;
        ints(rows, |row| text_at(values, row).map(|value| count_of(char_count(value))))
    }))
}

fn octet_length(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    primitives(name, args)?;
    let takes = vec![binary_or_string(&args[0])];
    Ok(scalar(name, args, takes, HiveType::Int, |columns, rows| {
        let values = Bytes::of(&columns[0])?;
        ints(rows, |row| values.at(row).map(|value| count_of(value.len())))
    }))
}

/// A byte of Java has a sign.
fn ascii(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=1)?;
    Ok(scalar(name, args, takes, HiveType::Int, |columns, rows| {
        let values = text(columns, 0)?;
        ints(rows, |row| {
            let first = text_at(values, row)?.as_bytes().first();
            Some(first.map_or(0, |&byte| i32::from(byte as i8)))
        })
    }))
}
