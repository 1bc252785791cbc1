//! What resolving a call needs: counting its arguments, reading its constants, and making its kernel.

use super::{Arg, Columns, FunctionError, Kernel, Rows, Scalar};
use crate::types::HiveType;
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, StringArray},
        datatypes::{ArrowPrimitiveType, DataType},
    },
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::Volatility,
};
use std::{ops::RangeInclusive, sync::Arc};

/// Checks that there are as many arguments as the function takes.
pub(crate) fn count(
    function: &str,
    args: &[Arg],
    allowed: RangeInclusive<usize>,
) -> Result<(), FunctionError> {
    if allowed.contains(&args.len()) {
        return Ok(());
    }
    let (low, high) = (*allowed.start(), *allowed.end());
    let expected = match high {
        _ if low == high => format!("{low} arguments"),
        usize::MAX => format!("at least {low} arguments"),
        _ => format!("{low} to {high} arguments"),
    };
    Err(FunctionError::Count { function: function.to_owned(), expected, found: args.len() })
}

/// The argument at `index` (from 0) has a type that the function does not take.
pub(crate) fn wrong_type(function: &str, args: &[Arg], index: usize, expected: &str) -> FunctionError {
    FunctionError::Type {
        function: function.to_owned(),
        position: index + 1,
        found: args.get(index).map_or(HiveType::Void, |arg| arg.ty.clone()),
        expected: expected.to_owned(),
    }
}

/// The argument at `index` has a value that the function does not take.
pub(crate) fn wrong_value(function: &str, index: usize, reason: impl Into<String>) -> FunctionError {
    FunctionError::Value { function: function.to_owned(), position: index + 1, reason: reason.into() }
}

/// The constant string at `index`.
pub(crate) fn constant_text(function: &str, args: &[Arg], index: usize) -> Result<String, FunctionError> {
    match args.get(index).and_then(|arg| arg.constant.as_ref()) {
        Some(ScalarValue::Utf8(Some(text))) => Ok(text.clone()),
        _ => Err(FunctionError::NotConstant {
            function: function.to_owned(),
            position: index + 1,
            expected: "string".into(),
        }),
    }
}

/// The constant whole number at `index`, where there is one.
pub(crate) fn constant_integer(args: &[Arg], index: usize) -> Option<i64> {
    match args.get(index)?.constant.as_ref()? {
        ScalarValue::Int8(value) => value.map(i64::from),
        ScalarValue::Int16(value) => value.map(i64::from),
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        _ => None,
    }
}

/// A function whose result depends on its arguments alone.
pub(crate) fn scalar(
    name: &str,
    args: &[Arg],
    takes: Vec<HiveType>,
    returns: HiveType,
    body: impl Fn(Columns<'_>, Rows) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Scalar {
    let kernel = Kernel::new(name, args, returns.arrow(), Volatility::Immutable, body);
    let udf = kernel.taking(takes.iter().map(HiveType::arrow).collect()).into_udf();
    Scalar { args: takes, returns, udf }
}

/// The column at `index` of a call, which the planner has cast to `T`.
pub(crate) fn primitive<'a, T: ArrowPrimitiveType>(
    columns: Columns<'a>,
    index: usize,
) -> Result<&'a datafusion::arrow::array::PrimitiveArray<T>> {
    columns
        .get(index)
        .and_then(|column| column.as_primitive_opt::<T>())
        .ok_or_else(|| unexpected(columns, index, T::DATA_TYPE))
}

/// The strings at `index` of a call.
pub(crate) fn text<'a>(columns: Columns<'a>, index: usize) -> Result<&'a StringArray> {
    columns
        .get(index)
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| unexpected(columns, index, DataType::Utf8))
}

fn unexpected(columns: Columns<'_>, index: usize, expected: DataType) -> DataFusionError {
    let found = columns.get(index).map(|column| column.data_type().clone());
    DataFusionError::Internal(format!("argument {} is {found:?}, not {expected}", index + 1))
}

/// An answer that is the same in each row.
pub(crate) fn repeated_text(value: &str, rows: Rows) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows)))
}
