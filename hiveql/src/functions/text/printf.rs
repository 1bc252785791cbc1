//! `printf`: values written as Java's `Formatter` writes them in English.

mod layout;
mod number;

use super::{
    arguments::primitives,
    function,
    rows::{text_at, try_texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray},
        datatypes::{
            DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        },
    },
    common::DataFusionError,
};
use layout::Layout;
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[function(
    "printf",
    &[],
    "_FUNC_(String format, Obj... args) - function that can format strings according to printf-style format strings",
    "Example:\n  > SELECT _FUNC_(\"Hello World %d %s\", 100, \"days\")FROM src LIMIT 1;\n  \"Hello World 100 days\"",
    printf,
)];

/// Why a value cannot be written so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum PrintfError {
    #[error("there is no conversion %{0}")]
    Conversion(char),
    #[error("the format {0:?} ends within a conversion")]
    Unfinished(String),
    #[error("there is no argument {0} for the format")]
    Missing(usize),
    #[error("%{conversion} does not write {value}")]
    Mismatch { conversion: char, value: String },
    #[error("writing failed")]
    Write,
}

impl From<std::fmt::Error> for PrintfError {
    fn from(_: std::fmt::Error) -> PrintfError {
        PrintfError::Write
    }
}

impl From<PrintfError> for DataFusionError {
    fn from(error: PrintfError) -> DataFusionError {
        DataFusionError::External(Box::new(error))
    }
}

/// An argument in one row.
#[derive(Debug, Clone)]
enum Value<'a> {
    Null,
    Boolean(bool),
    /// With how many bits its type has.
    Whole(i64, u32),
    Double(f64),
    /// In digits.
    Decimal(String),
    Text(&'a str),
}

/// Only the format may not be NULL; an argument that is, is written `null`.
fn printf(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    primitives(name, args)?;
    if !args[0].ty.is_text() && args[0].ty != HiveType::Void {
        return Err(wrong_type(name, args, 0, "string"));
    }
    let takes = args.iter().enumerate().map(|(index, arg)| match &arg.ty {
        ty if index > 0 && (ty.is_numeric() || *ty == HiveType::Boolean) => ty.clone(),
        _ => HiveType::String,
    });
    let takes = takes.collect();
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let formats = text(columns, 0)?;
        let mut last: Option<(&str, Layout)> = None;
        try_texts(rows, 0, |row, out| {
            let Some(format) = text_at(formats, row) else { return Ok(None) };
            let (_, layout) = match last.take() {
                Some(known) if known.0 == format => last.insert(known),
                _ => last.insert((format, Layout::read(format)?)),
            };
            let values = |index: usize| columns.get(index + 1).map(|column| value(column, row));
            let mut written = String::new();
            layout.write(values, &mut written)?;
            Ok(out.write_str(&written).ok())
        })
    }))
}

fn value(column: &ArrayRef, row: usize) -> Value<'_> {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => Value::Boolean(column.as_boolean().value(row)),
        DataType::Int8 => Value::Whole(column.as_primitive::<Int8Type>().value(row).into(), 8),
        DataType::Int16 => Value::Whole(column.as_primitive::<Int16Type>().value(row).into(), 16),
        DataType::Int32 => Value::Whole(column.as_primitive::<Int32Type>().value(row).into(), 32),
        DataType::Int64 => Value::Whole(column.as_primitive::<Int64Type>().value(row), 64),
        // The double with the float's digits.
        DataType::Float32 => {
            let float = column.as_primitive::<Float32Type>().value(row);
            Value::Double(float.to_string().parse().unwrap_or(f64::from(float)))
        }
        DataType::Float64 => Value::Double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => {
            Value::Decimal(column.as_primitive::<Decimal128Type>().value_as_string(row))
        }
        _ => column.as_string_opt::<i32>().map_or(Value::Null, |texts| Value::Text(texts.value(row))),
    }
}
