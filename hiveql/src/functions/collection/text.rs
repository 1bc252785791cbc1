//! Arrays written as text, and text that is looked for in a file's lines.

use super::{element, search::bounds};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_text, count, scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::array::{Array, AsArray, BooleanArray, StringBuilder},
    common::DataFusionError,
};
use std::{
    collections::HashSet,
    fs, io,
    sync::{Arc, OnceLock},
};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "array_join",
        aliases: &[],
        usage: "_FUNC_(array, delimiter, replaceNull) - concatenate the elements of an array with a specified delimiter",
        extended: "Example:\n  > SELECT _FUNC_(array(1, 2, NULL, 4), ',',':') FROM src LIMIT 1;\n  1,2,:,4",
        resolve: array_join,
    },
    ScalarFunction {
        name: "in_file",
        aliases: &[],
        usage: "_FUNC_(str, filename) - Returns true if str appears in the file",
        extended: "",
        resolve: in_file,
    },
];

/// Elements that are NULL are left out, or written as the third argument says.
fn array_join(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=3)?;
    if !element(name, args, 0)?.is_primitive() {
        return Err(wrong_type(name, args, 0, "array of primitives"));
    }
    let mut takes = vec![HiveType::array(HiveType::String)];
    takes.resize(args.len(), HiveType::String);
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let lists = columns[0].as_list::<i32>();
        let elements = lists.values().as_string::<i32>();
        let delimiters = text(columns, 1)?;
        let replacements = if columns.len() == 3 { Some(text(columns, 2)?) } else { None };
        let mut builder = StringBuilder::with_capacity(rows, elements.value_data().len());
        let mut joined = String::new();
        for row in 0..rows {
            if lists.is_null(row) || delimiters.is_null(row) {
                builder.append_null();
                continue;
            }
            joined.clear();
            let replacement = replacements.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
            let parts = bounds(lists, row).filter_map(|place| {
                if elements.is_valid(place) { Some(elements.value(place)) } else { replacement }
            });
            for (index, part) in parts.enumerate() {
                if index > 0 {
                    joined.push_str(delimiters.value(row));
                }
                joined.push_str(part);
            }
            builder.append_value(&joined);
        }
        Ok(Arc::new(builder.finish()))
    }))
}

/// Whether the text is a line of a file on the machine that runs this.
fn in_file(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    if !args[0].ty.is_text() && args[0].ty != HiveType::Void {
        return Err(wrong_type(name, args, 0, "string"));
    }
    let file = constant_text(name, args, 1)?;
    let lines: OnceLock<io::Result<HashSet<String>>> = OnceLock::new();
    let takes = vec![HiveType::String, HiveType::String];
    Ok(scalar(name, args, takes, HiveType::Boolean, move |columns, _| {
        let read = || Ok(fs::read_to_string(&file)?.lines().map(str::to_owned).collect());
        let lines = lines.get_or_init(read).as_ref().map_err(|error| {
            DataFusionError::IoError(io::Error::new(error.kind(), format!("{file}: {error}")))
        })?;
        let found = text(columns, 0)?.iter().map(|text| Some(lines.contains(text?)));
        Ok(Arc::new(found.collect::<BooleanArray>()))
    }))
}
