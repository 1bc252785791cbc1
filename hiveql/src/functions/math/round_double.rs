//! Doubles rounded as they are written in decimal, so that 2.675 at two places is 2.68: what Java's `BigDecimal` does
//! with the text of a double.

use std::fmt::Write;

/// Where halves go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halves {
    /// Away from zero.
    Up,
    /// To the even neighbour.
    Even,
}

impl Halves {
    /// Divides by a positive unit.
    pub(super) fn divide(self, value: i128, unit: i128) -> i128 {
        let (quotient, rest) = (value / unit, (value % unit).abs());
        let is_up = match rest.cmp(&(unit - rest)) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => self == Halves::Up || quotient % 2 != 0,
        };
        if is_up { quotient + value.signum() } else { quotient }
    }
}

/// Powers of ten up to this one are doubles without error, and so are whole numbers up to 2^53.
const EXACT_POWER: i32 = 22;
const EXACT_WHOLE: u128 = 1 << 53;

/// Rounds many doubles; it keeps the buffer into which they are written.
#[derive(Debug)]
pub(super) struct DoubleRounder {
    halves: Halves,
    written: String,
}

impl DoubleRounder {
    pub(super) fn new(halves: Halves) -> DoubleRounder {
        DoubleRounder { halves, written: String::with_capacity(32) }
    }

    pub(super) fn round(&mut self, value: f64, places: i32) -> f64 {
        if !value.is_finite() {
            return value;
        }
        if value == 0.0 {
            return 0.0;
        }
        let Some((digits, exponent)) = self.decompose(value) else { return value };
        // `value` is digits * 10^exponent; as many digits go as lie behind the places.
        let Some(surplus) = places.checked_neg().and_then(|last| last.checked_sub(exponent)) else {
            return value;
        };
        if surplus <= 0 {
            return value;
        }
        match 10i128.checked_pow(surplus as u32) {
            Some(unit) => self.compose(self.halves.divide(digits, unit), places, value),
            None => 0.0,
        }
    }

    /// The shortest digits that read as `value`, and the power of ten that they count.
    fn decompose(&mut self, value: f64) -> Option<(i128, i32)> {
        self.written.clear();
        write!(self.written, "{value:e}").ok()?;
        let (mantissa, exponent) = self.written.split_once('e')?;
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let mut digits = 0_i128;
        for digit in mantissa.bytes().filter(u8::is_ascii_digit) {
            digits = digits * 10 + i128::from(digit - b'0');
        }
        let signed = if value < 0.0 { -digits } else { digits };
        Some((signed, exponent.parse::<i32>().ok()? - fraction as i32))
    }

    fn compose(&mut self, digits: i128, places: i32, value: f64) -> f64 {
        if digits == 0 {
            return 0.0;
        }
        if digits.unsigned_abs() <= EXACT_WHOLE && places.abs() <= EXACT_POWER {
            let unit = 10f64.powi(places.abs());
            return if places < 0 { digits as f64 * unit } else { digits as f64 / unit };
        }
        self.written.clear();
        match write!(self.written, "{digits}e{}", -places) {
            Ok(()) => self.written.parse().unwrap_or(value),
            Err(_) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_rounded_as_they_are_written() {
        let mut rounder = DoubleRounder::new(Halves::Up);
        for (value, places, expected) in [
            (2.675, 2, 2.68),
            (1.005, 2, 1.01),
            (-0.4, 0, 0.0),
            (-2.5, 0, -3.0),
            (125.315, -1, 130.0),
            (125.315, -4, 0.0),
            (1e300, 2, 1e300),
            (1.7e-300, 299, 0.0),
            (6e-300, 299, 1e-299),
            (1_809_242.315_111_134_4, 9, 1_809_242.315_111_134),
            (5e-324, 400, 5e-324),
            (123_456_789_012_345_680.0, -3, 123_456_789_012_346_000.0),
        ] {
            assert_eq!(rounder.round(value, places), expected, "{value} at {places}");
        }
        assert!(rounder.round(-0.0, 1).is_sign_positive());
        assert!(rounder.round(f64::NAN, 1).is_nan());
    }

    #[test]
    fn halves_go_to_the_even_neighbour_where_bankers_round() {
        let mut rounder = DoubleRounder::new(Halves::Even);
        for (value, places, expected) in
            [(2.5, 0, 2.0), (3.5, 0, 4.0), (1.25, 1, 1.2), (2.51, 0, 3.0), (55.0, -1, 60.0)]
        {
            assert_eq!(rounder.round(value, places), expected, "{value} at {places}");
        }
    }
}
