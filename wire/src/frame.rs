//! The fixed header before every body, its layout and its checks. Knows nothing of sockets.
//!
//! All integers are little-endian. Version 1:
//!
//! | offset | size | field | meaning |
//! | --- | --- | --- | --- |
//! | 0 | 1 | kind | see [`Kind`] |
//! | 1 | 1 | flags | `Answer`: an [`Outcome`]; 0 elsewhere |
//! | 2 | 2 | reserved | 0 |
//! | 4 | 4 | extra | `Call`: deadline in milliseconds; `Handled`: places; 0 elsewhere |
//! | 8 | 8 | id | `Call`, `Answer`, `Cancel`: the call; 0 elsewhere |
//! | 16 | 4 | length | bytes of the body that follows |
//! | 20 | 4 | body checksum | CRC32C of the body |
//! | 24 | 4 | header checksum | CRC32C of bytes 0 to 23 |
//!
//! The header has a checksum of its own so that no damaged length is ever believed.

use crate::{
    ChannelError,
    limits::{MESSAGE_BYTES_MAX, PAYLOAD_BYTES_MAX},
};

pub const HEADER_BYTES: usize = 28;

/// What the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A request that wants an answer.
    Call = 1,
    /// The answer to the call of the same id.
    Answer = 2,
    /// A one-way message.
    Tell = 3,
    /// The caller no longer waits for this call. No body.
    Cancel = 4,
    /// So many places of one-way messages were handled: that many more may be sent. No body.
    Handled = 5,
    /// A message of an exchange.
    Message = 6,
    /// Raw bytes of an exchange.
    Payload = 7,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        Some(match byte {
            1 => Kind::Call,
            2 => Kind::Answer,
            3 => Kind::Tell,
            4 => Kind::Cancel,
            5 => Kind::Handled,
            6 => Kind::Message,
            7 => Kind::Payload,
            _ => return None,
        })
    }

    /// For error messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Call => "a call",
            Kind::Answer => "an answer",
            Kind::Tell => "a one-way message",
            Kind::Cancel => "a cancellation",
            Kind::Handled => "a receipt",
            Kind::Message => "a message",
            Kind::Payload => "payload",
        }
    }

    fn body_bytes_max(self) -> usize {
        match self {
            Kind::Call | Kind::Answer | Kind::Tell | Kind::Message => MESSAGE_BYTES_MAX,
            Kind::Payload => PAYLOAD_BYTES_MAX,
            Kind::Cancel | Kind::Handled => 0,
        }
    }
}

/// What an answer's body is, in its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// The encoded answer.
    Value = 0,
    /// Why the request could not be decoded, as text.
    Unreadable = 1,
    /// The service panicked. No body.
    Failed = 2,
    /// The answer was over the limit; its length as a `u64`.
    TooLarge = 3,
}

impl Outcome {
    pub fn from_flags(flags: u8) -> Option<Outcome> {
        Some(match flags {
            0 => Outcome::Value,
            1 => Outcome::Unreadable,
            2 => Outcome::Failed,
            3 => Outcome::TooLarge,
            _ => return None,
        })
    }
}

/// One header. `length` is within the limit of its kind once decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub flags: u8,
    pub extra: u32,
    pub id: u64,
    pub length: u32,
    pub body_checksum: u32,
}

impl Header {
    /// The header of `body`. Fails when the body is over the limit of its kind.
    pub fn of(kind: Kind, body: &[u8]) -> Result<Header, ChannelError> {
        let limit = kind.body_bytes_max();
        match u32::try_from(body.len()) {
            Ok(length) if body.len() <= limit => {
                Ok(Header { kind, flags: 0, extra: 0, id: 0, length, body_checksum: checksum(body) })
            }
            _ => Err(ChannelError::TooLarge { bytes: body.len(), limit }),
        }
    }

    /// A header without a body.
    pub fn bare(kind: Kind) -> Header {
        Header { kind, flags: 0, extra: 0, id: 0, length: 0, body_checksum: checksum(&[]) }
    }

    pub fn with_id(self, id: u64) -> Header {
        Header { id, ..self }
    }

    pub fn with_extra(self, extra: u32) -> Header {
        Header { extra, ..self }
    }

    pub fn with_outcome(self, outcome: Outcome) -> Header {
        Header { flags: outcome as u8, ..self }
    }

    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.kind as u8;
        bytes[1] = self.flags;
        bytes[4..8].copy_from_slice(&self.extra.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.id.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.length.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.body_checksum.to_le_bytes());
        let own = checksum(&bytes[..24]);
        bytes[24..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// Reads a header; nothing in it is believed before its checksum and the limit of its kind hold.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Header, ChannelError> {
        let found = checksum(&bytes[..24]);
        let expected = u32_at(bytes, 24);
        if found != expected {
            return Err(ChannelError::Corrupt { bytes: HEADER_BYTES, found, expected });
        }
        let kind = Kind::from_byte(bytes[0]).ok_or(ChannelError::Unexpected {
            expected: "a frame of this wire version",
            found: "a frame of unknown kind",
        })?;
        let length = u32_at(bytes, 16);
        let limit = kind.body_bytes_max();
        if length as usize > limit {
            return Err(ChannelError::TooLarge { bytes: length as usize, limit });
        }
        Ok(Header {
            kind,
            flags: bytes[1],
            extra: u32_at(bytes, 4),
            id: u64::from(u32_at(bytes, 8)) | u64::from(u32_at(bytes, 12)) << 32,
            length,
            body_checksum: u32_at(bytes, 20),
        })
    }

    /// Whether `body` is what was sent.
    pub fn check(&self, body: &[u8]) -> Result<(), ChannelError> {
        let found = checksum(body);
        if found == self.body_checksum {
            Ok(())
        } else {
            Err(ChannelError::Corrupt { bytes: body.len(), found, expected: self.body_checksum })
        }
    }
}

/// CRC-32/ISCSI, the Castagnoli polynomial.
pub fn checksum(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

fn u32_at(bytes: &[u8; HEADER_BYTES], offset: usize) -> u32 {
    u32::from_le_bytes([bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout_of_version_1_is_fixed() {
        let header =
            Header::of(Kind::Call, b"123456789").unwrap().with_id(0x0807_0605_0403_0201).with_extra(1500);
        #[rustfmt::skip]
        let golden: [u8; HEADER_BYTES] = [
            1, 0, 0, 0,
            0xdc, 0x05, 0, 0,
            1, 2, 3, 4, 5, 6, 7, 8,
            9, 0, 0, 0,
            // The check value of CRC-32/ISCSI.
            0x83, 0x92, 0x06, 0xe3,
            0, 0, 0, 0,
        ];
        let encoded = header.encode();
        assert_eq!(encoded[..24], golden[..24]);
        assert_eq!(encoded[24..], checksum(&golden[..24]).to_le_bytes());
    }

    fn any_header() -> impl Strategy<Value = Header> {
        (1u8..=7, any::<(u8, u32, u64, u32)>(), 0u32..=PAYLOAD_BYTES_MAX as u32).prop_map(
            |(kind, (flags, extra, id, body_checksum), length)| {
                let kind = Kind::from_byte(kind).unwrap();
                let length = length.min(kind.body_bytes_max() as u32);
                Header { kind, flags, extra, id, length, body_checksum }
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_itself(header in any_header()) {
            prop_assert_eq!(Header::decode(&header.encode()).unwrap(), header);
        }

        #[test]
        fn a_flipped_bit_is_found(header in any_header(), bit in 0..HEADER_BYTES * 8) {
            let mut bytes = header.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let is_corrupt = matches!(Header::decode(&bytes), Err(ChannelError::Corrupt { .. }));
            prop_assert!(is_corrupt);
        }

        #[test]
        fn garbage_never_decodes_to_a_length_over_the_limit(mut bytes: [u8; HEADER_BYTES], honest: bool) {
            if honest {
                let own = checksum(&bytes[..24]);
                bytes[24..].copy_from_slice(&own.to_le_bytes());
            }
            if let Ok(header) = Header::decode(&bytes) {
                prop_assert!(header.length as usize <= header.kind.body_bytes_max());
            }
        }
    }

    #[test]
    fn a_body_over_the_limit_gets_no_header() {
        let body = vec![0; PAYLOAD_BYTES_MAX + 1];
        assert!(matches!(Header::of(Kind::Payload, &body), Err(ChannelError::TooLarge { .. })));
        assert!(Header::of(Kind::Message, &body).is_ok());
    }
}
