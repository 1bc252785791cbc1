//! Values to bytes and back. The only file that names the codec, so that it can be replaced.

use crate::limits::DECODED_BYTES_MAX;
use bincode::config::{Config, Configuration, Limit, LittleEndian, Varint, standard};
use serde::{Serialize, de::DeserializeOwned};
use std::any::type_name;

/// The bytes are not a value of the expected type: a peer of another version, or damage that a checksum missed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot decode {expected}: {reason}")]
pub struct DecodeError {
    pub expected: &'static str,
    pub reason: String,
}

/// Little-endian, small integers in one byte, and a bound on what lengths inside the bytes may claim.
const fn configuration() -> Configuration<LittleEndian, Varint, Limit<DECODED_BYTES_MAX>> {
    standard().with_limit::<DECODED_BYTES_MAX>()
}

/// Encodes `value`. Encoding into memory fails only for types that serde cannot represent (a map of unknown
/// length, say), which is a mistake in the type: it is asserted.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode_into(value, &mut out);
    out
}

/// Appends the encoding of `value` to `out`.
#[expect(
    clippy::panic,
    reason = "writing to memory cannot fail; a type without an encoding is a mistake in its code"
)]
pub fn encode_into<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    if let Err(error) = bincode::serde::encode_into_std_write(value, out, configuration()) {
        panic!("{} has no encoding: {error}", type_name::<T>());
    }
}

/// Decodes a value that must fill `bytes` whole.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode_with(bytes, configuration())
}

/// Decodes what this program wrote to its own disk, under a checksum that was checked: it may be of any size.
pub fn decode_stored<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode_with(bytes, standard())
}

fn decode_with<T: DeserializeOwned>(bytes: &[u8], configuration: impl Config) -> Result<T, DecodeError> {
    let failed = |reason| DecodeError { expected: type_name::<T>(), reason };
    let (value, used) =
        bincode::serde::decode_from_slice(bytes, configuration).map_err(|error| failed(error.to_string()))?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(failed(format!("{left} bytes are left over after the value"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Sample {
        Empty,
        Pair(u64, i32),
        Named { text: String, bytes: Vec<u8>, maybe: Option<Box<Sample>> },
        Table(BTreeMap<String, Vec<u64>>),
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let leaf = prop_oneof![
            Just(Sample::Empty),
            any::<(u64, i32)>().prop_map(|(a, b)| Sample::Pair(a, b)),
            any::<BTreeMap<String, Vec<u64>>>().prop_map(Sample::Table),
        ];
        leaf.prop_recursive(3, 8, 1, |inner| {
            (any::<String>(), any::<Vec<u8>>(), proptest::option::of(inner.prop_map(Box::new)))
                .prop_map(|(text, bytes, maybe)| Sample::Named { text, bytes, maybe })
        })
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_itself(value in sample()) {
            prop_assert_eq!(decode::<Sample>(&encode(&value)).unwrap(), value);
        }

        #[test]
        fn garbage_is_an_error_or_a_value_and_never_a_panic(bytes: Vec<u8>) {
            let _ = decode::<Sample>(&bytes);
        }
    }

    #[test]
    fn bytes_after_the_value_are_an_error() {
        let mut bytes = encode(&Sample::Pair(1, 2));
        bytes.push(0);
        assert!(decode::<Sample>(&bytes).unwrap_err().reason.contains("1 bytes are left over"));
    }

    #[test]
    fn a_length_that_lies_is_an_error_before_it_is_allocated() {
        // 253 opens a length of eight bytes.
        let mut bytes = vec![253];
        bytes.extend_from_slice(&u64::MAX.to_le_bytes());
        assert!(decode::<String>(&bytes).is_err());
        assert!(decode::<Vec<u64>>(&bytes).is_err());
    }

    #[test]
    fn small_integers_in_a_large_message_stay_within_the_limit() {
        let numbers = vec![1u64; 9 << 20];
        assert_eq!(decode::<Vec<u64>>(&encode(&numbers)).unwrap().len(), numbers.len());
    }
}
