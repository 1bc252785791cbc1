//! `tumbling_window`: the start of the window that a time lies in.

use super::civil::MICROS_PER_SECOND;
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, TimestampMicrosecondArray},
        datatypes::{DurationMicrosecondType, TimestampMicrosecondType},
    },
    common::DataFusionError,
};
use std::sync::Arc;

const MICROS_PER_MILLI: i64 = 1_000;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[ScalarFunction {
    name: "tumbling_window",
    aliases: &[],
    usage: "_FUNC_(timestamp, interval, origin) - returns the timestamp truncated to the  beginning of tumbling window time interval starting from origin timestamp,  by default origin is unix epoch 0",
    extended: "param has to be a timestamp value, Example:\n  > SELECT _FUNC_(timestamp, interval) FROM src ;\n  > SELECT _FUNC_(timestamp, interval, origin_timestamp);",
    resolve,
}];

#[derive(Debug, thiserror::Error)]
#[error("{0}: a window must be longer than a millisecond")]
struct NoWindow(String);

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=3)?;
    for index in [0, 2] {
        if args.get(index).is_some_and(|arg| !arg.ty.is_datetime()) {
            return Err(wrong_type(name, args, index, "timestamp"));
        }
    }
    if args[1].ty != HiveType::IntervalDayTime {
        return Err(wrong_type(name, args, 1, "interval_day_time"));
    }
    let origin = args.iter().skip(2).map(|_| HiveType::Timestamp);
    let takes = [HiveType::Timestamp, HiveType::IntervalDayTime].into_iter().chain(origin).collect();
    let called = name.to_owned();
    Ok(scalar(name, args, takes, HiveType::Timestamp, move |columns, rows| {
        let times = primitive::<TimestampMicrosecondType>(columns, 0)?;
        let lengths = primitive::<DurationMicrosecondType>(columns, 1)?;
        let origins =
            columns.get(2).map(|_| primitive::<TimestampMicrosecondType>(columns, 2)).transpose()?;
        let start = |row: usize| {
            let is_known = times.is_valid(row)
                && lengths.is_valid(row)
                && origins.is_none_or(|origins| origins.is_valid(row));
            if !is_known {
                return Ok(None);
            }
            let origin = origins.map_or(0, |origins| origins.value(row));
            let start = window_start(times.value(row), lengths.value(row), origin);
            start.map(Some).ok_or_else(|| DataFusionError::External(Box::new(NoWindow(called.clone()))))
        };
        let starts = (0..rows).map(start).collect::<Result<TimestampMicrosecondArray, _>>()?;
        Ok(Arc::new(starts))
    }))
}

/// In whole milliseconds, and as Java takes remainders of times before 1970. `None`: the window has no length.
fn window_start(time: i64, length: i64, origin: i64) -> Option<i64> {
    let millis = |micros: i64| micros.div_euclid(MICROS_PER_MILLI);
    // As Hive has it: it takes the fraction of a second for a thousand times of what it is.
    let whole = length.div_euclid(MICROS_PER_SECOND) * 1_000;
    let length = whole.checked_add(length.rem_euclid(MICROS_PER_SECOND))?;
    let offset = millis(time).checked_rem(length)? - millis(origin).checked_rem(length)?;
    let offset = if offset < 0 { offset + length } else { offset };
    (millis(time) - offset).checked_mul(MICROS_PER_MILLI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn start(time: &str, seconds: i64, origin: &str) -> Option<String> {
        let micros = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
        let start = window_start(micros(time), seconds * MICROS_PER_SECOND, micros(origin))?;
        DateTime::from_timestamp_micros(start).map(|start| start.to_rfc3339())
    }

    #[test]
    fn windows_follow_each_other_from_the_origin_on() {
        const EPOCH: &str = "1970-01-01T00:00:00Z";
        let found = |time, seconds, origin| start(time, seconds, origin).unwrap();
        assert_eq!(found("2020-01-01T00:00:04.999Z", 5, EPOCH), "2020-01-01T00:00:00+00:00");
        assert_eq!(found("2020-01-01T00:00:05Z", 5, EPOCH), "2020-01-01T00:00:05+00:00");
        assert_eq!(found("2020-01-01T10:20:00Z", 3_600, "2020-01-01T00:15:00Z"), "2020-01-01T10:15:00+00:00");
        assert_eq!(found("1969-12-31T23:59:58Z", 60, EPOCH), "1969-12-31T23:59:00+00:00");
        assert_eq!(start("2020-01-01T10:20:00Z", 0, EPOCH), None);
    }
}
