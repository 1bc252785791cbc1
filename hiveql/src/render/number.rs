//! Numbers as Java writes them: `1.0E10`, `NaN`, decimals with their scale.

use std::{fmt, io::Write};

/// From here on, Java writes an exponent.
const PLAIN_MOST: f64 = 1e7;
const PLAIN_LEAST: f64 = 1e-3;

pub(crate) fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// As `Float.toString` of Java 8.
pub(crate) fn float(value: f32, out: &mut Vec<u8>) {
    let texts = [format_args!("{:e}", value.abs()), format_args!("{:.1e}", value.abs())];
    java_number(f64::from(value), texts, f32::MANTISSA_DIGITS, out);
}

/// As `Double.toString` of Java 8.
pub(crate) fn double(value: f64, out: &mut Vec<u8>) {
    let texts = [format_args!("{:e}", value.abs()), format_args!("{:.1e}", value.abs())];
    java_number(value, texts, f64::MANTISSA_DIGITS, out);
}

/// All digits of the scale, zeros too.
pub(crate) fn decimal(value: i128, scale: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs()).as_bytes();
    if value < 0 {
        out.push(b'-');
    }
    if scale == 0 {
        return out.extend_from_slice(digits);
    }
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    out.push(b'.');
    out.extend(std::iter::repeat_n(b'0', scale - fraction.len()));
    out.extend_from_slice(fraction);
}

/// Without the zeros that end the fraction.
pub(crate) fn trimmed_decimal(value: i128, scale: usize, out: &mut Vec<u8>) {
    decimal(value, scale, out);
    if scale > 0 {
        while out.last() == Some(&b'0') {
            out.pop();
        }
        if out.last() == Some(&b'.') {
            out.pop();
        }
    }
}

pub(super) fn text(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // A Vec takes whatever is written.
    let _ = out.write_fmt(text);
}

/// The texts are that with the fewest digits that read back as the same value, and that with two digits.
fn java_number(value: f64, texts: [fmt::Arguments<'_>; 2], significant_bits: u32, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let value = value.abs();
    if value.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    if value == 0.0 {
        return out.extend_from_slice(b"0.0");
    }
    let mut number = Digits::default();
    let [shortest, two_digits] = texts;
    // Any double fits.
    let _ = match whole(value, significant_bits) {
        Some((digits, dropped)) => number.read_whole(digits, dropped),
        None => fmt::Write::write_fmt(&mut number, shortest),
    };
    // Java always writes two, and of the least values the second says something.
    if number.length == 1 && value < f64::from(f32::MIN_POSITIVE) {
        number = Digits::default();
        let _ = fmt::Write::write_fmt(&mut number, two_digits);
        number.trim();
    }
    let exponent = number.exponent;
    let digits = &number.digits[..number.length];
    let Some((first, rest)) = digits.split_first() else { return };
    if (PLAIN_LEAST..PLAIN_MOST).contains(&value) {
        return plain(digits, exponent, out);
    }
    out.push(*first);
    out.push(b'.');
    out.extend_from_slice(if rest.is_empty() { b"0" } else { rest });
    text(out, format_args!("E{exponent}"));
}

/// Java 8 writes a whole number that fits a long with all its digits, but for those at the end that its bits say
/// nothing of: these are rounded away, and counted in the second number. That is often more than the fewest digits
/// that would do. (`FloatingDecimal.BinaryToASCIIBuffer.dtoa`)
fn whole(value: f64, significant_bits: u32) -> Option<(u64, u32)> {
    const LONG_BITS: u32 = 63;
    if value.fract() != 0.0 || value >= 2f64.powi(LONG_BITS as i32) {
        return None;
    }
    let digits = value as u64;
    let missing_bits = digits.ilog2().saturating_sub(significant_bits + 1);
    let dropped = (f64::from(missing_bits) * std::f64::consts::LOG10_2) as u32;
    let unit = 10u64.pow(dropped);
    Some(((digits + unit / 2) / unit, dropped))
}

/// Digits with a point and at least one digit on either side of it.
fn plain(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    let Ok(whole) = usize::try_from(exponent + 1) else {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', exponent.unsigned_abs() as usize - 1));
        return out.extend_from_slice(digits);
    };
    if whole == 0 {
        out.extend_from_slice(b"0.");
        return out.extend_from_slice(digits);
    }
    let (before, after) = digits.split_at(whole.min(digits.len()));
    out.extend_from_slice(before);
    out.extend(std::iter::repeat_n(b'0', whole - before.len()));
    out.push(b'.');
    out.extend_from_slice(if after.is_empty() { b"0" } else { after });
}

/// The digits of a number `d.dddE±n`; takes it apart while it is written.
#[derive(Debug, Default)]
struct Digits {
    digits: [u8; 20],
    length: usize,
    exponent: i32,
    in_exponent: bool,
    exponent_is_negative: bool,
}

impl Digits {
    fn read_whole(&mut self, digits: u64, dropped: u32) -> fmt::Result {
        fmt::Write::write_fmt(self, format_args!("{digits}"))?;
        self.exponent = dropped as i32 + self.length as i32 - 1;
        self.trim();
        Ok(())
    }

    fn trim(&mut self) {
        while self.length > 1 && self.digits[self.length - 1] == b'0' {
            self.length -= 1;
        }
    }
}

impl fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'e' => self.in_exponent = true,
                b'-' if self.in_exponent => self.exponent_is_negative = true,
                b'0'..=b'9' if self.in_exponent => {
                    let digit = i32::from(byte - b'0');
                    let digit = if self.exponent_is_negative { -digit } else { digit };
                    self.exponent = self.exponent * 10 + digit;
                }
                b'0'..=b'9' => {
                    *self.digits.get_mut(self.length).ok_or(fmt::Error)? = byte;
                    self.length += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_have_javas_form() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (0.5, "0.5"),
            (0.001, "0.001"),
            (0.012, "0.012"),
            (9.99e-4, "9.99E-4"),
            (9_999_999.0, "9999999.0"),
            (1_234_567.25, "1234567.25"),
            (1e7, "1.0E7"),
            (1.25e300, "1.25E300"),
            (-2.225_073_858_507_201_4e-308, "-2.2250738585072014E-308"),
            (4.9e-324, "4.9E-324"),
            (1e-300, "1.0E-300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(|out| double(value, out)), text);
        }
        assert_eq!(written(|out| float(1.4e-45, out)), "1.4E-45");
        assert_eq!(written(|out| float(3.25e-5, out)), "3.25E-5");
    }

    #[test]
    fn whole_floats_have_the_digits_of_java_8() {
        for (value, text) in [
            (1_304_135_216.0, "1.30413517E9"),
            (-102_936_434.0, "-1.02936432E8"),
            (773_600_971.0, "7.7360096E8"),
            (16_777_216.0, "1.6777216E7"),
        ] {
            assert_eq!(written(|out| float(value, out)), text);
        }
        assert_eq!(written(|out| double(1e18, out)), "1.0E18");
        assert_eq!(written(|out| double(9_007_199_254_740_993.0, out)), "9.007199254740992E15");
    }

    #[test]
    fn decimals_are_padded_to_their_scale_or_trimmed() {
        for (value, scale, padded, trimmed) in [
            (5, 2, "0.05", "0.05"),
            (-5, 2, "-0.05", "-0.05"),
            (1230, 2, "12.30", "12.3"),
            (1200, 2, "12.00", "12"),
            (70, 0, "70", "70"),
            (0, 3, "0.000", "0"),
        ] {
            assert_eq!(written(|out| decimal(value, scale, out)), padded);
            assert_eq!(written(|out| trimmed_decimal(value, scale, out)), trimmed);
        }
    }
}
