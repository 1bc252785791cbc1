//! Intervals made of text and numbers.

use super::{
    civil::{MICROS_PER_DAY, MICROS_PER_SECOND},
    parse::{parse_day_time, parse_year_month},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_integer, count, scalar, text, wrong_type, wrong_value},
    },
    types::HiveType,
};
use datafusion::arrow::array::{DurationMicrosecondArray, IntervalYearMonthArray};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "internal_interval",
        aliases: &[],
        usage: "_FUNC_(intervalType,intervalArg)",
        extended: "this method is not designed to be used by directly calling it - it provides internal support for 'INTERVAL (intervalArg) intervalType' constructs",
        resolve: internal_interval,
    },
    ScalarFunction {
        name: "interval_year_month",
        aliases: &[],
        usage: "CAST(<Interval string> as INTERVAL YEAR TO MONTH) - Returns the year-month interval represented by the string",
        extended: "",
        resolve: year_month,
    },
    ScalarFunction {
        name: "interval_day_time",
        aliases: &[],
        usage: "CAST(<Interval string> AS INTERVAL DAY TO SECOND) - Returns the day-time interval represented by the string",
        extended: "",
        resolve: day_time,
    },
];

/// The units by their number in calls of `internal_interval`.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Months(i32),
    Micros(i64),
}

fn unit(code: i64) -> Option<Unit> {
    Some(match code {
        1 => Unit::Months(12),
        2 => Unit::Months(1),
        3 => Unit::Micros(MICROS_PER_DAY),
        4 => Unit::Micros(3_600 * MICROS_PER_SECOND),
        5 => Unit::Micros(60 * MICROS_PER_SECOND),
        6 => Unit::Micros(MICROS_PER_SECOND),
        _ => return None,
    })
}

fn internal_interval(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let unit = constant_integer(args, 0)
        .and_then(unit)
        .ok_or_else(|| wrong_value(name, 0, "it is not the number of a unit"))?;
    let amount = &args[1].ty;
    if !amount.is_integer() && !amount.is_text() && *amount != HiveType::Void {
        return Err(wrong_type(name, args, 1, "integer or string"));
    }
    let takes = vec![HiveType::Int, HiveType::String];
    Ok(match unit {
        Unit::Months(unit) => scalar(name, args, takes, HiveType::IntervalYearMonth, move |columns, _| {
            let months =
                text(columns, 1)?.iter().map(|amount| amount?.trim().parse::<i32>().ok()?.checked_mul(unit));
            Ok(Arc::new(months.collect::<IntervalYearMonthArray>()))
        }),
        Unit::Micros(unit) => scalar(name, args, takes, HiveType::IntervalDayTime, move |columns, _| {
            let micros = text(columns, 1)?.iter().map(|amount| micros(amount?.trim(), unit));
            Ok(Arc::new(micros.collect::<DurationMicrosecondArray>()))
        }),
    })
}

/// So many units, where seconds alone may have a fraction.
fn micros(amount: &str, unit: i64) -> Option<i64> {
    match amount.split_once('.') {
        None => amount.parse::<i64>().ok()?.checked_mul(unit),
        Some((whole, fraction)) if unit == MICROS_PER_SECOND => {
            let digits = fraction.bytes().all(|byte| byte.is_ascii_digit()).then_some(fraction)?;
            let fraction: i64 = format!("{digits:0<6}").get(..6)?.parse().ok()?;
            let whole_micros = whole.parse::<i64>().ok()?.checked_mul(unit)?;
            whole_micros.checked_add(if whole.starts_with('-') { -fraction } else { fraction })
        }
        Some(_) => None,
    }
}

fn year_month(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let ty = HiveType::IntervalYearMonth;
    if let Some(same) = unchanged(name, args, &ty)? {
        return Ok(same);
    }
    Ok(scalar(name, args, vec![HiveType::String], ty, |columns, _| {
        let months = text(columns, 0)?.iter().map(|text| parse_year_month(text?));
        Ok(Arc::new(months.collect::<IntervalYearMonthArray>()))
    }))
}

fn day_time(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let ty = HiveType::IntervalDayTime;
    if let Some(same) = unchanged(name, args, &ty)? {
        return Ok(same);
    }
    Ok(scalar(name, args, vec![HiveType::String], ty, |columns, _| {
        let micros = text(columns, 0)?.iter().map(|text| parse_day_time(text?));
        Ok(Arc::new(micros.collect::<DurationMicrosecondArray>()))
    }))
}

/// Where the argument is such an interval already.
fn unchanged(name: &str, args: &[Arg], ty: &HiveType) -> Result<Option<Scalar>, FunctionError> {
    count(name, args, 1..=1)?;
    let found = &args[0].ty;
    if found == ty {
        return Ok(Some(scalar(name, args, vec![ty.clone()], ty.clone(), |columns, _| {
            Ok(columns[0].clone())
        })));
    }
    match found.is_text() || *found == HiveType::Void {
        true => Ok(None),
        false => Err(wrong_type(name, args, 0, "string or interval")),
    }
}
