//! Values to bytes and back. The only file that names the codec, so that it can be replaced.

use serde::{Serialize, de::DeserializeOwned};

/// The bytes are not a value of the expected type: a peer of another version, or damage that a checksum missed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot decode {expected}: {reason}")]
pub struct DecodeError {
    pub expected: &'static str,
    pub reason: String,
}

/// Encodes `value`. Encoding into memory fails only for types that serde cannot represent (a map of unknown
/// length, say), which is a mistake in the type: it is asserted.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    unimplemented!()
}

/// Appends the encoding of `value` to `out`.
pub fn encode_into<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    unimplemented!()
}

/// Decodes a value that must fill `bytes` whole.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    unimplemented!()
}
