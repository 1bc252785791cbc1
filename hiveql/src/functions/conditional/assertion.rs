//! Assertions: queries that fail where something is not so.

use crate::{
    functions::{Arg, FunctionError, Kernel, Scalar, ScalarFunction, SessionFacts, resolve::count},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, NullArray},
        datatypes::Int64Type,
    },
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
    ScalarFunction {
        name: "enforce_constraint",
        aliases: &[],
        usage: "_FUNC_(x) - Internal UDF to enforce CHECK and NOT NULL constraint",
        extended: "For internal use only",
        resolve: enforce_constraint,
    },
    ScalarFunction {
        name: "sq_count_check",
        aliases: &[],
        usage: "_FUNC_(x) - Internal check on scalar subquery expression to make sure atmost one row is returned",
        extended: "For internal use only",
        resolve: sq_count_check,
    },
    ScalarFunction {
        name: "cardinality_violation",
        aliases: &[],
        usage: "_FUNC_(n0, n1...) - raises Cardinality Violation",
        extended: "",
        resolve: cardinality_violation,
    },
];

#[derive(Debug, thiserror::Error)]
#[error("{0}(): assertion failed.")]
struct AssertionFailed(String);

#[derive(Debug, thiserror::Error)]
enum Violation {
    #[error("Either CHECK or NOT NULL constraint violated!")]
    Constraint,
    #[error("Scalar subquery expression returns more than one row.")]
    SeveralRows,
    #[error("Cardinality Violation in Merge statement: [{0}]")]
    Cardinality(String),
}

fn violation<T>(violation: Violation) -> datafusion::common::Result<T> {
    Err(DataFusionError::External(Box::new(violation)))
}

/// What is not known is not violated.
fn enforce_constraint(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let returns = HiveType::Boolean;
    let kernel = Kernel::new(name, args, returns.arrow(), Volatility::Volatile, |columns, rows| {
        if columns[0].as_boolean().has_false() {
            return violation(Violation::Constraint);
        }
        Ok(Arc::new(BooleanArray::from(vec![true; rows])) as ArrayRef)
    });
    Ok(Scalar { args: vec![HiveType::Boolean], returns, udf: kernel.into_udf() })
}

/// The count of a subquery's rows; a second argument says that it also must not be zero.
fn sq_count_check(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=2)?;
    let returns = HiveType::BigInt;
    let takes = std::iter::once(HiveType::BigInt).chain(args.iter().skip(1).map(|arg| arg.ty.clone()));
    let kernel = Kernel::new(name, args, returns.arrow(), Volatility::Volatile, |columns, _| {
        if columns[0].as_primitive::<Int64Type>().iter().flatten().any(|rows| rows > 1) {
            return violation(Violation::SeveralRows);
        }
        Ok(columns[0].clone())
    });
    Ok(Scalar { args: takes.collect(), returns, udf: kernel.into_udf() })
}

/// Fails on every row.
fn cardinality_violation(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=usize::MAX)?;
    let takes = args.iter().map(|_| HiveType::String).collect();
    let returns = HiveType::Int;
    let kernel = Kernel::new(name, args, returns.arrow(), Volatility::Volatile, |columns, rows| {
        if rows == 0 {
            return Ok(Arc::new(Int32Array::from(Vec::<i32>::new())) as ArrayRef);
        }
        let first = |column: &ArrayRef| {
            column.as_string::<i32>().iter().next().flatten().unwrap_or("null").to_owned()
        };
        let values: Vec<String> = columns.iter().map(first).collect();
        violation(Violation::Cardinality(values.join(", ")))
    });
    Ok(Scalar { args: takes, returns, udf: kernel.into_udf() })
}

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
