//! Character sets under Java's names.

use datafusion::common::DataFusionError;
use encoding_rs::{EncoderResult, Encoding};
use std::borrow::Cow;

#[derive(Debug, thiserror::Error)]
pub(super) enum CharsetError {
    #[error("there is no character set {0}")]
    Unknown(String),
    #[error("bytes that are none of {0}")]
    Malformed(&'static str),
    #[error("{letter:?} is not in {charset}")]
    Unmappable { letter: char, charset: &'static str },
}

impl CharsetError {
    pub(super) fn into_execution(self) -> DataFusionError {
        DataFusionError::External(Box::new(self))
    }
}

impl From<CharsetError> for DataFusionError {
    fn from(error: CharsetError) -> DataFusionError {
        error.into_execution()
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Charset {
    /// One byte for each of the first characters, up to this one.
    Latin(&'static str, u8),
    Utf8,
    Utf16 {
        order: Option<Order>,
    },
    Other(&'static Encoding),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

const UTF8: &str = "UTF-8";
const UTF16: &str = "UTF-16";

impl Charset {
    pub(super) fn named(name: &str) -> Result<Charset, CharsetError> {
        Ok(match name.trim().to_ascii_uppercase().as_str() {
            "US-ASCII" | "ASCII" | "US_ASCII" | "ISO646-US" => Charset::Latin("US-ASCII", 0x7f),
            "ISO-8859-1" | "ISO8859_1" | "ISO8859-1" | "ISO_8859_1" | "LATIN1" | "L1" => {
                Charset::Latin("ISO-8859-1", 0xff)
            }
            "UTF-8" | "UTF8" => Charset::Utf8,
            "UTF-16" | "UTF16" | "UTF_16" => Charset::Utf16 { order: None },
            "UTF-16BE" | "UTF_16BE" => Charset::Utf16 { order: Some(Order::Big) },
            "UTF-16LE" | "UTF_16LE" => Charset::Utf16 { order: Some(Order::Little) },
            label => Charset::Other(
                Encoding::for_label_no_replacement(label.as_bytes())
                    .ok_or_else(|| CharsetError::Unknown(name.to_owned()))?,
            ),
        })
    }

    pub(super) fn decoded(self, bytes: &[u8]) -> Result<Cow<'_, str>, CharsetError> {
        match self {
            Charset::Utf8 => {
                std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| CharsetError::Malformed(UTF8))
            }
            Charset::Latin(name, last) => match bytes.iter().all(|&byte| byte <= last) {
                true => Ok(bytes.iter().copied().map(char::from).collect()),
                false => Err(CharsetError::Malformed(name)),
            },
            Charset::Utf16 { order } => {
                let (order, bytes) = match (order, bytes) {
                    (Some(order), _) => (order, bytes),
                    (None, [0xfe, 0xff, rest @ ..]) => (Order::Big, rest),
                    (None, [0xff, 0xfe, rest @ ..]) => (Order::Little, rest),
                    (None, _) => (Order::Big, bytes),
                };
                let pairs = bytes.chunks_exact(2);
                if !pairs.remainder().is_empty() {
                    return Err(CharsetError::Malformed(UTF16));
                }
                let units = pairs.map(|pair| match order {
                    Order::Big => u16::from_be_bytes([pair[0], pair[1]]),
                    Order::Little => u16::from_le_bytes([pair[0], pair[1]]),
                });
                let text: Result<String, _> = char::decode_utf16(units).collect();
                text.map(Cow::Owned).map_err(|_| CharsetError::Malformed(UTF16))
            }
            Charset::Other(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .ok_or(CharsetError::Malformed(encoding.name())),
        }
    }

    pub(super) fn encoded(self, text: &str) -> Result<Cow<'_, [u8]>, CharsetError> {
        match self {
            Charset::Utf8 => Ok(Cow::Borrowed(text.as_bytes())),
            Charset::Latin(charset, last) => {
                let byte = |letter| {
                    let byte = u8::try_from(letter).ok().filter(|&byte| byte <= last);
                    byte.ok_or(CharsetError::Unmappable { letter, charset })
                };
                text.chars().map(byte).collect()
            }
            Charset::Utf16 { order } => {
                // Java marks the order where the name does not say it.
                let mark = order.is_none().then_some(0xfeff);
                let units = mark.into_iter().chain(text.encode_utf16());
                Ok(units
                    .flat_map(|unit| match order {
                        Some(Order::Little) => unit.to_le_bytes(),
                        _ => unit.to_be_bytes(),
                    })
                    .collect())
            }
            Charset::Other(encoding) => encoded_by(encoding, text).map(Cow::Owned),
        }
    }
}

fn encoded_by(encoding: &'static Encoding, text: &str) -> Result<Vec<u8>, CharsetError> {
    let mut encoder = encoding.new_encoder();
    let needed = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
    let mut bytes = Vec::with_capacity(needed.unwrap_or(text.len() * 4 + 16));
    match encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true).0 {
        EncoderResult::Unmappable(letter) => {
            Err(CharsetError::Unmappable { letter, charset: encoding.name() })
        }
        EncoderResult::InputEmpty | EncoderResult::OutputFull => Ok(bytes),
    }
}
