//! Functions of whole numbers: shifts of their bits, and the factorial.

use super::function;
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::arrow::{
    array::{Int32Array, Int64Array},
    compute::binary,
    datatypes::{Int32Type, Int64Type},
};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "shiftleft",
        "_FUNC_(a, b) - Bitwise left shift",
        "Returns int for tinyint, smallint and int a. Returns bigint for bigint a.\nExample:\n  > SELECT _FUNC_(2, 1);\n  4",
        shift,
    ),
    function(
        "shiftright",
        "_FUNC_(a, b) - Bitwise right shift",
        "Returns int for tinyint, smallint and int a. Returns bigint for bigint a.\nExample:\n  > SELECT _FUNC_(4, 1);\n  2",
        shift,
    ),
    function(
        "shiftrightunsigned",
        "_FUNC_(a, b) - Bitwise unsigned right shift",
        "Returns int for tinyint, smallint and int a. Returns bigint for bigint a.\nExample:\n  > SELECT _FUNC_(4, 1);\n  2",
        shift,
    ),
    function(
        "factorial",
        "_FUNC_(expr) - Returns n factorial. Valid n is [0..20].",
        "Returns null if n is out of [0..20] range.\nExample:\n  > SELECT _FUNC_(5) FROM src LIMIT 1;\n  120",
        factorial,
    ),
];

/// Of the distance only as many bits count as number the bits of what is shifted.
fn shift(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let ty = match &args[0].ty {
        HiveType::BigInt => HiveType::BigInt,
        HiveType::TinyInt | HiveType::SmallInt | HiveType::Int | HiveType::Void => HiveType::Int,
        _ => return Err(wrong_type(name, args, 0, "whole number")),
    };
    if !matches!(args[1].ty, HiveType::TinyInt | HiveType::SmallInt | HiveType::Int | HiveType::Void) {
        return Err(wrong_type(name, args, 1, "int"));
    }
    let takes = vec![ty.clone(), HiveType::Int];
    if ty == HiveType::Int {
        let call: fn(i32, i32) -> i32 = match name {
            "shiftleft" => |value, by| value.wrapping_shl(by as u32),
            "shiftright" => |value, by| value.wrapping_shr(by as u32),
            _ => |value, by| (value as u32).wrapping_shr(by as u32) as i32,
        };
        return Ok(scalar(name, args, takes, ty, move |columns, _| {
            let (values, by) = (primitive::<Int32Type>(columns, 0)?, primitive::<Int32Type>(columns, 1)?);
            Ok(Arc::new(binary::<_, _, _, Int32Type>(values, by, call)?))
        }));
    }
    let call: fn(i64, i32) -> i64 = match name {
        "shiftleft" => |value, by| value.wrapping_shl(by as u32),
        "shiftright" => |value, by| value.wrapping_shr(by as u32),
        _ => |value, by| (value as u64).wrapping_shr(by as u32) as i64,
    };
    Ok(scalar(name, args, takes, ty, move |columns, _| {
        let (values, by) = (primitive::<Int64Type>(columns, 0)?, primitive::<Int32Type>(columns, 1)?);
        Ok(Arc::new(binary::<_, _, _, Int64Type>(values, by, call)?))
    }))
}

fn factorial(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    if !matches!(args[0].ty, HiveType::TinyInt | HiveType::SmallInt | HiveType::Int | HiveType::Void) {
        return Err(wrong_type(name, args, 0, "int"));
    }
    Ok(scalar(name, args, vec![HiveType::Int], HiveType::BigInt, |columns, _| {
        let numbers: &Int32Array = primitive::<Int32Type>(columns, 0)?;
        let products = numbers.iter().map(|number| {
            let number = number.filter(|number| (0..=20).contains(number))?;
            Some((1..=i64::from(number)).product())
        });
        Ok(Arc::new(products.collect::<Int64Array>()))
    }))
}
