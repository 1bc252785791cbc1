//! `format_number`: numbers with commas, or as a pattern says.

use super::{
    decimal_format::{DecimalFormat, Tie, rounded, shifted},
    function,
    rows::{int_at, text_at, try_texts},
};
use crate::{
    functions::{
        Arg, FunctionError, Scalar, ScalarFunction, SessionFacts,
        resolve::{count, primitive, scalar, text, wrong_type, wrong_value},
    },
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, StringBuilder},
        datatypes::{Float64Type, Int32Type, Int64Type},
    },
    common::{DataFusionError, Result as ExecutionResult, ScalarValue},
};
use std::borrow::Cow;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[function(
    "format_number",
    &[],
    "_FUNC_(X, D or F) - Formats the number X to a format like '#,###,###.##', rounded to D decimal places, Or Uses the format specified F to format, and returns the result as a string. If D is 0, the result has no decimal point or fractional part. This is supposed to function like MySQL's FORMAT",
    "Example:\n  > SELECT _FUNC_(12332.123456, 4) FROM src LIMIT 1;\n  '12,332.1235'\n  > SELECT _FUNC_(12332.123456, '##################.###') FROM src LIMIT 1;\n  '12332.123'",
    format_number,
)];

#[derive(Debug, thiserror::Error)]
#[error("format_number cannot write {0} decimal places")]
struct NegativePlaces(i32);

fn format_number(name: &str, args: &[Arg], _: &SessionFacts) -> Result<Scalar, FunctionError> {
    count(name, args, 2..=2)?;
    let number = match &args[0].ty {
        HiveType::Decimal { .. } => args[0].ty.clone(),
        ty if ty.is_integer() => HiveType::BigInt,
        HiveType::Float | HiveType::Double | HiveType::Void => HiveType::Double,
        _ => return Err(wrong_type(name, args, 0, "number")),
    };
    let format = match &args[1].ty {
        ty if ty.is_integer() => HiveType::Int,
        HiveType::Void => HiveType::Int,
        ty if ty.is_text() => HiveType::String,
        _ => return Err(wrong_type(name, args, 1, "whole number or string")),
    };
    if let Some(ScalarValue::Utf8(Some(pattern))) = &args[1].constant {
        DecimalFormat::new(pattern).map_err(|error| wrong_value(name, 1, error.to_string()))?;
    }
    let by_pattern = format == HiveType::String;
    Ok(scalar(name, args, vec![number, format], HiveType::String, move |columns, rows| {
        let numbers = Numbers::of(columns)?;
        if by_pattern {
            let patterns = text(columns, 1)?;
            let mut last = None;
            return try_texts(rows, 0, |row, out| {
                let Some(pattern) = text_at(patterns, row) else { return Ok(None) };
                let format = match last.take() {
                    Some((known, format)) if known == pattern => format,
                    _ => DecimalFormat::new(pattern)
                        .map_err(|error| DataFusionError::External(Box::new(error)))?,
                };
                let written = numbers.write(row, &format, out)?;
                last = Some((pattern, format));
                Ok(written)
            });
        }
        let places = primitive::<Int32Type>(columns, 1)?;
        try_texts(rows, 0, |row, out| {
            let Some(places) = int_at(places, row) else { return Ok(None) };
            let wanted = usize::try_from(places);
            let wanted = wanted.map_err(|_| DataFusionError::External(Box::new(NegativePlaces(places))))?;
            numbers.write(row, &DecimalFormat::grouped(wanted), out)
        })
    }))
}

enum Numbers<'a> {
    Whole(&'a Int64Array),
    Double(&'a Float64Array),
    Decimal(&'a Decimal128Array),
}

impl<'a> Numbers<'a> {
    fn of(columns: &'a [ArrayRef]) -> ExecutionResult<Numbers<'a>> {
        if let Ok(numbers) = primitive::<Int64Type>(columns, 0) {
            return Ok(Numbers::Whole(numbers));
        }
        match columns[0].as_any().downcast_ref::<Decimal128Array>() {
            Some(numbers) => Ok(Numbers::Decimal(numbers)),
            None => Ok(Numbers::Double(primitive::<Float64Type>(columns, 0)?)),
        }
    }

    fn write(
        &self,
        row: usize,
        format: &DecimalFormat,
        out: &mut StringBuilder,
    ) -> ExecutionResult<Option<()>> {
        let digits = match self {
            Numbers::Whole(numbers) if numbers.is_valid(row) => numbers.value(row).to_string(),
            Numbers::Decimal(numbers) if numbers.is_valid(row) => numbers.value_as_string(row),
            Numbers::Double(numbers) if numbers.is_valid(row) => {
                let number = numbers.value(row);
                if number.is_nan() {
                    std::fmt::Write::write_char(out, '\u{fffd}')?;
                    return Ok(Some(()));
                }
                if number.is_infinite() {
                    std::fmt::Write::write_str(out, if number > 0.0 { "∞" } else { "-∞" })?;
                    return Ok(Some(()));
                }
                double_digits(number, format.places() + format.shift())
            }
            _ => return Ok(None),
        };
        let (negative, digits) = match digits.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, digits.as_str()),
        };
        let digits = match format.shift() {
            0 => Cow::Borrowed(digits),
            places => Cow::Owned(shifted(digits, places)),
        };
        format.write(negative, &rounded(&digits, format.places(), Tie::Even), out)?;
        Ok(Some(()))
    }
}

/// The shortest digits that say which number it is; where they must be rounded, the number itself decides.
fn double_digits(number: f64, places: usize) -> String {
    let shortest = number.to_string();
    match shortest.split_once('.') {
        Some((_, fraction)) if fraction.len() > places => format!("{number:.places$}"),
        _ => shortest,
    }
}
