//! percentile_approx and histogram_numeric.

use super::{
    arguments::{count, is_measure, numbers as constant_numbers, whole, wrong_type},
    body::Body,
    double_input::doubles,
    histogram::{Bin, Histogram},
    kernel::AggregateKernel,
    lists::{list, list_type, lists, numbers},
};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Float64Array, StructArray},
        datatypes::{DataType, Field, Float64Type},
    },
    common::{Result as DataFusionResult, ScalarValue},
    logical_expr::Accumulator,
};
use std::{mem::size_of, sync::Arc};

const BINS_DEFAULT: i32 = 10_000;
/// With fewer bins there is nothing to tell apart.
const HISTOGRAM_BINS_MIN: i32 = 2;

pub const PERCENTILE_APPROX: AggregateFunction = AggregateFunction {
    name: "percentile_approx",
    aliases: &[],
    usage: "_FUNC_(expr, pc, [nb]) - For very large data, computes an approximate percentile value from a histogram, \
            using the optional argument [nb] as the number of histogram bins to use. A higher value of nb results in a \
            more accurate approximation, at the cost of higher memory usage.",
    extended: "'expr' is any number, and 'pc' a requested percentile or an array of them. Without 'nb' 10,000 bins \
               are used: of no more than 10,000 different values the result is exact.\n\
               Example:\n  > SELECT _FUNC_(val, array(0.5, 0.95, 0.98), 100000) FROM somedata;\n  [0.05,1.64,2.26]\n",
    resolve: |name, args, _| resolve_percentile(name, args),
};

pub const HISTOGRAM_NUMERIC: AggregateFunction = AggregateFunction {
    name: "histogram_numeric",
    aliases: &[],
    usage: "_FUNC_(expr, nb) - Computes a histogram on numeric 'expr' using nb bins.",
    extended: "The result is an array of the bins, each with its center 'x' and its height 'y'.\n\
               Example:\n  > SELECT _FUNC_(val, 3) FROM src;\n  \
               [{\"x\":100,\"y\":14.0},{\"x\":200,\"y\":22.0},{\"x\":290.5,\"y\":11.0}]\n",
    resolve: |name, args, _| resolve_histogram(name, args),
};

fn resolve_percentile(name: &str, args: &[Arg]) -> Result<Aggregate, FunctionError> {
    count(name, args, 2..=3)?;
    check_measure(name, &args[0])?;
    let several = match &args[1].ty {
        HiveType::Float | HiveType::Double | HiveType::Decimal { .. } => false,
        HiveType::Array(element) if element.is_numeric() && !element.is_integer() => true,
        _ => return Err(wrong_type(name, 1, &args[1], "a double or an array of doubles")),
    };
    let percentiles = constant_numbers(name, 1, &args[1])?;
    let bins = match args.get(2) {
        Some(bins) => whole(name, 2, bins, 1)?,
        None => BINS_DEFAULT,
    };
    let answer = Answer::Percentiles { percentiles, several };
    let returns = if several { HiveType::array(HiveType::Double) } else { HiveType::Double };
    Ok(resolved(name, args, bins, answer, returns))
}

fn resolve_histogram(name: &str, args: &[Arg]) -> Result<Aggregate, FunctionError> {
    count(name, args, 2..=2)?;
    check_measure(name, &args[0])?;
    let bins = whole(name, 1, &args[1], HISTOGRAM_BINS_MIN)?;
    let bin = HiveType::structure([("x", HiveType::Double), ("y", HiveType::Double)]);
    Ok(resolved(name, args, bins, Answer::Bins, HiveType::array(bin)))
}

fn check_measure(name: &str, arg: &Arg) -> Result<(), FunctionError> {
    if is_measure(&arg.ty) { Ok(()) } else { Err(wrong_type(name, 0, arg, "a number")) }
}

fn resolved(name: &str, args: &[Arg], bins: i32, answer: Answer, returns: HiveType) -> Aggregate {
    let body = Approximate { bins: bins.unsigned_abs() as usize, answer, returns: returns.arrow() };
    let kernel = AggregateKernel::own(name, args, returns.arrow(), body);
    let rest = args.iter().skip(1).map(|arg| arg.ty.clone());
    let takes = std::iter::once(HiveType::Double).chain(rest).collect();
    Aggregate { args: takes, returns, udf: kernel.into_udf() }
}

/// What is asked of the histogram.
#[derive(Debug, Clone)]
enum Answer {
    Percentiles { percentiles: Vec<f64>, several: bool },
    Bins,
}

#[derive(Debug, Clone)]
struct Approximate {
    bins: usize,
    answer: Answer,
    returns: DataType,
}

impl Body for Approximate {
    fn state(&self) -> Vec<(&'static str, DataType)> {
        vec![("centers", list_type(DataType::Float64)), ("heights", list_type(DataType::Float64))]
    }

    fn accumulator(&self) -> DataFusionResult<Box<dyn Accumulator>> {
        Ok(Box::new(Approximation { body: self.clone(), histogram: Histogram::new(self.bins) }))
    }
}

#[derive(Debug)]
struct Approximation {
    body: Approximate,
    histogram: Histogram,
}

impl Approximation {
    fn columns(&self) -> (ArrayRef, ArrayRef) {
        let centers = self.histogram.bins().iter().map(|bin| bin.center);
        let heights = self.histogram.bins().iter().map(|bin| bin.height);
        (Arc::new(Float64Array::from_iter_values(centers)), Arc::new(Float64Array::from_iter_values(heights)))
    }
}

impl Accumulator for Approximation {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        for value in doubles(&values[0])?.iter().flatten() {
            self.histogram.add(value);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        if self.histogram.bins().is_empty() {
            return ScalarValue::try_from(&self.body.returns);
        }
        let (percentiles, several) = match &self.body.answer {
            Answer::Percentiles { percentiles, several } => (percentiles, several),
            Answer::Bins => {
                let (centers, heights) = self.columns();
                let fields = ["x", "y"].map(|name| Field::new(name, DataType::Float64, true));
                let bins = StructArray::try_new(Vec::from(fields).into(), vec![centers, heights], None)?;
                return Ok(list(Arc::new(bins)));
            }
        };
        let answers = percentiles.iter().map(|&percentile| self.histogram.quantile(percentile));
        let answers: Float64Array = answers.collect();
        if *several {
            return Ok(list(Arc::new(answers)));
        }
        Ok(ScalarValue::Float64(answers.iter().next().flatten()))
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        let (centers, heights) = self.columns();
        Ok(vec![list(centers), list(heights)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let (centers, heights) = (lists(states, 0)?, lists(states, 1)?);
        for row in 0..centers.len() {
            let (centers, heights) =
                (numbers::<Float64Type>(centers, row), numbers::<Float64Type>(heights, row));
            let bins = centers.values().iter().zip(heights.values());
            self.histogram.merge(bins.map(|(&center, &height)| Bin { center, height }));
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.histogram.size()
    }
}
