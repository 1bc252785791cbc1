//! Assertions: queries that fail where something is not so.

use crate::{
    functions::{Arg, FunctionError, Kernel, Scalar, ScalarFunction, SessionFacts, resolve::count},
    types::HiveType,
};
use datafusion::{
    arrow::array::{Array, AsArray, NullArray},
    common::DataFusionError,
    logical_expr::Volatility,
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "assert_true",
        aliases: &[],
        usage: "_FUNC_(condition) - Throw an exception if 'condition' is not true.",
        extended: "Example:\n   > SELECT _FUNC_(x >= 0) FROM src LIMIT 1;\n  NULL",
        resolve,
    },
    ScalarFunction {
        name: "assert_true_oom",
        aliases: &[],
        usage: "_FUNC_(condition) - Throw an MapJoinMemoryExhaustionError if 'condition' is not true.",
        extended: "",
        resolve,
    },
];

#[derive(Debug, thiserror::Error)]
#[error("{0}(): assertion failed.")]
struct AssertionFailed(String);

fn resolve(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let called = name.to_ascii_uppercase();
    // Volatile, so that an answer that nobody reads is still asked for.
    let kernel =
        Kernel::new(name, args, HiveType::Void.arrow(), Volatility::Volatile, move |columns, rows| {
            let conditions = columns[0].as_boolean();
            if conditions.null_count() > 0 || conditions.has_false() {
                return Err(DataFusionError::External(Box::new(AssertionFailed(called.clone()))));
            }
            Ok(Arc::new(NullArray::new(rows)))
        });
    Ok(Scalar { args: vec![HiveType::Boolean], returns: HiveType::Void, udf: kernel.into_udf() })
}
