//! Dates, timestamps and intervals as Hive reads them from text.

use super::patterns::Pattern;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

const EPOCH_DAYS_FROM_CE: i32 = 719_163;
const MICROS: i64 = 1_000_000;

/// `yyyy-M-d`; what follows behind a blank or a `T` does not count.
pub(super) fn date(text: &[u8]) -> Option<i32> {
    let text = text.trim_ascii();
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'T')).unwrap_or(text.len());
    Some(days(civil(&text[..end])?))
}

fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAYS_FROM_CE
}

fn civil(text: &[u8]) -> Option<NaiveDate> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let (year, rest) = number(text, 10)?;
    let (month, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    if !rest.is_empty() {
        return None;
    }
    let year = i32::try_from(if negative { -year } else { year }).ok()?;
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

/// At most so many digits.
fn number(text: &[u8], most: usize) -> Option<(i64, &[u8])> {
    let length = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let value = text[..length].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    (length > 0).then(|| (value, &text[length..]))
}

/// `H:m:s` and a fraction of up to nine digits, to the microsecond.
fn clock(text: &[u8]) -> Option<NaiveTime> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let micros = match rest {
        [] => 0,
        [b'.', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {
            let digits = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
            digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
        }
        _ => return None,
    };
    let part = |part: i64| u32::try_from(part).ok();
    NaiveTime::from_hms_micro_opt(part(hour)?, part(minute)?, part(second)?, micros)
}

fn timestamp(text: &[u8]) -> Option<NaiveDateTime> {
    let text = text.trim_ascii();
    let Some(end) = text.iter().position(|byte| matches!(byte, b' ' | b'T')) else {
        return Some(civil(text)?.and_time(NaiveTime::MIN));
    };
    Some(civil(&text[..end])?.and_time(clock(text[end + 1..].trim_ascii())?))
}

/// Reads timestamps in the forms of `timestamp.formats`, then in Hive's own.
#[derive(Debug, Clone)]
pub(in crate::formats) struct TimestampReader {
    patterns: Vec<Pattern>,
}

impl TimestampReader {
    /// Patterns between commas. A pattern with an unknown letter never fits.
    pub fn new(formats: &str) -> TimestampReader {
        let patterns = formats.split(',').filter(|format| !format.is_empty());
        TimestampReader { patterns: patterns.filter_map(Pattern::parse).collect() }
    }

    /// Microseconds since the epoch, of the wall clock.
    pub fn read(&self, text: &[u8]) -> Option<i64> {
        let by_pattern = || {
            let text = std::str::from_utf8(text).ok()?;
            self.patterns.iter().find_map(|pattern| pattern.read(text))
        };
        by_pattern().or_else(|| timestamp(text)).map(|value| value.and_utc().timestamp_micros())
    }
}

/// A timestamp and its zone or offset; UTC where none is said.
pub(super) fn zoned(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Ok(value) = DateTime::parse_from_rfc3339(text) {
        return Some(value.timestamp_micros());
    }
    if let Some(value) = timestamp(text.as_bytes()) {
        return Some(value.and_utc().timestamp_micros());
    }
    let (local, zone) = text.rsplit_once(' ')?;
    let local = timestamp(local.as_bytes())?;
    if let Ok(zone) = zone.parse::<chrono_tz::Tz>() {
        return Some(zone.from_local_datetime(&local).earliest()?.timestamp_micros());
    }
    let offset: chrono::FixedOffset = zone.strip_prefix("GMT").unwrap_or(zone).parse().ok()?;
    Some(offset.from_local_datetime(&local).earliest()?.timestamp_micros())
}

fn signed(text: &[u8]) -> (i64, &[u8]) {
    match text.trim_ascii() {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    }
}

/// `years-months`, in months.
pub(super) fn interval_year_month(text: &[u8]) -> Option<i32> {
    let (sign, text) = signed(text);
    let (years, rest) = number(text, 9)?;
    let (months, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    (rest.is_empty() && months < 12).then(|| i32::try_from(sign * (years * 12 + months)).ok()).flatten()
}

/// `days hours:minutes:seconds.fraction`, in microseconds.
pub(super) fn interval_day_time(text: &[u8]) -> Option<i64> {
    let (sign, text) = signed(text);
    let (days, rest) = number(text, 9)?;
    let time = clock(rest.strip_prefix(b" ")?)?.signed_duration_since(NaiveTime::MIN).num_microseconds()?;
    Some(sign * (days * 86_400 * MICROS + time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<i64> {
        TimestampReader::new("").read(text.as_bytes())
    }

    #[test]
    fn dates_take_short_parts_and_ignore_the_time() {
        assert_eq!(date(b"1970-01-02"), Some(1));
        assert_eq!(date(b" 1970-1-2 "), Some(1));
        assert_eq!(date(b"1970-01-02 23:59:59"), Some(1));
        assert_eq!(date(b"0001-01-01"), Some(-719_162));
        for text in ["", "1970", "2001-02-30", "1970-13-01", "1970-01-01x", "99999999999-01-01"] {
            assert_eq!(date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn timestamps_keep_microseconds() {
        assert_eq!(micros("1970-01-01 00:00:01.000001999"), Some(1_000_001));
        assert_eq!(micros("1970-01-01T00:00:01"), Some(1_000_000));
        assert_eq!(micros("1970-01-02"), Some(86_400_000_000));
        for text in ["", "1970-01-01 25:00:00", "1970-01-01 1:2", "x", "1970-01-01 00:00:01.x"] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_come_before_hives_own_form() {
        let reader = TimestampReader::new("yyyy-MM-dd'T'HH:mm:ss.SSS,MM/dd/yyyy HH.mm,millis");
        assert_eq!(reader.read(b"1970-01-01T00:00:01.250"), Some(1_250_000));
        assert_eq!(reader.read(b"01/02/1970 01.00"), Some(90_000_000_000));
        assert_eq!(reader.read(b"1500.5"), Some(1_500_500));
        assert_eq!(reader.read(b"1970-01-01 00:00:02"), Some(2_000_000));
    }

    #[test]
    fn zones_and_intervals_are_read() {
        assert_eq!(zoned(b"1970-01-01 01:00:00 Europe/Berlin"), Some(0));
        assert_eq!(zoned(b"1970-01-01 01:00:00 +01:00"), Some(0));
        assert_eq!(interval_year_month(b"-1-2"), Some(-14));
        assert_eq!(interval_day_time(b"1 00:00:01.5"), Some(86_401_500_000));
    }
}
