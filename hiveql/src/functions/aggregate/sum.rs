//! sum and avg.

use super::{
    arguments::{NUMBER, count, wrong_type},
    decimal_sum::{DecimalSum, average, within},
    double_sum::DoubleSumBody,
    kernel::AggregateKernel,
    long_sum::LongSum,
    tally::TallyBody,
};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError, SessionFacts},
    types::{DECIMAL_PRECISION_MAX, HiveType},
};
use datafusion::{
    arrow::array::{ArrayRef, Decimal128Array, Float64Array},
    functions_aggregate::sum::sum_udaf,
};
use std::sync::Arc;

pub const SUM: AggregateFunction = AggregateFunction {
    name: "sum",
    aliases: &[],
    usage: "_FUNC_(x) - Returns the sum of a set of numbers",
    extended: "",
    resolve: resolve_sum,
};

pub const AVG: AggregateFunction = AggregateFunction {
    name: "avg",
    aliases: &[],
    usage: "_FUNC_(x) - Returns the mean of a set of numbers",
    extended: "",
    resolve: resolve_avg,
};

/// How much wider a sum is than what is summed.
const SUM_DIGITS: u8 = 10;
/// How many more places an average has than what is averaged.
const AVERAGE_PLACES: u8 = 4;
/// The digits of a bigint, by which a division's type counts.
const COUNT_DIGITS: u8 = 19;
const DIVISION_SCALE_MIN: u8 = 6;

fn resolve_sum(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Aggregate, FunctionError> {
    count(name, args, 1..=1)?;
    let ty = &args[0].ty;
    let (arg, returns) = match ty {
        ty if ty.is_integer() => (HiveType::BigInt, HiveType::BigInt),
        HiveType::Decimal { precision, scale } => {
            (ty.clone(), HiveType::decimal(widened(*precision), *scale))
        }
        ty => (double_argument(name, &args[0], ty)?, HiveType::Double),
    };
    let arrow = returns.arrow();
    let kernel = match &returns {
        HiveType::BigInt => AggregateKernel::library(name, args, arrow, sum_udaf()),
        HiveType::Decimal { precision, scale } => {
            AggregateKernel::own(name, args, arrow, decimal_sum(*precision, *scale))
        }
        _ => AggregateKernel::own(name, args, arrow, DoubleSumBody::new(|tally| tally.sum)),
    };
    Ok(Aggregate { args: vec![arg], returns, udf: kernel.into_udf() })
}

fn resolve_avg(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Aggregate, FunctionError> {
    count(name, args, 1..=1)?;
    let ty = &args[0].ty;
    let (arg, returns) = match ty {
        ty if ty.is_integer() => (HiveType::BigInt, HiveType::Double),
        HiveType::Decimal { precision, scale } => {
            let (precision, scale) = average_type(*precision, *scale);
            (ty.clone(), HiveType::decimal(precision, scale))
        }
        ty => (double_argument(name, &args[0], ty)?, HiveType::Double),
    };
    let arrow = returns.arrow();
    let kernel = match ty {
        HiveType::Decimal { precision, scale } => {
            AggregateKernel::own(name, args, arrow, decimal_average(*precision, *scale))
        }
        _ if arg == HiveType::BigInt => AggregateKernel::own(name, args, arrow, long_average()),
        _ => AggregateKernel::own(name, args, arrow, double_average()),
    };
    Ok(Aggregate { args: vec![arg], returns, udf: kernel.into_udf() })
}

/// Text stays text: what is no number in it is counted, but adds nothing.
fn double_argument(name: &str, arg: &Arg, ty: &HiveType) -> Result<HiveType, FunctionError> {
    match ty {
        HiveType::Float | HiveType::Double | HiveType::Timestamp | HiveType::Void => Ok(HiveType::Double),
        ty if ty.is_text() => Ok(HiveType::String),
        _ => Err(wrong_type(name, 0, arg, NUMBER)),
    }
}

fn widened(precision: u8) -> u8 {
    (precision + SUM_DIGITS).min(DECIMAL_PRECISION_MAX)
}

pub(super) fn average_type(precision: u8, scale: u8) -> (u8, u8) {
    let whole = precision - scale;
    let scale = (scale + AVERAGE_PLACES).min(DECIMAL_PRECISION_MAX - whole);
    (whole + scale, scale)
}

/// The scale of a decimal divided by a bigint.
fn division_scale(precision: u8, scale: u8) -> u8 {
    let wanted = (scale + COUNT_DIGITS + 1).max(DIVISION_SCALE_MIN);
    let whole = precision - scale;
    if whole + wanted <= DECIMAL_PRECISION_MAX {
        return wanted;
    }
    wanted.min(DIVISION_SCALE_MIN).max(DECIMAL_PRECISION_MAX.saturating_sub(whole))
}

pub(super) fn double_average() -> DoubleSumBody {
    DoubleSumBody::new(|tally| tally.sum / tally.count as f64)
}

fn long_average() -> TallyBody<LongSum> {
    TallyBody::new(|tallies: &[LongSum]| {
        let averages =
            tallies.iter().map(|tally| (tally.count > 0).then(|| tally.sum as f64 / tally.count as f64));
        Ok(Arc::new(averages.collect::<Float64Array>()) as ArrayRef)
    })
}

fn decimal_sum(precision: u8, scale: u8) -> TallyBody<DecimalSum> {
    TallyBody::new(move |tallies: &[DecimalSum]| {
        let sums = tallies.iter().map(|tally| within(tally.sum()?, precision));
        decimals(sums.collect(), precision, scale)
    })
}

pub(super) fn decimal_average(precision: u8, scale: u8) -> TallyBody<DecimalSum> {
    let sum_precision = widened(precision);
    // The sum of decimal(38,s) has no more digits before the point than that leaves.
    let division = division_scale(sum_precision, scale).max(scale);
    let (precision, result) = average_type(precision, scale);
    TallyBody::new(move |tallies: &[DecimalSum]| {
        let averages = tallies.iter().map(|tally| {
            let sum = within(tally.sum()?, sum_precision)?;
            within(average(sum, tally.count, scale, division, result)?, precision)
        });
        decimals(averages.collect(), precision, result)
    })
}

fn decimals(values: Decimal128Array, precision: u8, scale: u8) -> datafusion::common::Result<ArrayRef> {
    Ok(Arc::new(values.with_precision_and_scale(precision, scale as i8)?))
}
