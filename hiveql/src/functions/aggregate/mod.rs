//! The aggregate functions: one value of many rows, of a group or of a window's frame.
//!
//! Where DataFusion's own aggregate agrees with Hive it does the work, under Hive's name; elsewhere there is a [`body`] here.
//! All of them take DISTINCT, work in two steps (partial results, then merged), and slide over a window.

mod approximate;
mod arguments;
mod body;
mod collect;
mod count;
mod decimal_sum;
mod distinct;
mod double_input;
mod double_sum;
mod extremes;
mod gather;
mod histogram;
mod java_number;
pub(crate) mod java_random;
mod kernel;
mod lists;
mod long_sum;
mod moments;
mod ngram_counts;
mod ngrams;
mod pairs;
mod percentile;
mod sliding;
mod spread;
mod sum;
mod tally;
#[cfg(test)]
mod tests;
mod value_counts;

pub use kernel::AggregateKernel;

use super::AggregateFunction;

/// All of them.
pub const FUNCTIONS: &[AggregateFunction] = &[
    count::COUNT,
    sum::SUM,
    sum::AVG,
    extremes::MIN,
    extremes::MAX,
    spread::VARIANCE,
    spread::VAR_SAMP,
    spread::STDDEV,
    spread::STDDEV_SAMP,
    pairs::COVAR_POP,
    pairs::COVAR_SAMP,
    pairs::CORR,
    pairs::REGR_SLOPE,
    pairs::REGR_INTERCEPT,
    pairs::REGR_R2,
    pairs::REGR_SXX,
    pairs::REGR_SYY,
    pairs::REGR_SXY,
    pairs::REGR_AVGX,
    pairs::REGR_AVGY,
    count::REGR_COUNT,
    collect::COLLECT_LIST,
    collect::COLLECT_SET,
    percentile::PERCENTILE,
    percentile::PERCENTILE_CONT,
    percentile::PERCENTILE_DISC,
    approximate::PERCENTILE_APPROX,
    approximate::HISTOGRAM_NUMERIC,
    ngrams::NGRAMS,
    ngrams::CONTEXT_NGRAMS,
];
