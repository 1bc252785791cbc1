//! Digests, in hexadecimal.

use super::{
    arguments::{binary_or_string, primitives},
    function,
    rows::{Bytes, int_at, texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar},
    },
    types::HiveType,
};
use datafusion::arrow::{array::StringBuilder, datatypes::Int32Type};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use std::fmt::Write;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "md5",
        &[],
        "_FUNC_(str or bin) - Calculates an MD5 128-bit checksum for the string or binary.",
        "The value is returned as a string of 32 hex digits, or NULL if the argument was NULL.\nExample:\n  > SELECT _FUNC_('ABC');\n  '902fbdd2b1df0c4f70b4a5d23525e932'\n  > SELECT _FUNC_(binary('ABC'));\n  '902fbdd2b1df0c4f70b4a5d23525e932'",
        |name, args, _| digest(name, args, digested::<Md5>),
    ),
    function(
        "sha",
        &["sha1"],
        "_FUNC_(str or bin) - Calculates the SHA-1 digest for string or binary and returns the value as a hex string.",
        "Example:\n  > SELECT _FUNC_('ABC');\n  '3c01bdbb26f358bab27f267924aa2c9a03fcfdb8'\n  > SELECT _FUNC_(binary('ABC'));\n  '3c01bdbb26f358bab27f267924aa2c9a03fcfdb8'",
        |name, args, _| digest(name, args, digested::<Sha1>),
    ),
    function(
        "sha2",
        &[],
        "_FUNC_(string/binary, len) - Calculates the SHA-2 family of hash functions (SHA-224, SHA-256, SHA-384, and SHA-512).",
        "The first argument is the string or binary to be hashed. The second argument indicates the desired bit length of the result, which must have a value of 224, 256, 384, 512, or 0 (which is equivalent to 256). SHA-224 is supported starting from Java 8. If either argument is NULL or the hash length is not one of the permitted values, the return value is NULL.\nExample:\n > SELECT _FUNC_('ABC', 256);\n 'b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78'",
        sha2,
    ),
];

pub(super) type Digested = fn(&[u8], &mut StringBuilder) -> Option<()>;

pub(super) fn digested<D: Digest>(value: &[u8], out: &mut StringBuilder) -> Option<()> {
    D::digest(value).iter().try_for_each(|byte| write!(out, "{byte:02x}").ok())
}

fn digest(name: &str, args: &[Arg], digested: Digested) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    primitives(name, args)?;
    let takes = vec![binary_or_string(&args[0])];
    Ok(scalar(name, args, takes, HiveType::String, move |columns, rows| {
        let values = Bytes::of(&columns[0])?;
        texts(rows, rows * 40, |row, out| digested(values.at(row)?, out))
    }))
}

fn sha2(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    primitives(name, args)?;
    let takes = vec![binary_or_string(&args[0]), HiveType::Int];
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let values = Bytes::of(&columns[0])?;
        let lengths = primitive::<Int32Type>(columns, 1)?;
        texts(rows, rows * 64, |row, out| {
            let digested: Digested = match int_at(lengths, row)? {
                224 => digested::<Sha224>,
                0 | 256 => digested::<Sha256>,
                384 => digested::<Sha384>,
                512 => digested::<Sha512>,
                _ => return None,
            };
            digested(values.at(row)?, out)
        })
    }))
}
