//! Functions of one number that keep its type, or nearly so: signs, and the complement of its bits.

use super::{function, operand::is_operand};
use crate::{
    functions::{
        Arg, Columns, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, Int32Array},
        datatypes::{
            DataType, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
            Int32Type, Int64Type, IntervalYearMonthType,
        },
    },
    common::Result as ExecutionResult,
};
use std::{ops::Not, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function("negative", "_FUNC_ a - Returns -a", "", negative),
    function("positive", "_FUNC_ a - Returns a", "", positive),
    function(
        "~",
        "_FUNC_ n - Bitwise not",
        "Example:\n  > SELECT _FUNC_ 0 FROM src LIMIT 1;\n  -1",
        complement,
    ),
    function(
        "abs",
        "_FUNC_(x) - returns the absolute value of x",
        "Example:\n  > SELECT _FUNC_(0) FROM src LIMIT 1;\n  0\n  > SELECT _FUNC_(-5) FROM src LIMIT 1;\n  5",
        abs,
    ),
    function(
        "sign",
        "_FUNC_(x) - returns the sign of x )",
        "Example:\n   > SELECT _FUNC_(40) FROM src LIMIT 1;\n  1",
        sign,
    ),
];

/// Numbers and intervals, which keep their type; text becomes a double.
fn signed_type(name: &str, args: &[Arg]) -> Result<HiveType, FunctionError> {
    count(name, args, 1..=1)?;
    match &args[0].ty {
        ty if ty.is_text() => Ok(HiveType::Double),
        ty if is_operand(ty) || ty.is_interval() => Ok(ty.clone()),
        _ => Err(wrong_type(name, args, 0, "number or interval")),
    }
}

fn positive(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let ty = signed_type(name, args)?;
    Ok(scalar(name, args, vec![ty.clone()], ty, |columns, _| Ok(columns[0].clone())))
}

fn negative(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let ty = signed_type(name, args)?;
    Ok(scalar(name, args, vec![ty.clone()], ty, |columns, _| {
        Ok(match columns[0].data_type() {
            DataType::Int8 => negated::<Int8Type>(columns)?,
            DataType::Int16 => negated::<Int16Type>(columns)?,
            DataType::Int32 => negated::<Int32Type>(columns)?,
            DataType::Int64 => negated::<Int64Type>(columns)?,
            DataType::Float32 => negated::<Float32Type>(columns)?,
            DataType::Float64 => negated::<Float64Type>(columns)?,
            DataType::Decimal128(..) => negated::<Decimal128Type>(columns)?,
            DataType::Interval(_) => negated::<IntervalYearMonthType>(columns)?,
            DataType::Duration(_) => negated::<DurationMicrosecondType>(columns)?,
            _ => columns[0].clone(),
        })
    }))
}

fn negated<T: ArrowPrimitiveType>(columns: Columns<'_>) -> ExecutionResult<ArrayRef>
where
    T::Native: ArrowNativeTypeOp,
{
    let numbers = primitive::<T>(columns, 0)?;
    let negated = numbers.unary::<_, T>(|number| number.neg_wrapping());
    Ok(Arc::new(negated.with_data_type(numbers.data_type().clone())))
}

fn complement(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let ty = match &args[0].ty {
        HiveType::Void => HiveType::Int,
        ty if ty.is_integer() => ty.clone(),
        _ => return Err(wrong_type(name, args, 0, "whole number")),
    };
    Ok(scalar(name, args, vec![ty.clone()], ty, |columns, _| match columns[0].data_type() {
        DataType::Int8 => complemented::<Int8Type>(columns),
        DataType::Int16 => complemented::<Int16Type>(columns),
        DataType::Int32 => complemented::<Int32Type>(columns),
        _ => complemented::<Int64Type>(columns),
    }))
}

fn complemented<T: ArrowPrimitiveType>(columns: Columns<'_>) -> ExecutionResult<ArrayRef>
where
    T::Native: Not<Output = T::Native>,
{
    Ok(Arc::new(primitive::<T>(columns, 0)?.unary::<_, T>(|number| !number)))
}

/// Narrow whole numbers become ints, and floats doubles.
fn abs(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let ty = match &args[0].ty {
        HiveType::TinyInt | HiveType::SmallInt | HiveType::Int => HiveType::Int,
        HiveType::BigInt => HiveType::BigInt,
        ty @ HiveType::Decimal { .. } => ty.clone(),
        ty if is_operand(ty) => HiveType::Double,
        _ => return Err(wrong_type(name, args, 0, "number")),
    };
    Ok(scalar(name, args, vec![ty.clone()], ty, |columns, _| {
        let numbers = &columns[0];
        Ok(match numbers.data_type() {
            DataType::Int32 => {
                Arc::new(primitive::<Int32Type>(columns, 0)?.unary::<_, Int32Type>(i32::wrapping_abs))
            }
            DataType::Int64 => {
                Arc::new(primitive::<Int64Type>(columns, 0)?.unary::<_, Int64Type>(i64::wrapping_abs))
            }
            DataType::Decimal128(..) => {
                let absolute =
                    primitive::<Decimal128Type>(columns, 0)?.unary::<_, Decimal128Type>(i128::wrapping_abs);
                Arc::new(absolute.with_data_type(numbers.data_type().clone()))
            }
            _ => Arc::new(primitive::<Float64Type>(columns, 0)?.unary::<_, Float64Type>(f64::abs)),
        })
    }))
}

/// Of a decimal an int, of all else a double.
fn sign(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    match &args[0].ty {
        ty @ HiveType::Decimal { .. } => {
            Ok(scalar(name, args, vec![ty.clone()], HiveType::Int, |columns, _| {
                let decimals = primitive::<Decimal128Type>(columns, 0)?;
                let signs: Int32Array = decimals.unary(|value| value.signum() as i32);
                Ok(Arc::new(signs))
            }))
        }
        ty if is_operand(ty) => {
            Ok(scalar(name, args, vec![HiveType::Double], HiveType::Double, |columns, _| {
                let sign = |value: f64| match value {
                    0.0 => 0.0,
                    value if value > 0.0 => 1.0,
                    _ => -1.0,
                };
                Ok(Arc::new(primitive::<Float64Type>(columns, 0)?.unary::<_, Float64Type>(sign)))
            }))
        }
        _ => Err(wrong_type(name, args, 0, "number")),
    }
}
