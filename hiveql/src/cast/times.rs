//! Casts to dates, timestamps and intervals.

use super::integers::unexpected;
use crate::{
    functions::datetime::{
        civil::{MICROS_PER_DAY, MICROS_PER_SECOND, datetime_of, micros_of},
        parse::{parse_date, parse_day_time, parse_timestamp, parse_year_month},
        zone::Zone,
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{
            ArrayRef, ArrowPrimitiveType, AsArray, Date32Array, DurationMicrosecondArray,
            IntervalYearMonthArray, PrimitiveArray, TimestampMicrosecondArray,
        },
        datatypes::{
            Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
            TimestampMicrosecondType,
        },
    },
    common::Result,
};
use std::sync::Arc;

const MICROS_PER_MILLI: i64 = 1_000;
const MICROS_SCALE: u32 = MICROS_PER_SECOND.ilog10();
const UTC: &str = "UTC";

pub(super) fn to_date(array: &ArrayRef, from: &HiveType, zone: Zone) -> Result<ArrayRef> {
    let day = |micros: i64| i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok();
    let dates: Date32Array = match from {
        HiveType::Timestamp => array.as_primitive::<TimestampMicrosecondType>().unary_opt(day),
        HiveType::TimestampLocalTz => {
            let instants = array.as_primitive::<TimestampMicrosecondType>();
            instants.unary_opt(|instant| day(local(zone, instant)?))
        }
        from if from.is_text() => array.as_string::<i32>().iter().map(|text| parse_date(text?)).collect(),
        from => return Err(unexpected(from)),
    };
    Ok(Arc::new(dates))
}

/// Whole numbers count milliseconds, others seconds.
pub(super) fn to_timestamp(array: &ArrayRef, from: &HiveType, zone: Zone) -> Result<ArrayRef> {
    let times: TimestampMicrosecondArray = match from {
        HiveType::Date => days_in_micros(array),
        HiveType::TimestampLocalTz => {
            array.as_primitive::<TimestampMicrosecondType>().unary_opt(|instant| local(zone, instant))
        }
        from if from.is_text() => {
            array.as_string::<i32>().iter().map(|text| parse_timestamp(text?)).collect()
        }
        from => numbers_in_micros(array, from)?,
    };
    Ok(Arc::new(times))
}

/// What names no zone is in that of the session.
pub(super) fn to_zoned(array: &ArrayRef, from: &HiveType, zone: Zone) -> Result<ArrayRef> {
    let instant = |micros: i64| Some(micros_of(zone.instant(datetime_of(micros)?)?));
    let times: TimestampMicrosecondArray = match from {
        HiveType::Date => days_in_micros(array).unary_opt(instant),
        HiveType::Timestamp => array.as_primitive::<TimestampMicrosecondType>().unary_opt(instant),
        from if from.is_text() => {
            array.as_string::<i32>().iter().map(|text| parse_zoned(text?, zone)).collect()
        }
        from => numbers_in_micros(array, from)?,
    };
    Ok(Arc::new(times.with_timezone(UTC)))
}

pub(super) fn to_interval(array: &ArrayRef, to: &HiveType) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>().iter();
    Ok(match to {
        HiveType::IntervalYearMonth => {
            let months = texts.map(|text| parse_year_month(text?.trim()));
            Arc::new(months.collect::<IntervalYearMonthArray>())
        }
        _ => Arc::new(texts.map(|text| parse_day_time(text?.trim())).collect::<DurationMicrosecondArray>()),
    })
}

/// What the clocks of the zone show.
fn local(zone: Zone, instant: i64) -> Option<i64> {
    Some(micros_of(zone.local(datetime_of(instant)?)?))
}

fn days_in_micros(array: &ArrayRef) -> TimestampMicrosecondArray {
    array.as_primitive::<Date32Type>().unary_opt(|days| i64::from(days).checked_mul(MICROS_PER_DAY))
}

fn numbers_in_micros(array: &ArrayRef, from: &HiveType) -> Result<TimestampMicrosecondArray> {
    Ok(match from {
        HiveType::Boolean => {
            let values = array.as_boolean().iter();
            values.map(|value| Some(i64::from(value?) * MICROS_PER_MILLI)).collect()
        }
        HiveType::TinyInt => millis::<Int8Type>(array),
        HiveType::SmallInt => millis::<Int16Type>(array),
        HiveType::Int => millis::<Int32Type>(array),
        HiveType::BigInt => millis::<Int64Type>(array),
        HiveType::Float => array.as_primitive::<Float32Type>().unary_opt(|value| micros(value.into())),
        HiveType::Double => array.as_primitive::<Float64Type>().unary_opt(micros),
        HiveType::Decimal { scale, .. } => {
            let scale = u32::from(*scale);
            array.as_primitive::<Decimal128Type>().unary_opt(|seconds| decimal_micros(seconds, scale))
        }
        from => return Err(unexpected(from)),
    })
}

/// What is finer is cut.
fn decimal_micros(seconds: i128, scale: u32) -> Option<i64> {
    let micros = match MICROS_SCALE.checked_sub(scale) {
        Some(missing) => seconds.checked_mul(10i128.pow(missing))?,
        None => seconds / 10i128.pow(scale - MICROS_SCALE),
    };
    i64::try_from(micros).ok()
}

fn millis<T: ArrowPrimitiveType>(array: &ArrayRef) -> TimestampMicrosecondArray
where
    T::Native: Into<i64>,
{
    let values: &PrimitiveArray<T> = array.as_primitive();
    values.unary_opt(|value| value.into().checked_mul(MICROS_PER_MILLI))
}

fn micros(seconds: f64) -> Option<i64> {
    let micros = (seconds * MICROS_PER_SECOND as f64).round();
    (micros.abs() < i64::MAX as f64).then_some(micros as i64)
}

/// The instant of `y-m-d[ h:m:s[.f]][ zone]`.
fn parse_zoned(text: &str, zone: Zone) -> Option<i64> {
    let text = text.trim();
    let date_end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(text.len());
    let rest = &text[date_end..];
    let time =
        rest.strip_prefix(['T', ' ']).filter(|time| time.starts_with(|first: char| first.is_ascii_digit()));
    let time_length = time.map_or(0, |time| {
        let is_time = |letter: char| letter.is_ascii_digit() || letter == ':' || letter == '.';
        1 + time.find(|letter| !is_time(letter)).unwrap_or(time.len())
    });
    let (local, named) = text.split_at(date_end + time_length);
    let zone = match named.trim() {
        "" => zone,
        named => Zone::parse(named)?,
    };
    Some(micros_of(zone.instant(datetime_of(parse_timestamp(local)?)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_with_its_zone_or_that_of_the_session() {
        let session = Zone::parse("America/Los_Angeles").unwrap();
        let read = |text| parse_zoned(text, session).map(|micros| micros / MICROS_PER_SECOND);
        for (text, seconds) in [
            ("1970-01-01 01:00:00 Europe/Berlin", Some(0)),
            ("1970-01-01 01:00:00.5+01:00", Some(0)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01 00:00:00 GMT", Some(0)),
            ("1970-01-01 Europe/Berlin", Some(-3_600)),
            ("1970-01-01 00:00:00", Some(28_800)),
            ("1970-01-01", Some(28_800)),
            ("1970-01-01 00:00:00 Nowhere", None),
            ("nothing", None),
        ] {
            assert_eq!(read(text), seconds, "{text}");
        }
    }
}
