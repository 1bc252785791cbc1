//! Checks of the arguments of a window function.

use crate::functions::{Arg, FunctionError};
use datafusion::{arrow::datatypes::DataType, common::ScalarValue};
use std::ops::RangeInclusive;

pub(super) fn count(
    function: &str,
    args: &[Arg],
    allowed: RangeInclusive<usize>,
) -> Result<(), FunctionError> {
    if allowed.contains(&args.len()) {
        return Ok(());
    }
    let expected = match (*allowed.start(), *allowed.end()) {
        (0, 0) => "no arguments".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (low, high) => format!("{low} to {high} arguments"),
    };
    Err(FunctionError::Count { function: function.to_owned(), expected, found: args.len() })
}

/// A constant whole number of at least `least`.
pub(super) fn whole(function: &str, index: usize, arg: &Arg, least: i32) -> Result<i32, FunctionError> {
    let value = match &arg.constant {
        Some(constant) if arg.ty.is_integer() => constant.cast_to(&DataType::Int32).ok(),
        _ => None,
    };
    match value {
        Some(ScalarValue::Int32(Some(value))) if value >= least => Ok(value),
        Some(ScalarValue::Int32(Some(value))) => Err(FunctionError::Value {
            function: function.to_owned(),
            position: index + 1,
            reason: format!("it must be at least {least}, but is {value}"),
        }),
        _ => Err(FunctionError::NotConstant {
            function: function.to_owned(),
            position: index + 1,
            expected: "int".into(),
        }),
    }
}
