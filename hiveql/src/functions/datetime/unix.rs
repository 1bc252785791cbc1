//! Instants as seconds since 1970, as text by a pattern, and in other time zones.

use super::{
    civil::{MICROS_PER_DAY, MICROS_PER_SECOND, datetime_of, micros_of},
    format::format,
    pattern::Pattern,
    read::read,
    temporal,
    zone::Zone,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, text, wrong_type},
    },
    types::HiveType,
};
use chrono::NaiveDateTime;
use datafusion::arrow::{
    array::{ArrayRef, Int64Array, StringArray, StringBuilder, TimestampMicrosecondArray},
    datatypes::{Date32Type, Int64Type, TimestampMicrosecondType},
};
use std::{collections::HashMap, sync::Arc};

const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "date_format",
        aliases: &[],
        usage: "_FUNC_(date/timestamp/string, fmt) - converts a date/timestamp/string to a value of string in the format specified by the java date format fmt.",
        extended: "Supported formats are SimpleDateFormat formats - https://docs.oracle.com/javase/7/docs/api/java/text/SimpleDateFormat.html. Second argument fmt should be constant.\nExample: > SELECT _FUNC_('2015-04-08', 'y');\n '2015'",
        resolve: date_format,
    },
    ScalarFunction {
        name: "from_unixtime",
        aliases: &[],
        usage: "_FUNC_(unix_time, format) - returns unix_time in the specified format",
        extended: "Example:\n  > SELECT _FUNC_(0, 'yyyy-MM-dd HH:mm:ss') FROM src LIMIT 1;\n  '1970-01-01 00:00:00'",
        resolve: from_unixtime,
    },
    ScalarFunction {
        name: "unix_timestamp",
        aliases: &[],
        usage: "_FUNC_(date[, pattern]) - Converts the time to a number",
        extended: "Converts the specified time to number of seconds since 1970-01-01. The _FUNC_(void) overload is deprecated, use current_timestamp.",
        resolve: unix_timestamp,
    },
    ScalarFunction {
        name: "to_unix_timestamp",
        aliases: &[],
        usage: "_FUNC_(date[, pattern]) - Returns the UNIX timestamp",
        extended: "Converts the specified time to number of seconds since 1970-01-01.",
        resolve: to_unix_timestamp,
    },
    ScalarFunction {
        name: "from_utc_timestamp",
        aliases: &[],
        usage: "from_utc_timestamp(timestamp, string timezone) - Assumes given timestamp is UTC and converts to given timezone (as of Hive 0.8.0)",
        extended: "",
        resolve: from_utc_timestamp,
    },
    ScalarFunction {
        name: "to_utc_timestamp",
        aliases: &[],
        usage: "to_utc_timestamp(timestamp, string timezone) - Assumes given timestamp is in given timezone and converts to UTC (as of Hive 0.8.0)",
        extended: "",
        resolve: to_utc_timestamp,
    },
];

/// The patterns of a column, each compiled once.
#[derive(Default)]
struct Patterns(HashMap<String, Option<Pattern>>);

impl Patterns {
    fn get(&mut self, text: &str) -> Option<&Pattern> {
        if !self.0.contains_key(text) {
            self.0.insert(text.to_owned(), Pattern::compile(text));
        }
        self.0.get(text)?.as_ref()
    }
}

fn pattern_type(name: &str, args: &[Arg]) -> Result<HiveType, FunctionError> {
    match args.get(1).map(|arg| &arg.ty) {
        Some(ty) if ty.is_text() || *ty == HiveType::Void => Ok(HiveType::String),
        _ => Err(wrong_type(name, args, 1, "string")),
    }
}

/// Prints local times, each by its row's pattern.
fn printed<'a>(
    times: impl Iterator<Item = Option<NaiveDateTime>>,
    patterns: impl Iterator<Item = Option<&'a str>>,
    zone: Zone,
) -> ArrayRef {
    let mut compiled = Patterns::default();
    let mut builder = StringBuilder::new();
    let mut out = String::new();
    for (time, pattern) in times.zip(patterns) {
        out.clear();
        let done = time
            .zip(pattern.and_then(|pattern| compiled.get(pattern)))
            .and_then(|(time, pattern)| format(pattern, time, zone, &mut out));
        builder.append_option(done.map(|()| &out));
    }
    Arc::new(builder.finish())
}

fn date_format(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let takes = vec![temporal(name, args, 0, HiveType::Timestamp)?, pattern_type(name, args)?];
    let zone = facts.timezone.into();
    Ok(scalar(name, args, takes, HiveType::String, move |columns, _| {
        let times = primitive::<TimestampMicrosecondType>(columns, 0)?;
        Ok(printed(times.iter().map(|micros| datetime_of(micros?)), text(columns, 1)?.iter(), zone))
    }))
}

fn from_unixtime(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=2)?;
    if !args[0].ty.is_numeric() && !args[0].ty.is_text() && args[0].ty != HiveType::Void {
        return Err(wrong_type(name, args, 0, "bigint"));
    }
    let mut takes = vec![HiveType::BigInt];
    if args.len() == 2 {
        takes.push(pattern_type(name, args)?);
    }
    let zone = Zone::from(facts.timezone);
    Ok(scalar(name, args, takes, HiveType::String, move |columns, rows| {
        let locals = primitive::<Int64Type>(columns, 0)?
            .iter()
            .map(|seconds| zone.local(datetime_of(seconds?.checked_mul(MICROS_PER_SECOND)?)?));
        Ok(match columns.get(1) {
            Some(_) => printed(locals, text(columns, 1)?.iter(), zone),
            None => printed(locals, std::iter::repeat_n(Some(DEFAULT_PATTERN), rows), zone),
        })
    }))
}

fn unix_timestamp(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    if !args.is_empty() {
        return to_unix_timestamp(name, args, facts);
    }
    let now = facts.now.timestamp();
    Ok(scalar(name, args, vec![], HiveType::BigInt, move |_, rows| {
        Ok(Arc::new(Int64Array::from_iter_values(std::iter::repeat_n(now, rows))))
    }))
}

fn to_unix_timestamp(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=2)?;
    let zone = Zone::from(facts.timezone);
    let ty = &args[0].ty;
    if ty.is_text() && args.len() == 2 {
        let takes = vec![HiveType::String, pattern_type(name, args)?];
        return Ok(scalar(name, args, takes, HiveType::BigInt, move |columns, _| {
            let mut compiled = Patterns::default();
            let seconds = text(columns, 0)?.iter().zip(text(columns, 1)?).map(|(text, pattern)| {
                let instant = read(compiled.get(pattern?)?, text?, zone)?;
                Some(instant.and_utc().timestamp())
            });
            Ok(Arc::new(seconds.collect::<Int64Array>()))
        }));
    }
    // The pattern counts for text alone.
    let mut takes = vec![match ty {
        HiveType::Date | HiveType::TimestampLocalTz => ty.clone(),
        _ => temporal(name, args, 0, HiveType::Timestamp)?,
    }];
    takes.extend(args.get(1).map(|arg| arg.ty.clone()));
    let ty = takes[0].clone();
    Ok(scalar(name, args, takes, HiveType::BigInt, move |columns, _| {
        let seconds = |micros: i64| micros.div_euclid(MICROS_PER_SECOND);
        let in_zone = |micros: i64| zone.instant(datetime_of(micros)?).map(micros_of).map(seconds);
        Ok(match ty {
            HiveType::Date => {
                let dates = primitive::<Date32Type>(columns, 0)?;
                Arc::new(dates.unary_opt::<_, Int64Type>(|days| in_zone(i64::from(days) * MICROS_PER_DAY)))
            }
            HiveType::TimestampLocalTz => {
                Arc::new(primitive::<TimestampMicrosecondType>(columns, 0)?.unary::<_, Int64Type>(seconds))
            }
            _ => Arc::new(
                primitive::<TimestampMicrosecondType>(columns, 0)?.unary_opt::<_, Int64Type>(in_zone),
            ),
        })
    }))
}

fn from_utc_timestamp(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    between_zones(name, args, Zone::local)
}

fn to_utc_timestamp(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    between_zones(name, args, Zone::instant)
}

fn between_zones(
    name: &str,
    args: &[Arg],
    convert: fn(Zone, NaiveDateTime) -> Option<NaiveDateTime>,
) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let takes = vec![
        // Numbers are timestamps as their cast has it.
        if args[0].ty.is_numeric() {
            HiveType::Timestamp
        } else {
            temporal(name, args, 0, HiveType::Timestamp)?
        },
        pattern_type(name, args)?,
    ];
    Ok(scalar(name, args, takes, HiveType::Timestamp, move |columns, _| {
        let times = primitive::<TimestampMicrosecondType>(columns, 0)?;
        let zones: &StringArray = text(columns, 1)?;
        let mut last: Option<(&str, Zone)> = None;
        let converted = times.iter().zip(zones).map(|(micros, name)| {
            let (micros, name) = (micros?, name?);
            let zone = match last {
                Some((known, zone)) if known == name => zone,
                _ => Zone::parse_or_greenwich(name),
            };
            last = Some((name, zone));
            convert(zone, datetime_of(micros)?).map(micros_of)
        });
        Ok(Arc::new(converted.collect::<TimestampMicrosecondArray>()))
    }))
}
