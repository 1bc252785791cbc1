//! Arrays, maps, structs and unions: making them, looking into them, and sorting and combining arrays.

mod access;
pub(crate) mod comparable;
mod construct;
pub(crate) mod gather;
mod order;
mod search;
mod sets;
mod slice;
#[cfg(test)]
mod tests;
mod text;
mod unions;

pub use access::field;

use super::{Arg, FunctionError, ScalarFunction, resolve::wrong_type};
use crate::{cast::promotion::common_type, types::HiveType};

/// The functions of this folder.
pub const FUNCTIONS: &[&[ScalarFunction]] = &[
    construct::FUNCTIONS,
    access::FUNCTIONS,
    search::FUNCTIONS,
    order::FUNCTIONS,
    sets::FUNCTIONS,
    slice::FUNCTIONS,
    text::FUNCTIONS,
    unions::FUNCTIONS,
];

/// The type of the elements of the array at `index`.
fn element(function: &str, args: &[Arg], index: usize) -> Result<HiveType, FunctionError> {
    match args.get(index).map(|arg| &arg.ty) {
        Some(HiveType::Array(element)) => Ok(element.as_ref().clone()),
        _ => Err(wrong_type(function, args, index, "array")),
    }
}

/// The type that an array's elements have in common with the value at `index`.
fn element_with(function: &str, args: &[Arg], index: usize) -> Result<HiveType, FunctionError> {
    let element = element(function, args, 0)?;
    check_same(function, args, index, (&element, &args[index].ty))?;
    common_type(&element, &args[index].ty)
        .ok_or_else(|| wrong_type(function, args, index, &element.to_string()))
}

/// Elements and values are of one kind of type; what is of none fits all.
fn check_same(
    function: &str,
    args: &[Arg],
    index: usize,
    (own, other): (&HiveType, &HiveType),
) -> Result<(), FunctionError> {
    let is_same = std::mem::discriminant(own) == std::mem::discriminant(other);
    match is_same || *own == HiveType::Void || *other == HiveType::Void {
        true => Ok(()),
        false => Err(wrong_type(function, args, index, &own.to_string())),
    }
}
