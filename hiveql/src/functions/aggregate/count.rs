//! count and regr_count.

use super::{
    arguments::{count, is_measure, wrong_type},
    kernel::AggregateKernel,
    tally::{Tally, TallyBody},
};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError, SessionFacts},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Int64Array},
        datatypes::{DataType, Int64Type},
    },
    common::Result as DataFusionResult,
    functions_aggregate::count::count_udaf,
};
use std::sync::Arc;

/// `count(*)` is resolved with no arguments; the planner passes a literal 1, as DataFusion wants it.
pub const COUNT: AggregateFunction = AggregateFunction {
    name: "count",
    aliases: &[],
    usage: "_FUNC_(*) - Returns the total number of retrieved rows, including rows containing NULL values.\n\
            _FUNC_(expr) - Returns the number of rows for which the supplied expression is non-NULL.\n\
            _FUNC_(DISTINCT expr[, expr...]) - Returns the number of rows for which the supplied expression(s) are \
            unique and non-NULL.",
    extended: "",
    resolve,
};

pub const REGR_COUNT: AggregateFunction = AggregateFunction {
    name: "regr_count",
    aliases: &[],
    usage: "_FUNC_(y,x) - returns the number of non-null pairs",
    extended: "The function takes as arguments any pair of numeric types and returns a long.\n\
               Any pair with a NULL is ignored.",
    resolve: resolve_pairs,
};

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Aggregate, FunctionError> {
    let takes = args.iter().map(|arg| arg.ty.clone()).collect();
    let kernel = match args {
        [] | [_] => AggregateKernel::library(name, args, DataType::Int64, count_udaf()),
        _ => AggregateKernel::own(name, args, DataType::Int64, complete_rows()),
    };
    Ok(Aggregate { args: takes, returns: HiveType::BigInt, udf: kernel.into_udf() })
}

fn resolve_pairs(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Aggregate, FunctionError> {
    count(name, args, 2..=2)?;
    for (index, arg) in args.iter().enumerate() {
        if !is_measure(&arg.ty) {
            return Err(wrong_type(name, index, arg, "a number"));
        }
    }
    let kernel = AggregateKernel::own(name, args, DataType::Int64, complete_rows());
    let takes = args.iter().map(|arg| arg.ty.clone()).collect();
    Ok(Aggregate { args: takes, returns: HiveType::BigInt, udf: kernel.into_udf() })
}

/// Counts the rows in which no argument is NULL.
fn complete_rows() -> TallyBody<Rows> {
    TallyBody::new(|tallies: &[Rows]| Ok(counts(tallies)))
}

#[derive(Debug, Clone, Default)]
struct Rows(i64);

fn counts(tallies: &[Rows]) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(tallies.iter().map(|rows| rows.0)))
}

impl Tally for Rows {
    type Input = ();
    const REMOVES: bool = true;

    fn read(_: &[ArrayRef]) -> DataFusionResult<()> {
        Ok(())
    }

    fn add(&mut self, (): &(), _: usize) {
        self.0 += 1;
    }

    fn remove(&mut self, (): &(), _: usize) {
        self.0 -= 1;
    }

    fn merge(&mut self, other: &Rows) {
        self.0 += other.0;
    }

    fn state() -> Vec<(&'static str, DataType)> {
        vec![("count", DataType::Int64)]
    }

    fn write(tallies: &[Rows]) -> Vec<ArrayRef> {
        vec![counts(tallies)]
    }

    fn load(columns: &[ArrayRef]) -> DataFusionResult<Vec<Rows>> {
        Ok(columns[0].as_primitive::<Int64Type>().values().iter().map(|&count| Rows(count)).collect())
    }
}
