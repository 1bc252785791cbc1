//! percentile, percentile_cont and percentile_disc.

use super::{
    arguments::{count, whole, wrong_type, wrong_value},
    kernel::AggregateKernel,
    value_counts::{Between, Measure, Percentiles},
};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError},
    types::HiveType,
};
use datafusion::{
    arrow::{array::Array, datatypes::DataType},
    common::ScalarValue,
};

pub const PERCENTILE: AggregateFunction = AggregateFunction {
    name: "percentile",
    aliases: &[],
    usage: "_FUNC_(expr, pc) - Returns the percentile(s) of expr at pc (range: [0,1]).pc can be a double or double array",
    extended: "",
    resolve: |name, args, _| {
        count(name, args, 2..=2)?;
        if !args[0].ty.is_integer() && args[0].ty != HiveType::Void {
            return Err(wrong_type(name, 0, &args[0], "a whole number"));
        }
        resolve(name, args, Between::Interpolated)
    },
};

/// `percentile_cont(p) WITHIN GROUP (ORDER BY v DESC)` is `percentile_cont(v, p, 0)`; 1 stands for ASC.
pub const PERCENTILE_CONT: AggregateFunction = AggregateFunction {
    name: "percentile_cont",
    aliases: &[],
    usage: "_FUNC_(input, pc) - Returns the percentile of expr at pc (range: [0,1]).",
    extended: "",
    resolve: |name, args, _| resolve(name, args, Between::Interpolated),
};

/// As percentile_cont is called.
pub const PERCENTILE_DISC: AggregateFunction = AggregateFunction {
    name: "percentile_disc",
    aliases: &[],
    usage: "_FUNC_(input, pc) - Returns the percentile of expr at pc (range: [0,1]) without interpolation.",
    extended: "",
    resolve: |name, args, _| resolve(name, args, Between::Next),
};

fn resolve(name: &str, args: &[Arg], between: Between) -> Result<Aggregate, FunctionError> {
    // The fourth says where NULLs sort; they count nowhere.
    count(name, args, 2..=4)?;
    let (value, measure) = match &args[0].ty {
        ty if ty.is_integer() => (HiveType::BigInt, Measure::Long),
        HiveType::Void => (HiveType::BigInt, Measure::Long),
        ty if ty.is_numeric() => (HiveType::Double, Measure::Double),
        _ => return Err(wrong_type(name, 0, &args[0], "a number")),
    };
    let (percentile, several) = match &args[1].ty {
        ty if ty.is_numeric() => (HiveType::Double, false),
        // `array()` is an array of strings.
        HiveType::Array(element)
            if element.is_numeric() || element.is_text() || **element == HiveType::Void =>
        {
            (HiveType::array(HiveType::Double), true)
        }
        _ => return Err(wrong_type(name, 1, &args[1], "a number or an array of numbers")),
    };
    check_range(name, &args[1])?;
    let ascending = match args.get(2) {
        Some(direction) => whole(name, 2, direction, 0)? != 0,
        None => true,
    };
    let body = Percentiles { measure, between, ascending, several };
    let returns = if several { HiveType::array(HiveType::Double) } else { HiveType::Double };
    let kernel = AggregateKernel::own(name, args, returns.arrow(), body);
    let rest = args.iter().skip(2).map(|_| HiveType::Int);
    let takes = [value, percentile].into_iter().chain(rest).collect();
    Ok(Aggregate { args: takes, returns, udf: kernel.into_udf() })
}

/// What is known early is refused early.
fn check_range(name: &str, arg: &Arg) -> Result<(), FunctionError> {
    let Some(constant) = &arg.constant else { return Ok(()) };
    let outside = |value: &ScalarValue| match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(Some(number))) => !(0.0..=1.0).contains(&number),
        _ => false,
    };
    let refused = match constant {
        ScalarValue::List(list) => {
            let values = list.values();
            (0..values.len()).any(|row| ScalarValue::try_from_array(values, row).is_ok_and(|v| outside(&v)))
        }
        scalar => outside(scalar),
    };
    if refused { Err(wrong_value(name, 1, "a percentile must be between 0 and 1")) } else { Ok(()) }
}
