//! Lengths inside records: seven bits a byte, the lowest first (LEB128).

use super::Malformed;

#[inline]
pub fn write(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
pub fn read(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed)?;
    if first < 0x80 {
        *bytes = rest;
        return Ok(u64::from(first));
    }
    read_long(bytes)
}

#[cold]
fn read_long(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return Err(Malformed);
        }
        value |= bits << (7 * index);
        if byte < 0x80 {
            *bytes = &bytes[index + 1..];
            return Ok(value);
        }
    }
    Err(Malformed)
}

/// A length that fits in memory.
#[inline]
pub fn read_len(bytes: &mut &[u8]) -> Result<usize, Malformed> {
    usize::try_from(read(bytes)?).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_comes_back(value: u64, shift in 0u32..64) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            bytes.push(7);
            let mut rest = &bytes[..];
            prop_assert_eq!(read(&mut rest), Ok(value));
            prop_assert_eq!(rest, &[7]);
        }

        #[test]
        fn garbage_is_refused_not_misread(bytes: Vec<u8>) {
            let mut rest = &bytes[..];
            if read(&mut rest).is_ok() {
                prop_assert!(rest.len() < bytes.len());
            }
        }
    }
}
