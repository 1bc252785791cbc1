//! `round`, `bround`, `floor` and `ceil`.

use super::{
    decimal::within,
    function,
    operand::is_operand,
    round_double::{DoubleRounder, Halves},
    with_aliases,
};
use crate::{
    functions::{
        Arg, Columns, FunctionError, Rows, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_integer, count, primitive, scalar, wrong_type},
    },
    types::{DECIMAL_PRECISION_MAX, HiveType},
};
use datafusion::{
    arrow::{
        array::{ArrayRef, ArrowPrimitiveType, Decimal128Array, Int32Array, PrimitiveArray},
        datatypes::{
            DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        },
    },
    common::Result as ExecutionResult,
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "round",
        "_FUNC_(x[, d]) - round x to d decimal places",
        "Example:\n  > SELECT _FUNC_(12.3456, 1) FROM src LIMIT 1;\n  12.3'",
        round,
    ),
    function(
        "bround",
        "_FUNC_(x[, d]) - round x to d decimal places using HALF_EVEN rounding mode.",
        "Banker's rounding. The value is rounded to the nearest even number. Also known as Gaussian rounding.\nExample:\n  > SELECT _FUNC_(12.25, 1);\n  12.2",
        round,
    ),
    function(
        "floor",
        "_FUNC_(x) - Find the largest integer not greater than x",
        "Example:\n  > SELECT _FUNC_(-0.1) FROM src LIMIT 1;\n  -1\n  > SELECT _FUNC_(5) FROM src LIMIT 1;\n  5",
        to_whole,
    ),
    with_aliases(
        "ceil",
        &["ceiling"],
        "_FUNC_(x) - Find the smallest integer not smaller than x",
        "Example:\n  > SELECT _FUNC_(-0.1) FROM src LIMIT 1;\n  0\n  > SELECT _FUNC_(5) FROM src LIMIT 1;\n  5",
        to_whole,
    ),
];

/// Places beyond these change nothing in 38 digits or 64 bits.
const PLACES_MAX: i32 = 400;

fn round(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=2)?;
    if let Some(places) = args.get(1)
        && !places.ty.is_integer()
        && places.ty != HiveType::Void
    {
        return Err(wrong_type(name, args, 1, "whole number"));
    }
    let places = match args.len() {
        1 => Some(0),
        _ => constant_integer(args, 1).map(bounded),
    };
    let ty = match &args[0].ty {
        ty if ty.is_text() => HiveType::Double,
        ty if is_operand(ty) => ty.clone(),
        _ => return Err(wrong_type(name, args, 0, "number")),
    };
    let returns = match &ty {
        HiveType::Decimal { precision, scale } => rounded_type(*precision, *scale, places),
        ty => ty.clone(),
    };
    let halves = if name == "bround" { Halves::Even } else { Halves::Up };
    let mut takes = vec![ty];
    takes.extend(args.get(1).map(|_| HiveType::BigInt));
    let arrow = returns.arrow();
    Ok(scalar(name, args, takes, returns, move |columns, rows| {
        let places = match columns.get(1) {
            Some(_) => primitive::<Int64Type>(columns, 1)?.unary::<_, Int32Type>(bounded),
            None => Int32Array::from_value(0, rows),
        };
        rounded(columns, &places, halves, &arrow)
    }))
}

fn bounded(places: i64) -> i32 {
    places.clamp(i64::from(-PLACES_MAX), i64::from(PLACES_MAX)) as i32
}

/// Rounding may make a digit more before the point. Where each row says its places, all of them are kept.
fn rounded_type(precision: u8, scale: u8, places: Option<i32>) -> HiveType {
    let places = places.unwrap_or(i32::from(scale));
    let new_scale = places.clamp(0, i32::from(DECIMAL_PRECISION_MAX)) as u8;
    let whole = precision - scale + u8::from(places < i32::from(scale));
    HiveType::decimal((whole + new_scale).clamp(1, DECIMAL_PRECISION_MAX), new_scale)
}

fn rounded(
    columns: Columns<'_>,
    places: &Int32Array,
    halves: Halves,
    returns: &DataType,
) -> ExecutionResult<ArrayRef> {
    let mut rounder = DoubleRounder::new(halves);
    Ok(match returns {
        DataType::Int8 => {
            zipped::<Int8Type>(columns, places, |n, places| Some(whole(n.into(), places, halves) as i8))?
        }
        DataType::Int16 => {
            zipped::<Int16Type>(columns, places, |n, places| Some(whole(n.into(), places, halves) as i16))?
        }
        DataType::Int32 => {
            zipped::<Int32Type>(columns, places, |n, places| Some(whole(n.into(), places, halves) as i32))?
        }
        DataType::Int64 => zipped::<Int64Type>(columns, places, |n, places| Some(whole(n, places, halves)))?,
        DataType::Float32 => {
            zipped::<Float32Type>(columns, places, |n, places| Some(rounder.round(n.into(), places) as f32))?
        }
        DataType::Float64 => {
            zipped::<Float64Type>(columns, places, |n, places| Some(rounder.round(n, places)))?
        }
        DataType::Decimal128(precision, scale) => {
            let numbers = primitive::<Decimal128Type>(columns, 0)?;
            let (from, to, digits) = (i32::from(numbers.scale()), i32::from(*scale), *precision);
            let values = numbers
                .iter()
                .zip(places)
                .map(|(number, places)| within(decimal(number?, from, places?.min(to), to, halves)?, digits));
            let values: Decimal128Array = values.collect();
            Arc::new(values.with_precision_and_scale(*precision, *scale)?)
        }
        _ => columns[0].clone(),
    })
}

fn zipped<T: ArrowPrimitiveType>(
    columns: Columns<'_>,
    places: &Int32Array,
    mut call: impl FnMut(T::Native, i32) -> Option<T::Native>,
) -> ExecutionResult<ArrayRef> {
    let numbers = primitive::<T>(columns, 0)?;
    let values = numbers.iter().zip(places).map(|(number, places)| call(number?, places?));
    Ok(Arc::new(values.collect::<PrimitiveArray<T>>()))
}

/// What is too large for its type loses its high bits, as in Java.
fn whole(number: i64, places: i32, halves: Halves) -> i64 {
    if places >= 0 {
        return number;
    }
    match 10i128.checked_pow(places.unsigned_abs()) {
        Some(unit) => halves.divide(number.into(), unit).wrapping_mul(unit) as i64,
        None => 0,
    }
}

/// A number of the scale `from` rounded to `places`, as one of the scale `to`.
fn decimal(number: i128, from: i32, places: i32, to: i32, halves: Halves) -> Option<i128> {
    let number = match u32::try_from(from - places) {
        Ok(surplus) => match 10i128.checked_pow(surplus) {
            Some(unit) => halves.divide(number, unit),
            None => 0,
        },
        Err(_) => number.checked_mul(10i128.checked_pow((places - from).unsigned_abs())?)?,
    };
    match number {
        0 => Some(0),
        _ => number.checked_mul(10i128.checked_pow(u32::try_from(to - places).ok()?)?),
    }
}

/// Of a decimal a decimal, of all else a bigint.
fn to_whole(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let is_floor = name == "floor";
    match &args[0].ty {
        ty if ty.is_integer() => {
            Ok(scalar(name, args, vec![HiveType::BigInt], HiveType::BigInt, |columns, _: Rows| {
                Ok(columns[0].clone())
            }))
        }
        ty @ HiveType::Decimal { precision, scale } => {
            let digits = (precision - scale + 1).min(DECIMAL_PRECISION_MAX);
            let unit = 10i128.pow(u32::from(*scale));
            let returns = HiveType::decimal(digits, 0);
            Ok(scalar(name, args, vec![ty.clone()], returns, move |columns, _| {
                let numbers = primitive::<Decimal128Type>(columns, 0)?;
                let values = numbers.unary::<_, Decimal128Type>(|number| {
                    let floor = number.div_euclid(unit);
                    if is_floor || floor * unit == number { floor } else { floor + 1 }
                });
                Ok(Arc::new(values.with_precision_and_scale(digits, 0)?))
            }))
        }
        ty if is_operand(ty) => {
            let call: fn(f64) -> f64 = if is_floor { f64::floor } else { f64::ceil };
            Ok(scalar(name, args, vec![HiveType::Double], HiveType::BigInt, move |columns, _| {
                let numbers = primitive::<Float64Type>(columns, 0)?;
                Ok(Arc::new(numbers.unary::<_, Int64Type>(|number| call(number) as i64)))
            }))
        }
        _ => Err(wrong_type(name, args, 0, "number")),
    }
}
