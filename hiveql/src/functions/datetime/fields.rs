//! The fields of dates, times and intervals: year, month, hour and so on.

use super::{
    civil::{MICROS_PER_DAY, MICROS_PER_SECOND, date_of},
    parse::parse_timestamp,
    temporal,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, text},
    },
    types::HiveType,
};
use chrono::{Datelike, NaiveDate};
use datafusion::arrow::{
    array::Int32Array,
    datatypes::{
        Date32Type, DurationMicrosecondType, Int32Type, IntervalYearMonthType, TimestampMicrosecondType,
    },
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    field(
        "year",
        &[],
        "_FUNC_(param) - Returns the year component of the date/timestamp/interval",
        "param can be one of:\n1. A string in the format of 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'.\n2. A date value\n3. A timestamp value\n4. A year-month interval valueExample:\n   > SELECT _FUNC_('2009-07-30') FROM src LIMIT 1;\n  2009",
    ),
    field(
        "quarter",
        &[],
        "_FUNC_(date/timestamp/string) - Returns the quarter of the year for date, in the range 1 to 4.",
        "Example: > SELECT _FUNC_('2015-04-08');\n 2",
    ),
    field(
        "month",
        &[],
        "_FUNC_(param) - Returns the month component of the date/timestamp/interval",
        "param can be one of:\n1. A string in the format of 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'.\n2. A date value\n3. A timestamp value\n4. A year-month interval valueExample:\n  > SELECT _FUNC_('2009-07-30') FROM src LIMIT 1;\n  7",
    ),
    field(
        "day",
        &["dayofmonth"],
        "_FUNC_(param) - Returns the day of the month of date/timestamp, or day component of interval",
        "param can be one of:\n1. A string in the format of 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'.\n2. A date value\n3. A timestamp value\n4. A day-time interval valueExample:\n   > SELECT _FUNC_('2009-07-30') FROM src LIMIT 1;\n  30",
    ),
    field(
        "dayofweek",
        &[],
        "_FUNC_(param) - Returns the day of the week of date/timestamp (1 = Sunday, 2 = Monday, ..., 7 = Saturday)",
        "param can be one of:\n1. A string in the format of 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'.\n2. A date value\n3. A timestamp valueExample:\n   > SELECT _FUNC_('2009-07-30') FROM src LIMIT 1;\n  5",
    ),
    field(
        "weekofyear",
        &["week"],
        "_FUNC_(date) - Returns the week of the year of the given date. A week is considered to start on a Monday and week 1 is the first week with >3 days.",
        "Examples:\n  > SELECT _FUNC_('2008-02-20') FROM src LIMIT 1;\n  8\n  > SELECT _FUNC_('1980-12-31 12:59:59') FROM src LIMIT 1;\n  1",
    ),
    field(
        "hour",
        &[],
        "_FUNC_(param) - Returns the hour component of the string/timestamp/interval",
        "param can be one of:\n1. A string in the format of 'yyyy-MM-dd HH:mm:ss' or 'HH:mm:ss'.\n2. A timestamp value\n3. A day-time interval valueExample:\n   > SELECT _FUNC_('2009-07-30 12:58:59') FROM src LIMIT 1;\n  12\n  > SELECT _FUNC_('12:58:59') FROM src LIMIT 1;\n  12",
    ),
    field(
        "minute",
        &[],
        "_FUNC_(param) - Returns the minute component of the string/timestamp/interval",
        "param can be one of:\n1. A string in the format of 'yyyy-MM-dd HH:mm:ss' or 'HH:mm:ss'.\n2. A timestamp value\n3. A day-time interval valueExample:\n   > SELECT _FUNC_('2009-07-30 12:58:59') FROM src LIMIT 1;\n  58\n  > SELECT _FUNC_('12:58:59') FROM src LIMIT 1;\n  58",
    ),
    field(
        "second",
        &[],
        "_FUNC_(date) - Returns the second component of the string/timestamp/interval",
        "param can be one of:\n1. A string in the format of 'yyyy-MM-dd HH:mm:ss' or 'HH:mm:ss'.\n2. A timestamp value\n3. A day-time interval valueExample:\n   > SELECT _FUNC_('2009-07-30 12:58:59') FROM src LIMIT 1;\n  59\n  > SELECT _FUNC_('12:58:59') FROM src LIMIT 1;\n  59",
    ),
];

const fn field(
    name: &'static str,
    aliases: &'static [&'static str],
    usage: &'static str,
    extended: &'static str,
) -> ScalarFunction {
    ScalarFunction { name, aliases, usage, extended, resolve }
}

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    match (&args[0].ty, of_months(name), of_interval(name), of_day(name)) {
        (HiveType::IntervalYearMonth, Some(read), ..) => Ok(months_field(name, args, read)),
        (HiveType::IntervalDayTime, _, Some(read), _) => Ok(interval_field(name, args, read)),
        (ty, _, _, Some(read)) if ty.is_text() => Ok(text_time_field(name, args, read)),
        (_, _, _, Some(read)) => {
            let takes = temporal(name, args, 0, HiveType::Timestamp)?;
            Ok(time_field(name, args, takes, read))
        }
        (_, _, _, None) => {
            let takes = temporal(name, args, 0, HiveType::Date)?;
            Ok(date_field(name, args, takes, of_date(name)))
        }
    }
}

fn of_date(name: &str) -> fn(NaiveDate) -> u32 {
    match name {
        "quarter" => |date| date.month0() / 3 + 1,
        "month" => |date| date.month(),
        "day" | "dayofmonth" => |date| date.day(),
        "dayofweek" => |date| date.weekday().num_days_from_sunday() + 1,
        "weekofyear" | "week" => |date| date.iso_week().week(),
        _ => |date| date.year().unsigned_abs(),
    }
}

/// From the microseconds of a day.
fn of_day(name: &str) -> Option<fn(i64) -> i64> {
    Some(match name {
        "hour" => |micros| micros / (3_600 * MICROS_PER_SECOND),
        "minute" => |micros| micros / (60 * MICROS_PER_SECOND) % 60,
        "second" => |micros| micros / MICROS_PER_SECOND % 60,
        _ => return None,
    })
}

/// From the microseconds of an interval, whose parts all have its sign.
fn of_interval(name: &str) -> Option<fn(i64) -> i64> {
    Some(match name {
        "day" | "dayofmonth" => |micros| micros / MICROS_PER_DAY,
        "hour" => |micros| micros / (3_600 * MICROS_PER_SECOND) % 24,
        "minute" => |micros| micros / (60 * MICROS_PER_SECOND) % 60,
        "second" => |micros| micros / MICROS_PER_SECOND % 60,
        _ => return None,
    })
}

fn of_months(name: &str) -> Option<fn(i32) -> i32> {
    Some(match name {
        "year" => |months| months / 12,
        "month" => |months| months % 12,
        _ => return None,
    })
}

fn date_field(name: &str, args: &[Arg], takes: HiveType, read: fn(NaiveDate) -> u32) -> Scalar {
    scalar(name, args, vec![takes], HiveType::Int, move |columns, _| {
        let dates = primitive::<Date32Type>(columns, 0)?;
        Ok(Arc::new(dates.unary_opt::<_, Int32Type>(|days| date_of(days).map(|date| read(date) as i32))))
    })
}

fn time_field(name: &str, args: &[Arg], takes: HiveType, read: fn(i64) -> i64) -> Scalar {
    scalar(name, args, vec![takes], HiveType::Int, move |columns, _| {
        let times = primitive::<TimestampMicrosecondType>(columns, 0)?;
        Ok(Arc::new(times.unary::<_, Int32Type>(|micros| read(micros.rem_euclid(MICROS_PER_DAY)) as i32)))
    })
}

/// Of text that is a timestamp, a date, or a time alone.
fn text_time_field(name: &str, args: &[Arg], read: fn(i64) -> i64) -> Scalar {
    scalar(name, args, vec![HiveType::String], HiveType::Int, move |columns, _| {
        let parts = text(columns, 0)?.iter().map(|text| {
            let text = text?;
            let micros = parse_timestamp(text).or_else(|| {
                parse_timestamp(&format!("1970-01-01 {}", text.trim())).filter(|_| text.contains(':'))
            })?;
            Some(read(micros.rem_euclid(MICROS_PER_DAY)) as i32)
        });
        Ok(Arc::new(parts.collect::<Int32Array>()))
    })
}

fn months_field(name: &str, args: &[Arg], read: fn(i32) -> i32) -> Scalar {
    scalar(name, args, vec![HiveType::IntervalYearMonth], HiveType::Int, move |columns, _| {
        Ok(Arc::new(primitive::<IntervalYearMonthType>(columns, 0)?.unary::<_, Int32Type>(read)))
    })
}

fn interval_field(name: &str, args: &[Arg], read: fn(i64) -> i64) -> Scalar {
    scalar(name, args, vec![HiveType::IntervalDayTime], HiveType::Int, move |columns, _| {
        let intervals = primitive::<DurationMicrosecondType>(columns, 0)?;
        Ok(Arc::new(intervals.unary::<_, Int32Type>(|micros| read(micros) as i32)))
    })
}
