//! Hashes of rows, and the buckets that rows fall into by them.

mod bucket;
mod bytes;
mod java;
mod murmur;
mod row;

pub use bucket::{BucketingVersion, bucket_of};

use super::function;
use crate::{
    functions::{
        Arg, FunctionError, Kernel, Rows, Scalar, ScalarFunction, SessionFacts,
        datetime::zone::Zone,
        resolve::{count, scalar, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Int32Array, Int64Array, new_null_array},
        datatypes::DataType,
    },
    logical_expr::Volatility,
};
use flate2::Crc;
use row::{Algorithm, hash_rows};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function("hash", "_FUNC_(a1, a2, ...) - Returns a hash value of the arguments", "", hash),
    function("murmur_hash", "_FUNC_(a1, a2, ...) - Returns a hash value of the arguments", "", hash),
    function(
        "crc32",
        "_FUNC_(str or bin) - Computes a cyclic redundancy check value for string or binary argument and returns bigint value.",
        "Example:\n  > SELECT _FUNC_('ABC');\n  2743272264\n  > SELECT _FUNC_(binary('ABC'));\n  2743272264",
        crc32,
    ),
    function("bucket_number", "_FUNC_(x) - returns NULL", "", bucket_number),
];

fn hash(name: &str, args: &[Arg], facts: &SessionFacts) -> Result<Scalar, FunctionError> {
    let algorithm = match name {
        "hash" => Algorithm::Java { zone: Zone::from(facts.timezone) },
        _ => Algorithm::Murmur,
    };
    let takes: Vec<HiveType> = args.iter().map(|arg| arg.ty.clone()).collect();
    let types = takes.clone();
    Ok(scalar(name, args, takes, HiveType::Int, move |columns, rows| {
        Ok(Arc::new(Int32Array::from(hash_rows(columns, &types, rows, algorithm)?)))
    }))
}

fn crc32(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let takes = match &args[0].ty {
        HiveType::Binary => HiveType::Binary,
        ty if ty.is_text() || *ty == HiveType::Void => HiveType::String,
        _ => return Err(wrong_type(name, args, 0, "string or binary")),
    };
    Ok(scalar(name, args, vec![takes], HiveType::BigInt, |columns, rows| {
        let checked = |bytes: Option<&[u8]>| {
            let mut crc = Crc::new();
            crc.update(bytes?);
            Some(i64::from(crc.sum()))
        };
        let sums: Int64Array = match columns[0].data_type() {
            DataType::Binary => columns[0].as_binary::<i32>().iter().map(checked).collect(),
            DataType::Utf8 => {
                columns[0].as_string::<i32>().iter().map(|text| checked(text.map(str::as_bytes))).collect()
            }
            _ => Int64Array::new_null(rows),
        };
        Ok(Arc::new(sums) as ArrayRef)
    }))
}

/// What stands in plans for the number of the bucket that a row will be written to.
fn bucket_number(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let returns = HiveType::String;
    let kernel = Kernel::new(name, args, returns.arrow(), Volatility::Volatile, |_, rows: Rows| {
        Ok(new_null_array(&DataType::Utf8, rows))
    });
    Ok(Scalar { args: args.iter().map(|arg| arg.ty.clone()).collect(), returns, udf: kernel.into_udf() })
}
