//! Values as the bytes or numbers that Hive hashes.

use crate::functions::datetime::civil::MICROS_PER_SECOND;

const NANOS_PER_MICRO: i64 = 1_000;

/// Whole seconds before a time, and the nanoseconds from there.
pub(super) fn seconds_and_nanos(micros: i64) -> (i64, i32) {
    let nanos = micros.rem_euclid(MICROS_PER_SECOND) * NANOS_PER_MICRO;
    (micros.div_euclid(MICROS_PER_SECOND), nanos as i32)
}

/// `hashCode` of an interval of days, whose seconds and nanoseconds have the same sign.
pub(super) fn day_time_hash(micros: i64) -> i32 {
    let (seconds, nanos) =
        (micros / MICROS_PER_SECOND, (micros % MICROS_PER_SECOND * NANOS_PER_MICRO) as i32);
    let start = 17_i32.wrapping_mul(37).wrapping_add((seconds ^ (seconds >> 32)) as i32);
    start.wrapping_mul(37).wrapping_add(nanos)
}

/// The digits of a decimal without zeros at the end of its places, and how many places are left.
pub(super) fn without_zeros(mut digits: i128, scale: i8) -> (i128, i32) {
    let mut scale = i32::from(scale);
    while scale > 0 && digits % 10 == 0 {
        digits /= 10;
        scale -= 1;
    }
    (digits, if digits == 0 { 0 } else { scale })
}

/// The shortest two's complement, high byte first.
pub(super) fn shortest(value: i128) -> ([u8; 16], usize) {
    let bits = if value < 0 { 128 - value.leading_ones() } else { 128 - value.leading_zeros() };
    (value.to_be_bytes(), 15 - bits as usize / 8)
}

/// A timestamp as Hive writes it: 31 bits of the seconds, then the reversed nanoseconds and the other bits of the
/// seconds, where there are any, as numbers of variable length.
pub(super) fn timestamp_bytes(micros: i64, bytes: &mut Vec<u8>) {
    bytes.clear();
    let (seconds, nanos) = seconds_and_nanos(micros);
    let is_long = !(0..=i64::from(i32::MAX)).contains(&seconds);
    let reversed = reversed_digits(nanos);
    let low = (seconds & i64::from(i32::MAX)) as u32;
    let flag = if is_long || reversed != 0 { 1 << 31 } else { 0 };
    bytes.extend((low | flag).to_be_bytes());
    if is_long {
        append_variable(-i64::from(reversed) - 1, bytes);
        append_variable(seconds >> 31, bytes);
    } else if reversed != 0 {
        append_variable(reversed.into(), bytes);
    }
}

/// Of the nine digits of nanoseconds.
fn reversed_digits(mut nanos: i32) -> i32 {
    let mut reversed = 0;
    for _ in 0..9 {
        reversed = reversed * 10 + nanos % 10;
        nanos /= 10;
    }
    reversed
}

/// Hadoop's number of variable length: small ones are one byte, others say in the first how many follow.
fn append_variable(value: i64, bytes: &mut Vec<u8>) {
    if (-112..=127).contains(&value) {
        bytes.push(value as i8 as u8);
        return;
    }
    let (start, magnitude) = if value < 0 { (-120_i8, !value) } else { (-112_i8, value) };
    let length = 8 - magnitude.leading_zeros() as usize / 8;
    bytes.push((start - length as i8) as u8);
    bytes.extend(&magnitude.to_be_bytes()[8 - length..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_the_zeros_behind_their_point() {
        assert_eq!(without_zeros(1_500, 2), (15, 0));
        assert_eq!(without_zeros(1_050, 2), (105, 1));
        assert_eq!(without_zeros(0, 5), (0, 0));
    }

    #[test]
    fn whole_numbers_are_as_short_as_their_sign_allows() {
        for (value, expected) in
            [(0, vec![0]), (127, vec![127]), (128, vec![0, 128]), (-128, vec![128]), (-1, vec![255])]
        {
            let (bytes, start) = shortest(value);
            assert_eq!(bytes[start..], expected, "{value}");
        }
    }

    #[test]
    fn timestamps_are_as_long_as_they_need_to_be() {
        let mut bytes = Vec::new();
        for (micros, expected) in [
            (1_000_000, vec![0, 0, 0, 1]),
            (1_100_000, vec![128, 0, 0, 1, 1]),
            (1_120_000, vec![128, 0, 0, 1, 21]),
            (-1_000_000, vec![255, 255, 255, 255, 255, 255]),
        ] {
            timestamp_bytes(micros, &mut bytes);
            assert_eq!(bytes, expected, "{micros}");
        }
    }
}
