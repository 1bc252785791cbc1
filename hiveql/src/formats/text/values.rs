//! How primitive values are written: Java's forms of floating-point numbers, Hive's of all else.

use crate::types::HiveType;
use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::arrow::{
    array::{Array, AsArray},
    datatypes::{
        Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
        Int32Type, Int64Type, IntervalYearMonthType, TimestampMicrosecondType,
    },
};
use std::io::Write;

const EPOCH_DAYS_FROM_CE: i32 = 719_163;
const MICROS: i64 = 1_000_000;
/// From here on, Java writes an exponent.
const PLAIN_MOST: f64 = 1e7;
const PLAIN_LEAST: f64 = 1e-3;

/// Text of a value that is not NULL. `false` for a binary or nested one.
pub(in crate::formats) fn write_primitive(
    array: &dyn Array,
    ty: &HiveType,
    row: usize,
    out: &mut Vec<u8>,
) -> bool {
    // Writing to a Vec cannot fail.
    match ty {
        HiveType::Boolean => {
            let word: &[u8] = if array.as_boolean().value(row) { b"true" } else { b"false" };
            out.extend_from_slice(word);
        }
        HiveType::TinyInt => integer(array.as_primitive::<Int8Type>().value(row).into(), out),
        HiveType::SmallInt => integer(array.as_primitive::<Int16Type>().value(row).into(), out),
        HiveType::Int => integer(array.as_primitive::<Int32Type>().value(row).into(), out),
        HiveType::BigInt => integer(array.as_primitive::<Int64Type>().value(row), out),
        HiveType::Float => {
            let value = array.as_primitive::<Float32Type>().value(row);
            java_number(f64::from(value), format!("{value:e}"), out);
        }
        HiveType::Double => {
            let value = array.as_primitive::<Float64Type>().value(row);
            java_number(value, format!("{value:e}"), out);
        }
        HiveType::Decimal { scale, .. } => {
            decimal(array.as_primitive::<Decimal128Type>().value(row), usize::from(*scale), out);
        }
        HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => {
            out.extend_from_slice(array.as_string::<i32>().value(row).as_bytes());
        }
        HiveType::Date => date(array.as_primitive::<Date32Type>().value(row), out),
        HiveType::Timestamp => timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row), out),
        HiveType::TimestampLocalTz => {
            timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row), out);
            out.extend_from_slice(b" UTC");
        }
        HiveType::IntervalYearMonth => {
            interval_year_month(array.as_primitive::<IntervalYearMonthType>().value(row), out);
        }
        HiveType::IntervalDayTime => {
            interval_day_time(array.as_primitive::<DurationMicrosecondType>().value(row), out);
        }
        _ => return false,
    }
    true
}

fn text(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // A Vec takes whatever is written.
    let _ = out.write_fmt(text);
}

fn integer(value: i64, out: &mut Vec<u8>) {
    text(out, format_args!("{value}"));
}

/// `shortest` is d.ddde±n.
fn java_number(value: f64, shortest: String, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        let word: &[u8] = if value < 0.0 { b"-Infinity" } else { b"Infinity" };
        return out.extend_from_slice(word);
    }
    if value == 0.0 {
        let word: &[u8] = if value.is_sign_negative() { b"-0.0" } else { b"0.0" };
        return out.extend_from_slice(word);
    }
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    if (PLAIN_LEAST..PLAIN_MOST).contains(&value.abs()) {
        return plain(mantissa, exponent.parse().unwrap_or(0), out);
    }
    let point = if mantissa.contains('.') { "" } else { ".0" };
    text(out, format_args!("{mantissa}{point}E{exponent}"));
}

/// Digits with a point and at least one digit on either side of it.
fn plain(mantissa: &str, exponent: i32, out: &mut Vec<u8>) {
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let point = exponent + 1;
    if point <= 0 {
        let zeros = -point as usize;
        return text(out, format_args!("{sign}0.{:0<zeros$}{digits}", ""));
    }
    let point = point as usize;
    let digits = format!("{digits:0<point$}");
    let (whole, fraction) = digits.split_at(point);
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    text(out, format_args!("{sign}{whole}.{fraction}"));
}

fn decimal(value: i128, scale: usize, out: &mut Vec<u8>) {
    if scale == 0 {
        return text(out, format_args!("{value}"));
    }
    let sign = if value < 0 { "-" } else { "" };
    let width = scale + 1;
    let digits = format!("{:0>width$}", value.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    text(out, format_args!("{sign}{whole}.{fraction}"));
}

fn date(days: i32, out: &mut Vec<u8>) {
    let date = days.checked_add(EPOCH_DAYS_FROM_CE).and_then(NaiveDate::from_num_days_from_ce_opt);
    civil(date.unwrap_or(if days < 0 { NaiveDate::MIN } else { NaiveDate::MAX }), out);
}

fn civil(date: NaiveDate, out: &mut Vec<u8>) {
    let sign = if date.year() < 0 { "-" } else { "" };
    text(out, format_args!("{sign}{:04}-{:02}-{:02}", date.year().unsigned_abs(), date.month(), date.day()));
}

fn timestamp(micros: i64, out: &mut Vec<u8>) {
    let Some(time) = DateTime::from_timestamp_micros(micros) else { return };
    civil(time.date_naive(), out);
    text(out, format_args!(" {}", time.time().format("%H:%M:%S")));
    fraction(micros.rem_euclid(MICROS), out);
}

/// Without its trailing zeros; nothing at all for none.
fn fraction(micros: i64, out: &mut Vec<u8>) {
    if micros > 0 {
        text(out, format_args!(".{}", format!("{micros:06}").trim_end_matches('0')));
    }
}

fn interval_year_month(months: i32, out: &mut Vec<u8>) {
    let sign = if months < 0 { "-" } else { "" };
    let months = months.unsigned_abs();
    text(out, format_args!("{sign}{}-{}", months / 12, months % 12));
}

fn interval_day_time(micros: i64, out: &mut Vec<u8>) {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let seconds = micros / MICROS as u64;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let nanos = micros % MICROS as u64 * 1000;
    text(out, format_args!("{sign}{days} {hour:02}:{minute:02}:{second:02}.{nanos:09}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(value: f64) -> String {
        let mut out = Vec::new();
        java_number(value, format!("{value:e}"), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_have_javas_form() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (0.012, "0.012"),
            (9.99e-4, "9.99E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1.25e300, "1.25E300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn decimals_are_padded_to_their_scale() {
        for (value, scale, text) in [(5, 2, "0.05"), (-5, 2, "-0.05"), (1234, 2, "12.34"), (7, 0, "7")] {
            let mut out = Vec::new();
            decimal(value, scale, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn times_lose_trailing_zeros() {
        let mut out = Vec::new();
        timestamp(-1, &mut out);
        out.push(b'|');
        timestamp(1_500_000, &mut out);
        out.push(b'|');
        interval_day_time(-86_401_500_000, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "1969-12-31 23:59:59.999999|1970-01-01 00:00:01.5|-1 00:00:01.500000000"
        );
    }
}
