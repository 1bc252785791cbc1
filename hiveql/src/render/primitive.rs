//! Primitive values of one column as text.

use super::{number, time};
use crate::{functions::datetime::zone::Zone, types::HiveType};
use chrono_tz::Tz;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, PrimitiveArray, StringArray},
        datatypes::{
            ArrowPrimitiveType, Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type,
            Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalYearMonthType,
            TimestampMicrosecondType,
        },
    },
    common::{DataFusionError, Result},
};

/// How a value is to be read besides its own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As `cast(x as string)`: booleans in capitals, a char without its trailing blanks.
    Cast,
    /// As a column of a row: booleans in small letters, a char with all its blanks.
    Row,
    /// Within a nested value: as in a row, but a decimal without trailing zeros.
    Nested,
}

/// A column of primitive values, ready to be written.
#[derive(Debug, Clone)]
pub(crate) enum Primitive {
    Boolean(BooleanArray, [&'static str; 2]),
    TinyInt(PrimitiveArray<Int8Type>),
    SmallInt(PrimitiveArray<Int16Type>),
    Int(PrimitiveArray<Int32Type>),
    BigInt(PrimitiveArray<Int64Type>),
    Float(PrimitiveArray<Float32Type>),
    Double(PrimitiveArray<Float64Type>),
    Decimal {
        values: PrimitiveArray<Decimal128Type>,
        scale: usize,
        trimmed: bool,
    },
    Text(StringArray),
    /// With so many characters, blanks among them.
    Padded(StringArray, usize),
    Binary(BinaryArray),
    Date(PrimitiveArray<Date32Type>),
    Timestamp(PrimitiveArray<TimestampMicrosecondType>),
    Zoned {
        values: PrimitiveArray<TimestampMicrosecondType>,
        zone: Zone,
        name: &'static str,
    },
    YearMonth(PrimitiveArray<IntervalYearMonthType>),
    DayTime(PrimitiveArray<DurationMicrosecondType>),
}

impl Primitive {
    /// `None` for a type that is not primitive, and for void.
    pub fn new(array: &ArrayRef, ty: &HiveType, style: Style, zone: Tz) -> Result<Option<Primitive>> {
        Ok(Some(match ty {
            HiveType::Boolean => {
                let words = if style == Style::Cast { ["FALSE", "TRUE"] } else { ["false", "true"] };
                Primitive::Boolean(known(array.as_boolean_opt(), array, ty)?, words)
            }
            HiveType::TinyInt => Primitive::TinyInt(values(array, ty)?),
            HiveType::SmallInt => Primitive::SmallInt(values(array, ty)?),
            HiveType::Int => Primitive::Int(values(array, ty)?),
            HiveType::BigInt => Primitive::BigInt(values(array, ty)?),
            HiveType::Float => Primitive::Float(values(array, ty)?),
            HiveType::Double => Primitive::Double(values(array, ty)?),
            HiveType::Decimal { scale, .. } => Primitive::Decimal {
                values: values(array, ty)?,
                scale: usize::from(*scale),
                trimmed: style == Style::Nested,
            },
            HiveType::Char(length) if style != Style::Cast => {
                Primitive::Padded(known(array.as_string_opt(), array, ty)?, *length as usize)
            }
            HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => {
                Primitive::Text(known(array.as_string_opt(), array, ty)?)
            }
            HiveType::Binary => Primitive::Binary(known(array.as_binary_opt(), array, ty)?),
            HiveType::Date => Primitive::Date(values(array, ty)?),
            HiveType::Timestamp => Primitive::Timestamp(values(array, ty)?),
            HiveType::TimestampLocalTz => {
                Primitive::Zoned { values: values(array, ty)?, zone: zone.into(), name: zone.name() }
            }
            HiveType::IntervalYearMonth => Primitive::YearMonth(values(array, ty)?),
            HiveType::IntervalDayTime => Primitive::DayTime(values(array, ty)?),
            _ => return Ok(None),
        }))
    }

    /// The value of a row that is not NULL.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Primitive::Boolean(values, words) => {
                out.extend_from_slice(words[usize::from(values.value(row))].as_bytes());
            }
            Primitive::TinyInt(values) => number::integer(values.value(row).into(), out),
            Primitive::SmallInt(values) => number::integer(values.value(row).into(), out),
            Primitive::Int(values) => number::integer(values.value(row).into(), out),
            Primitive::BigInt(values) => number::integer(values.value(row), out),
            Primitive::Float(values) => number::float(values.value(row), out),
            Primitive::Double(values) => number::double(values.value(row), out),
            Primitive::Decimal { values, scale, trimmed: false } => {
                number::decimal(values.value(row), *scale, out);
            }
            Primitive::Decimal { values, scale, trimmed: true } => {
                number::trimmed_decimal(values.value(row), *scale, out);
            }
            Primitive::Text(values) => out.extend_from_slice(values.value(row).as_bytes()),
            Primitive::Padded(values, length) => padded(values.value(row), *length, out),
            Primitive::Binary(values) => out.extend_from_slice(values.value(row)),
            Primitive::Date(values) => time::date(values.value(row), out),
            Primitive::Timestamp(values) => time::timestamp(values.value(row), out),
            Primitive::Zoned { values, zone, name } => time::zoned(values.value(row), *zone, name, out),
            Primitive::YearMonth(values) => time::interval_year_month(values.value(row), out),
            Primitive::DayTime(values) => time::interval_day_time(values.value(row), out),
        }
    }

    /// Whether JSON has it between quotes; Hive leaves binary values and intervals without.
    pub fn is_quoted(&self) -> bool {
        matches!(
            self,
            Primitive::Text(_)
                | Primitive::Padded(..)
                | Primitive::Date(_)
                | Primitive::Timestamp(_)
                | Primitive::Zoned { .. }
        )
    }
}

/// A char has its length in characters, not bytes.
pub(crate) fn padded(value: &str, length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(value.as_bytes());
    let missing = length.saturating_sub(value.chars().count());
    out.extend(std::iter::repeat_n(b' ', missing));
}

fn values<T: ArrowPrimitiveType>(array: &ArrayRef, ty: &HiveType) -> Result<PrimitiveArray<T>> {
    known(array.as_primitive_opt::<T>(), array, ty)
}

pub(super) fn known<A: Clone>(found: Option<&A>, array: &ArrayRef, ty: &HiveType) -> Result<A> {
    found.cloned().ok_or_else(|| {
        DataFusionError::Internal(format!("a column of {ty} is held as {}", array.data_type()))
    })
}
