//! What the operands of arithmetic are cast to, and the type of the result.

use crate::types::{DECIMAL_PRECISION_MAX, HiveType};

/// A result that does not fit into 38 digits keeps at least so many places, if it had them.
const SCALE_KEPT: i32 = 6;

/// What an operator does, whatever the types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    IntegerDivide,
    Modulo,
    /// As `Modulo`, but not less than zero where the divisor is greater.
    PositiveModulo,
    BitAnd,
    BitOr,
    BitXor,
}

impl Operator {
    pub(super) fn named(name: &str) -> Operator {
        match name {
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "div" => Operator::IntegerDivide,
            "pmod" => Operator::PositiveModulo,
            "&" => Operator::BitAnd,
            "|" => Operator::BitOr,
            "^" => Operator::BitXor,
            _ => Operator::Modulo,
        }
    }

    pub(super) fn is_bitwise(self) -> bool {
        matches!(self, Operator::BitAnd | Operator::BitOr | Operator::BitXor)
    }
}

/// Casts of both operands, and the result's type.
pub(super) struct Operands {
    pub(super) takes: [HiveType; 2],
    pub(super) returns: HiveType,
}

impl Operands {
    fn same(ty: HiveType) -> Operands {
        Operands { takes: [ty.clone(), ty.clone()], returns: ty }
    }
}

/// Text counts as double, and a bare NULL as a number.
pub(super) fn is_operand(ty: &HiveType) -> bool {
    ty.is_numeric() || ty.is_text() || *ty == HiveType::Void
}

/// The operands of `+`, `-`, `*`, `/` and `%`; `None` where one is no number.
pub(super) fn numeric(op: Operator, left: &HiveType, right: &HiveType) -> Option<Operands> {
    if !is_operand(left) || !is_operand(right) {
        return None;
    }
    if !is_exact(left) || !is_exact(right) {
        return Some(Operands::same(match op {
            Operator::Divide => HiveType::Double,
            _ => approximate(left, right),
        }));
    }
    let is_decimal = |ty: &HiveType| matches!(ty, HiveType::Decimal { .. });
    if !is_decimal(left) && !is_decimal(right) {
        return Some(Operands::same(match op {
            Operator::Divide => HiveType::Double,
            _ => wider(left, right).clone(),
        }));
    }
    let ((left_precision, left_scale), (right_precision, right_scale)) = (digits(left), digits(right));
    Some(Operands {
        takes: [
            HiveType::decimal(left_precision, left_scale),
            HiveType::decimal(right_precision, right_scale),
        ],
        returns: decimal_result(op, left, right),
    })
}

/// The operands of what is done on whole numbers alone.
pub(super) fn whole(left: &HiveType, right: &HiveType) -> Option<HiveType> {
    let is_whole = |ty: &HiveType| ty.is_integer() || *ty == HiveType::Void;
    match (left, right) {
        (left, right) if !is_whole(left) || !is_whole(right) => None,
        (HiveType::Void, HiveType::Void) => Some(HiveType::Int),
        (HiveType::Void, other) | (other, HiveType::Void) => Some(other.clone()),
        (left, right) => Some(wider(left, right).clone()),
    }
}

/// The type in which numbers of two types meet.
pub(super) fn common(left: &HiveType, right: &HiveType) -> HiveType {
    match (left, right) {
        (HiveType::Void, other) | (other, HiveType::Void) => other.clone(),
        (HiveType::Decimal { .. }, other) | (other, HiveType::Decimal { .. }) if is_exact(other) => {
            let ((left_precision, left_scale), (right_precision, right_scale)) =
                (digits(left), digits(right));
            let whole = (left_precision - left_scale).max(right_precision - right_scale);
            let scale = left_scale.max(right_scale).min(DECIMAL_PRECISION_MAX - whole);
            HiveType::decimal(whole + scale, scale)
        }
        _ => wider(left, right).clone(),
    }
}

fn is_exact(ty: &HiveType) -> bool {
    ty.is_integer() || matches!(ty, HiveType::Decimal { .. })
}

fn approximate(left: &HiveType, right: &HiveType) -> HiveType {
    match (left, right) {
        (HiveType::Void, HiveType::Void) => HiveType::Void,
        (HiveType::Void, _) | (_, HiveType::Void) => HiveType::Double,
        _ if left.is_text() || right.is_text() => HiveType::Double,
        _ => wider(left, right).clone(),
    }
}

/// A decimal is less than a float here: together they are a float.
fn wider<'a>(left: &'a HiveType, right: &'a HiveType) -> &'a HiveType {
    let rank = |ty: &HiveType| match ty {
        HiveType::TinyInt => 1,
        HiveType::SmallInt => 2,
        HiveType::Int => 3,
        HiveType::BigInt => 4,
        HiveType::Decimal { .. } => 5,
        HiveType::Float => 6,
        _ => 7,
    };
    if rank(left) >= rank(right) { left } else { right }
}

/// Precision and scale of the decimal that holds all values of an exact type.
fn digits(ty: &HiveType) -> (u8, u8) {
    match ty {
        HiveType::Decimal { precision, scale } => (*precision, *scale),
        HiveType::TinyInt => (3, 0),
        HiveType::SmallInt => (5, 0),
        HiveType::Int => (10, 0),
        _ => (19, 0),
    }
}

/// The rules of SQL Server, which Hive follows.
fn decimal_result(op: Operator, left: &HiveType, right: &HiveType) -> HiveType {
    let as_signed = |(precision, scale): (u8, u8)| (i32::from(precision), i32::from(scale));
    let ((left_precision, left_scale), (right_precision, right_scale)) =
        (as_signed(digits(left)), as_signed(digits(right)));
    let (left_whole, right_whole) = (left_precision - left_scale, right_precision - right_scale);
    let scale = left_scale.max(right_scale);
    match op {
        Operator::Multiply => adjusted(left_precision + right_precision + 1, left_scale + right_scale),
        Operator::Divide => {
            let scale = SCALE_KEPT.max(left_scale + right_precision + 1);
            adjusted(left_whole + right_scale + scale, scale)
        }
        Operator::Modulo => adjusted(left_whole.min(right_whole) + scale, scale),
        Operator::PositiveModulo => adjusted(left_whole.max(right_whole) + scale, scale),
        _ => adjusted(left_whole.max(right_whole) + scale + 1, scale),
    }
}

/// Where there are too many digits, places are given up before digits of the whole part are.
fn adjusted(precision: i32, scale: i32) -> HiveType {
    let maximum = i32::from(DECIMAL_PRECISION_MAX);
    if precision <= maximum {
        return HiveType::decimal(precision.max(1) as u8, scale as u8);
    }
    let kept = (maximum - (precision - scale)).max(scale.min(SCALE_KEPT));
    HiveType::decimal(DECIMAL_PRECISION_MAX, kept as u8)
}
