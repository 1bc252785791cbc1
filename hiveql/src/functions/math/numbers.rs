//! Arithmetic on whole numbers, which wraps around as in Java, and on floating point numbers.

use super::operand::Operator;
use crate::functions::{Columns, resolve::primitive};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, BooleanArray, PrimitiveArray},
        compute::{binary, nullif},
        datatypes::{DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type},
    },
    common::Result,
};
use std::{
    ops::{BitAnd, BitOr, BitXor},
    sync::Arc,
};

/// Both columns have the same type.
pub(super) fn run(op: Operator, columns: Columns<'_>) -> Result<ArrayRef> {
    match columns.first().map(|column| column.data_type()) {
        Some(DataType::Int8) => {
            whole::<Int8Type>(op, columns, |left, right| positive_modulo(left.into(), right.into()) as i8)
        }
        Some(DataType::Int16) => {
            whole::<Int16Type>(op, columns, |left, right| positive_modulo(left.into(), right.into()) as i16)
        }
        Some(DataType::Int32) => whole::<Int32Type>(op, columns, positive_modulo),
        Some(DataType::Int64) => whole::<Int64Type>(op, columns, |left, right| {
            left.wrapping_rem(right).wrapping_add(right).wrapping_rem(right)
        }),
        Some(DataType::Float32) => {
            any::<Float32Type>(op, columns, |left, right| (left % right + right) % right)
        }
        _ => any::<Float64Type>(op, columns, |left, right| (left % right + right) % right),
    }
}

/// Narrower numbers are ints while they are computed with.
fn positive_modulo(left: i32, right: i32) -> i32 {
    left.wrapping_rem(right).wrapping_add(right).wrapping_rem(right)
}

fn whole<T: ArrowPrimitiveType>(
    op: Operator,
    columns: Columns<'_>,
    positive_modulo: impl Fn(T::Native, T::Native) -> T::Native,
) -> Result<ArrayRef>
where
    T::Native: ArrowNativeTypeOp
        + BitAnd<Output = T::Native>
        + BitOr<Output = T::Native>
        + BitXor<Output = T::Native>,
{
    let (left, right) = (primitive::<T>(columns, 0)?, primitive::<T>(columns, 1)?);
    Ok(Arc::new(match op {
        Operator::BitAnd => binary::<_, _, _, T>(left, right, |left, right| left & right)?,
        Operator::BitOr => binary::<_, _, _, T>(left, right, |left, right| left | right)?,
        Operator::BitXor => binary::<_, _, _, T>(left, right, |left, right| left ^ right)?,
        _ => return any::<T>(op, columns, positive_modulo),
    }))
}

fn any<T: ArrowPrimitiveType>(
    op: Operator,
    columns: Columns<'_>,
    positive_modulo: impl Fn(T::Native, T::Native) -> T::Native,
) -> Result<ArrayRef>
where
    T::Native: ArrowNativeTypeOp,
{
    let (left, right) = (primitive::<T>(columns, 0)?, primitive::<T>(columns, 1)?);
    Ok(Arc::new(match op {
        Operator::Subtract => binary::<_, _, _, T>(left, right, |left, right| left.sub_wrapping(right))?,
        Operator::Multiply => binary::<_, _, _, T>(left, right, |left, right| left.mul_wrapping(right))?,
        Operator::Divide | Operator::IntegerDivide => {
            return divided(left, right, |left, right| left.div_wrapping(right));
        }
        Operator::Modulo => return divided(left, right, |left, right| left.mod_wrapping(right)),
        Operator::PositiveModulo => return divided(left, right, positive_modulo),
        _ => binary::<_, _, _, T>(left, right, |left, right| left.add_wrapping(right))?,
    }))
}

/// NULL where the right is zero.
fn divided<T: ArrowPrimitiveType>(
    left: &PrimitiveArray<T>,
    right: &PrimitiveArray<T>,
    divide: impl Fn(T::Native, T::Native) -> T::Native,
) -> Result<ArrayRef>
where
    T::Native: ArrowNativeTypeOp,
{
    let zero = T::Native::ZERO;
    let divide = |left, right: T::Native| if right.is_zero() { zero } else { divide(left, right) };
    let quotients = binary::<_, _, _, T>(left, right, divide)?;
    // The slots of NULLs may hold anything; only where one is zero does it cost a mask.
    if right.null_count() == 0 && right.values().iter().all(|value| !value.is_zero()) {
        return Ok(Arc::new(quotients));
    }
    Ok(nullif(&quotients, &BooleanArray::from_unary(right, |value| value.is_zero()))?)
}
