//! Upper and lower case.

use super::{
    arguments::strings,
    function,
    rows::{text_at, texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{scalar, text},
    },
    types::HiveType,
};
use datafusion::arrow::array::StringBuilder;
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "lower",
        &["lcase"],
        "_FUNC_(str) - Returns str with all characters changed to lowercase",
        "Example:\n  > SELECT _FUNC_('Facebook') FROM src LIMIT 1;\n  'facebook'",
        lower,
    ),
    function(
        "upper",
        &["ucase"],
        "_FUNC_(str) - Returns str with all characters changed to uppercase",
        "Example:\n  > SELECT _FUNC_('Facebook') FROM src LIMIT 1;\n  'FACEBOOK'",
        upper,
    ),
    function(
        "initcap",
        &[],
        "_FUNC_(str) - Returns str, with the first letter of each word in uppercase, all other letters in lowercase. Words are delimited by white space.",
        "Example:\n > SELECT _FUNC_('tHe soap') FROM src LIMIT 1;\n 'The Soap'",
        initcap,
    ),
];

fn lower(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let returns = kept_type(args);
    changed(name, args, returns, |value, out| match value.is_ascii() {
        true => value.bytes().try_for_each(|byte| out.write_char(char::from(byte.to_ascii_lowercase())).ok()),
        // A final sigma depends on what stands before it.
        false => out.write_str(&value.to_lowercase()).ok(),
    })
}

fn upper(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let returns = kept_type(args);
    changed(name, args, returns, |value, out| {
        value.chars().flat_map(char::to_uppercase).try_for_each(|letter| out.write_char(letter).ok())
    })
}

fn initcap(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    changed(name, args, HiveType::String, |value, out| {
        let mut starts = true;
        value.chars().try_for_each(|letter| {
            let written = match starts {
                true => letter.to_uppercase().try_for_each(|upper| out.write_char(upper)),
                false => letter.to_lowercase().try_for_each(|lower| out.write_char(lower)),
            };
            starts = letter.is_whitespace();
            written.ok()
        })
    })
}

/// A char or varchar stays what it is.
fn kept_type(args: &[Arg]) -> HiveType {
    match args {
        [arg] if arg.ty.is_text() => arg.ty.clone(),
        _ => HiveType::String,
    }
}

fn changed(
    name: &str,
    args: &[Arg],
    returns: HiveType,
    change: fn(&str, &mut StringBuilder) -> Option<()>,
) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=1)?;
    Ok(scalar(name, args, takes, returns, move |columns, rows| {
        let values = text(columns, 0)?;
        texts(rows, values.value_data().len(), |row, out| change(text_at(values, row)?, out))
    }))
}
