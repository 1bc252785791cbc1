//! `hashCode` of single values, as the classes of Java and Hadoop define it that Hive once held them in.

use super::bytes::{day_time_hash, seconds_and_nanos, without_zeros};
use crate::{
    functions::datetime::{
        civil::{datetime_of, micros_of},
        zone::Zone,
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray},
        datatypes::{
            Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
            Int16Type, Int32Type, Int64Type, IntervalYearMonthType, TimestampMicrosecondType,
        },
    },
    common::Result,
};

/// Of a column that is not nested. What NULLs have does not count.
pub(super) fn hash(column: &ArrayRef, ty: &HiveType, zone: Zone) -> Result<Vec<i32>> {
    Ok(match ty {
        HiveType::Boolean => column.as_boolean().iter().map(|value| i32::from(value == Some(true))).collect(),
        HiveType::TinyInt => each::<Int8Type>(column, i32::from),
        HiveType::SmallInt => each::<Int16Type>(column, i32::from),
        HiveType::Int => each::<Int32Type>(column, |value| value),
        HiveType::BigInt => each::<Int64Type>(column, folded),
        HiveType::Float => each::<Float32Type>(column, |value| float_bits(value) as i32),
        HiveType::Double => each::<Float64Type>(column, |value| folded(double_bits(value) as i64)),
        HiveType::Decimal { .. } => {
            let decimals = column.as_primitive::<Decimal128Type>();
            let scale = decimals.scale();
            values(decimals).map(|value| decimal_hash(value, scale)).collect()
        }
        HiveType::String => texts(column, 0),
        HiveType::Varchar(_) | HiveType::Char(_) => texts(column, 1),
        HiveType::Binary => {
            column.as_binary::<i32>().iter().map(|bytes| hash_bytes(bytes.unwrap_or_default(), 1)).collect()
        }
        HiveType::Date => each::<Date32Type>(column, |days| days),
        HiveType::Timestamp => each::<TimestampMicrosecondType>(column, |micros| {
            let instant = datetime_of(micros).and_then(|time| zone.instant(time)).map_or(micros, micros_of);
            timestamp_hash(instant)
        }),
        HiveType::TimestampLocalTz => each::<TimestampMicrosecondType>(column, timestamp_hash),
        HiveType::IntervalYearMonth => each::<IntervalYearMonthType>(column, |months| months),
        HiveType::IntervalDayTime => each::<DurationMicrosecondType>(column, day_time_hash),
        _ => vec![0; column.len()],
    })
}

fn values<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>) -> impl Iterator<Item = T::Native> + '_ {
    column.values().iter().copied()
}

fn each<T: ArrowPrimitiveType>(column: &ArrayRef, hash: impl Fn(T::Native) -> i32) -> Vec<i32> {
    values(column.as_primitive::<T>()).map(hash).collect()
}

fn texts(column: &ArrayRef, start: i32) -> Vec<i32> {
    let texts = column.as_string::<i32>().iter();
    texts.map(|text| hash_bytes(text.unwrap_or_default().as_bytes(), start)).collect()
}

/// Bytes are signed.
fn hash_bytes(bytes: &[u8], start: i32) -> i32 {
    bytes.iter().fold(start, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(*byte as i8)))
}

fn folded(value: i64) -> i32 {
    ((value as u64 >> 32) as i64 ^ value) as i32
}

/// All that is no number has the same bits in Java.
pub(super) fn float_bits(value: f32) -> u32 {
    if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() }
}

/// As [`float_bits`].
pub(super) fn double_bits(value: f64) -> u64 {
    if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() }
}

fn timestamp_hash(micros: i64) -> i32 {
    let (seconds, nanos) = seconds_and_nanos(micros);
    folded((seconds << 30) | i64::from(nanos))
}

/// That of `BigDecimal`: of the magnitude's words, high word first, and of the scale.
fn decimal_hash(value: i128, scale: i8) -> i32 {
    let (digits, scale) = without_zeros(value, scale);
    let magnitude = digits.unsigned_abs();
    let words = [96, 64, 32, 0].map(|shift| (magnitude >> shift) as u32 as i32);
    let hash = words.iter().fold(0_i32, |hash, word| hash.wrapping_mul(31).wrapping_add(*word));
    let signed = if digits < 0 { hash.wrapping_neg() } else { hash };
    signed.wrapping_mul(31).wrapping_add(scale)
}
