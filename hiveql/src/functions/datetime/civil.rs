//! Days and microseconds since 1970 as calendar fields, and back. Years run from 1 to 9999.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime};

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// The day 1970-01-01 when counting from 0001-01-01 as day 1.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

pub(crate) fn date_of(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS_FROM_CE)?)
}

pub(crate) fn days_of(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAYS_FROM_CE
}

pub(crate) fn datetime_of(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|instant| instant.naive_utc())
}

pub(crate) fn micros_of(datetime: NaiveDateTime) -> i64 {
    datetime.and_utc().timestamp_micros()
}

pub(crate) fn last_day_of_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(Months::new(1))?.checked_sub_days(Days::new(1))
}

/// Moves by months; the day stays, or becomes the month's last where that is earlier.
pub(crate) fn plus_months(date: NaiveDate, months: i32) -> Option<NaiveDate> {
    let amount = Months::new(months.unsigned_abs());
    if months < 0 { date.checked_sub_months(amount) } else { date.checked_add_months(amount) }
}
