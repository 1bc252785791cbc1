//! Casts to decimals: rounded half up to the scale, NULL where the precision is too small.

use super::{integers::unexpected, numbers};
use crate::{functions::datetime::civil::MICROS_PER_SECOND, render::number, types::HiveType};
use datafusion::{
    arrow::{
        array::{ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array},
        datatypes::{
            Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
            TimestampMicrosecondType,
        },
    },
    common::Result,
};
use std::sync::Arc;

const MICROS_SCALE: u32 = MICROS_PER_SECOND.ilog10();

pub(super) fn to_decimal(array: &ArrayRef, from: &HiveType, precision: u8, scale: u8) -> Result<ArrayRef> {
    let target = Target { precision, scale };
    let result: Decimal128Array = match from {
        HiveType::Boolean => {
            let values = array.as_boolean().iter();
            values.map(|value| target.rescaled(i128::from(value?), 0)).collect()
        }
        HiveType::TinyInt => target.integers::<Int8Type>(array),
        HiveType::SmallInt => target.integers::<Int16Type>(array),
        HiveType::Int => target.integers::<Int32Type>(array),
        HiveType::BigInt => target.integers::<Int64Type>(array),
        HiveType::Float => target.approximate::<Float32Type>(array, number::float),
        HiveType::Double => target.approximate::<Float64Type>(array, number::double),
        HiveType::Decimal { scale, .. } => {
            let scale = u32::from(*scale);
            array.as_primitive::<Decimal128Type>().unary_opt(|value| target.rescaled(value, scale))
        }
        HiveType::Timestamp | HiveType::TimestampLocalTz => {
            let micros = array.as_primitive::<TimestampMicrosecondType>();
            micros.unary_opt(|micros| target.rescaled(micros.into(), MICROS_SCALE))
        }
        from if from.is_text() => {
            let texts = array.as_string::<i32>().iter();
            texts.map(|text| numbers::decimal(text?.as_bytes(), precision, scale)).collect()
        }
        from => return Err(unexpected(from)),
    };
    Ok(Arc::new(result.with_precision_and_scale(precision, scale as i8)?))
}

#[derive(Clone, Copy)]
struct Target {
    precision: u8,
    scale: u8,
}

impl Target {
    fn integers<T: ArrowPrimitiveType>(self, array: &ArrayRef) -> Decimal128Array
    where
        T::Native: Into<i128>,
    {
        array.as_primitive::<T>().unary_opt(|value| self.rescaled(value.into(), 0))
    }

    /// Of the digits that Java writes.
    fn approximate<T: ArrowPrimitiveType>(
        self,
        array: &ArrayRef,
        write: impl Fn(T::Native, &mut Vec<u8>),
    ) -> Decimal128Array {
        let mut text = Vec::new();
        let mut parsed = |value: T::Native| {
            text.clear();
            write(value, &mut text);
            numbers::decimal(&text, self.precision, self.scale)
        };
        array.as_primitive::<T>().iter().map(|value| parsed(value?)).collect()
    }

    /// A value of another scale.
    fn rescaled(self, value: i128, from: u32) -> Option<i128> {
        let to = u32::from(self.scale);
        let value = if from <= to {
            value.checked_mul(10i128.checked_pow(to - from)?)?
        } else {
            let unit = 10i128.checked_pow(from - to)?;
            let half = unit / 2 * value.signum();
            value.checked_add(half)? / unit
        };
        let limit = 10u128.pow(u32::from(self.precision));
        (value.unsigned_abs() < limit).then_some(value)
    }
}
