//! Numbers and bytes written with other digits: `bin`, `hex`, `unhex`, `conv`.

use super::function;
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, text, wrong_type},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BinaryBuilder, StringBuilder},
        datatypes::{Int32Type, Int64Type},
    },
    common::Result as ExecutionResult,
};
use std::{fmt::Write, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "bin",
        "_FUNC_(n) - returns n in binary",
        "n is a BIGINT. Returns NULL if n is NULL.\nExample:\n  > SELECT _FUNC_(13) FROM src LIMIT 1\n  '1101'",
        bin,
    ),
    function(
        "hex",
        "_FUNC_(n, bin, or str) - Convert the argument to hexadecimal ",
        "If the argument is a string, returns two hex digits for each character in the string.\nIf the argument is a number or binary, returns the hexadecimal representation.\nExample:\n  > SELECT _FUNC_(17) FROM src LIMIT 1;\n  'H1'\n  > SELECT _FUNC_('Facebook') FROM src LIMIT 1;\n  '46616365626F6F6B'",
        hex,
    ),
    function(
        "unhex",
        "_FUNC_(str) - Converts hexadecimal argument to binary",
        "Performs the inverse operation of HEX(str). That is, it interprets\neach pair of hexadecimal digits in the argument as a number and\nconverts it to the byte representation of the number. The\nresulting characters are returned as a binary string.\n\nExample:\n> SELECT DECODE(UNHEX('4D7953514C'), 'UTF-8') from src limit 1;\n'MySQL'\n\nThe characters in the argument string must be legal hexadecimal\ndigits: '0' .. '9', 'A' .. 'F', 'a' .. 'f'. If UNHEX() encounters\nany nonhexadecimal digits in the argument, it returns NULL. Also,\nif there are an odd number of characters a leading 0 is appended.",
        unhex,
    ),
    function(
        "conv",
        "_FUNC_(num, from_base, to_base) - convert num from from_base to to_base",
        "If to_base is negative, treat num as a signed integer,otherwise, treat it as an unsigned integer.\nExample:\n  > SELECT _FUNC_('100', 2, 10) FROM src LIMIT 1;\n  '4'\n  > SELECT _FUNC_(-10, 16, -10) FROM src LIMIT 1;\n  '-16'",
        conv,
    ),
];

fn bin(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    if !args[0].ty.is_integer() && args[0].ty != HiveType::Void {
        return Err(wrong_type(name, args, 0, "bigint"));
    }
    Ok(scalar(name, args, vec![HiveType::BigInt], HiveType::String, |columns, _| {
        let numbers = primitive::<Int64Type>(columns, 0)?;
        let mut digits = StringBuilder::with_capacity(numbers.len(), numbers.len() * 16);
        for number in numbers {
            match number {
                Some(number) => {
                    write!(digits, "{number:b}")?;
                    digits.append_value("");
                }
                None => digits.append_null(),
            }
        }
        Ok(Arc::new(digits.finish()))
    }))
}

/// Of a whole number its digits, of all else its bytes.
fn hex(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    let takes = match &args[0].ty {
        ty if ty.is_integer() => HiveType::BigInt,
        HiveType::Binary => HiveType::Binary,
        ty if ty.is_primitive() => HiveType::String,
        _ => return Err(wrong_type(name, args, 0, "number, binary or string")),
    };
    Ok(scalar(name, args, vec![takes], HiveType::String, |columns, _| {
        let column = &columns[0];
        let mut digits = StringBuilder::with_capacity(column.len(), column.len() * 16);
        if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
            for number in numbers {
                match number {
                    Some(number) => {
                        write!(digits, "{number:X}")?;
                        digits.append_value("");
                    }
                    None => digits.append_null(),
                }
            }
        } else if let Some(values) = column.as_binary_opt::<i32>() {
            values.iter().try_for_each(|bytes| append_hex(&mut digits, bytes))?;
        } else {
            let values = text(columns, 0)?;
            values.iter().try_for_each(|value| append_hex(&mut digits, value.map(str::as_bytes)))?;
        }
        Ok(Arc::new(digits.finish()) as ArrayRef)
    }))
}

fn append_hex(digits: &mut StringBuilder, bytes: Option<&[u8]>) -> ExecutionResult<()> {
    let Some(bytes) = bytes else {
        digits.append_null();
        return Ok(());
    };
    for byte in bytes {
        write!(digits, "{byte:02X}")?;
    }
    digits.append_value("");
    Ok(())
}

fn unhex(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    if !args[0].ty.is_primitive() || args[0].ty == HiveType::Binary {
        return Err(wrong_type(name, args, 0, "string"));
    }
    Ok(scalar(name, args, vec![HiveType::String], HiveType::Binary, |columns, _| {
        let values = text(columns, 0)?;
        let mut bytes = BinaryBuilder::with_capacity(values.len(), values.len() * 8);
        let mut decoded = Vec::new();
        for value in values {
            match value.and_then(|value| from_hex(value.as_bytes(), &mut decoded)) {
                Some(()) => bytes.append_value(&decoded),
                None => bytes.append_null(),
            }
        }
        Ok(Arc::new(bytes.finish()))
    }))
}

/// An odd digit at the start stands alone.
fn from_hex(digits: &[u8], decoded: &mut Vec<u8>) -> Option<()> {
    decoded.clear();
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let (first, pairs) = digits.split_at(digits.len() % 2);
    for byte in first {
        decoded.push(digit(byte)?);
    }
    for pair in pairs.chunks_exact(2) {
        decoded.push(digit(&pair[0])? << 4 | digit(&pair[1])?);
    }
    Some(())
}

fn conv(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 3..=3)?;
    if !args[0].ty.is_primitive() || matches!(args[0].ty, HiveType::Binary | HiveType::Boolean) {
        return Err(wrong_type(name, args, 0, "string or number"));
    }
    let is_base =
        |ty: &HiveType| matches!(ty, HiveType::TinyInt | HiveType::SmallInt | HiveType::Int | HiveType::Void);
    if let Some(wrong) = (1..3).find(|index| !is_base(&args[*index].ty)) {
        return Err(wrong_type(name, args, wrong, "int"));
    }
    let takes = vec![HiveType::String, HiveType::Int, HiveType::Int];
    Ok(scalar(name, args, takes, HiveType::String, |columns, _| {
        let (numbers, from) = (text(columns, 0)?, primitive::<Int32Type>(columns, 1)?);
        let to = primitive::<Int32Type>(columns, 2)?;
        let mut converted = StringBuilder::with_capacity(numbers.len(), numbers.len() * 8);
        let mut digits = String::new();
        for ((number, from), to) in numbers.iter().zip(from).zip(to) {
            let written = number.zip(from).zip(to);
            match written.and_then(|((number, from), to)| convert(number, from, to, &mut digits)) {
                Some(()) => converted.append_value(&digits),
                None => converted.append_null(),
            }
        }
        Ok(Arc::new(converted.finish()))
    }))
}

/// By way of 64 bits, which are signed where `to` is negative.
fn convert(number: &str, from: i32, to: i32, digits: &mut String) -> Option<()> {
    let (from_base, to_base) = (u32::try_from(from).ok()?, to.unsigned_abs());
    if number.is_empty() || !(2..=36).contains(&from_base) || !(2..=36).contains(&to_base) {
        return None;
    }
    let (mut is_negative, unsigned) = match number.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, number),
    };
    let mut value = read(unsigned, from_base);
    if is_negative && to > 0 {
        // What is too large stays the largest.
        value = if value < 0 { -1 } else { -value };
    }
    if to < 0 && value < 0 {
        value = value.wrapping_neg();
        is_negative = true;
    }
    digits.clear();
    let mut rest = value as u64;
    loop {
        let digit = (rest % u64::from(to_base)) as u32;
        digits.push(char::from_digit(digit, to_base)?.to_ascii_uppercase());
        rest /= u64::from(to_base);
        if rest == 0 {
            break;
        }
    }
    if is_negative && to < 0 {
        digits.push('-');
    }
    // The digits are there with the last one first, and all are ASCII.
    *digits = digits.chars().rev().collect();
    Some(())
}

/// The digits up to the first that is none; -1 where they do not fit into 64 bits.
fn read(digits: &str, base: u32) -> i64 {
    let radix = u64::from(base);
    let mut value = 0_i64;
    let bound = ((-1 - i64::from(base)) as u64 / radix) as i64;
    for digit in digits.chars().map_while(|digit| digit.to_digit(base)) {
        let digit = i64::from(digit);
        // Compared as signed numbers, as Hive does.
        if value >= bound && (((-1 - digit) as u64 / radix) as i64) < value {
            return -1;
        }
        value = value.wrapping_mul(i64::from(base)).wrapping_add(digit);
    }
    value
}
