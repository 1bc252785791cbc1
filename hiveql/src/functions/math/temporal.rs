//! Sums and differences of dates, timestamps and intervals.

use super::operand::Operator;
use crate::{
    functions::{
        Arg, Columns, FunctionError, Scalar, SessionFacts,
        datetime::{
            civil::{MICROS_PER_SECOND, date_of, datetime_of, days_of, micros_of, plus_months},
            zone::Zone,
        },
        resolve::{primitive, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray},
        compute::cast,
        datatypes::{
            Date32Type, DurationMicrosecondType, Int32Type, IntervalYearMonthType, TimestampMicrosecondType,
        },
    },
    common::Result as ExecutionResult,
};
use std::sync::Arc;

/// What is done, where the interval or the number is on the right.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Months,
    Durations,
    DateMonths,
    TimestampMonths,
    TimestampDuration,
    TimestampDifference,
    DateDays,
    /// As those of timestamps, with the months counted on the session's clocks.
    ZonedMonths,
    ZonedDuration,
    ZonedDifference,
}

impl Kind {
    fn of(op: Operator, left: &HiveType, right: &HiveType) -> Option<Kind> {
        use HiveType as T;
        Some(match (left, right) {
            (T::IntervalYearMonth, T::IntervalYearMonth) => Kind::Months,
            (T::IntervalDayTime, T::IntervalDayTime) => Kind::Durations,
            (T::Date, T::IntervalYearMonth) => Kind::DateMonths,
            (T::Timestamp, T::IntervalYearMonth) => Kind::TimestampMonths,
            (T::Date | T::Timestamp, T::IntervalDayTime) => Kind::TimestampDuration,
            (T::Date, T::Int) => Kind::DateDays,
            (T::Date | T::Timestamp, T::Date | T::Timestamp) if op == Operator::Subtract => {
                Kind::TimestampDifference
            }
            (T::TimestampLocalTz, T::IntervalYearMonth) => Kind::ZonedMonths,
            (T::TimestampLocalTz, T::IntervalDayTime) => Kind::ZonedDuration,
            (left, right) if op == Operator::Subtract && left.is_datetime() && right.is_datetime() => {
                Kind::ZonedDifference
            }
            _ => return None,
        })
    }

    fn types(self) -> ([HiveType; 2], HiveType) {
        use HiveType as T;
        match self {
            Kind::Months => ([T::IntervalYearMonth, T::IntervalYearMonth], T::IntervalYearMonth),
            Kind::Durations => ([T::IntervalDayTime, T::IntervalDayTime], T::IntervalDayTime),
            Kind::DateMonths => ([T::Date, T::IntervalYearMonth], T::Date),
            Kind::TimestampMonths => ([T::Timestamp, T::IntervalYearMonth], T::Timestamp),
            Kind::TimestampDuration => ([T::Timestamp, T::IntervalDayTime], T::Timestamp),
            Kind::TimestampDifference => ([T::Timestamp, T::Timestamp], T::IntervalDayTime),
            Kind::DateDays => ([T::Date, T::Int], T::Date),
            Kind::ZonedMonths => ([T::TimestampLocalTz, T::IntervalYearMonth], T::TimestampLocalTz),
            Kind::ZonedDuration => ([T::TimestampLocalTz, T::IntervalDayTime], T::TimestampLocalTz),
            Kind::ZonedDifference => ([T::TimestampLocalTz, T::TimestampLocalTz], T::IntervalDayTime),
        }
    }
}

pub(super) fn resolve(
    op: Operator,
    name: &str,
    args: &[Arg],
    facts: &SessionFacts,
) -> Result<Scalar, FunctionError> {
    let (left, right) = (&args[0].ty, &args[1].ty);
    let wrong = || wrong_type(name, args, 1, &format!("what goes with {left} in {name}"));
    let is_sum = match op {
        Operator::Add => true,
        Operator::Subtract => false,
        _ => return Err(wrong()),
    };
    let (kind, swapped) = match Kind::of(op, left, right) {
        Some(kind) => (kind, false),
        None if is_sum => (Kind::of(op, right, left).ok_or_else(wrong)?, true),
        None => return Err(wrong()),
    };
    let (takes, returns) = kind.types();
    let mut takes = takes.to_vec();
    if swapped {
        takes.reverse();
    }
    let zone = Zone::from(facts.timezone);
    let arrow = returns.arrow();
    Ok(scalar(name, args, takes, returns, move |columns, _| {
        let result = if swapped {
            let columns: Vec<ArrayRef> = columns.iter().rev().cloned().collect();
            run(kind, is_sum, zone, &columns)
        } else {
            run(kind, is_sum, zone, columns)
        };
        // An instant is computed as the timestamp of its clock in Greenwich.
        result.and_then(
            |result| if result.data_type() == &arrow { Ok(result) } else { Ok(cast(&result, &arrow)?) },
        )
    }))
}

fn run(kind: Kind, is_sum: bool, zone: Zone, columns: Columns<'_>) -> ExecutionResult<ArrayRef> {
    let signed = |amount: i32| if is_sum { Some(amount) } else { amount.checked_neg() };
    let added = |left: i64, right: i64| match is_sum {
        true => left.checked_add(right),
        false => left.checked_sub(right),
    };
    match kind {
        Kind::Months => {
            pairs::<IntervalYearMonthType, IntervalYearMonthType, IntervalYearMonthType>(columns, |a, b| {
                a.checked_add(signed(b)?)
            })
        }
        Kind::Durations => {
            pairs::<DurationMicrosecondType, DurationMicrosecondType, DurationMicrosecondType>(columns, added)
        }
        Kind::DateMonths => {
            pairs::<Date32Type, IntervalYearMonthType, Date32Type>(columns, |days, months| {
                plus_months(date_of(days)?, signed(months)?).map(days_of)
            })
        }
        Kind::TimestampMonths => pairs::<
            TimestampMicrosecondType,
            IntervalYearMonthType,
            TimestampMicrosecondType,
        >(columns, |micros, months| {
            let time = datetime_of(micros)?;
            let date = plus_months(time.date(), signed(months)?)?;
            Some(micros_of(date.and_time(time.time())))
        }),
        Kind::ZonedMonths => {
            pairs::<TimestampMicrosecondType, IntervalYearMonthType, TimestampMicrosecondType>(
                columns,
                |micros, months| {
                    let time = zone.local(datetime_of(micros)?)?;
                    let date = plus_months(time.date(), signed(months)?)?;
                    zone.instant(date.and_time(time.time())).map(micros_of)
                },
            )
        }
        Kind::TimestampDuration | Kind::ZonedDuration => {
            pairs::<TimestampMicrosecondType, DurationMicrosecondType, TimestampMicrosecondType>(
                columns, added,
            )
        }
        Kind::TimestampDifference | Kind::ZonedDifference => {
            pairs::<TimestampMicrosecondType, TimestampMicrosecondType, DurationMicrosecondType>(
                columns, difference,
            )
        }
        Kind::DateDays => pairs::<Date32Type, Int32Type, Date32Type>(columns, |days, amount| {
            days.checked_add(signed(amount)?).filter(|days| date_of(*days).is_some())
        }),
    }
}

/// Hive cuts the seconds before 1970 toward zero but adds the fraction as it is, so that a second is lost where only
/// one of the times has a fraction.
fn difference(left: i64, right: i64) -> Option<i64> {
    let cut = |micros: i64| micros.div_euclid(1_000) / 1_000;
    let fraction = |micros: i64| micros.rem_euclid(MICROS_PER_SECOND);
    cut(left)
        .checked_sub(cut(right))?
        .checked_mul(MICROS_PER_SECOND)?
        .checked_add(fraction(left) - fraction(right))
}

fn pairs<L, R, O>(
    columns: Columns<'_>,
    call: impl Fn(L::Native, R::Native) -> Option<O::Native>,
) -> ExecutionResult<ArrayRef>
where
    L: ArrowPrimitiveType,
    R: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let (left, right) = (primitive::<L>(columns, 0)?, primitive::<R>(columns, 1)?);
    let values = left.iter().zip(right).map(|(left, right)| call(left?, right?));
    Ok(Arc::new(values.collect::<PrimitiveArray<O>>()))
}
