//! Whether a value is one of several, or lies between two.

use crate::{
    cast::promotion::common_type_for_comparison,
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        collection::comparable::Comparable,
        resolve::{count, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "in",
        aliases: &[],
        usage: "test _FUNC_(val1, val2...) - returns true if test equals any valN ",
        extended: "",
        resolve: is_in,
    },
    ScalarFunction {
        name: "between",
        aliases: &[],
        usage: "_FUNC_ a [NOT] BETWEEN b AND c - evaluate if a is [not] in between b and c",
        extended: "",
        resolve: between,
    },
];

fn compared(name: &str, args: &[Arg], from: usize) -> Result<HiveType, FunctionError> {
    let mut common = HiveType::Void;
    for (index, arg) in args.iter().enumerate().skip(from) {
        common = common_type_for_comparison(&common, &arg.ty)
            .ok_or_else(|| wrong_type(name, args, index, &common.to_string()))?;
    }
    Ok(common)
}

/// NULL where it is not found, but might be one of the NULLs.
fn is_in(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    let common = compared(name, args, 0)?;
    let takes = vec![common.clone(); args.len()];
    let comparable = Comparable::new(&common);
    Ok(scalar(name, args, takes, HiveType::Boolean, move |columns, rows| {
        let keys = comparable.all(columns)?;
        let nulls: Vec<_> = columns.iter().map(|column| column.logical_nulls()).collect();
        let is_null = |column: usize, row| nulls[column].as_ref().is_some_and(|nulls| nulls.is_null(row));
        let answers = (0..rows).map(|row| {
            if is_null(0, row) {
                return None;
            }
            let mut has_null = false;
            for column in 1..keys.len() {
                if is_null(column, row) {
                    has_null = true;
                } else if keys[column].row(row) == keys[0].row(row) {
                    return Some(true);
                }
            }
            (!has_null).then_some(false)
        });
        Ok(Arc::new(answers.collect::<BooleanArray>()))
    }))
}

/// Whether it is turned around, the value, and the bounds.
fn between(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 4..=4)?;
    let common = compared(name, args, 1)?;
    let takes = vec![HiveType::Boolean, common.clone(), common.clone(), common.clone()];
    let comparable = Comparable::new(&common);
    Ok(scalar(name, args, takes, HiveType::Boolean, move |columns, rows| {
        let negated = columns[0].as_boolean();
        let keys = comparable.all(&columns[1..])?;
        let nulls: Vec<_> = columns[1..].iter().map(|column| column.logical_nulls()).collect();
        let known = |column: usize, row| nulls[column].as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let answers = (0..rows).map(|row| {
            if !known(0, row) || negated.is_null(row) {
                return None;
            }
            let above = known(1, row).then(|| keys[0].row(row) >= keys[1].row(row));
            let below = known(2, row).then(|| keys[0].row(row) <= keys[2].row(row));
            let inside = match (above, below) {
                (Some(false), _) | (_, Some(false)) => false,
                (Some(true), Some(true)) => true,
                _ => return None,
            };
            Some(inside != negated.value(row))
        });
        Ok(Arc::new(answers.collect::<BooleanArray>()))
    }))
}
