//! Between bytes and text: base64, character sets, the characters of numbers.

use super::{
    arguments::{primitives, strings},
    charset::{Charset, CharsetError},
    function,
    rows::{Bytes, text_at, texts, try_texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, text, wrong_type},
    },
    types::HiveType,
};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use datafusion::{
    arrow::{
        array::{Array, BinaryBuilder},
        datatypes::{Float64Type, Int64Type},
    },
    common::DataFusionError,
};
use std::{fmt::Write, sync::Arc};

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    function(
        "base64",
        &[],
        "_FUNC_(bin) - Convert the argument from binary to a base 64 string",
        "",
        to_base64,
    ),
    function(
        "unbase64",
        &[],
        "_FUNC_(str) - Convert the argument from a base 64 string to binary",
        "",
        from_base64,
    ),
    function(
        "decode",
        &[],
        "_FUNC_(bin, str) - Decode the first argument using the second argument character set",
        "Possible options for the character set are 'US-ASCII', 'ISO-8859-1',\n'UTF-8', 'UTF-16BE', 'UTF-16LE', and 'UTF-16'. If either argument\nis null, the result will also be null",
        decode,
    ),
    function(
        "encode",
        &[],
        "_FUNC_(str, str) - Encode the first argument using the second argument character set",
        "Possible options for the character set are 'US-ASCII', 'ISO-8859-1',\n'UTF-8', 'UTF-16BE', 'UTF-16LE', and 'UTF-16'. If either argument\nis null, the result will also be null",
        encode,
    ),
    function(
        "chr",
        &[],
        "_FUNC_(str) - convert n where n : [0, 256) into the ascii equivalent as a varchar.If n is less than 0 return the empty string. If n > 256, return _FUNC_(n % 256).",
        "Example:\n  > SELECT _FUNC_('48') FROM src LIMIT 1;\n  '0'\n  > SELECT _FUNC_('65') FROM src LIMIT 1;\n  'A'",
        chr,
    ),
];

/// Without regard to padding and to bits that are left over.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn to_base64(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    if !matches!(args[0].ty, HiveType::Binary | HiveType::Void) && !args[0].ty.is_text() {
        return Err(wrong_type(name, args, 0, "binary"));
    }
    Ok(scalar(name, args, vec![HiveType::Binary], HiveType::String, |columns, rows| {
        let values = Bytes::of(&columns[0])?;
        let mut encoded = String::new();
        texts(rows, 0, |row, out| {
            encoded.clear();
            general_purpose::STANDARD.encode_string(values.at(row)?, &mut encoded);
            out.write_str(&encoded).ok()
        })
    }))
}

/// What is no sign of base64 does not count; the signs for URLs are known too.
fn from_base64(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 1..=1)?;
    Ok(scalar(name, args, takes, HiveType::Binary, |columns, rows| {
        let values = text(columns, 0)?;
        let mut builder = BinaryBuilder::with_capacity(rows, values.value_data().len());
        let (mut signs, mut decoded) = (Vec::new(), Vec::new());
        for row in 0..rows {
            let Some(value) = text_at(values, row) else {
                builder.append_null();
                continue;
            };
            signs.clear();
            signs.extend(value.bytes().take_while(|&sign| sign != b'=').filter_map(|sign| match sign {
                b'-' => Some(b'+'),
                b'_' => Some(b'/'),
                b'+' | b'/' => Some(sign),
                _ => sign.is_ascii_alphanumeric().then_some(sign),
            }));
            if signs.len() % 4 == 1 {
                signs.pop();
            }
            decoded.clear();
            LENIENT
                .decode_vec(&signs, &mut decoded)
                .map_err(|error| DataFusionError::External(Box::new(error)))?;
            builder.append_value(&decoded);
        }
        Ok(Arc::new(builder.finish()))
    }))
}

fn decode(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    if !matches!(args[0].ty, HiveType::Binary | HiveType::Void) {
        return Err(wrong_type(name, args, 0, "binary"));
    }
    primitives(name, args)?;
    let takes = vec![HiveType::Binary, HiveType::String];
    Ok(scalar(name, args, takes, HiveType::String, |columns, rows| {
        let (values, charsets) = (Bytes::of(&columns[0])?, text(columns, 1)?);
        try_texts(rows, 0, |row, out| {
            let Some((value, charset)) = values.at(row).zip(text_at(charsets, row)) else { return Ok(None) };
            Ok(out.write_str(&Charset::named(charset)?.decoded(value)?).ok())
        })
    }))
}

fn encode(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    let takes = strings(name, args, 2..=2)?;
    Ok(scalar(name, args, takes, HiveType::Binary, |columns, rows| {
        let (values, charsets) = (text(columns, 0)?, text(columns, 1)?);
        let mut builder = BinaryBuilder::with_capacity(rows, values.value_data().len());
        for row in 0..rows {
            let both = text_at(values, row).zip(text_at(charsets, row));
            let encoded = both.map(|(value, charset)| Charset::named(charset)?.encoded(value));
            builder.append_option(encoded.transpose().map_err(CharsetError::into_execution)?);
        }
        Ok(Arc::new(builder.finish()))
    }))
}

fn chr(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 1..=1)?;
    primitives(name, args)?;
    if args[0].ty.is_integer() {
        return Ok(scalar(name, args, vec![HiveType::BigInt], HiveType::String, |columns, rows| {
            let numbers = primitive::<Int64Type>(columns, 0)?;
            texts(rows, rows, |row, out| {
                let number = numbers.is_valid(row).then(|| numbers.value(row))?;
                character(number).map_or(Some(()), |letter| out.write_char(letter).ok())
            })
        }));
    }
    Ok(scalar(name, args, vec![HiveType::Double], HiveType::String, |columns, rows| {
        let numbers = primitive::<Float64Type>(columns, 0)?;
        texts(rows, rows, |row, out| {
            let number = numbers.is_valid(row).then(|| numbers.value(row))?;
            character(number as i64).map_or(Some(()), |letter| out.write_char(letter).ok())
        })
    }))
}

fn character(number: i64) -> Option<char> {
    u8::try_from(number.rem_euclid(256)).ok().filter(|_| number >= 0).map(char::from)
}
