//! The digits of numbers, with their signs, commas and exponents.

use super::{PrintfError, Value, layout::Conversion};
use crate::functions::text::decimal_format::{Tie, rounded};
use std::borrow::Cow;

const PRECISION_DEFAULT: usize = 6;

/// As `toString` of Java writes a value.
pub(super) fn plain<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match value {
        Value::Null => "null".into(),
        Value::Boolean(truth) => truth.to_string().into(),
        Value::Whole(number, _) => number.to_string().into(),
        Value::Double(number) => crate::functions::document::java::written(*number).into(),
        Value::Decimal(digits) => digits.into(),
        Value::Text(text) => (*text).into(),
    }
}

/// As `hashCode` of Java.
pub(super) fn hash(value: &Value<'_>) -> u32 {
    let of_long = |bits: u64| (bits ^ (bits >> 32)) as u32;
    match value {
        Value::Null => 0,
        Value::Boolean(truth) => {
            if *truth {
                1231
            } else {
                1237
            }
        }
        Value::Whole(number, 64) => of_long(*number as u64),
        Value::Whole(number, _) => *number as u32,
        Value::Double(number) => of_long(number.to_bits()),
        Value::Decimal(digits) => of_text(digits),
        Value::Text(text) => of_text(text),
    }
}

fn of_text(text: &str) -> u32 {
    text.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

/// `0x1.8p1`, as `Double.toHexString` of Java.
fn hexadecimal(number: f64) -> String {
    const FRACTION_BITS: u32 = 52;
    let bits = number.to_bits();
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let exponent = (bits >> FRACTION_BITS & 0x7ff) as i32;
    let (whole, power) = match (exponent, fraction) {
        (0, 0) => (0, 0),
        (0, _) => (0, -1022),
        _ => (1, exponent - 1023),
    };
    let digits = format!("{fraction:013x}");
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    format!("{sign}0x{whole}.{digits}p{power}")
}

pub(super) fn written(conversion: &Conversion, value: &Value<'_>) -> Result<String, PrintfError> {
    match (conversion.letter, value) {
        ('d', Value::Whole(number, _)) => {
            Ok(signed(conversion, *number < 0, &number.unsigned_abs().to_string()))
        }
        ('x' | 'o', Value::Whole(number, bits)) => Ok(unsigned(conversion, *number, *bits)),
        ('f' | 'e' | 'g' | 'a', Value::Double(number)) if !number.is_finite() => {
            let name = if number.is_nan() { "NaN" } else { "Infinity" };
            let sign = match number.is_sign_negative() && !number.is_nan() {
                true => "-",
                false if conversion.flags.plus && !number.is_nan() => "+",
                false => "",
            };
            Ok(format!("{sign}{name}"))
        }
        ('f' | 'e' | 'g', Value::Double(number)) => Ok(fraction(conversion, &number.to_string())),
        ('a', Value::Double(number)) => Ok(hexadecimal(*number)),
        ('a', Value::Decimal(digits)) => Ok(hexadecimal(digits.parse().unwrap_or(f64::NAN))),
        ('f' | 'e' | 'g', Value::Decimal(digits)) => Ok(fraction(conversion, digits)),
        _ => Err(conversion.mismatch(value)),
    }
}

fn unsigned(conversion: &Conversion, number: i64, bits: u32) -> String {
    let number = number as u64 & (u64::MAX >> (64 - bits));
    let digits = if conversion.letter == 'x' { format!("{number:x}") } else { format!("{number:o}") };
    let prefix = match (conversion.flags.alternate, conversion.letter) {
        (false, _) => "",
        (true, 'x') => "0x",
        (true, _) => "0",
    };
    filled(conversion, prefix, &digits, "")
}

fn fraction(conversion: &Conversion, digits: &str) -> String {
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, digits),
    };
    let precision = conversion.precision.unwrap_or(PRECISION_DEFAULT);
    let text = match conversion.letter {
        'f' => fixed(digits, precision),
        'e' => scientific(digits, precision),
        _ => {
            let precision = precision.max(1);
            let scientific = scientific(digits, precision - 1);
            // The exponent after rounding decides.
            let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i64>().ok());
            match exponent {
                Some(exponent) if (-4..precision as i64).contains(&exponent) => {
                    fixed(digits, (precision as i64 - 1 - exponent) as usize)
                }
                _ => scientific,
            }
        }
    };
    signed(conversion, negative, &text)
}

/// With exactly so many places.
fn fixed(digits: &str, places: usize) -> String {
    let rounded = rounded(digits, places, Tie::Up);
    let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
    match places {
        0 => whole.to_owned(),
        _ => format!("{whole}.{fraction:0<places$}"),
    }
}

/// With one digit before the point.
fn scientific(digits: &str, places: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let Some(first) = all.find(|digit| digit != '0') else {
        return format!("{}e+00", fixed("0", places));
    };
    let mut exponent = whole.len() as i64 - 1 - first as i64;
    let mut mantissa = fixed(&format!("{}.{}", &all[first..=first], &all[first + 1..]), places);
    // Nines may have been rounded to a ten.
    if mantissa.starts_with("10") {
        mantissa = fixed("1", places);
        exponent += 1;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn signed(conversion: &Conversion, negative: bool, digits: &str) -> String {
    let flags = conversion.flags;
    let (prefix, suffix) = match negative {
        true if flags.parentheses => ("(", ")"),
        true => ("-", ""),
        false if flags.plus => ("+", ""),
        false if flags.blank => (" ", ""),
        false => ("", ""),
    };
    match flags.commas && conversion.letter != 'e' {
        true => filled(conversion, prefix, &with_commas(digits), suffix),
        false => filled(conversion, prefix, digits, suffix),
    }
}

/// With zeros up to the width, where they are asked for.
fn filled(conversion: &Conversion, prefix: &str, digits: &str, suffix: &str) -> String {
    let used = prefix.len() + digits.len() + suffix.len();
    let zeros = if conversion.flags.zeros { conversion.width.saturating_sub(used) } else { 0 };
    format!("{prefix}{}{digits}{suffix}", "0".repeat(zeros))
}

fn with_commas(digits: &str) -> String {
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut text = String::with_capacity(digits.len() + whole / 3);
    for (index, digit) in digits[..whole].chars().enumerate() {
        if index > 0 && (whole - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str(&digits[whole..]);
    text
}
