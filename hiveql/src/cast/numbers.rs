//! Numbers as Hive's LazyInteger, LazyDouble and LazyHiveDecimal read them.

use std::cmp::Ordering;

/// What Hive takes for a number before it tries to parse: one or two characters need a digit, `null` is none.
fn maybe_number(text: &[u8]) -> bool {
    match text {
        [] => false,
        [only] => only.is_ascii_digit(),
        [first, second] => first.is_ascii_digit() || second.is_ascii_digit(),
        [b'N' | b'n', _, _, _] => false,
        _ => true,
    }
}

/// A fraction is allowed, and cut off.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    if !maybe_number(text) {
        return None;
    }
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    // Negative numbers reach further than positive ones.
    let mut value: i64 = 0;
    for (index, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value.checked_mul(10)?.checked_sub(i64::from(byte - b'0'))?,
            b'.' if digits[index + 1..].iter().all(u8::is_ascii_digit) => break,
            _ => return None,
        }
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// Java's `Double.parseDouble`.
pub(crate) fn double(text: &[u8]) -> Option<f64> {
    java_number(text)?.parse().ok()
}

pub(crate) fn float(text: &[u8]) -> Option<f32> {
    java_number(text)?.parse().ok()
}

/// What Rust reads as Java would: blanks around it, a suffix of `d` or `f`, `NaN` and `Infinity` in these letters only.
fn java_number(text: &[u8]) -> Option<&str> {
    if !maybe_number(text) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.trim_matches(|character| character <= ' ');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return Some(text);
    }
    let has_digits = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    has_digits.then(|| text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text))
}

/// Digits, an optional point and exponent; rounded half up to `scale`, `None` where `precision` is too small.
pub(crate) fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let text = text.trim_ascii();
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let exponent_at = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = match exponent_at {
        Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let fraction = mantissa.get(point + 1..).unwrap_or_default();
    let digits = || mantissa[..point].iter().chain(fraction);
    if digits().next().is_none() || !digits().all(u8::is_ascii_digit) {
        return None;
    }
    // So many digits stand before the last that is kept.
    let kept = i64::try_from(point).ok()? + i64::from(exponent) + i64::from(scale);
    let mut value: i128 = 0;
    let mut read = 0;
    for digit in digits() {
        match read.cmp(&kept) {
            Ordering::Less => value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?,
            Ordering::Equal => value += i128::from(*digit >= b'5'),
            Ordering::Greater => break,
        }
        read += 1;
    }
    let mut missing = kept - read;
    while missing > 0 && value != 0 {
        value = value.checked_mul(10)?;
        missing -= 1;
    }
    let limit = 10i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_lose_their_fraction_and_nothing_else() {
        for (text, value) in
            [("12", 12), ("-3.9", -3), ("+7", 7), ("10.", 10), ("-9223372036854775808", i64::MIN)]
        {
            assert_eq!(integer(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "-", ".", " 1", "1 ", "1e3", "abc", "1.x", "9223372036854775808", "null"] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn doubles_are_read_as_java_reads_them() {
        assert_eq!(double(b" 1.5d "), Some(1.5));
        assert_eq!(double(b"-Infinity"), Some(f64::NEG_INFINITY));
        assert!(double(b"NaN").unwrap().is_nan());
        for text in ["inf", "nan", "infinity", "", "1x", "NULL"] {
            assert_eq!(double(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn decimals_round_half_up_and_overflow_to_null() {
        assert_eq!(decimal(b"1.005", 10, 2), Some(101));
        assert_eq!(decimal(b"-1.005", 10, 2), Some(-101));
        assert_eq!(decimal(b"1e3", 10, 2), Some(100_000));
        assert_eq!(decimal(b"12345e-3", 10, 2), Some(1235));
        assert_eq!(decimal(b" .5 ", 1, 1), Some(5));
        assert_eq!(decimal(b"0.0000000000000000000000000000000000000000000001", 5, 2), Some(0));
        for text in ["100", "99.995", "", ".", "1.2.3", "x", "1e", "9e999999999"] {
            assert_eq!(decimal(text.as_bytes(), 4, 2), None, "{text}");
        }
    }
}
