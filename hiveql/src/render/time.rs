//! Dates, timestamps and intervals as text.

use super::number::text;
use crate::functions::datetime::{
    civil::{MICROS_PER_SECOND, date_of, datetime_of},
    zone::Zone,
};
use chrono::{Datelike, NaiveDate, Timelike};

pub(crate) fn date(days: i32, out: &mut Vec<u8>) {
    civil(date_of(days).unwrap_or(if days < 0 { NaiveDate::MIN } else { NaiveDate::MAX }), out);
}

fn civil(date: NaiveDate, out: &mut Vec<u8>) {
    if !(0..=9_999).contains(&date.year()) {
        let sign = if date.year() < 0 { "-" } else { "" };
        text(out, format_args!("{sign}{:04}", date.year().unsigned_abs()));
    } else {
        pair(date.year().unsigned_abs() / 100, out);
        pair(date.year().unsigned_abs() % 100, out);
    }
    out.push(b'-');
    pair(date.month(), out);
    out.push(b'-');
    pair(date.day(), out);
}

/// A number below 100 with two digits.
fn pair(number: u32, out: &mut Vec<u8>) {
    out.extend([b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

/// The fraction without its trailing zeros, and no fraction at all where it is zero.
pub(crate) fn timestamp(micros: i64, out: &mut Vec<u8>) {
    let Some(time) = datetime_of(micros) else { return };
    civil(time.date(), out);
    out.push(b' ');
    pair(time.hour(), out);
    out.push(b':');
    pair(time.minute(), out);
    out.push(b':');
    pair(time.second(), out);
    let fraction = micros.rem_euclid(MICROS_PER_SECOND);
    if fraction > 0 {
        text(out, format_args!(".{fraction:06}"));
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// What the clocks of the zone show, and the zone.
pub(crate) fn zoned(micros: i64, zone: Zone, name: &str, out: &mut Vec<u8>) {
    let local = datetime_of(micros).and_then(|instant| zone.local(instant));
    timestamp(local.map_or(micros, crate::functions::datetime::civil::micros_of), out);
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
}

/// `years-months`.
pub(crate) fn interval_year_month(months: i32, out: &mut Vec<u8>) {
    let sign = if months < 0 { "-" } else { "" };
    let months = months.unsigned_abs();
    text(out, format_args!("{sign}{}-{}", months / 12, months % 12));
}

/// `days hours:minutes:seconds.nanoseconds`.
pub(crate) fn interval_day_time(micros: i64, out: &mut Vec<u8>) {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let seconds = micros / MICROS_PER_SECOND as u64;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let nanos = micros % MICROS_PER_SECOND as u64 * 1000;
    text(out, format_args!("{sign}{days} {hour:02}:{minute:02}:{second:02}.{nanos:09}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn years_have_at_least_four_digits() {
        for (days, text) in [(0, "1970-01-01"), (-719_162, "0001-01-01"), (2_932_897, "10000-01-01")] {
            assert_eq!(written(|out| date(days, out)), text);
        }
    }

    #[test]
    fn times_lose_trailing_zeros_and_intervals_do_not() {
        assert_eq!(written(|out| timestamp(-1, out)), "1969-12-31 23:59:59.999999");
        assert_eq!(written(|out| timestamp(1_500_000, out)), "1970-01-01 00:00:01.5");
        assert_eq!(written(|out| timestamp(10_000_000, out)), "1970-01-01 00:00:10");
        assert_eq!(written(|out| interval_day_time(-86_401_500_000, out)), "-1 00:00:01.500000000");
        assert_eq!(written(|out| interval_year_month(-14, out)), "-1-2");
    }

    #[test]
    fn a_zoned_time_is_that_of_its_zone() {
        let zone = Zone::parse("Asia/Bangkok").unwrap();
        assert_eq!(written(|out| zoned(0, zone, "Asia/Bangkok", out)), "1970-01-01 07:00:00 Asia/Bangkok");
    }
}
