//! STAND-IN
use super::*;
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
pub fn arithmetic(
    _: ArithmeticOp,
    _: &HiveType,
    _: &HiveType,
    _: &SessionFacts,
) -> Result<Scalar, FunctionError> {
    Err(FunctionError::Count { function: String::new(), expected: String::new(), found: 0 })
}
pub fn native_operator(_: ArithmeticOp, a: &HiveType, _: &HiveType) -> Option<(HiveType, HiveType)> {
    Some((a.clone(), a.clone()))
}
