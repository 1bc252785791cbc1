//! Dates, timestamps and intervals: reading, printing, their fields, and arithmetic with them.

mod arithmetic;
mod calendar;
pub(crate) mod civil;
mod conversion;
mod fields;
pub(crate) mod format;
mod interval;
mod months;
pub mod parse;
pub(crate) mod pattern;
pub(crate) mod read;
#[cfg(test)]
mod tests;
mod truncate;
mod tumbling;
mod unix;
pub(crate) mod zone;

use super::{Arg, FunctionError, ScalarFunction, resolve::wrong_type};
use crate::types::HiveType;

/// The functions of this folder.
pub const FUNCTIONS: &[&[ScalarFunction]] = &[
    fields::FUNCTIONS,
    arithmetic::FUNCTIONS,
    months::FUNCTIONS,
    calendar::FUNCTIONS,
    conversion::FUNCTIONS,
    truncate::FUNCTIONS,
    tumbling::FUNCTIONS,
    unix::FUNCTIONS,
    interval::FUNCTIONS,
];

/// What an argument that stands for a date or a timestamp is cast to.
fn temporal(function: &str, args: &[Arg], index: usize, target: HiveType) -> Result<HiveType, FunctionError> {
    match args.get(index).map(|arg| &arg.ty) {
        Some(ty) if ty.is_text() || ty.is_datetime() || *ty == HiveType::Void => Ok(target),
        _ => Err(wrong_type(function, args, index, "date, timestamp or string")),
    }
}

/// What an argument that counts something is cast to.
fn amount(function: &str, args: &[Arg], index: usize) -> Result<HiveType, FunctionError> {
    match args.get(index).map(|arg| &arg.ty) {
        Some(ty) if ty.is_numeric() || ty.is_text() || *ty == HiveType::Void => Ok(HiveType::Int),
        _ => Err(wrong_type(function, args, index, "int")),
    }
}
