//! `width_bucket`: which of equally wide ranges a number lies in.

use super::{function, operand::common};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, wrong_type, wrong_value},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, ArrowPrimitiveType, Int32Array},
        datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, i256},
    },
    common::{DataFusionError, Result as ExecutionResult},
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[function(
    "width_bucket",
    "_FUNC_(expr, min_value, max_value, num_buckets) - Returns an integer between 0 and num_buckets+1 by mapping the expr into buckets defined by the range [min_value, max_value]",
    "Returns an integer between 0 and num_buckets+1 by mapping expr into the ith equally sized bucket. Buckets are made by dividing [min_value, max_value] into equally sized regions. If expr < min_value, return 1, if expr > max_value return num_buckets+1\nExample: expr is an integer column withs values 1, 10, 20, 30.\n  > SELECT _FUNC_(expr, 5, 25, 4) FROM src;\n1\n1\n3\n5",
    width_bucket,
)];

fn width_bucket(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 4..=4)?;
    let is_number = |arg: &Arg| arg.ty.is_numeric() || arg.ty == HiveType::Void;
    if let Some(wrong) = args.iter().position(|arg| !is_number(arg)) {
        return Err(wrong_type(name, args, wrong, "number"));
    }
    let ty = match common(&args[0].ty, &common(&args[1].ty, &args[2].ty)) {
        // Narrow whole numbers are computed with as ints.
        HiveType::TinyInt | HiveType::SmallInt | HiveType::Void => HiveType::Int,
        ty => ty,
    };
    let takes = vec![ty.clone(), ty.clone(), ty.clone(), HiveType::Int];
    let function = name.to_owned();
    Ok(scalar(name, args, takes, HiveType::Int, move |columns, _| {
        let invalid =
            |index, reason| DataFusionError::External(Box::new(wrong_value(&function, index, reason)));
        match columns[0].data_type() {
            DataType::Int32 => buckets::<Int32Type>(
                columns,
                invalid,
                |buckets, part, all| buckets.wrapping_mul(part).wrapping_div(all).wrapping_add(1),
                i32::wrapping_sub,
            ),
            DataType::Int64 => buckets::<Int64Type>(
                columns,
                invalid,
                |buckets, part, all| {
                    i64::from(buckets).wrapping_mul(part).wrapping_div(all).wrapping_add(1) as i32
                },
                i64::wrapping_sub,
            ),
            DataType::Float32 => buckets::<Float32Type>(
                columns,
                invalid,
                |buckets, part, all| (buckets as f32 * part / all + 1.0).floor() as i32,
                |left, right| left - right,
            ),
            DataType::Float64 => buckets::<Float64Type>(
                columns,
                invalid,
                |buckets, part, all| (f64::from(buckets) * part / all + 1.0).floor() as i32,
                |left, right| left - right,
            ),
            _ => buckets::<Decimal128Type>(columns, invalid, decimal_bucket, i128::wrapping_sub),
        }
    }))
}

fn decimal_bucket(buckets: i32, part: i128, all: i128) -> i32 {
    let product = i256::from_i128(buckets.into()).wrapping_mul(i256::from_i128(part));
    product.wrapping_div(i256::from_i128(all)).as_i128() as i32 + 1
}

/// `place` says the bucket from the number of all, the distance from the start, and the width of the whole range.
fn buckets<T: ArrowPrimitiveType>(
    columns: &[ArrayRef],
    invalid: impl Fn(usize, &'static str) -> DataFusionError,
    place: impl Fn(i32, T::Native, T::Native) -> i32,
    minus: impl Fn(T::Native, T::Native) -> T::Native,
) -> ExecutionResult<ArrayRef> {
    let (values, starts) = (primitive::<T>(columns, 0)?, primitive::<T>(columns, 1)?);
    let (ends, counts) = (primitive::<T>(columns, 2)?, primitive::<Int32Type>(columns, 3)?);
    let rows = values.iter().zip(starts).zip(ends.iter().zip(counts));
    let numbers = rows.map(|row| {
        let ((Some(value), Some(start)), (Some(end), Some(count))) = row else { return Ok(None) };
        if count <= 0 {
            return Err(invalid(3, "the number of buckets must be above 0"));
        }
        if start == end {
            return Err(invalid(2, "the end must not be the start"));
        }
        let (is_before, is_after) = match end > start {
            true => (value < start, value >= end),
            false => (value > start, value <= end),
        };
        Ok(Some(match (is_before, is_after) {
            (true, _) => 0,
            (_, true) => count.wrapping_add(1),
            _ if end > start => place(count, minus(value, start), minus(end, start)),
            _ => place(count, minus(start, value), minus(start, end)),
        }))
    });
    Ok(Arc::new(numbers.collect::<ExecutionResult<Int32Array>>()?))
}
