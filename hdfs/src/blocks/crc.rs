//! CRC32C of bytes, and of bytes joined from pieces whose checksums are known.
//!
//! Joining is what makes one pass over the data enough: chunk checksums are computed once, and the checksum of a block
//! or of a whole file follows from them. Joining costs a polynomial operation that depends on the length of the second piece;
//! for the one length that is everywhere, a full chunk, its matrix is kept as a table.

use crate::limits::CHECKSUM_CHUNK_BYTES;
use crc_fast::{CrcAlgorithm::Crc32Iscsi, checksum_combine, crc32_iscsi};
use std::sync::OnceLock;

/// CRC32C (Castagnoli) of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32_iscsi(bytes)
}

/// The checksum of two pieces in a row, from the checksum of each and the length of the second.
pub fn join(first: u32, second: u32, second_len_bytes: u64) -> u32 {
    if second_len_bytes == CHECKSUM_CHUNK_BYTES as u64 {
        return shift_by_chunk(first) ^ second;
    }
    if second_len_bytes == 0 {
        return first;
    }
    // The algorithm is 32 bits wide: the upper half is zero.
    checksum_combine(Crc32Iscsi, u64::from(first), u64::from(second), second_len_bytes) as u32
}

/// The checksum of a sequence of pieces: each is (checksum, length).
pub fn join_all(pieces: impl IntoIterator<Item = (u32, u64)>) -> u32 {
    pieces.into_iter().fold(0, |whole, (crc, len_bytes)| join(whole, crc, len_bytes))
}

/// The linear operator "append one chunk of zeros", applied a byte at a time through four tables.
fn shift_by_chunk(crc: u32) -> u32 {
    static TABLES: OnceLock<[[u32; 256]; 4]> = OnceLock::new();
    let tables = TABLES.get_or_init(chunk_tables);
    let [a, b, c, d] = crc.to_le_bytes();
    tables[0][usize::from(a)]
        ^ tables[1][usize::from(b)]
        ^ tables[2][usize::from(c)]
        ^ tables[3][usize::from(d)]
}

fn chunk_tables() -> [[u32; 256]; 4] {
    let columns: [u32; 32] = std::array::from_fn(|bit| {
        checksum_combine(Crc32Iscsi, 1 << bit, 0, CHECKSUM_CHUNK_BYTES as u64) as u32
    });
    std::array::from_fn(|byte| {
        std::array::from_fn(|value| {
            (0..8).filter(|bit| value >> bit & 1 == 1).fold(0, |sum, bit| sum ^ columns[byte * 8 + bit])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_is_castagnoli() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    proptest! {
        #[test]
        fn a_joined_checksum_is_the_checksum_of_the_joined_bytes(
            first in proptest::collection::vec(any::<u8>(), 0..3000),
            second_len in prop_oneof![Just(CHECKSUM_CHUNK_BYTES), Just(0usize), 1usize..100_000],
            seed in any::<u8>(),
        ) {
            let second: Vec<u8> = (0..second_len).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect();
            let joined = join(crc32c(&first), crc32c(&second), second.len() as u64);
            prop_assert_eq!(joined, crc32c(&[first, second].concat()));
        }
    }
}
