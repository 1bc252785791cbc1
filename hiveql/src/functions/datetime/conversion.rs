//! Values as dates and timestamps, and the statement's own date and time.

use super::{
    civil::{days_of, micros_of},
    temporal,
    zone::Zone,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{ArrayRef, Date32Array, TimestampMicrosecondArray},
    datatypes::{Int64Type, TimestampMicrosecondType},
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "to_date",
        aliases: &[],
        usage: "_FUNC_(expr) - Extracts the date part of the date or datetime expression expr",
        extended: "Example:\n  > SELECT _FUNC_('2009-07-30 04:17:52') FROM src LIMIT 1;\n  '2009-07-30'",
        resolve: to_date,
    },
    ScalarFunction {
        name: "date",
        aliases: &[],
        usage: "CAST(<Date string> as DATE) - Returns the date represented by the date string.",
        extended: "date_string is a string in the format 'yyyy-MM-dd.'Example:\n   > SELECT CAST('2009-01-01' AS DATE) FROM src LIMIT 1;\n  '2009-01-01'",
        resolve: to_date,
    },
    ScalarFunction {
        name: "timestamp",
        aliases: &[],
        usage: "cast(date as timestamp) - Returns timestamp",
        extended: "",
        resolve: timestamp,
    },
    ScalarFunction {
        name: "current_date",
        aliases: &[],
        usage: "_FUNC_() - Returns the current date at the start of query evaluation. All calls of current_date within the same query return the same value.",
        extended: "",
        resolve: current_date,
    },
    ScalarFunction {
        name: "current_timestamp",
        aliases: &[],
        usage: "_FUNC_() - Returns the current timestamp at the start of query evaluation. All calls of current_timestamp within the same query return the same value.",
        extended: "",
        resolve: current_timestamp,
    },
    ScalarFunction {
        name: "to_epoch_milli",
        aliases: &[],
        usage: "_FUNC_(timestamp) - Converts the specified timestamp to number of milliseconds since 1970-01-01 00:00:00",
        extended: "Example:\n  > SELECT _FUNC_(cast('2012-02-11 04:30:00' as timestamp)) FROM src LIMIT 1;\n  1328934600000",
        resolve: to_epoch_milli,
    },
];

/// The cast to a date is the planner's; here it is done.
fn to_date(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let takes = vec![temporal(name, args, 0, HiveType::Date)?];
    Ok(scalar(name, args, takes, HiveType::Date, |columns, _| Ok(columns[0].clone())))
}

fn timestamp(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let ty = &args[0].ty;
    if !ty.is_primitive() || ty.is_interval() || *ty == HiveType::Binary {
        return Err(wrong_type(name, args, 0, "number, date, timestamp or string"));
    }
    Ok(scalar(
        name,
        args,
        vec![HiveType::Timestamp],
        HiveType::Timestamp,
        |columns, _| Ok(columns[0].clone()),
    ))
}

fn current_date(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 0..=0)?;
    let today = Zone::from(facts.timezone).local(facts.now.naive_utc()).map(|now| days_of(now.date()));
    Ok(scalar(name, args, vec![], HiveType::Date, move |_, rows| {
        Ok(Arc::new(Date32Array::from_iter(std::iter::repeat_n(today, rows))) as ArrayRef)
    }))
}

fn current_timestamp(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 0..=0)?;
    let now = Zone::from(facts.timezone).local(facts.now.naive_utc()).map(micros_of);
    Ok(scalar(name, args, vec![], HiveType::Timestamp, move |_, rows| {
        Ok(Arc::new(TimestampMicrosecondArray::from_iter(std::iter::repeat_n(now, rows))) as ArrayRef)
    }))
}

fn to_epoch_milli(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    if !matches!(args[0].ty, HiveType::Timestamp | HiveType::TimestampLocalTz | HiveType::Void) {
        return Err(wrong_type(name, args, 0, "timestamp"));
    }
    Ok(scalar(name, args, vec![HiveType::Timestamp], HiveType::BigInt, |columns, _| {
        let times = primitive::<TimestampMicrosecondType>(columns, 0)?;
        Ok(Arc::new(times.unary::<_, Int64Type>(|micros| micros.div_euclid(1_000))))
    }))
}
