//! Arithmetic and mathematical functions, and the hashes by which rows are spread over buckets.

mod arithmetic;
mod decimal;
mod doubles;
mod extremes;
mod hash;
mod integers;
mod numbers;
mod operand;
mod radix;
mod random;
mod round_double;
mod rounding;
mod temporal;
#[cfg(test)]
mod tests;
mod unary;
mod width_bucket;

pub use arithmetic::{ArithmeticOp, arithmetic, native_operator};
pub use hash::{BucketingVersion, bucket_of};

use super::{Arg, FunctionError, Scalar, ScalarFunction, SessionFacts};

/// The functions of this folder.
pub const FUNCTIONS: &[&[ScalarFunction]] = &[
    arithmetic::FUNCTIONS,
    unary::FUNCTIONS,
    doubles::FUNCTIONS,
    rounding::FUNCTIONS,
    integers::FUNCTIONS,
    radix::FUNCTIONS,
    extremes::FUNCTIONS,
    random::FUNCTIONS,
    width_bucket::FUNCTIONS,
    hash::FUNCTIONS,
];

type Resolve = fn(&str, &[Arg], &SessionFacts) -> Result<Scalar, FunctionError>;

const fn function(
    name: &'static str,
    usage: &'static str,
    extended: &'static str,
    resolve: Resolve,
) -> ScalarFunction {
    with_aliases(name, &[], usage, extended, resolve)
}

const fn with_aliases(
    name: &'static str,
    aliases: &'static [&'static str],
    usage: &'static str,
    extended: &'static str,
    resolve: Resolve,
) -> ScalarFunction {
    ScalarFunction { name, aliases, usage, extended, resolve }
}
