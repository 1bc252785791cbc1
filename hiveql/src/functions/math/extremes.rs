//! The greatest and the least of several values.

use super::function;
use crate::{
    cast::promotion::common_type,
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Array, ArrayRef, BooleanArray},
    buffer::NullBuffer,
    compute::{
        kernels::{
            cmp::{gt, lt},
            zip::zip,
        },
        nullif,
    },
};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "greatest",
        "_FUNC_(v1, v2, ...) - Returns the greatest value in a list of values",
        "Example:\n  > SELECT _FUNC_(2, 3, 1) FROM src LIMIT 1;\n  3",
        extreme,
    ),
    function(
        "least",
        "_FUNC_(v1, v2, ...) - Returns the least value in a list of values",
        "Example:\n  > SELECT _FUNC_(2, 3, 1) FROM src LIMIT 1;\n  1",
        extreme,
    ),
];

/// NULL where one of the values is.
fn extreme(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=usize::MAX)?;
    let mut common = HiveType::Void;
    for (index, arg) in args.iter().enumerate() {
        common = common_type(&common, &arg.ty)
            .filter(HiveType::is_primitive)
            .ok_or_else(|| wrong_type(name, args, index, &common.to_string()))?;
    }
    let is_better = if name == "greatest" { gt } else { lt };
    let is_void = common == HiveType::Void;
    Ok(scalar(name, args, vec![common.clone(); args.len()], common, move |columns, _| {
        let mut best: ArrayRef = columns[0].clone();
        if is_void {
            return Ok(best);
        }
        for column in &columns[1..] {
            best = zip(&is_better(column, &best)?, column, &best)?;
        }
        let there = columns.iter().fold(None, |there: Option<NullBuffer>, column| {
            NullBuffer::union(there.as_ref(), column.logical_nulls().as_ref())
        });
        Ok(match there {
            Some(there) => nullif(&best, &BooleanArray::new(!there.inner(), None))?,
            None => best,
        })
    }))
}
