//! The order of keys (that of their bytes, the shorter first) in a number, so that most comparisons touch no key.

use std::cmp::Ordering;

/// Bytes of a key that its [`KeyWord`] holds.
pub const PREFIX_BYTES: usize = 8;

/// A key's first eight bytes, then how many of them there are (9: more than eight). Words compare as their keys do; equal words
/// with at most eight bytes are equal keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyWord(u128);

impl KeyWord {
    pub const BITS: u32 = 72;
    /// After every key.
    pub const END: KeyWord = KeyWord(u128::MAX);

    #[inline]
    pub fn of(key: &[u8]) -> KeyWord {
        let (prefix, len) = match key.first_chunk::<PREFIX_BYTES>() {
            Some(first) => (u64::from_be_bytes(*first), key.len().min(PREFIX_BYTES + 1)),
            None => (short_prefix(key), key.len()),
        };
        KeyWord((u128::from(prefix) << 8) | len as u128)
    }

    #[inline]
    pub fn bits(self) -> u128 {
        self.0
    }

    /// Whether keys with this word may differ after the prefix.
    #[inline]
    pub fn is_partial(bits: u128) -> bool {
        bits & 0xff > PREFIX_BYTES as u128
    }

    /// Compares two keys of which the words are known.
    #[inline]
    pub fn compare<'a>(
        left: KeyWord,
        right: KeyWord,
        keys: impl FnOnce() -> (&'a [u8], &'a [u8]),
    ) -> Ordering {
        match left.cmp(&right) {
            Ordering::Equal if left != KeyWord::END && KeyWord::is_partial(left.0) => {
                let (left, right) = keys();
                left[PREFIX_BYTES..].cmp(&right[PREFIX_BYTES..])
            }
            order => order,
        }
    }
}

#[inline]
fn short_prefix(key: &[u8]) -> u64 {
    let mut bytes = [0; PREFIX_BYTES];
    bytes[..key.len()].copy_from_slice(key);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_compare_as_their_keys(
            left in prop::collection::vec(0u8..3, 0..12),
            right in prop::collection::vec(0u8..3, 0..12),
        ) {
            let order = KeyWord::compare(KeyWord::of(&left), KeyWord::of(&right), || (&left, &right));
            prop_assert_eq!(order, left.cmp(&right));
            prop_assert!(KeyWord::of(&left) < KeyWord::END);
        }
    }
}
