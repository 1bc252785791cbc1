//! Casts to booleans and to binary numbers, with Java's narrowing.

use super::numbers;
use crate::{functions::datetime::civil::MICROS_PER_SECOND, types::HiveType};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, BooleanArray, PrimitiveArray},
        datatypes::{
            ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
            Int64Type, TimestampMicrosecondType,
        },
    },
    common::{DataFusionError, Result},
};
use std::sync::Arc;

/// A type of Java's numbers, and how the others become it.
trait JavaNumber: ArrowPrimitiveType {
    fn of_integer(value: i64) -> Self::Native;
    /// As Java casts: NaN is 0, and what is too large the largest.
    fn of_double(value: f64) -> Self::Native;
    fn of_text(text: &[u8]) -> Option<Self::Native>;
    /// NULL where it does not fit.
    fn of_decimal(value: i128, scale: u32) -> Option<Self::Native>;
    /// Of microseconds since 1970; NULL where it does not fit.
    fn of_instant(micros: i64) -> Option<Self::Native>;
}

macro_rules! integer {
    ($arrow:ty, $native:ty, $of_double:expr) => {
        impl JavaNumber for $arrow {
            fn of_integer(value: i64) -> $native {
                value as $native
            }

            fn of_double(value: f64) -> $native {
                $of_double(value)
            }

            fn of_text(text: &[u8]) -> Option<$native> {
                <$native>::try_from(numbers::integer(text.trim_ascii())?).ok()
            }

            fn of_decimal(value: i128, scale: u32) -> Option<$native> {
                <$native>::try_from(value / 10i128.pow(scale)).ok()
            }

            fn of_instant(micros: i64) -> Option<$native> {
                <$native>::try_from(micros.div_euclid(MICROS_PER_SECOND)).ok()
            }
        }
    };
}

// Java has no direct way from a double to the short ones.
integer!(Int8Type, i8, |value: f64| value as i32 as i8);
integer!(Int16Type, i16, |value: f64| value as i32 as i16);
integer!(Int32Type, i32, |value: f64| value as i32);
integer!(Int64Type, i64, |value: f64| value as i64);

macro_rules! approximate {
    ($arrow:ty, $native:ty, $of_text:path) => {
        impl JavaNumber for $arrow {
            fn of_integer(value: i64) -> $native {
                value as $native
            }

            fn of_double(value: f64) -> $native {
                value as $native
            }

            fn of_text(text: &[u8]) -> Option<$native> {
                $of_text(text)
            }

            fn of_decimal(value: i128, scale: u32) -> Option<$native> {
                // Both parts are exact, so that the quotient is rounded once.
                const EXACT: u128 = 1 << <$native>::MANTISSA_DIGITS;
                const EXACT_SCALE: u32 = if <$native>::MANTISSA_DIGITS > 24 { 22 } else { 10 };
                if value.unsigned_abs() <= EXACT && scale <= EXACT_SCALE {
                    return Some(value as $native / (10 as $native).powi(scale as i32));
                }
                format!("{value}e-{scale}").parse().ok()
            }

            fn of_instant(micros: i64) -> Option<$native> {
                Some((micros as f64 / MICROS_PER_SECOND as f64) as $native)
            }
        }
    };
}

approximate!(Float32Type, f32, numbers::float);
approximate!(Float64Type, f64, numbers::double);

/// To any number but a decimal.
pub(super) fn to_number(array: &ArrayRef, from: &HiveType, to: &HiveType) -> Result<ArrayRef> {
    match to {
        HiveType::TinyInt => number::<Int8Type>(array, from),
        HiveType::SmallInt => number::<Int16Type>(array, from),
        HiveType::Int => number::<Int32Type>(array, from),
        HiveType::BigInt => number::<Int64Type>(array, from),
        HiveType::Float => number::<Float32Type>(array, from),
        _ => number::<Float64Type>(array, from),
    }
}

fn number<T: JavaNumber>(array: &ArrayRef, from: &HiveType) -> Result<ArrayRef> {
    let result: PrimitiveArray<T> = match from {
        HiveType::Boolean => array
            .as_boolean()
            .iter()
            .map(|value| value.map(|value| T::of_integer(i64::from(value))))
            .collect(),
        HiveType::TinyInt => array.as_primitive::<Int8Type>().unary(|value| T::of_integer(value.into())),
        HiveType::SmallInt => array.as_primitive::<Int16Type>().unary(|value| T::of_integer(value.into())),
        HiveType::Int => array.as_primitive::<Int32Type>().unary(|value| T::of_integer(value.into())),
        HiveType::BigInt => array.as_primitive::<Int64Type>().unary(T::of_integer),
        HiveType::Float => array.as_primitive::<Float32Type>().unary(|value| T::of_double(value.into())),
        HiveType::Double => array.as_primitive::<Float64Type>().unary(T::of_double),
        HiveType::Decimal { scale, .. } => {
            let scale = u32::from(*scale);
            array.as_primitive::<Decimal128Type>().unary_opt(|value| T::of_decimal(value, scale))
        }
        HiveType::Timestamp | HiveType::TimestampLocalTz => {
            array.as_primitive::<TimestampMicrosecondType>().unary_opt(T::of_instant)
        }
        from if from.is_text() => {
            array.as_string::<i32>().iter().map(|text| T::of_text(text?.as_bytes())).collect()
        }
        from => return Err(unexpected(from)),
    };
    Ok(Arc::new(result))
}

pub(super) fn unexpected(from: &HiveType) -> DataFusionError {
    DataFusionError::Internal(format!("{from} is not cast here"))
}

/// Numbers and times are true but for zero, and text but for a few words.
pub(super) fn to_boolean(array: &ArrayRef, from: &HiveType) -> Result<ArrayRef> {
    fn of<T: ArrowPrimitiveType>(array: &ArrayRef, is_true: impl Fn(T::Native) -> bool) -> BooleanArray {
        BooleanArray::from_unary(array.as_primitive::<T>(), is_true)
    }
    Ok(Arc::new(match from {
        HiveType::TinyInt => of::<Int8Type>(array, |value| value != 0),
        HiveType::SmallInt => of::<Int16Type>(array, |value| value != 0),
        HiveType::Int => of::<Int32Type>(array, |value| value != 0),
        HiveType::BigInt => of::<Int64Type>(array, |value| value != 0),
        HiveType::Float => of::<Float32Type>(array, |value| value != 0.0),
        HiveType::Double => of::<Float64Type>(array, |value| value != 0.0),
        HiveType::Decimal { .. } => of::<Decimal128Type>(array, |value| value != 0),
        HiveType::Timestamp | HiveType::TimestampLocalTz => {
            of::<TimestampMicrosecondType>(array, |value| value != 0)
        }
        from if from.is_text() => BooleanArray::from_unary(array.as_string::<i32>(), is_true_word),
        from => return Err(unexpected(from)),
    }))
}

fn is_true_word(text: &str) -> bool {
    !["false", "off", "no", "0", ""].iter().any(|word| text.eq_ignore_ascii_case(word))
}
