//! Checksums of a replica, in memory and as the `.sums` file that lies beside its data.
//!
//! A `.sums` file, little-endian:
//!
//! | at | bytes | field |
//! | --- | --- | --- |
//! | 0 | 8 | magic `SKEPSUMS` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | bytes of data that one entry covers ([`CHECKSUM_CHUNK_BYTES`]) |
//! | 16 | 8 | block id |
//! | 24 | 8 | generation |
//! | 32 | 8 | length of the data; [`UNFINISHED`] while it is being written |
//! | 40 | 4 | CRC32C of all data, which also vouches for the entries; 0 while it is being written |
//! | 44 | 4 | CRC32C of bytes 0..44 |
//! | 48 | 4 each | CRC32C of each chunk, in order; the last chunk may be short |

use super::crc::{crc32c, join, join_all};
use crate::{BlockId, Generation, limits::CHECKSUM_CHUNK_BYTES};

pub const HEADER_BYTES: usize = 48;
/// The length in the header of a replica that is still being written.
pub const UNFINISHED: u64 = u64::MAX;
const MAGIC: &[u8; 8] = b"SKEPSUMS";
const VERSION: u32 = 1;
const CHUNK: u64 = CHECKSUM_CHUNK_BYTES as u64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SumsError {
    #[error("the checksum file is {found} bytes long, {expected} were expected")]
    Length { found: usize, expected: usize },
    #[error("the file does not begin like a checksum file")]
    Magic,
    #[error("the checksum file has version {found}, this program reads version {VERSION}")]
    Version { found: u32 },
    #[error("one checksum covers {found} bytes in this file, this program expects {CHECKSUM_CHUNK_BYTES}")]
    Chunk { found: u32 },
    #[error("the header of the checksum file does not match its own checksum")]
    Header,
    #[error("the checksum file belongs to {block} {generation}")]
    Foreign { block: BlockId, generation: Generation },
    #[error("the entries of the checksum file do not add up to the checksum of the whole")]
    Entries,
}

/// What the first bytes of a `.sums` file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub block: BlockId,
    pub generation: Generation,
    /// `None` while the replica is being written.
    pub finished: Option<Finished>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    pub len_bytes: u64,
    pub crc: u32,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let (len_bytes, crc) = self.finished.map_or((UNFINISHED, 0), |end| (end.len_bytes, end.crc));
        let mut out = [0; HEADER_BYTES];
        out[0..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&(CHECKSUM_CHUNK_BYTES as u32).to_le_bytes());
        out[16..24].copy_from_slice(&self.block.0.to_le_bytes());
        out[24..32].copy_from_slice(&self.generation.0.to_le_bytes());
        out[32..40].copy_from_slice(&len_bytes.to_le_bytes());
        out[40..44].copy_from_slice(&crc.to_le_bytes());
        let own = crc32c(&out[..44]);
        out[44..48].copy_from_slice(&own.to_le_bytes());
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Header, SumsError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(SumsError::Length { found: bytes.len(), expected: HEADER_BYTES });
        };
        if &bytes[0..8] != MAGIC {
            return Err(SumsError::Magic);
        }
        if crc32c(&bytes[..44]) != u32_at(bytes, 44) {
            return Err(SumsError::Header);
        }
        match (u32_at(bytes, 8), u32_at(bytes, 12)) {
            (VERSION, chunk) if chunk as usize == CHECKSUM_CHUNK_BYTES => {}
            (VERSION, found) => return Err(SumsError::Chunk { found }),
            (found, _) => return Err(SumsError::Version { found }),
        }
        let finished = match u64_at(bytes, 32) {
            UNFINISHED => None,
            len_bytes => Some(Finished { len_bytes, crc: u32_at(bytes, 40) }),
        };
        Ok(Header { block: BlockId(u64_at(bytes, 16)), generation: Generation(u64_at(bytes, 24)), finished })
    }
}

/// The entries: one checksum per chunk of `len_bytes` bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    len_bytes: u64,
    chunks: Vec<u32>,
}

impl Sums {
    pub fn of(bytes: &[u8]) -> Sums {
        let mut sums = Sums::default();
        sums.extend(bytes);
        sums
    }

    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    pub fn chunks(&self) -> &[u32] {
        &self.chunks
    }

    /// Accounts for bytes written at the end; returns the index of the first entry that changed.
    pub fn extend(&mut self, mut bytes: &[u8]) -> usize {
        let first = (self.len_bytes / CHUNK) as usize;
        while !bytes.is_empty() {
            let filled = (self.len_bytes % CHUNK) as usize;
            let (piece, rest) = bytes.split_at(bytes.len().min(CHECKSUM_CHUNK_BYTES - filled));
            match self.chunks.last_mut() {
                Some(last) if filled > 0 => *last = join(*last, crc32c(piece), piece.len() as u64),
                _ => self.chunks.push(crc32c(piece)),
            }
            self.len_bytes += piece.len() as u64;
            bytes = rest;
        }
        first
    }

    /// Shortens to `len_bytes`. When that cuts a chunk, `cut_chunk` is the checksum of what stays of it.
    pub fn cut(&mut self, len_bytes: u64, cut_chunk: Option<u32>) {
        debug_assert!(len_bytes <= self.len_bytes);
        self.chunks.truncate(len_bytes.div_ceil(CHUNK) as usize);
        if let (Some(crc), Some(last)) = (cut_chunk, self.chunks.last_mut()) {
            *last = crc;
        }
        self.len_bytes = len_bytes;
    }

    /// CRC32C of all bytes.
    pub fn whole(&self) -> u32 {
        join_all(self.chunks.iter().enumerate().map(|(index, crc)| (*crc, self.chunk_len(index))))
    }

    /// How many bytes the entry covers.
    pub fn chunk_len(&self, index: usize) -> u64 {
        self.len_bytes.saturating_sub(index as u64 * CHUNK).min(CHUNK)
    }

    /// Checks `bytes`, which lie at `offset` (the beginning of a chunk) and end with a chunk. Says where the first
    /// wrong chunk is.
    pub fn verify(&self, offset: u64, bytes: &[u8]) -> Result<(), std::ops::Range<u64>> {
        debug_assert!(offset.is_multiple_of(CHUNK));
        let first = (offset / CHUNK) as usize;
        for (index, piece) in bytes.chunks(CHECKSUM_CHUNK_BYTES).enumerate() {
            if self.chunks.get(first + index) != Some(&crc32c(piece)) {
                let start = offset + index as u64 * CHUNK;
                return Err(start..start + piece.len() as u64);
            }
        }
        Ok(())
    }

    /// Entries from `first` on, as they lie in the file at [`entry_offset`]`(first)`.
    pub fn encode_from(&self, first: usize) -> Vec<u8> {
        self.chunks.get(first..).unwrap_or_default().iter().flat_map(|crc| crc.to_le_bytes()).collect()
    }

    /// A whole file of a finished replica.
    pub fn encode_file(&self, block: BlockId, generation: Generation) -> Vec<u8> {
        let finished = Some(Finished { len_bytes: self.len_bytes, crc: self.whole() });
        let mut out = Header { block, generation, finished }.encode().to_vec();
        out.extend(self.encode_from(0));
        out
    }

    /// Reads the file of a finished replica and checks all of it but the entries, which each reader checks against
    /// the data.
    pub fn decode_file(bytes: &[u8]) -> Result<(Header, Sums), SumsError> {
        let header = Header::decode(bytes)?;
        let Some(finished) = header.finished else {
            return Err(SumsError::Length { found: bytes.len(), expected: HEADER_BYTES });
        };
        let expected = file_len(finished.len_bytes);
        if bytes.len() as u64 != expected {
            return Err(SumsError::Length { found: bytes.len(), expected: expected as usize });
        }
        Ok((header, Sums { len_bytes: finished.len_bytes, chunks: entries(bytes) }))
    }

    /// Whether the entries add up to the checksum of the whole: after this a checksum that is made from them can be
    /// trusted.
    pub fn check_entries(&self, header: &Header) -> Result<u32, SumsError> {
        match header.finished {
            Some(finished) if finished.crc == self.whole() => Ok(finished.crc),
            _ => Err(SumsError::Entries),
        }
    }
}

/// Entries of a file, whatever its header says.
pub(super) fn entries(bytes: &[u8]) -> Vec<u32> {
    let (entries, _) = bytes.get(HEADER_BYTES..).unwrap_or_default().as_chunks::<4>();
    entries.iter().map(|entry| u32::from_le_bytes(*entry)).collect()
}

/// Where the entry of a chunk lies in the file.
pub fn entry_offset(index: usize) -> u64 {
    (HEADER_BYTES + index * 4) as u64
}

/// How long the file for so much data is.
pub fn file_len(len_bytes: u64) -> u64 {
    HEADER_BYTES as u64 + len_bytes.div_ceil(CHUNK) * 4
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data(len: usize, seed: u8) -> Vec<u8> {
        (0..len).map(|i| (i as u32).wrapping_mul(2_654_435_761).to_le_bytes()[2] ^ seed).collect()
    }

    #[test]
    fn the_file_of_a_small_replica_has_exactly_these_bytes() {
        let file = Sums::of(b"skep").encode_file(BlockId(7), Generation(2));
        let mut expected = b"SKEPSUMS".to_vec();
        expected.extend(1u32.to_le_bytes());
        expected.extend(65_536u32.to_le_bytes());
        expected.extend(7u64.to_le_bytes());
        expected.extend(2u64.to_le_bytes());
        expected.extend(4u64.to_le_bytes());
        expected.extend(crc32c(b"skep").to_le_bytes());
        expected.extend(crc32c(&expected.clone()).to_le_bytes());
        expected.extend(crc32c(b"skep").to_le_bytes());
        assert_eq!(file, expected);
    }

    proptest! {
        #[test]
        fn a_file_says_after_reading_what_was_written(len in 0usize..300_000, seed in any::<u8>(), block in any::<u64>(), generation in any::<u64>()) {
            let sums = Sums::of(&data(len, seed));
            let file = sums.encode_file(BlockId(block), Generation(generation));
            prop_assert_eq!(file.len() as u64, file_len(len as u64));
            let (header, again) = Sums::decode_file(&file).unwrap();
            prop_assert_eq!(header.block, BlockId(block));
            prop_assert_eq!(header.generation, Generation(generation));
            prop_assert_eq!(again.check_entries(&header).unwrap(), crc32c(&data(len, seed)));
            prop_assert_eq!(again, sums);
        }

        #[test]
        fn a_flipped_bit_in_the_file_never_goes_unseen(len in 1usize..200_000, at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let bytes = data(len, 3);
            let mut file = Sums::of(&bytes).encode_file(BlockId(1), Generation(1));
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            let seen = match Sums::decode_file(&file) {
                Err(_) => true,
                Ok((header, sums)) => sums.check_entries(&header).is_err() && sums.verify(0, &bytes).is_err(),
            };
            prop_assert!(seen);
        }

        #[test]
        fn garbage_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Sums::decode_file(&bytes).is_err());
        }

        #[test]
        fn pieces_of_any_size_make_the_same_sums(len in 0usize..300_000, cuts in proptest::collection::vec(1usize..90_000, 1..20)) {
            let bytes = data(len, 9);
            let mut sums = Sums::default();
            let (mut rest, mut cuts) = (&bytes[..], cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(cuts.next().unwrap()));
                sums.extend(piece);
                rest = after;
            }
            prop_assert_eq!(sums, Sums::of(&bytes));
        }

        #[test]
        fn a_cut_leaves_the_sums_of_what_stays(len in 0usize..300_000, keep in any::<prop::sample::Index>()) {
            let bytes = data(len, 5);
            let keep = keep.index(len + 1);
            let mut sums = Sums::of(&bytes);
            let chunk_start = keep - keep % CHECKSUM_CHUNK_BYTES;
            sums.cut(keep as u64, (chunk_start < keep).then(|| crc32c(&bytes[chunk_start..keep])));
            prop_assert_eq!(sums, Sums::of(&bytes[..keep]));
        }
    }
}
