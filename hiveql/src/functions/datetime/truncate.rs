//! Times and numbers cut to a unit: `floor(time TO unit)` and `trunc`.

use super::{
    civil::{date_of, datetime_of, micros_of},
    temporal,
    zone::Zone,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_integer, count, primitive, scalar, text, wrong_type},
    },
    types::HiveType,
};
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int32Array, StringArray},
        datatypes::{
            DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
        },
    },
    common::Result as ExecutionResult,
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    floor("floor_year", "_FUNC_(param) - Returns the timestamp at a year granularity"),
    floor("floor_quarter", "_FUNC_(param) - Returns the timestamp at a quarter granularity"),
    floor("floor_month", "_FUNC_(param) - Returns the timestamp at a month granularity"),
    floor("floor_week", "_FUNC_(param) - Returns the timestamp at a week granularity"),
    floor("floor_day", "_FUNC_(param) - Returns the timestamp at a day granularity"),
    floor("floor_hour", "_FUNC_(param) - Returns the timestamp at a hour granularity"),
    floor("floor_minute", "_FUNC_(param) - Returns the timestamp at a minute granularity"),
    floor("floor_second", "_FUNC_(param) - Returns the timestamp at a second granularity"),
    ScalarFunction {
        name: "trunc",
        aliases: &[],
        usage: "_FUNC_(date, fmt) / _FUNC_(N,D) - Returns If input is date returns date with the time portion of the day truncated to the unit specified by the format model fmt. If you omit fmt, then date is truncated to the nearest day. It currently only supports 'MONTH'/'MON'/'MM', 'QUARTER'/'Q' and 'YEAR'/'YYYY'/'YY' as format.If input is a number group returns N truncated to D decimal places. If D is omitted, then N is truncated to 0 places.D can be negative to truncate (make zero) D digits left of the decimal point.",
        extended: "date is a string in the format 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'. The time part of date is ignored.\nExample:\n  > SELECT _FUNC_('2009-02-12', 'MM');\nOK\n '2009-02-01'\n > SELECT _FUNC_('2017-03-15', 'Q');\nOK\n '2017-01-01'\n > SELECT _FUNC_('2015-10-27', 'YEAR');\nOK\n '2015-01-01' > SELECT _FUNC_(1234567891.1234567891,4);\nOK\n 1234567891.1234 \n > SELECT _FUNC_(1234567891.1234567891,-4);\nOK\n 1234560000 > SELECT _FUNC_(1234567891.1234567891,0);\nOK\n 1234567891\n > SELECT _FUNC_(1234567891.1234567891);\nOK\n 1234567891",
        resolve: trunc,
    },
];

const fn floor(name: &'static str, usage: &'static str) -> ScalarFunction {
    ScalarFunction {
        name,
        aliases: &[],
        usage,
        extended: "param needs to be a timestamp value\nExample:\n   > SELECT _FUNC_(CAST('yyyy-MM-dd HH:mm:ss' AS TIMESTAMP)) FROM src;",
        resolve: floor_time,
    }
}

fn floor_time(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let unit = name.strip_prefix("floor_").unwrap_or(name).to_owned();
    if args[0].ty != HiveType::TimestampLocalTz {
        let takes = vec![temporal(name, args, 0, HiveType::Timestamp)?];
        return Ok(scalar(name, args, takes, HiveType::Timestamp, move |columns, _| {
            let times = primitive::<TimestampMicrosecondType>(columns, 0)?;
            Ok(Arc::new(times.unary_opt::<_, TimestampMicrosecondType>(|micros| {
                floored(datetime_of(micros)?, &unit).map(micros_of)
            })))
        }));
    }
    let zone = Zone::from(facts.timezone);
    let ty = HiveType::TimestampLocalTz;
    let arrow = ty.arrow();
    Ok(scalar(name, args, vec![ty.clone()], ty, move |columns, _| {
        let times = primitive::<TimestampMicrosecondType>(columns, 0)?;
        let floored = times.unary_opt::<_, TimestampMicrosecondType>(|micros| {
            zone.instant(floored(zone.local(datetime_of(micros)?)?, &unit)?).map(micros_of)
        });
        Ok(Arc::new(floored.with_data_type(arrow.clone())))
    }))
}

/// The start of the unit that a time lies in.
fn floored(time: NaiveDateTime, unit: &str) -> Option<NaiveDateTime> {
    let date = time.date();
    let hour = |minute, second| date.and_hms_opt(time.hour(), minute, second);
    Some(match unit {
        "hour" => hour(0, 0)?,
        "minute" => hour(time.minute(), 0)?,
        "second" => hour(time.minute(), time.second())?,
        _ => NaiveDateTime::new(first_day(date, unit)?, NaiveTime::MIN),
    })
}

/// The first day of the unit that a day lies in. Weeks start on Monday.
fn first_day(date: NaiveDate, unit: &str) -> Option<NaiveDate> {
    match unit {
        "year" => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        "quarter" => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1),
        "month" => date.with_day(1),
        "week" => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
        _ => Some(date),
    }
}

fn trunc(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=2)?;
    match &args[0].ty {
        ty if ty.is_numeric() || (*ty == HiveType::Void && args.len() == 1) => trunc_number(name, args),
        _ if args.len() == 2 => trunc_date(name, args),
        _ => Err(wrong_type(name, args, 0, "number")),
    }
}

fn trunc_date(name: &str, args: &[Arg]) -> Result<Scalar, FunctionError> {
    if !args[1].ty.is_text() && args[1].ty != HiveType::Void {
        return Err(wrong_type(name, args, 1, "string"));
    }
    let takes = vec![temporal(name, args, 0, HiveType::Date)?, HiveType::String];
    Ok(scalar(name, args, takes, HiveType::String, |columns, _| {
        let (dates, units) = (primitive::<Date32Type>(columns, 0)?, text(columns, 1)?);
        let first = dates.iter().zip(units).map(|(days, unit)| {
            let unit = match unit?.to_ascii_uppercase().as_str() {
                "MONTH" | "MON" | "MM" => "month",
                "QUARTER" | "Q" => "quarter",
                "YEAR" | "YYYY" | "YY" => "year",
                _ => return None,
            };
            Some(first_day(date_of(days?)?, unit)?.to_string())
        });
        Ok(Arc::new(first.collect::<StringArray>()))
    }))
}

fn trunc_number(name: &str, args: &[Arg]) -> Result<Scalar, FunctionError> {
    let mut takes = Vec::with_capacity(2);
    let returns = match &args[0].ty {
        HiveType::Float | HiveType::Double => {
            takes.push(HiveType::Double);
            HiveType::Double
        }
        HiveType::Decimal { precision, scale } => {
            takes.push(args[0].ty.clone());
            let kept = constant_integer(args, 1).or((args.len() == 1).then_some(0));
            match kept {
                Some(places) => {
                    let kept = places.clamp(0, i64::from(*scale)) as u8;
                    HiveType::decimal((precision - scale + kept).max(1), kept)
                }
                None => args[0].ty.clone(),
            }
        }
        _ => {
            takes.push(HiveType::BigInt);
            HiveType::BigInt
        }
    };
    if args.len() == 2 {
        if !args[1].ty.is_integer() && args[1].ty != HiveType::Void {
            return Err(wrong_type(name, args, 1, "int"));
        }
        takes.push(HiveType::Int);
    }
    let arrow = returns.arrow();
    Ok(scalar(name, args, takes, returns, move |columns, rows| {
        let places = match columns.get(1) {
            Some(_) => primitive::<Int32Type>(columns, 1)?.clone(),
            None => Int32Array::from_iter_values(std::iter::repeat_n(0, rows)),
        };
        truncated(&columns[0], &places, &arrow)
    }))
}

fn truncated(numbers: &ArrayRef, places: &Int32Array, returns: &DataType) -> ExecutionResult<ArrayRef> {
    if let Some(numbers) = numbers.as_primitive_opt::<Float64Type>() {
        let cut = numbers.iter().zip(places).map(|(number, places)| Some(cut_double(number?, places?)));
        return Ok(Arc::new(cut.collect::<Float64Array>()));
    }
    if let (Some(numbers), DataType::Decimal128(precision, to)) =
        (numbers.as_primitive_opt::<Decimal128Type>(), returns)
    {
        let from = i32::from(numbers.scale());
        let cut = numbers.iter().zip(places).map(|(number, places)| {
            let number = cut_integer(number?, from.checked_sub(places?)?);
            // What is behind the kept places is zero.
            let surplus = u32::try_from(from - i32::from(*to)).unwrap_or(0);
            Some(number / 10_i128.checked_pow(surplus)?)
        });
        let cut = cut.collect::<Decimal128Array>().with_precision_and_scale(*precision, *to)?;
        return Ok(Arc::new(cut));
    }
    let numbers = primitive::<Int64Type>(std::slice::from_ref(numbers), 0)?;
    let cut = numbers
        .iter()
        .zip(places)
        .map(|(number, places)| i64::try_from(cut_integer(i128::from(number?), places?.checked_neg()?)).ok());
    Ok(Arc::new(cut.collect::<datafusion::arrow::array::Int64Array>()))
}

/// Zeroes the last digits.
fn cut_integer(number: i128, digits: i32) -> i128 {
    match u32::try_from(digits) {
        Ok(digits) => 10_i128.checked_pow(digits).map_or(0, |unit| number / unit * unit),
        Err(_) => number,
    }
}

/// Cut as it is written in decimal, so that 0.3 keeps its place.
fn cut_double(number: f64, places: i32) -> f64 {
    if !number.is_finite() {
        return number;
    }
    let written = number.to_string();
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let cut = match usize::try_from(places) {
        Ok(places) => format!("{whole}.{}", &fraction[..places.min(fraction.len())]),
        Err(_) => {
            let zeroed = places.unsigned_abs() as usize;
            let digits = whole.trim_start_matches('-');
            if zeroed >= digits.len() {
                return 0.0;
            }
            format!("{}{}", &whole[..whole.len() - zeroed], "0".repeat(zeroed))
        }
    };
    cut.parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::datetime::parse::parse_timestamp;

    #[test]
    fn times_are_floored_to_the_start_of_their_unit() {
        let time = datetime_of(parse_timestamp("2011-05-06 07:08:09.123456").unwrap()).unwrap();
        for (unit, expected) in [
            ("day", "2011-05-06 00:00:00"),
            ("second", "2011-05-06 07:08:09"),
            ("minute", "2011-05-06 07:08:00"),
            ("hour", "2011-05-06 07:00:00"),
            ("week", "2011-05-02 00:00:00"),
            ("month", "2011-05-01 00:00:00"),
            ("quarter", "2011-04-01 00:00:00"),
            ("year", "2011-01-01 00:00:00"),
        ] {
            assert_eq!(floored(time, unit).map(micros_of), parse_timestamp(expected), "{unit}");
        }
    }

    #[test]
    fn doubles_are_cut_as_they_are_written() {
        for (number, places, expected) in [
            (12345.54321, 0, 12345.0),
            (12345.54321, -1, 12340.0),
            (12345.54321, 1, 12345.5),
            (0.54321, -1, 0.0),
            (-0.3, 1, -0.3),
        ] {
            assert_eq!(cut_double(number, places), expected);
        }
    }
}
