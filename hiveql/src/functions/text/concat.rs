//! Strings put together.

use super::{
    arguments::primitives,
    function,
    rows::{Bytes, text_at, texts},
};
use crate::{
    functions::{
        Arg, Columns, FunctionError, Rows, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, text, wrong_type},
    },
    types::{CHAR_LENGTH_MAX, HiveType, VARCHAR_LENGTH_MAX},
};
use datafusion::{
    arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, ListArray, StringArray},
    common::Result as ExecutionResult,
};
use std::{fmt::Write, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "concat",
        &[],
        "_FUNC_(str1, str2, ... strN) - returns the concatenation of str1, str2, ... strN or _FUNC_(bin1, bin2, ... binN) - returns the concatenation of bytes in binary data  bin1, bin2, ... binN",
        "Returns NULL if any argument is NULL.\nExample:\n  > SELECT _FUNC_('abc', 'def') FROM src LIMIT 1;\n  'abcdef'",
        concat,
    ),
    function(
        "concat_ws",
        &[],
        "_FUNC_(separator, [string | array(string)]+) - returns the concatenation of the strings separated by the separator.",
        "Example:\n  > SELECT _FUNC_('.', 'www', array('facebook', 'com')) FROM src LIMIT 1;\n  'www.facebook.com'",
        concat_ws,
    ),
];

/// All binary give binary, all char give char, char and varchar give varchar, all else gives string.
fn concat(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    primitives(name, args)?;
    if args.iter().all(|arg| arg.ty == HiveType::Binary) {
        let takes = vec![HiveType::Binary; args.len()];
        return Ok(scalar(name, args, takes, HiveType::Binary, concatenated_bytes));
    }
    let returns = concatenated_type(args);
    let is_char = matches!(returns, HiveType::Char(_));
    let takes = vec![HiveType::String; args.len()];
    Ok(scalar(name, args, takes, returns, move |columns, rows| {
        let parts =
            (0..columns.len()).map(|index| text(columns, index)).collect::<ExecutionResult<Vec<_>>>()?;
        concatenated(&parts, rows, is_char)
    }))
}

fn concatenated_type(args: &[Arg]) -> HiveType {
    let (mut length, mut varchar) = (0, false);
    for arg in args {
        match arg.ty {
            HiveType::Char(limit) => length += limit,
            HiveType::Varchar(limit) => {
                length += limit;
                varchar = true;
            }
            _ => return HiveType::String,
        }
        let limit = if varchar { VARCHAR_LENGTH_MAX } else { CHAR_LENGTH_MAX };
        if length > limit {
            return HiveType::String;
        }
    }
    if varchar { HiveType::Varchar(length) } else { HiveType::Char(length) }
}

fn concatenated(parts: &[&StringArray], rows: Rows, is_char: bool) -> ExecutionResult<ArrayRef> {
    let capacity = parts.iter().map(|part| part.value_data().len()).sum();
    let last = parts.len().saturating_sub(1);
    texts(rows, capacity, |row, out| {
        if parts.iter().any(|part| part.is_null(row)) {
            return None;
        }
        for (index, part) in parts.iter().enumerate() {
            let value = part.value(row);
            // A char is kept without its trailing blanks.
            out.write_str(if is_char && index == last { value.trim_end_matches(' ') } else { value }).ok()?;
        }
        Some(())
    })
}

fn concatenated_bytes(columns: Columns<'_>, rows: Rows) -> ExecutionResult<ArrayRef> {
    let parts = columns.iter().map(Bytes::of).collect::<ExecutionResult<Vec<_>>>()?;
    let mut builder = BinaryBuilder::with_capacity(rows, 0);
    let mut joined = Vec::new();
    for row in 0..rows {
        joined.clear();
        let all = parts.iter().try_for_each(|part| {
            joined.extend_from_slice(part.at(row)?);
            Some(())
        });
        builder.append_option(all.map(|()| &joined));
    }
    Ok(Arc::new(builder.finish()))
}

/// Strings or arrays of strings that are joined.
enum Joined<'a> {
    One(&'a StringArray),
    Many(&'a ListArray, &'a StringArray),
}

impl<'a> Joined<'a> {
    fn of(column: &'a ArrayRef) -> Joined<'a> {
        match column.as_list_opt::<i32>() {
            Some(lists) => Joined::Many(lists, lists.values().as_string()),
            None => Joined::One(column.as_string()),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Joined::One(texts) | Joined::Many(_, texts) => texts.value_data().len(),
        }
    }

    /// The strings of one row; `None` for NULL, which is left out. Within an array a NULL is written as Java writes it.
    fn at(&self, row: usize) -> Option<impl Iterator<Item = &'a str> + use<'a>> {
        let (texts, range) = match *self {
            Joined::One(texts) => (texts, texts.is_valid(row).then_some(row..row + 1)?),
            Joined::Many(lists, texts) => {
                let offsets = lists.value_offsets();
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                (texts, lists.is_valid(row).then_some(range)?)
            }
        };
        Some(range.map(move |place| text_at(texts, place).unwrap_or("null")))
    }
}

fn concat_ws(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    let mut takes = Vec::with_capacity(args.len());
    let is_string = |ty: &HiveType| ty.is_text() || *ty == HiveType::Void;
    for (index, arg) in args.iter().enumerate() {
        takes.push(match &arg.ty {
            HiveType::Array(element) if index > 0 && is_string(element) => HiveType::array(HiveType::String),
            ty if is_string(ty) => HiveType::String,
            _ => return Err(wrong_type(name, args, index, "string or array<string>")),
        });
    }
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let separators = text(columns, 0)?;
        let joined: Vec<_> = columns.iter().skip(1).map(Joined::of).collect();
        texts(rows, joined.iter().map(Joined::bytes).sum(), |row, out| {
            let separator = text_at(separators, row)?;
            for (place, strings) in joined.iter().filter_map(|column| column.at(row)).enumerate() {
                // An empty array is an empty string between two separators.
                if place > 0 {
                    out.write_str(separator).ok()?;
                }
                for (index, string) in strings.enumerate() {
                    if index > 0 {
                        out.write_str(separator).ok()?;
                    }
                    out.write_str(string).ok()?;
                }
            }
            Some(())
        })
    }))
}
