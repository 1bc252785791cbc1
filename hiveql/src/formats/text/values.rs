//! How files have primitive values: as rows do, but for times with a zone, which are in UTC.

use crate::{
    render::{number, primitive::padded, time},
    types::HiveType,
};
use datafusion::arrow::{
    array::{Array, AsArray},
    datatypes::{
        Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
        Int32Type, Int64Type, IntervalYearMonthType, TimestampMicrosecondType,
    },
};

/// Text of a value that is not NULL. `false` for a binary or nested one.
pub(in crate::formats) fn write_primitive(
    array: &dyn Array,
    ty: &HiveType,
    row: usize,
    out: &mut Vec<u8>,
) -> bool {
    match ty {
        HiveType::Boolean => {
            let word: &[u8] = if array.as_boolean().value(row) { b"true" } else { b"false" };
            out.extend_from_slice(word);
        }
        HiveType::TinyInt => number::integer(array.as_primitive::<Int8Type>().value(row).into(), out),
        HiveType::SmallInt => number::integer(array.as_primitive::<Int16Type>().value(row).into(), out),
        HiveType::Int => number::integer(array.as_primitive::<Int32Type>().value(row).into(), out),
        HiveType::BigInt => number::integer(array.as_primitive::<Int64Type>().value(row), out),
        HiveType::Float => number::float(array.as_primitive::<Float32Type>().value(row), out),
        HiveType::Double => number::double(array.as_primitive::<Float64Type>().value(row), out),
        HiveType::Decimal { scale, .. } => {
            number::decimal(array.as_primitive::<Decimal128Type>().value(row), usize::from(*scale), out);
        }
        HiveType::Char(length) => padded(array.as_string::<i32>().value(row), *length as usize, out),
        HiveType::String | HiveType::Varchar(_) => {
            out.extend_from_slice(array.as_string::<i32>().value(row).as_bytes());
        }
        HiveType::Date => time::date(array.as_primitive::<Date32Type>().value(row), out),
        HiveType::Timestamp => {
            time::timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row), out)
        }
        HiveType::TimestampLocalTz => {
            time::timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row), out);
            out.extend_from_slice(b" UTC");
        }
        HiveType::IntervalYearMonth => {
            time::interval_year_month(array.as_primitive::<IntervalYearMonthType>().value(row), out);
        }
        HiveType::IntervalDayTime => {
            time::interval_day_time(array.as_primitive::<DurationMicrosecondType>().value(row), out);
        }
        _ => return false,
    }
    true
}
