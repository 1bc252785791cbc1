//! Whether a value is NULL, true or false. These answer, whatever they are asked.

use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Array, AsArray, BooleanArray},
    compute::{is_not_null, is_null},
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    truth("isnull", "_FUNC_ a - Returns true if a is NULL and false otherwise"),
    truth("isnotnull", "_FUNC_ a - Returns true if a is not NULL and false otherwise"),
    truth("istrue", "_FUNC_ a - Returns true if a is TRUE and false otherwise"),
    truth("isnottrue", "_FUNC_ a - Returns true if a is NOT TRUE and false otherwise"),
    truth("isfalse", "_FUNC_ a - Returns true if a is FALSE and false otherwise"),
    truth("isnotfalse", "_FUNC_ a - Returns true if a is NOT FALSE and false otherwise"),
];

const fn truth(name: &'static str, usage: &'static str) -> ScalarFunction {
    ScalarFunction { name, aliases: &[], usage, extended: "", resolve }
}

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let same = args[0].ty.clone();
    Ok(match name {
        "isnull" => scalar(name, args, vec![same], HiveType::Boolean, |columns, _| {
            // A column of nothing but NULL has no bitmap to look at.
            Ok(Arc::new(match columns[0].logical_nulls() {
                Some(nulls) => BooleanArray::new(!nulls.inner(), None),
                None => is_null(&columns[0])?,
            }))
        }),
        "isnotnull" => scalar(name, args, vec![same], HiveType::Boolean, |columns, _| {
            Ok(Arc::new(match columns[0].logical_nulls() {
                Some(nulls) => BooleanArray::new(nulls.inner().clone(), None),
                None => is_not_null(&columns[0])?,
            }))
        }),
        _ => {
            let negated = name.starts_with("isnot");
            let wanted = name.ends_with("true");
            scalar(name, args, vec![HiveType::Boolean], HiveType::Boolean, move |columns, _| {
                let values = columns[0].as_boolean();
                let answers = values.iter().map(|value| Some((value == Some(wanted)) != negated));
                Ok(Arc::new(answers.collect::<BooleanArray>()))
            })
        }
    })
}
