//! What functions of text take: strings, and whatever can be written as one.

use crate::{
    functions::{
        Arg, FunctionError,
        resolve::{count, wrong_type},
    },
    types::HiveType,
};
use std::ops::RangeInclusive;

/// Checks number and types of the arguments, which are all cast to string. All that is primitive can be.
pub(super) fn strings(
    name: &str,
    args: &[Arg],
    allowed: RangeInclusive<usize>,
) -> Result<Vec<HiveType>, FunctionError> {
    count(name, args, allowed)?;
    primitives(name, args)?;
    Ok(vec![HiveType::String; args.len()])
}

/// As [`strings`], with whole numbers from argument `first_number` on.
pub(super) fn strings_then_ints(
    name: &str,
    args: &[Arg],
    allowed: RangeInclusive<usize>,
    first_number: usize,
) -> Result<Vec<HiveType>, FunctionError> {
    let mut takes = strings(name, args, allowed)?;
    takes.iter_mut().skip(first_number).for_each(|ty| *ty = HiveType::Int);
    Ok(takes)
}

pub(super) fn primitives(name: &str, args: &[Arg]) -> Result<(), FunctionError> {
    match args.iter().position(|arg| !arg.ty.is_primitive()) {
        Some(index) => Err(wrong_type(name, args, index, "primitive type")),
        None => Ok(()),
    }
}

/// Binary as it is, all else as string.
pub(super) fn binary_or_string(arg: &Arg) -> HiveType {
    match arg.ty {
        HiveType::Binary => HiveType::Binary,
        _ => HiveType::String,
    }
}
