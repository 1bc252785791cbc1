//! What is cut off at the ends of a text: blanks, or any of a second argument's characters.

use super::{
    arguments::strings,
    function,
    rows::{text_at, texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction,
        resolve::{scalar, text},
    },
    types::HiveType,
};
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "trim",
        &[],
        "_FUNC_(str[, trim_chars]) - Removes the leading and trailing trim characters (default is space) from str ",
        "Example:\n  > SELECT _FUNC_('   facebook  ') FROM src LIMIT 1;\n  'facebook'",
        |name, args, _| trim(name, args, [true, true]),
    ),
    function(
        "ltrim",
        &[],
        "_FUNC_(str[, trim_chars]) - Removes the leading trim characters (default is space) from str ",
        "Example:\n  > SELECT _FUNC_('   facebook') FROM src LIMIT 1;\n  'facebook'",
        |name, args, _| trim(name, args, [true, false]),
    ),
    function(
        "rtrim",
        &[],
        "_FUNC_(str[, trim_chars]) - Removes the trailing trim characters (default is space) from str ",
        "Example:\n  > SELECT _FUNC_('facebook   ') FROM src LIMIT 1;\n  'facebook'",
        |name, args, _| trim(name, args, [false, true]),
    ),
];

fn trim(name: &str, args: &[Arg], [start, end]: [bool; 2]) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=2)?;
    Ok(scalar(name, args, takes, HiveType::String, move |columns, rows| {
        let values = text(columns, 0)?;
        let sets = if columns.len() == 2 { Some(text(columns, 1)?) } else { None };
        texts(rows, values.value_data().len(), |row, out| {
            let mut value = text_at(values, row)?;
            let set = match sets {
                Some(sets) => text_at(sets, row)?,
                None => " ",
            };
            if start {
                value = value.trim_start_matches(|letter| set.contains(letter));
            }
            if end {
                value = value.trim_end_matches(|letter| set.contains(letter));
            }
            out.write_str(value).ok()
        })
    }))
}
