//! Months added to dates, and between them.

use super::{
    amount,
    civil::{datetime_of, last_day_of_month, plus_months},
    format::format,
    pattern::Pattern,
    temporal,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{constant_text, count, primitive, scalar, wrong_type},
    },
    types::HiveType,
};
use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::{
    arrow::{
        array::{Float64Array, StringBuilder},
        datatypes::{Int32Type, TimestampMicrosecondType},
    },
    common::ScalarValue,
};
use std::sync::Arc;

const DEFAULT_PATTERN: &str = "yyyy-MM-dd";
/// A month has 31 days here, whatever the calendar says.
const SECONDS_PER_MONTH: f64 = 31.0 * 86_400.0;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "add_months",
        aliases: &[],
        usage: "_FUNC_(start_date, num_months, output_date_format) - Returns the date that is num_months after start_date.",
        extended: "start_date is a string or timestamp indicating a valid date. num_months is a number. output_date_format is an optional String which specifies the format for output.\nThe default output format is 'YYYY-MM-dd'.\nExample:\n  > SELECT _FUNC_('2009-08-31', 1) FROM src LIMIT 1;\n '2009-09-30'.\n  > SELECT _FUNC_('2017-12-31 14:15:16', 2, 'YYYY-MM-dd HH:mm:ss') LIMIT 1;\n'2018-02-28 14:15:16'.\n",
        resolve: add_months,
    },
    ScalarFunction {
        name: "months_between",
        aliases: &[],
        usage: "_FUNC_(date1, date2, roundOff) - returns number of months between dates date1 and date2",
        extended: "If date1 is later than date2, then the result is positive. If date1 is earlier than date2, then the result is negative. If date1 and date2 are either the same days of the month or both last days of months, then the result is always an integer. Otherwise the UDF calculates the fractional portion of the result based on a 31-day month and considers the difference in time components date1 and date2.\ndate1 and date2 type can be date, timestamp or string in the format 'yyyy-MM-dd' or 'yyyy-MM-dd HH:mm:ss'. The result is rounded to 8 decimal places by default. Set roundOff=false otherwise.\n Example:\n  > SELECT _FUNC_('1997-02-28 10:30:00', '1996-10-30');\n 3.94959677",
        resolve: months_between,
    },
];

fn add_months(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=3)?;
    if !args[1].ty.is_numeric() && args[1].ty != HiveType::Void {
        return Err(wrong_type(name, args, 1, "number"));
    }
    let mut takes = vec![temporal(name, args, 0, HiveType::Timestamp)?, amount(name, args, 1)?];
    let mut pattern = DEFAULT_PATTERN.to_owned();
    if args.len() == 3 {
        pattern = constant_text(name, args, 2)?;
        takes.push(HiveType::String);
    }
    let pattern = Pattern::compile(&pattern);
    let zone = facts.timezone.into();
    Ok(scalar(name, args, takes, HiveType::String, move |columns, _| {
        let starts = primitive::<TimestampMicrosecondType>(columns, 0)?;
        let amounts = primitive::<Int32Type>(columns, 1)?;
        let mut builder = StringBuilder::with_capacity(starts.len(), starts.len() * 10);
        let mut printed = String::new();
        for (start, months) in starts.iter().zip(amounts) {
            printed.clear();
            let moved = start.zip(months).and_then(|(start, months)| {
                let moved = plus_whole_months(datetime_of(start)?, months)?;
                format(pattern.as_ref()?, moved, zone, &mut printed)
            });
            builder.append_option(moved.map(|()| &printed));
        }
        Ok(Arc::new(builder.finish()))
    }))
}

/// The last day of a month stays the last day.
fn plus_whole_months(start: NaiveDateTime, months: i32) -> Option<NaiveDateTime> {
    let date = start.date();
    let moved = plus_months(date, months)?;
    let is_last = last_day_of_month(date)? == date;
    let moved = if is_last { last_day_of_month(moved)? } else { moved };
    Some(NaiveDateTime::new(moved, start.time()))
}

fn months_between(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=3)?;
    let mut takes =
        vec![temporal(name, args, 0, HiveType::Timestamp)?, temporal(name, args, 1, HiveType::Timestamp)?];
    if args.len() == 3 {
        takes.push(HiveType::Boolean);
    }
    let is_exact =
        matches!(args.get(2).and_then(|arg| arg.constant.as_ref()), Some(ScalarValue::Boolean(Some(false))));
    Ok(scalar(name, args, takes, HiveType::Double, move |columns, _| {
        let left = primitive::<TimestampMicrosecondType>(columns, 0)?;
        let right = primitive::<TimestampMicrosecondType>(columns, 1)?;
        let months = left.iter().zip(right).map(|(left, right)| {
            let months = between(datetime_of(left?)?, datetime_of(right?)?)?;
            Some(if is_exact { months } else { (months * 1e8).round() / 1e8 })
        });
        Ok(Arc::new(months.collect::<Float64Array>()))
    }))
}

fn between(left: NaiveDateTime, right: NaiveDateTime) -> Option<f64> {
    let whole = f64::from((left.year() - right.year()) * 12 + left.month() as i32 - right.month() as i32);
    let is_last = |moment: NaiveDateTime| Some(last_day_of_month(moment.date())? == moment.date());
    if left.day() == right.day() || (is_last(left)? && is_last(right)?) {
        return Some(whole);
    }
    let seconds = |moment: NaiveDateTime| {
        f64::from(moment.day() * 86_400) + f64::from(moment.num_seconds_from_midnight())
    };
    Some(whole + (seconds(left) - seconds(right)) / SECONDS_PER_MONTH)
}
