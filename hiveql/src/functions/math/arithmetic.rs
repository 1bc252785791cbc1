//! The operators: which types they take, and how to call them.

use super::{
    decimal::DecimalCall,
    function, numbers,
    operand::{self, Operator},
    temporal, with_aliases,
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::array::new_null_array;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function("+", "a _FUNC_ b - Returns a+b", "", resolve),
    function("-", "a _FUNC_ b - Returns the difference a-b", "", resolve),
    function("*", "a _FUNC_ b - Multiplies a by b", "", resolve),
    function(
        "/",
        "a _FUNC_ b - Divide a by b",
        "Example:\n  > SELECT 3 _FUNC_ 2 FROM src LIMIT 1;\n  1.5",
        resolve,
    ),
    function(
        "div",
        "a _FUNC_ b - Divide a by b rounded to the long integer",
        "Example:\n  > SELECT 3 _FUNC_ 2 FROM src LIMIT 1;\n  1",
        resolve,
    ),
    with_aliases("%", &["mod"], "a _FUNC_ b - Returns the remainder when dividing a by b", "", resolve),
    function("pmod", "a _FUNC_ b - Compute the positive modulo", "", resolve),
    function(
        "&",
        "a _FUNC_ b - Bitwise and",
        "Example:\n  > SELECT 3 _FUNC_ 5 FROM src LIMIT 1;\n  1",
        resolve,
    ),
    function(
        "|",
        "a _FUNC_ b - Bitwise or",
        "Example:\n  > SELECT 3 _FUNC_ 5 FROM src LIMIT 1;\n  7",
        resolve,
    ),
    function(
        "^",
        "a _FUNC_ b - Bitwise exclusive or",
        "Example:\n  > SELECT 3 _FUNC_ 5 FROM src LIMIT 1;\n  2",
        resolve,
    ),
];

/// An operator on two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    IntegerDivide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
}

impl ArithmeticOp {
    /// Under which the registry finds it.
    pub fn name(self) -> &'static str {
        match self {
            ArithmeticOp::Add => "+",
            ArithmeticOp::Subtract => "-",
            ArithmeticOp::Multiply => "*",
            ArithmeticOp::Divide => "/",
            ArithmeticOp::IntegerDivide => "div",
            ArithmeticOp::Modulo => "%",
            ArithmeticOp::BitAnd => "&",
            ArithmeticOp::BitOr => "|",
            ArithmeticOp::BitXor => "^",
        }
    }
}

/// The operator on these types: argument casts, result type, kernel. Errors name the operator.
pub fn arithmetic(
    op: ArithmeticOp,
    left: &HiveType,
    right: &HiveType,
    facts: &SessionFacts,
) -> Result<Scalar, FunctionError> {
    let args = [left, right].map(|ty| Arg { ty: ty.clone(), constant: None });
    resolve(op.name(), &args, facts)
}

/// Where DataFusion's own operator gives exactly Hive's answer on arguments cast to `.0`: (operand type, result
/// type). `None`: use the kernel of [`arithmetic`].
///
/// Whole numbers wrap around there as they do in Java.
pub fn native_operator(op: ArithmeticOp, left: &HiveType, right: &HiveType) -> Option<(HiveType, HiveType)> {
    let op = Operator::named(op.name());
    let ty = match op {
        _ if op.is_bitwise() => operand::whole(left, right)?,
        Operator::Add | Operator::Subtract | Operator::Multiply => operand::numeric(op, left, right)?.returns,
        _ => return None,
    };
    let is_native = ty.is_integer() || matches!(ty, HiveType::Float | HiveType::Double);
    is_native.then(|| (ty.clone(), ty))
}

fn resolve(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let op = Operator::named(name);
    let (left, right) = (&args[0].ty, &args[1].ty);
    if op.is_bitwise() || op == Operator::IntegerDivide {
        return whole(op, name, args);
    }
    let is_temporal = |ty: &HiveType| ty.is_datetime() || ty.is_interval();
    if is_temporal(left) || is_temporal(right) {
        return temporal::resolve(op, name, args, facts);
    }
    let wrong = if operand::is_operand(left) { 1 } else { 0 };
    let operand::Operands { takes, returns } =
        operand::numeric(op, left, right).ok_or_else(|| wrong_type(name, args, wrong, "number"))?;
    let takes = takes.to_vec();
    let arrow = returns.arrow();
    Ok(match &returns {
        HiveType::Void => scalar(name, args, takes, returns, move |_, rows| Ok(new_null_array(&arrow, rows))),
        HiveType::Decimal { precision, scale } => {
            let call = DecimalCall::new(op, *precision, *scale);
            scalar(name, args, takes, returns, move |columns, _| call.run(columns))
        }
        _ => scalar(name, args, takes, returns, move |columns, _| numbers::run(op, columns)),
    })
}

fn whole(op: Operator, name: &str, args: &[Arg]) -> Result<Scalar, FunctionError> {
    let wrong = if args[0].ty.is_integer() { 1 } else { 0 };
    let common = operand::whole(&args[0].ty, &args[1].ty)
        .ok_or_else(|| wrong_type(name, args, wrong, "whole number"))?;
    let ty = if op.is_bitwise() { common } else { HiveType::BigInt };
    Ok(scalar(name, args, vec![ty.clone(), ty.clone()], ty, move |columns, _| numbers::run(op, columns)))
}
