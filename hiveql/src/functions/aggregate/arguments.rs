//! Checks of the arguments of a call, and the constants among them.

use crate::{
    functions::{Arg, FunctionError},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, AsArray},
        compute::cast,
        datatypes::{DataType, Float64Type},
    },
    common::ScalarValue,
};
use std::ops::RangeInclusive;

/// A number, or what Hive takes for one: text and timestamps too.
pub(super) const NUMBER: &str = "a number, a string or a timestamp";

pub(super) fn count(
    function: &str,
    args: &[Arg],
    allowed: RangeInclusive<usize>,
) -> Result<(), FunctionError> {
    if allowed.contains(&args.len()) {
        return Ok(());
    }
    let (low, high) = (*allowed.start(), *allowed.end());
    let expected = match (low, high) {
        (1, 1) => "one argument".to_owned(),
        (low, usize::MAX) => format!("at least {low} arguments"),
        (low, high) if low == high => format!("{low} arguments"),
        (low, high) => format!("{low} to {high} arguments"),
    };
    Err(FunctionError::Count { function: function.to_owned(), expected, found: args.len() })
}

/// The argument at `index` is not what the function takes.
pub(super) fn wrong_type(function: &str, index: usize, arg: &Arg, expected: &str) -> FunctionError {
    FunctionError::Type {
        function: function.to_owned(),
        position: index + 1,
        found: arg.ty.clone(),
        expected: expected.to_owned(),
    }
}

pub(super) fn wrong_value(function: &str, index: usize, reason: impl Into<String>) -> FunctionError {
    FunctionError::Value { function: function.to_owned(), position: index + 1, reason: reason.into() }
}

/// Numbers and timestamps, but no text.
pub(super) fn is_measure(ty: &HiveType) -> bool {
    ty.is_numeric() || matches!(ty, HiveType::Void | HiveType::Timestamp)
}

/// A constant whole number of at least `least`.
pub(super) fn whole(function: &str, index: usize, arg: &Arg, least: i32) -> Result<i32, FunctionError> {
    let constant = constant(function, index, arg, "int")?;
    let value = match constant.cast_to(&DataType::Int32) {
        Ok(ScalarValue::Int32(Some(value))) if arg.ty.is_integer() => value,
        _ => return Err(wrong_type(function, index, arg, "an int")),
    };
    if value < least {
        return Err(wrong_value(function, index, format!("it must be at least {least}, but is {value}")));
    }
    Ok(value)
}

/// A constant number, or the numbers of a constant array.
pub(super) fn numbers(function: &str, index: usize, arg: &Arg) -> Result<Vec<f64>, FunctionError> {
    let constant = constant(function, index, arg, "double or array<double>")?;
    let values = match constant {
        ScalarValue::List(list) => list.values().slice(
            list.value_offsets().first().copied().unwrap_or_default() as usize,
            list.value_length(0) as usize,
        ),
        scalar => scalar.to_array().map_err(|error| wrong_value(function, index, error.to_string()))?,
    };
    let values = cast(&values, &DataType::Float64)
        .map_err(|_| wrong_type(function, index, arg, "double or array<double>"))?;
    Ok(values.as_primitive::<Float64Type>().iter().flatten().collect())
}

fn constant<'a>(
    function: &str,
    index: usize,
    arg: &'a Arg,
    expected: &str,
) -> Result<&'a ScalarValue, FunctionError> {
    arg.constant.as_ref().ok_or_else(|| FunctionError::NotConstant {
        function: function.to_owned(),
        position: index + 1,
        expected: expected.to_owned(),
    })
}
