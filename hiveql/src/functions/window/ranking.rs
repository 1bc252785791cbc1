//! row_number, rank, dense_rank, percent_rank, cume_dist and ntile.

use super::{
    arguments::{count, whole},
    kernel::WindowKernel,
};
use crate::{
    functions::{Arg, FunctionError, Window, WindowFunction},
    types::HiveType,
};
use datafusion::{
    arrow::array::{ArrayRef, Int32Array},
    common::Result as DataFusionResult,
    functions_window::{
        cume_dist::cume_dist_udwf,
        rank::{dense_rank_udwf, percent_rank_udwf, rank_udwf},
        row_number::row_number_udwf,
    },
    logical_expr::{PartitionEvaluator, WindowUDF},
};
use std::sync::Arc;

pub const ROW_NUMBER: WindowFunction = WindowFunction {
    name: "row_number",
    aliases: &[],
    usage: "_FUNC_() - The ROW_NUMBER function assigns a unique number (sequentially, starting from 1, as defined by \
            ORDER BY) to each row within the partition.",
    extended: "",
    resolve: |name, args, _| resolve(name, args, HiveType::Int, row_number_udwf()),
};

pub const RANK: WindowFunction = WindowFunction {
    name: "rank",
    aliases: &[],
    usage: "_FUNC_() - Returns the rank of a row among the rows of its partition: one more than the number of rows \
            before it that are not its equals",
    extended: "",
    resolve: |name, args, _| resolve(name, args, HiveType::Int, rank_udwf()),
};

pub const DENSE_RANK: WindowFunction = WindowFunction {
    name: "dense_rank",
    aliases: &[],
    usage: "_FUNC_() - Returns the rank of a row among the rows of its partition. The difference between RANK and \
            DENSE_RANK is that DENSE_RANK leaves no gaps in ranking sequence when there are ties.",
    extended: "",
    resolve: |name, args, _| resolve(name, args, HiveType::Int, dense_rank_udwf()),
};

pub const PERCENT_RANK: WindowFunction = WindowFunction {
    name: "percent_rank",
    aliases: &[],
    usage: "_FUNC_() - PERCENT_RANK is similar to CUME_DIST, but it uses rank values rather than row counts in its \
            numerator: (rank - 1) / (rows of the partition - 1)",
    extended: "",
    resolve: |name, args, _| resolve(name, args, HiveType::Double, percent_rank_udwf()),
};

pub const CUME_DIST: WindowFunction = WindowFunction {
    name: "cume_dist",
    aliases: &[],
    usage: "_FUNC_() - The CUME_DIST function (defined as the inverse of percentile in some statistical books) computes \
            the position of a specified value relative to a set of values: the part of the partition's rows that come \
            no later than this row",
    extended: "",
    resolve: |name, args, _| resolve(name, args, HiveType::Double, cume_dist_udwf()),
};

pub const NTILE: WindowFunction = WindowFunction {
    name: "ntile",
    aliases: &[],
    usage: "_FUNC_(x) - The NTILE function divides a set of ordered rows into equally sized buckets and assigns a \
            bucket number to each row.",
    extended: "",
    resolve: |name, args, _| resolve_ntile(name, args),
};

fn resolve(
    name: &str,
    args: &[Arg],
    returns: HiveType,
    udf: Arc<WindowUDF>,
) -> Result<Window, FunctionError> {
    count(name, args, 0..=0)?;
    let kernel = WindowKernel::library(name, args, returns.arrow(), udf);
    Ok(Window { args: Vec::new(), returns, udf: kernel.into_udf() })
}

fn resolve_ntile(name: &str, args: &[Arg]) -> Result<Window, FunctionError> {
    count(name, args, 1..=1)?;
    let buckets = whole(name, 0, &args[0], 1)?;
    let kernel =
        WindowKernel::own(name, args, HiveType::Int.arrow(), &[], move || Box::new(Buckets(buckets)));
    Ok(Window { args: vec![HiveType::Int], returns: HiveType::Int, udf: kernel.into_udf() })
}

/// The first buckets get one row more where the rows do not divide evenly, which DataFusion's ntile does not promise.
#[derive(Debug)]
struct Buckets(i32);

impl PartitionEvaluator for Buckets {
    fn evaluate_all(&mut self, _: &[ArrayRef], rows: usize) -> DataFusionResult<ArrayRef> {
        let buckets = self.0.unsigned_abs() as usize;
        let (size, larger) = (rows / buckets, rows % buckets);
        let numbers = (1..=self.0).zip(0..).flat_map(|(number, index): (i32, usize)| {
            std::iter::repeat_n(number, size + usize::from(index < larger))
        });
        Ok(Arc::new(Int32Array::from_iter_values(numbers.take(rows))))
    }
}
