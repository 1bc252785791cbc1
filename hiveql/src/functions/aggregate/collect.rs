//! collect_list and collect_set.

use super::{arguments::count, gather::Gather, kernel::AggregateKernel};
use crate::{
    functions::{Aggregate, AggregateFunction, Arg, FunctionError},
    types::HiveType,
};

pub const COLLECT_LIST: AggregateFunction = AggregateFunction {
    name: "collect_list",
    aliases: &[],
    usage: "_FUNC_(x) - Returns a list of objects with duplicates",
    extended: "",
    resolve: |name, args, _| resolve(name, args, false),
};

pub const COLLECT_SET: AggregateFunction = AggregateFunction {
    name: "collect_set",
    aliases: &[],
    usage: "_FUNC_(x) - Returns a set of objects with duplicate elements eliminated",
    extended: "",
    resolve: |name, args, _| resolve(name, args, true),
};

fn resolve(name: &str, args: &[Arg], unique: bool) -> Result<Aggregate, FunctionError> {
    count(name, args, 1..=1)?;
    let element = match &args[0].ty {
        HiveType::Void => HiveType::String,
        ty => ty.clone(),
    };
    let returns = HiveType::array(element.clone());
    let body = Gather::new(element.arrow(), unique);
    let kernel = AggregateKernel::own(name, args, returns.arrow(), body);
    Ok(Aggregate { args: vec![element], returns, udf: kernel.into_udf() })
}
