//! Casts: what `CAST(x AS type)` and the planner's own conversions do, and the type in which two types meet.
//!
//! What cannot be converted is NULL, as in Hive. Where a cast of Arrow's does just what Hive's does it is used, so that
//! DataFusion can see through it; all else is a scalar function of its own, which other processes find by its name.

mod by_name;
mod decimals;
mod format;
mod integers;
mod nested;
pub(crate) mod numbers;
pub mod promotion;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod times;

use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_text, count, scalar, wrong_type, wrong_value},
    },
    types::HiveType,
};
pub use by_name::NAMED;
use chrono_tz::Tz;
use datafusion::{
    arrow::array::{Array, ArrayRef, new_null_array},
    common::{DataFusionError, Result as QueryResult, ScalarValue},
    logical_expr::{Cast, Expr, lit},
};
use format::Formatted;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("cannot cast {from} to {to}")]
pub struct CastError {
    pub from: HiveType,
    pub to: HiveType,
}

/// The functions that casts become. Nobody calls them by name.
pub const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: INTERNAL_CAST,
        aliases: &[],
        usage: "_FUNC_(value, type) - Converts the value to the type, which is given as JSON",
        extended: "",
        resolve: resolve_cast,
    },
    ScalarFunction {
        name: INTERNAL_CAST_FORMAT,
        aliases: &[],
        usage: "_FUNC_(value, type, format) - Converts the value to the type by the format",
        extended: "",
        resolve: resolve_cast_format,
    },
];

const INTERNAL_CAST: &str = "internal_cast";
const INTERNAL_CAST_FORMAT: &str = "internal_cast_format";

/// Hive's cast as an expression.
pub fn cast(expr: Expr, from: &HiveType, to: &HiveType, facts: &SessionFacts) -> Result<Expr, CastError> {
    if from == to {
        return Ok(expr);
    }
    let error = || CastError { from: from.clone(), to: to.clone() };
    match conversion(from, to).ok_or_else(error)? {
        Conversion::None => Ok(expr),
        Conversion::Arrow => Ok(Expr::Cast(Cast::new(Box::new(expr), to.arrow()))),
        Conversion::Null => Ok(Expr::Literal(null_of(to).ok_or_else(error)?, None)),
        Conversion::Kernel => {
            let ty = text_of(to).ok_or_else(error)?;
            call(resolve_cast, INTERNAL_CAST, expr, from, [ty], facts).ok_or_else(error)
        }
    }
}

/// `CAST(x AS type FORMAT 'pattern')`, from text to a date or timestamp or the other way. Also fails where the pattern is
/// none for that.
pub fn cast_with_format(
    expr: Expr,
    from: &HiveType,
    to: &HiveType,
    format: &str,
    facts: &SessionFacts,
) -> Result<Expr, CastError> {
    let error = || CastError { from: from.clone(), to: to.clone() };
    if *from == HiveType::Void {
        return Ok(Expr::Literal(null_of(to).ok_or_else(error)?, None));
    }
    let constants = [text_of(to).ok_or_else(error)?, format.to_owned()];
    call(resolve_cast_format, INTERNAL_CAST_FORMAT, expr, from, constants, facts).ok_or_else(error)
}

fn null_of(ty: &HiveType) -> Option<ScalarValue> {
    ScalarValue::try_from(&ty.arrow()).ok()
}

/// The type as it travels in a call.
fn text_of(ty: &HiveType) -> Option<String> {
    serde_json::to_string(ty).ok()
}

/// A call of one of the functions here with constants behind the value.
fn call<const COUNT: usize>(
    resolve: fn(&str, &[Arg], &SessionFacts) -> Result<Scalar, FunctionError>,
    name: &str,
    value: Expr,
    from: &HiveType,
    constants: [String; COUNT],
    facts: &SessionFacts,
) -> Option<Expr> {
    let mut args = vec![Arg { ty: from.clone(), constant: None }];
    args.extend(
        constants
            .iter()
            .map(|text| Arg { ty: HiveType::String, constant: Some(ScalarValue::Utf8(Some(text.clone()))) }),
    );
    let resolved = resolve(name, &args, facts).ok()?;
    let values = std::iter::once(value).chain(constants.into_iter().map(lit)).collect();
    Some(resolved.udf.call(values))
}

fn resolve_cast(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let from = args[0].ty.clone();
    let to = constant_type(name, args)?;
    if from != to && conversion(&from, &to).is_none() {
        return Err(wrong_type(name, args, 0, &format!("what can be cast to {to}")));
    }
    let (takes, returns) = (vec![from.clone(), HiveType::String], to.clone());
    let zone = facts.timezone;
    Ok(scalar(name, args, takes, returns, move |columns, _| cast_in_zone(&columns[0], &from, &to, zone)))
}

fn resolve_cast_format(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 3..=3)?;
    let from = args[0].ty.clone();
    let to = constant_type(name, args)?;
    let format = constant_text(name, args, 2)?;
    let cast = Formatted::new(&from, &to, &format, facts)
        .ok_or_else(|| wrong_value(name, 2, format!("it is no format for a cast of {from} to {to}")))?;
    let takes = vec![from, HiveType::String, HiveType::String];
    Ok(scalar(name, args, takes, to, move |columns, _| cast.cast(&columns[0])))
}

fn constant_type(name: &str, args: &[Arg]) -> Result<HiveType, FunctionError> {
    let text = constant_text(name, args, 1)?;
    serde_json::from_str(&text).map_err(|error| wrong_value(name, 1, error.to_string()))
}

/// How a cast is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conversion {
    /// The values stay as they are.
    None,
    /// Arrow's own cast does it.
    Arrow,
    /// Only NULL comes out.
    Null,
    Kernel,
}

/// `None` where Hive has no such cast.
fn conversion(from: &HiveType, to: &HiveType) -> Option<Conversion> {
    use HiveType as T;
    Some(match (from, to) {
        (T::Void, _) => Conversion::Null,
        (from, to) if from == to => Conversion::None,
        (T::Varchar(_) | T::Char(_), T::String) => Conversion::None,
        (T::Varchar(from), T::Varchar(to)) | (T::Char(from), T::Char(to) | T::Varchar(to)) if from <= to => {
            Conversion::None
        }
        (from, to) if widens(from, to) => Conversion::Arrow,
        (T::Boolean, T::Float | T::Double) => Conversion::Arrow,
        (T::Boolean, to) if to.is_integer() => Conversion::Arrow,
        (T::Date, T::Timestamp) | (T::String | T::Varchar(_), T::Binary) => Conversion::Arrow,
        (T::IntervalYearMonth | T::IntervalDayTime, T::Boolean) => Conversion::Null,
        (T::Date, to) if to.is_numeric() || *to == T::Boolean => Conversion::Null,
        (from, to) if from.is_primitive() && to.is_primitive() => {
            return is_known(from, to).then_some(Conversion::Kernel);
        }
        (from, to) => return nested::is_castable(from, to).then_some(Conversion::Kernel),
    })
}

/// Each value of one is a value of the other, or rounds to one as it does in Java.
fn widens(from: &HiveType, to: &HiveType) -> bool {
    let rank = |ty: &HiveType| match ty {
        HiveType::TinyInt => Some(1),
        HiveType::SmallInt => Some(2),
        HiveType::Int => Some(3),
        HiveType::BigInt => Some(4),
        HiveType::Float => Some(5),
        HiveType::Double => Some(6),
        _ => None,
    };
    matches!((rank(from), rank(to)), (Some(from), Some(to)) if from < to)
}

/// Casts between primitive types that differ.
fn is_known(from: &HiveType, to: &HiveType) -> bool {
    use HiveType as T;
    match to {
        T::Void => false,
        to if to.is_text() => true,
        to if to.is_numeric() || *to == T::Boolean => {
            from.is_numeric()
                || from.is_text()
                || matches!(from, T::Boolean | T::Timestamp | T::TimestampLocalTz)
        }
        T::Timestamp | T::TimestampLocalTz => {
            from.is_numeric() || from.is_text() || from.is_datetime() || *from == T::Boolean
        }
        T::Date => from.is_text() || from.is_datetime(),
        T::Binary => from.is_text(),
        T::IntervalYearMonth | T::IntervalDayTime => from.is_text(),
        _ => false,
    }
}

/// The same cast, of an array.
pub fn cast_array(
    array: &ArrayRef,
    from: &HiveType,
    to: &HiveType,
    facts: &SessionFacts,
) -> QueryResult<ArrayRef> {
    cast_in_zone(array, from, to, facts.timezone)
}

/// The same, where there is no session: the zone is all that casts know of one.
pub(crate) fn cast_in_zone(
    array: &ArrayRef,
    from: &HiveType,
    to: &HiveType,
    zone: Tz,
) -> QueryResult<ArrayRef> {
    let unknown = || DataFusionError::External(Box::new(CastError { from: from.clone(), to: to.clone() }));
    match conversion(from, to).ok_or_else(unknown)? {
        Conversion::None => Ok(array.clone()),
        Conversion::Arrow => Ok(datafusion::arrow::compute::cast(array, &to.arrow())?),
        Conversion::Null => Ok(new_null_array(&to.arrow(), array.len())),
        Conversion::Kernel if !to.is_primitive() => nested::cast(array, from, to, zone),
        Conversion::Kernel => primitive(array, from, to, zone),
    }
}

fn primitive(array: &ArrayRef, from: &HiveType, to: &HiveType, zone: Tz) -> QueryResult<ArrayRef> {
    match to {
        HiveType::Boolean => integers::to_boolean(array, from),
        HiveType::Decimal { precision, scale } => decimals::to_decimal(array, from, *precision, *scale),
        to if to.is_numeric() => integers::to_number(array, from, to),
        to if to.is_text() => text::to_text(array, from, to, zone),
        HiveType::Binary => text::to_binary(array, from),
        HiveType::Date => times::to_date(array, from, zone.into()),
        HiveType::Timestamp => times::to_timestamp(array, from, zone.into()),
        HiveType::TimestampLocalTz => times::to_zoned(array, from, zone.into()),
        _ => times::to_interval(array, to),
    }
}
