//! min and max.

use super::{
    arguments::{count, wrong_type},
    kernel::AggregateKernel,
};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError, SessionFacts},
    types::HiveType,
};
use datafusion::{
    functions_aggregate::min_max::{max_udaf, min_udaf},
    logical_expr::AggregateUDF,
};
use std::sync::Arc;

pub const MIN: AggregateFunction = AggregateFunction {
    name: "min",
    aliases: &[],
    usage: "_FUNC_(expr) - Returns the minimum value of expr",
    extended: "",
    resolve: |name, args, facts| resolve(name, args, facts, min_udaf()),
};

pub const MAX: AggregateFunction = AggregateFunction {
    name: "max",
    aliases: &[],
    usage: "_FUNC_(expr) - Returns the maximum value of expr",
    extended: "",
    resolve: |name, args, facts| resolve(name, args, facts, max_udaf()),
};

fn resolve(
    name: &str,
    args: &[Arg],
    _: &SessionFacts,
    udf: Arc<AggregateUDF>,
) -> Result<Aggregate, FunctionError> {
    count(name, args, 1..=1)?;
    let ty = args[0].ty.clone();
    if !is_ordered(&ty) {
        return Err(wrong_type(name, 0, &args[0], "a type whose values can be compared"));
    }
    let kernel = AggregateKernel::library(name, args, ty.arrow(), udf);
    Ok(Aggregate { args: vec![ty.clone()], returns: ty, udf: kernel.into_udf() })
}

/// Maps and unions cannot be compared, nor what holds one.
fn is_ordered(ty: &HiveType) -> bool {
    match ty {
        HiveType::Map(..) | HiveType::Union(_) => false,
        HiveType::Array(element) => is_ordered(element),
        HiveType::Struct(fields) => fields.iter().all(|field| is_ordered(&field.ty)),
        _ => true,
    }
}
