//! The types of HiveQL, how they are written, and the Arrow type that holds each.
//!
//! | Hive | Arrow |
//! | --- | --- |
//! | tinyint, smallint, int, bigint | `Int8`, `Int16`, `Int32`, `Int64` |
//! | float, double | `Float32`, `Float64` |
//! | decimal(p,s) | `Decimal128(p,s)` |
//! | string, varchar(n), char(n) | `Utf8`; a char without its trailing blanks |
//! | binary, boolean, date | `Binary`, `Boolean`, `Date32` |
//! | timestamp | `Timestamp(µs)` without a zone |
//! | timestamp with local time zone | `Timestamp(µs, "UTC")` |
//! | interval_year_month | `Interval(YearMonth)` |
//! | interval_day_time | `Duration(µs)` |
//! | array, map, struct | `List`, `Map`, `Struct` |
//! | uniontype | `Struct` of `tag` (tinyint) and one nullable field `_0`, `_1`, ... per alternative |
//! | void, the type of a bare NULL | `Null` |

use datafusion::arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

pub const DECIMAL_PRECISION_MAX: u8 = 38;
/// `decimal` without numbers is decimal(10,0).
pub const DECIMAL_DEFAULT: (u8, u8) = (10, 0);
/// What a decimal becomes that has no type of its own, such as a division's result that must be cut.
pub const DECIMAL_SYSTEM_DEFAULT: (u8, u8) = (38, 18);
pub const VARCHAR_LENGTH_MAX: u32 = 65_535;
pub const CHAR_LENGTH_MAX: u32 = 255;
const UTC: &str = "UTC";

/// A type of HiveQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HiveType {
    Void,
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal { precision: u8, scale: u8 },
    String,
    Varchar(u32),
    Char(u32),
    Binary,
    Date,
    Timestamp,
    TimestampLocalTz,
    IntervalYearMonth,
    IntervalDayTime,
    Array(Box<HiveType>),
    Map(Box<HiveType>, Box<HiveType>),
    Struct(Vec<StructField>),
    Union(Vec<HiveType>),
}

/// One field of a struct. Names compare without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StructField {
    pub name: String,
    pub ty: HiveType,
}

impl HiveType {
    pub fn decimal(precision: u8, scale: u8) -> HiveType {
        HiveType::Decimal { precision, scale }
    }

    pub fn array(element: HiveType) -> HiveType {
        HiveType::Array(Box::new(element))
    }

    pub fn map(key: HiveType, value: HiveType) -> HiveType {
        HiveType::Map(Box::new(key), Box::new(value))
    }

    pub fn structure(fields: impl IntoIterator<Item = (impl Into<String>, HiveType)>) -> HiveType {
        HiveType::Struct(fields.into_iter().map(|(name, ty)| StructField { name: name.into(), ty }).collect())
    }

    pub fn is_integer(&self) -> bool {
        matches!(self, HiveType::TinyInt | HiveType::SmallInt | HiveType::Int | HiveType::BigInt)
    }

    pub fn is_numeric(&self) -> bool {
        self.is_integer() || matches!(self, HiveType::Float | HiveType::Double | HiveType::Decimal { .. })
    }

    /// string, varchar, char.
    pub fn is_text(&self) -> bool {
        matches!(self, HiveType::String | HiveType::Varchar(_) | HiveType::Char(_))
    }

    /// date and both timestamps.
    pub fn is_datetime(&self) -> bool {
        matches!(self, HiveType::Date | HiveType::Timestamp | HiveType::TimestampLocalTz)
    }

    pub fn is_interval(&self) -> bool {
        matches!(self, HiveType::IntervalYearMonth | HiveType::IntervalDayTime)
    }

    pub fn is_primitive(&self) -> bool {
        !matches!(self, HiveType::Array(_) | HiveType::Map(..) | HiveType::Struct(_) | HiveType::Union(_))
    }

    /// The Arrow type of a column of this type.
    pub fn arrow(&self) -> DataType {
        match self {
            HiveType::Void => DataType::Null,
            HiveType::Boolean => DataType::Boolean,
            HiveType::TinyInt => DataType::Int8,
            HiveType::SmallInt => DataType::Int16,
            HiveType::Int => DataType::Int32,
            HiveType::BigInt => DataType::Int64,
            HiveType::Float => DataType::Float32,
            HiveType::Double => DataType::Float64,
            HiveType::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale as i8),
            HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => DataType::Utf8,
            HiveType::Binary => DataType::Binary,
            HiveType::Date => DataType::Date32,
            HiveType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            HiveType::TimestampLocalTz => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            HiveType::IntervalYearMonth => DataType::Interval(IntervalUnit::YearMonth),
            HiveType::IntervalDayTime => DataType::Duration(TimeUnit::Microsecond),
            HiveType::Array(element) => DataType::List(Arc::new(Field::new("item", element.arrow(), true))),
            HiveType::Map(key, value) => {
                let entries = Fields::from(vec![
                    Field::new("key", key.arrow(), false),
                    Field::new("value", value.arrow(), true),
                ]);
                DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
            }
            HiveType::Struct(fields) => DataType::Struct(
                fields.iter().map(|field| Field::new(&field.name, field.ty.arrow(), true)).collect(),
            ),
            HiveType::Union(alternatives) => {
                let tag = Field::new("tag", DataType::Int8, true);
                let alternatives = alternatives
                    .iter()
                    .enumerate()
                    .map(|(index, ty)| Field::new(format!("_{index}"), ty.arrow(), true));
                DataType::Struct(std::iter::once(tag).chain(alternatives).collect())
            }
        }
    }

    /// The Hive type that an Arrow type stands for; `None` for what HiveQL has no name for.
    pub fn of_arrow(ty: &DataType) -> Option<HiveType> {
        Some(match ty {
            DataType::Null => HiveType::Void,
            DataType::Boolean => HiveType::Boolean,
            DataType::Int8 => HiveType::TinyInt,
            DataType::Int16 | DataType::UInt8 => HiveType::SmallInt,
            DataType::Int32 | DataType::UInt16 => HiveType::Int,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => HiveType::BigInt,
            DataType::Float16 | DataType::Float32 => HiveType::Float,
            DataType::Float64 => HiveType::Double,
            DataType::Decimal128(precision, scale) => {
                HiveType::decimal(*precision, u8::try_from(*scale).ok()?)
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => HiveType::String,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => HiveType::Binary,
            DataType::Date32 | DataType::Date64 => HiveType::Date,
            DataType::Timestamp(_, None) => HiveType::Timestamp,
            DataType::Timestamp(_, Some(_)) => HiveType::TimestampLocalTz,
            DataType::Interval(IntervalUnit::YearMonth) => HiveType::IntervalYearMonth,
            DataType::Duration(_) | DataType::Interval(IntervalUnit::DayTime) => HiveType::IntervalDayTime,
            DataType::List(element)
            | DataType::LargeList(element)
            | DataType::FixedSizeList(element, _)
            | DataType::ListView(element)
            | DataType::LargeListView(element) => HiveType::array(Self::of_arrow(element.data_type())?),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => HiveType::map(
                    Self::of_arrow(fields[0].data_type())?,
                    Self::of_arrow(fields[1].data_type())?,
                ),
                _ => return None,
            },
            DataType::Struct(fields) => HiveType::Struct(
                fields
                    .iter()
                    .map(|field| {
                        let ty = Self::of_arrow(field.data_type())?;
                        Some(StructField { name: field.name().clone(), ty })
                    })
                    .collect::<Option<_>>()?,
            ),
            DataType::Dictionary(_, value) => Self::of_arrow(value)?,
            _ => return None,
        })
    }
}

/// As DESCRIBE prints it and as a table's definition writes it.
impl fmt::Display for HiveType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HiveType::Void => out.write_str("void"),
            HiveType::Boolean => out.write_str("boolean"),
            HiveType::TinyInt => out.write_str("tinyint"),
            HiveType::SmallInt => out.write_str("smallint"),
            HiveType::Int => out.write_str("int"),
            HiveType::BigInt => out.write_str("bigint"),
            HiveType::Float => out.write_str("float"),
            HiveType::Double => out.write_str("double"),
            HiveType::Decimal { precision, scale } => write!(out, "decimal({precision},{scale})"),
            HiveType::String => out.write_str("string"),
            HiveType::Varchar(length) => write!(out, "varchar({length})"),
            HiveType::Char(length) => write!(out, "char({length})"),
            HiveType::Binary => out.write_str("binary"),
            HiveType::Date => out.write_str("date"),
            HiveType::Timestamp => out.write_str("timestamp"),
            HiveType::TimestampLocalTz => out.write_str("timestamp with local time zone"),
            HiveType::IntervalYearMonth => out.write_str("interval_year_month"),
            HiveType::IntervalDayTime => out.write_str("interval_day_time"),
            HiveType::Array(element) => write!(out, "array<{element}>"),
            HiveType::Map(key, value) => write!(out, "map<{key},{value}>"),
            HiveType::Struct(fields) => {
                out.write_str("struct<")?;
                for (index, field) in fields.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(out, "{comma}{}:{}", field.name, field.ty)?;
                }
                out.write_str(">")
            }
            HiveType::Union(alternatives) => {
                out.write_str("uniontype<")?;
                for (index, ty) in alternatives.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(out, "{comma}{ty}")?;
                }
                out.write_str(">")
            }
        }
    }
}
