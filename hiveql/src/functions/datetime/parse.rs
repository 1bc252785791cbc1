//! Dates, timestamps and intervals from text, as leniently as Hive's casts read them.

use super::civil::{MICROS_PER_DAY, MICROS_PER_SECOND, days_of, micros_of};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use std::sync::LazyLock;

const FRACTION_DIGITS: usize = 6;

/// Days since 1970 of `y-m-d`. What follows the day does not count.
pub fn parse_date(text: &str) -> Option<i32> {
    read_date(text.trim()).map(|(date, _)| days_of(date))
}

/// Microseconds since 1970 of `y-m-d[ h:m:s[.f]]`, of the same with a `T` between date and time, and of a
/// timestamp with a zone, which is then left out. Text that only starts with a date is that date's midnight.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = read_date(text)?;
    let time = read_time_part(rest).unwrap_or(NaiveTime::MIN);
    Some(micros_of(NaiveDateTime::new(date, time)))
}

/// Months of `[+-]years-months`.
pub fn parse_year_month(text: &str) -> Option<i32> {
    static PATTERN: LazyLock<Option<regex::Regex>> =
        LazyLock::new(|| regex::Regex::new(r"^([+-])?([0-9]+)-([0-9]+)$").ok());
    let parts = PATTERN.as_ref()?.captures(text)?;
    let years: i32 = parts.get(2)?.as_str().parse().ok()?;
    let months: i32 = parts.get(3)?.as_str().parse().ok().filter(|months| *months < 12)?;
    let total = years.checked_mul(12)?.checked_add(months)?;
    Some(if is_negative(&parts) { -total } else { total })
}

/// Microseconds of `[+-]days hours:minutes:seconds[.fraction]`.
pub fn parse_day_time(text: &str) -> Option<i64> {
    static PATTERN: LazyLock<Option<regex::Regex>> = LazyLock::new(|| {
        regex::Regex::new(r"^([+-])?([0-9]+) ([0-9]+):([0-9]+):([0-9]+)(?:\.([0-9]+))?$").ok()
    });
    let parts = PATTERN.as_ref()?.captures(text)?;
    let number = |group: usize, below: i64| -> Option<i64> {
        parts.get(group)?.as_str().parse().ok().filter(|number| *number < below)
    };
    let seconds = number(3, 24)? * 3_600 + number(4, 60)? * 60 + number(5, 60)?;
    let fraction = parts.get(6).map_or(Some(0), |digits| micros_of_fraction(digits.as_str()))?;
    let days = number(2, i64::MAX)?.checked_mul(MICROS_PER_DAY)?;
    let total = days.checked_add(seconds * MICROS_PER_SECOND + fraction)?;
    Some(if is_negative(&parts) { -total } else { total })
}

fn is_negative(parts: &regex::Captures<'_>) -> bool {
    parts.get(1).is_some_and(|sign| sign.as_str() == "-")
}

/// The date that the text starts with, and what follows it.
fn read_date(text: &str) -> Option<(NaiveDate, &str)> {
    let (year, rest) = digits(text, 1..=10)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 1..=2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 1..=2)?;
    let year = i32::try_from(year).ok().filter(|year| (1..=9999).contains(year))?;
    Some((NaiveDate::from_ymd_opt(year, month as u32, day as u32)?, rest))
}

/// The time that follows a date, where it is well formed to the end of the text.
fn read_time_part(text: &str) -> Option<NaiveTime> {
    let is_iso = text.starts_with('T');
    let rest = text.strip_prefix([' ', 'T'])?;
    let (hour, rest) = digits(rest, 1..=2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 1..=2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => digits(rest, 1..=2)?,
        // Only ISO 8601 knows times without seconds.
        None if is_iso && rest.is_empty() => (0, rest),
        None => return None,
    };
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            (micros_of_fraction(&rest[..length])?, &rest[length..])
        }
        None => (0, rest),
    };
    let is_zone = super::zone::Zone::parse(rest.trim()).is_some();
    if !rest.is_empty() && !is_zone {
        return None;
    }
    NaiveTime::from_hms_micro_opt(hour as u32, minute as u32, second as u32, fraction as u32)
}

/// A number with so many digits at the start of the text, and what follows it.
fn digits(text: &str, allowed: std::ops::RangeInclusive<usize>) -> Option<(u64, &str)> {
    let length = text.bytes().take(*allowed.end()).take_while(u8::is_ascii_digit).count();
    if !allowed.contains(&length) {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

/// The digits behind a decimal point in millionths; what is finer is cut.
fn micros_of_fraction(digits: &str) -> Option<i64> {
    let kept = &digits[..digits.len().min(FRACTION_DIGITS)];
    if kept.is_empty() {
        return Some(0);
    }
    let value: i64 = kept.parse().ok()?;
    Some(value * 10_i64.pow((FRACTION_DIGITS - kept.len()) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_as_hive_reads_them() {
        for (text, days) in [
            ("1970-01-01", Some(0)),
            (" 1970-1-2 ", Some(1)),
            ("1970-01-02-04:30:00", Some(1)),
            ("1969-12-31 23:59:59", Some(-1)),
            ("2021-02-29", None),
            ("0000-01-01", None),
            ("19700101", None),
            ("", None),
            ("random_string", None),
        ] {
            assert_eq!(parse_date(text), days, "{text}");
        }
    }

    #[test]
    fn timestamps_are_read_as_hive_reads_them() {
        let morning = 4 * 3_600 * MICROS_PER_SECOND;
        for (text, micros) in [
            ("1970-01-01 04:00:00", Some(morning)),
            ("1970-01-01T04:00:00", Some(morning)),
            ("1970-01-01T04:00", Some(morning)),
            ("1970-01-01 4:0:0.5", Some(morning + 500_000)),
            ("1970-01-01 04:00:00.1234567", Some(morning + 123_456)),
            ("1970-01-01 04:00:00 Europe/Berlin", Some(morning)),
            ("1970-01-01 04:00:00Z", Some(morning)),
            ("1970-01-01 04:00", Some(0)),
            ("1970-01-01", Some(0)),
            ("1970-01-01-04:00:00", Some(0)),
            ("04:00:00", None),
        ] {
            assert_eq!(parse_timestamp(text), micros, "{text}");
        }
    }

    #[test]
    fn intervals_are_read_with_their_sign() {
        assert_eq!(parse_year_month("1-2"), Some(14));
        assert_eq!(parse_year_month("-1-2"), Some(-14));
        assert_eq!(parse_year_month("1-12"), None);
        assert_eq!(parse_day_time("3 4:5:6.789"), Some(273_906_789_000));
        assert_eq!(parse_day_time("-0 0:0:1"), Some(-1_000_000));
        assert_eq!(parse_day_time("1 24:0:0"), None);
    }

    proptest! {
        #[test]
        fn a_printed_timestamp_reads_back(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            let printed = super::super::civil::datetime_of(micros).unwrap();
            prop_assert_eq!(parse_timestamp(&printed.format("%Y-%m-%d %H:%M:%S%.6f").to_string()), Some(micros));
            prop_assert_eq!(parse_date(&printed.format("%Y-%m-%d").to_string()),
                Some(micros.div_euclid(MICROS_PER_DAY) as i32));
        }
    }
}
