//! The layout of stored shuffle data: records in blocks, blocks in segments. It knows no files and no partitions.
//!
//! ```text
//! output   = segment of partition 0, segment of partition 1, ...        an empty partition has an empty segment
//! segment  = block*                                                     records in key order
//! block    = header, stored bytes
//! header   = 0  u8   version, 1
//!            1  u8   codec: 0 as they are, 1 LZ4 (block format)
//!            2  u16  0
//!            4  u32  length of the raw bytes
//!            8  u32  length of the stored bytes
//!           12  u32  records
//!           16  u32  CRC32C of the header's first 16 bytes and the stored bytes
//! raw      = record*
//! record   = length of the key, length of the value (both LEB128), key, value
//! ```
//! Numbers are little-endian. A record never crosses a border of blocks: a block is as long as its longest record needs.

use crate::limits::{RECORD_BYTES_MAX, SHUFFLE_BLOCK_BYTES};
use crate::record::varint;
use crc_fast::{CrcAlgorithm, Digest};

pub const HEADER_BYTES: usize = 20;
const VERSION: u8 = 1;
/// Where the header's checksum begins, which does not cover itself.
const CRC_AT: usize = 16;
/// Both lengths of a record, at the most.
pub const RECORD_LENGTHS_MAX: usize = 10;
const RAW_BYTES_MAX: usize = SHUFFLE_BLOCK_BYTES + RECORD_BYTES_MAX + RECORD_LENGTHS_MAX;
/// LZ4 cannot shrink by more than this factor.
const LZ4_RATIO_MAX: u64 = 256;

/// The bytes are not stored shuffle data, or were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("it ends in the middle of a block")]
    Truncated,
    #[error("a block has the unknown version {0}")]
    Version(u8),
    #[error("a block's header makes no sense")]
    Header,
    #[error("a block's checksum is {found:08x}, expected {expected:08x}")]
    Checksum { found: u32, expected: u32 },
    #[error("a block does not decompress to its length")]
    Compression,
    #[error("a block's records do not fill it")]
    Records,
    #[error("it has {found} records, expected {expected}")]
    RecordCount { found: u64, expected: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Raw,
    Lz4,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    pub codec: Codec,
    pub raw_bytes: u32,
    pub stored_bytes: u32,
    pub records: u32,
    pub crc: u32,
}

impl BlockHeader {
    /// The header of `stored`, its checksum included.
    pub fn of(codec: Codec, raw_bytes: u32, records: u32, stored: &[u8]) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[0] = VERSION;
        header[1] = match codec {
            Codec::Raw => 0,
            Codec::Lz4 => 1,
        };
        header[4..8].copy_from_slice(&raw_bytes.to_le_bytes());
        header[8..12].copy_from_slice(&(stored.len() as u32).to_le_bytes());
        header[12..16].copy_from_slice(&records.to_le_bytes());
        let crc = checksum(&header[..CRC_AT], stored);
        header[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        header
    }

    /// Reads a header and checks that its numbers are possible. `stored_max`: bytes that can follow it.
    pub fn read(bytes: &[u8; HEADER_BYTES], stored_max: u64) -> Result<BlockHeader, FormatError> {
        if bytes[0] != VERSION {
            return Err(FormatError::Version(bytes[0]));
        }
        let codec = match bytes[1] {
            0 => Codec::Raw,
            1 => Codec::Lz4,
            _ => return Err(FormatError::Header),
        };
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let header = BlockHeader {
            codec,
            raw_bytes: number(4),
            stored_bytes: number(8),
            records: number(12),
            crc: number(CRC_AT),
        };
        if u64::from(header.stored_bytes) > stored_max {
            return Err(FormatError::Truncated);
        }
        header.check().then_some(header).ok_or(FormatError::Header)
    }

    fn check(&self) -> bool {
        let (raw, stored) = (u64::from(self.raw_bytes), u64::from(self.stored_bytes));
        let lengths = match self.codec {
            Codec::Raw => raw == stored,
            Codec::Lz4 => raw <= stored * LZ4_RATIO_MAX,
        };
        // The shortest record is two lengths of zero.
        lengths && self.records > 0 && raw <= RAW_BYTES_MAX as u64 && u64::from(self.records) * 2 <= raw
    }

    /// Checks `stored` and puts the block's records, as they were written, into `raw`.
    pub fn open(
        &self,
        header: &[u8; HEADER_BYTES],
        stored: &[u8],
        raw: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let found = checksum(&header[..CRC_AT], stored);
        if found != self.crc {
            return Err(FormatError::Checksum { found, expected: self.crc });
        }
        raw.clear();
        match self.codec {
            Codec::Raw => raw.extend_from_slice(stored),
            Codec::Lz4 => {
                raw.resize(self.raw_bytes as usize, 0);
                let written = lz4_flex::block::decompress_into(stored, raw);
                if !matches!(written, Ok(written) if written == raw.len()) {
                    return Err(FormatError::Compression);
                }
            }
        }
        Ok(())
    }
}

/// CRC32C of two slices as if they were one.
fn checksum(first: &[u8], second: &[u8]) -> u32 {
    let mut digest = Crc::new();
    digest.update(first);
    digest.update(second);
    digest.value()
}

/// CRC32C of bytes that come in pieces.
#[derive(Clone)]
pub struct Crc(Digest);

impl Default for Crc {
    fn default() -> Self {
        Crc::new()
    }
}

impl Crc {
    pub fn new() -> Crc {
        Crc(Digest::new(CrcAlgorithm::Crc32Iscsi))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn value(&self) -> u32 {
        // A 32-bit checksum in the 64 bits of the crate's common type.
        self.0.finalize() as u32
    }
}

/// Where key and value of a record lie, relative to the record's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordSpan {
    pub key_start: usize,
    pub key_end: usize,
    pub value_end: usize,
}

impl RecordSpan {
    /// The record that `bytes` begin with.
    #[inline]
    pub fn read(bytes: &[u8]) -> Result<RecordSpan, FormatError> {
        let mut rest = bytes;
        let key_len = varint::read(&mut rest).map_err(|_| FormatError::Records)?;
        let value_len = varint::read(&mut rest).map_err(|_| FormatError::Records)?;
        let len = key_len.checked_add(value_len).ok_or(FormatError::Records)?;
        if len > rest.len() as u64 {
            return Err(FormatError::Records);
        }
        let key_start = bytes.len() - rest.len();
        let key_end = key_start + key_len as usize;
        Ok(RecordSpan { key_start, key_end, value_end: key_end + value_len as usize })
    }
}

/// Appends a record.
#[inline]
pub fn write_record(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    varint::write(key.len() as u64, out);
    varint::write(value.len() as u64, out);
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

/// Walks over the headers of a whole segment: the number of its records, by what the blocks say.
pub fn count_records(mut segment: &[u8]) -> Result<u64, FormatError> {
    let mut records = 0;
    while !segment.is_empty() {
        let (header, rest) = segment.split_first_chunk().ok_or(FormatError::Truncated)?;
        let header = BlockHeader::read(header, rest.len() as u64)?;
        records += u64::from(header.records);
        segment = &rest[header.stored_bytes as usize..];
    }
    Ok(records)
}
