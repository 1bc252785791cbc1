//! Random numbers.

use super::function;
use crate::{
    functions::{
        Arg, FunctionError, Kernel, Rows, Scalar, ScalarFunction, SessionFacts,
        aggregate::java_random::JavaRandom,
        resolve::{constant_integer, count, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Float64Array},
        datatypes::Int64Type,
    },
    logical_expr::Volatility,
};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

pub(super) const FUNCTIONS: &[ScalarFunction] =
    &[function("rand", "_FUNC_([seed]) - Returns a pseudorandom number between 0 and 1", "", rand)];

/// With a seed the sequence of `java.util.Random`, which goes on from batch to batch.
fn rand(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 0..=1)?;
    if let Some(arg) = args.first()
        && !arg.ty.is_integer()
        && arg.ty != HiveType::Void
    {
        return Err(wrong_type(name, args, 0, "bigint"));
    }
    let known = match args.len() {
        0 => Some(Uuid::new_v4().as_u64_pair().0),
        _ => constant_integer(args, 0).map(|seed| seed as u64),
    };
    let sequence = Mutex::new(known.map(JavaRandom::new));
    let takes = vec![HiveType::BigInt; args.len()];
    let returns = HiveType::Double;
    let kernel =
        Kernel::new(name, args, returns.arrow(), Volatility::Volatile, move |columns, rows: Rows| {
            // A panic elsewhere leaves the sequence as good as it was.
            let mut sequence = sequence.lock().unwrap_or_else(PoisonError::into_inner);
            let random = sequence.get_or_insert_with(|| JavaRandom::new(first_seed(columns)));
            let numbers = (0..rows).map(|_| random.next_double());
            Ok(Arc::new(Float64Array::from_iter_values(numbers)) as ArrayRef)
        });
    Ok(Scalar { args: takes, returns, udf: kernel.into_udf() })
}

/// That of the first row; NULL counts as zero.
fn first_seed(columns: &[ArrayRef]) -> u64 {
    let seeds = columns.first().and_then(|column| column.as_primitive_opt::<Int64Type>());
    seeds.and_then(|seeds| seeds.iter().next().flatten()).unwrap_or_default() as u64
}
