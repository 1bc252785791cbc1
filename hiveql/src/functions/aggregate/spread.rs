//! Variance and standard deviation.

use super::{
    arguments::{NUMBER, count, is_measure, wrong_type},
    double_input::doubles,
    kernel::AggregateKernel,
    tally::{Tally, TallyBody},
};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Float64Array, Int64Array},
        datatypes::{DataType, Float64Type, Int64Type},
    },
    common::Result as DataFusionResult,
};
use std::sync::Arc;

pub const VARIANCE: AggregateFunction = AggregateFunction {
    name: "variance",
    aliases: &["var_pop"],
    usage: "_FUNC_(x) - Returns the variance of a set of numbers",
    extended: "If applied to an empty set: NULL is returned.\n\
               If applied to a set with a single element: 0 is returned.\n\
               Otherwise it computes: (S2-S1*S1/N)/N, where S1 is the sum of the numbers and S2 that of their squares",
    resolve: |name, args, _| resolve(name, args, |tally| tally.variance(tally.count)),
};

pub const VAR_SAMP: AggregateFunction = AggregateFunction {
    name: "var_samp",
    aliases: &[],
    usage: "_FUNC_(x) - Returns the sample variance of a set of numbers",
    extended: "If applied to an empty set: NULL is returned.\n\
               If applied to a set with a single element: NULL is returned.\n\
               Otherwise it computes: (S2-S1*S1/N)/(N-1)",
    resolve: |name, args, _| resolve(name, args, |tally| tally.variance(tally.count - 1)),
};

pub const STDDEV: AggregateFunction = AggregateFunction {
    name: "stddev",
    aliases: &["std", "stddev_pop"],
    usage: "_FUNC_(x) - Returns the standard deviation of a set of numbers",
    extended: "",
    resolve: |name, args, _| resolve(name, args, |tally| tally.variance(tally.count).map(f64::sqrt)),
};

pub const STDDEV_SAMP: AggregateFunction = AggregateFunction {
    name: "stddev_samp",
    aliases: &[],
    usage: "_FUNC_(x) - Returns the sample standard deviation of a set of numbers",
    extended: "",
    resolve: |name, args, _| resolve(name, args, |tally| tally.variance(tally.count - 1).map(f64::sqrt)),
};

fn resolve(
    name: &str,
    args: &[Arg],
    finish: fn(&Squares) -> Option<f64>,
) -> Result<Aggregate, FunctionError> {
    count(name, args, 1..=1)?;
    if !is_measure(&args[0].ty) && !args[0].ty.is_text() {
        return Err(wrong_type(name, 0, &args[0], NUMBER));
    }
    let body = TallyBody::new(move |tallies: &[Squares]| {
        Ok(Arc::new(tallies.iter().map(finish).collect::<Float64Array>()) as ArrayRef)
    });
    let kernel = AggregateKernel::own(name, args, DataType::Float64, body);
    // Text that is no number becomes NULL here: it is not counted, unlike in sum and avg.
    Ok(Aggregate { args: vec![HiveType::Double], returns: HiveType::Double, udf: kernel.into_udf() })
}

/// Hive's planner turns these functions into sums of values and of squares; the last digits of its answers show it.
#[derive(Debug, Clone, Default)]
struct Squares {
    count: i64,
    sum: f64,
    squares: f64,
}

impl Squares {
    fn variance(&self, by: i64) -> Option<f64> {
        if self.count == 0 || by == 0 {
            return None;
        }
        let spread = self.squares - self.sum * self.sum / self.count as f64;
        // Rounding can leave a little less than nothing.
        let spread = if spread < 0.0 { 0.0 } else { spread };
        Some(spread / by as f64)
    }
}

impl Tally for Squares {
    type Input = Float64Array;

    fn read(columns: &[ArrayRef]) -> DataFusionResult<Float64Array> {
        doubles(&columns[0])
    }

    fn add(&mut self, input: &Float64Array, row: usize) {
        let value = input.value(row);
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
    }

    fn merge(&mut self, other: &Squares) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    fn state() -> Vec<(&'static str, DataType)> {
        vec![("count", DataType::Int64), ("sum", DataType::Float64), ("squares", DataType::Float64)]
    }

    fn write(tallies: &[Squares]) -> Vec<ArrayRef> {
        vec![
            Arc::new(Int64Array::from_iter_values(tallies.iter().map(|tally| tally.count))),
            Arc::new(Float64Array::from_iter_values(tallies.iter().map(|tally| tally.sum))),
            Arc::new(Float64Array::from_iter_values(tallies.iter().map(|tally| tally.squares))),
        ]
    }

    fn load(columns: &[ArrayRef]) -> DataFusionResult<Vec<Squares>> {
        let counts = columns[0].as_primitive::<Int64Type>().values();
        let sums = columns[1].as_primitive::<Float64Type>().values();
        let squares = columns[2].as_primitive::<Float64Type>().values();
        let tallies = counts.iter().zip(sums.iter().zip(squares));
        Ok(tallies.map(|(&count, (&sum, &squares))| Squares { count, sum, squares }).collect())
    }
}
