//! Murmur3 with 32 bits of single values, in the bytes and with the seed that Hive uses.

use super::{
    bytes::{day_time_hash, shortest, timestamp_bytes, without_zeros},
    java::{double_bits, float_bits},
};
use crate::types::HiveType;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowPrimitiveType, AsArray},
        datatypes::{
            Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
            Int16Type, Int32Type, Int64Type, IntervalYearMonthType, TimestampMicrosecondType,
        },
    },
    common::Result,
};

const SEED: u32 = 104_729;
const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// Of a column that is not nested. What NULLs have does not count. Booleans and tinyints are their own hash.
pub(super) fn hash(column: &ArrayRef, ty: &HiveType) -> Result<Vec<i32>> {
    Ok(match ty {
        HiveType::Boolean => column.as_boolean().iter().map(|value| i32::from(value == Some(true))).collect(),
        HiveType::TinyInt => each::<Int8Type>(column, i32::from),
        HiveType::SmallInt => each::<Int16Type>(column, |value| murmur(&value.to_be_bytes())),
        HiveType::Int => each::<Int32Type>(column, |value| murmur(&value.to_be_bytes())),
        HiveType::BigInt => each::<Int64Type>(column, |value| murmur(&value.to_be_bytes())),
        // The bits are taken for a whole number, and that is made a floating point number once more.
        HiveType::Float => {
            each::<Float32Type>(column, |value| murmur(&(float_bits(value) as i32 as f32).to_be_bytes()))
        }
        HiveType::Double => {
            each::<Float64Type>(column, |value| murmur(&(double_bits(value) as i64 as f64).to_be_bytes()))
        }
        HiveType::Decimal { .. } => {
            let decimals = column.as_primitive::<Decimal128Type>();
            let scale = decimals.scale();
            let hash = |value: &i128| {
                let (bytes, start) = shortest(without_zeros(*value, scale).0);
                murmur(&bytes[start..])
            };
            decimals.values().iter().map(hash).collect()
        }
        HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => {
            column.as_string::<i32>().iter().map(|text| murmur(text.unwrap_or_default().as_bytes())).collect()
        }
        HiveType::Binary => {
            column.as_binary::<i32>().iter().map(|bytes| murmur(bytes.unwrap_or_default())).collect()
        }
        HiveType::Date => each::<Date32Type>(column, |days| murmur(&days.to_be_bytes())),
        HiveType::Timestamp | HiveType::TimestampLocalTz => {
            let mut bytes = Vec::new();
            let micros = column.as_primitive::<TimestampMicrosecondType>().values().iter();
            let hash = |micros: &i64| {
                timestamp_bytes(*micros, &mut bytes);
                murmur(&bytes)
            };
            micros.map(hash).collect()
        }
        HiveType::IntervalYearMonth => {
            each::<IntervalYearMonthType>(column, |months| murmur(&months.to_be_bytes()))
        }
        HiveType::IntervalDayTime => {
            each::<DurationMicrosecondType>(column, |micros| murmur(&day_time_hash(micros).to_be_bytes()))
        }
        _ => vec![0; column.len()],
    })
}

fn each<T: ArrowPrimitiveType>(column: &ArrayRef, hash: impl Fn(T::Native) -> i32) -> Vec<i32> {
    column.as_primitive::<T>().values().iter().map(|value| hash(*value)).collect()
}

fn murmur(bytes: &[u8]) -> i32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = SEED;
    for block in blocks {
        hash ^= mixed(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        hash ^= mixed(tail.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)));
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) as i32
}

fn mixed(word: u32) -> u32 {
    word.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}
