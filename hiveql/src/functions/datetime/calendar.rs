//! Days that are found in the calendar: the month's last, the next Monday, and the day that an older calendar meant.

use super::{
    civil::{MICROS_PER_DAY, date_of, days_of, last_day_of_month},
    temporal,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, text, wrong_type},
    },
    types::HiveType,
};
use chrono::{Datelike, NaiveDate};
use datafusion::arrow::{
    array::StringArray,
    datatypes::{Date32Type, TimestampMicrosecondType},
};
use std::sync::Arc;

/// 1582-10-15, the first day of the Gregorian calendar.
const FIRST_GREGORIAN_DAY: i32 = -141_427;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "last_day",
        aliases: &[],
        usage: "_FUNC_(date) - Returns the last day of the month which the date belongs to.",
        extended: "date is a string in the format 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'. The time part of date is ignored.\nExample:\n  > SELECT _FUNC_('2009-01-12') FROM src LIMIT 1;\n '2009-01-31'",
        resolve: last_day,
    },
    ScalarFunction {
        name: "next_day",
        aliases: &[],
        usage: "_FUNC_(start_date, day_of_week) - Returns the first date which is later than start_date and named as indicated.",
        extended: "start_date is a string in the format 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd'. day_of_week is day of the week (e.g. Mo, tue, FRIDAY).Example:\n  > SELECT _FUNC_('2015-01-14', 'TU') FROM src LIMIT 1;\n '2015-01-20'",
        resolve: next_day,
    },
    ScalarFunction {
        name: "datetime_legacy_hybrid_calendar",
        aliases: &[],
        usage: "_FUNC_(date/timestamp) - Converts a date/timestamp to new proleptic Gregorian calendar \nassuming that its internal days/milliseconds since epoch is calculated using legacy Gregorian-Julian hybrid calendar.",
        extended: "Converts a date/timestamp to new proleptic Gregorian calendar (ISO 8601 standard), which is produced \nby extending the Gregorian calendar backward to dates preceding its official introduction in 1582, assuming that its internal days/milliseconds since epoch is calculated using legacy Gregorian-Julian hybrid calendar, i.e., calendar that supports both the Julian and Gregorian calendar systems with the support of a single discontinuity, which corresponds by default to the Gregorian date when the Gregorian calendar was instituted.",
        resolve: hybrid_calendar,
    },
];

fn last_day(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let takes = vec![temporal(name, args, 0, HiveType::Date)?];
    Ok(scalar(name, args, takes, HiveType::String, |columns, _| {
        let last = primitive::<Date32Type>(columns, 0)?
            .iter()
            .map(|days| Some(last_day_of_month(date_of(days?)?)?.to_string()));
        Ok(Arc::new(last.collect::<StringArray>()))
    }))
}

fn next_day(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    if !args[1].ty.is_text() && args[1].ty != HiveType::Void {
        return Err(wrong_type(name, args, 1, "string"));
    }
    let takes = vec![temporal(name, args, 0, HiveType::Date)?, HiveType::String];
    Ok(scalar(name, args, takes, HiveType::String, |columns, _| {
        let (starts, names) = (primitive::<Date32Type>(columns, 0)?, text(columns, 1)?);
        let next = starts.iter().zip(names).map(|(start, name)| {
            let (start, wanted) = (date_of(start?)?, weekday(name?)?);
            let distance = (wanted + 6 - start.weekday().num_days_from_sunday()) % 7 + 1;
            Some(date_of(days_of(start) + distance as i32)?.to_string())
        });
        Ok(Arc::new(next.collect::<StringArray>()))
    }))
}

/// The day from Sunday (0) that is written in full, or with two or three letters.
fn weekday(name: &str) -> Option<u32> {
    super::format::DAYS
        .iter()
        .position(|day| {
            [2, 3, day.len()]
                .iter()
                .any(|length| day.get(..*length).is_some_and(|day| day.eq_ignore_ascii_case(name)))
        })
        .map(|index| index as u32)
}

fn hybrid_calendar(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    match args[0].ty {
        HiveType::Date | HiveType::Void => {
            Ok(scalar(name, args, vec![HiveType::Date], HiveType::Date, |columns, _| {
                let dates = primitive::<Date32Type>(columns, 0)?;
                Ok(Arc::new(dates.unary_opt::<_, Date32Type>(as_written_then)))
            }))
        }
        HiveType::Timestamp => {
            Ok(scalar(name, args, vec![HiveType::Timestamp], HiveType::Timestamp, |columns, _| {
                let times = primitive::<TimestampMicrosecondType>(columns, 0)?;
                Ok(Arc::new(times.unary_opt::<_, TimestampMicrosecondType>(|micros| {
                    let days = as_written_then(i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()?)?;
                    Some(i64::from(days) * MICROS_PER_DAY + micros.rem_euclid(MICROS_PER_DAY))
                })))
            }))
        }
        _ => Err(wrong_type(name, args, 0, "date or timestamp")),
    }
}

/// The day that bears today the date which the given day bore in the Julian calendar, where that was in use.
fn as_written_then(days: i32) -> Option<i32> {
    if days >= FIRST_GREGORIAN_DAY {
        return Some(days);
    }
    // Days since 0000-03-01 of the Julian calendar, so that leap days end years.
    let since_march = days.checked_add(719_470)?;
    let cycle = since_march.div_euclid(1_461);
    let in_cycle = since_march.rem_euclid(1_461);
    let year_of_cycle = (in_cycle / 365).min(3);
    let day_of_year = in_cycle - 365 * year_of_cycle;
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = cycle * 4 + year_of_cycle + i32::from(month <= 2);
    // A leap day that today's calendar lacks is the day after.
    let date = NaiveDate::from_ymd_opt(year, month as u32, day as u32)
        .or_else(|| NaiveDate::from_ymd_opt(year, month as u32 + 1, 1))?;
    Some(days_of(date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::datetime::parse::parse_date;

    #[test]
    fn dates_before_1582_are_those_that_were_written_then() {
        for (proleptic, written) in
            [("0601-03-07", "0601-03-04"), ("1582-10-14", "1582-10-04"), ("1582-10-15", "1582-10-15")]
        {
            assert_eq!(as_written_then(parse_date(proleptic).unwrap()), parse_date(written), "{proleptic}");
        }
    }
}
