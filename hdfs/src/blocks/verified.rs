//! Reading a finished replica's bytes so that none comes out unchecked.
//!
//! Used on both sides of a local read: by the worker that owns the files, and by a client on the same host that was
//! handed their descriptors.

use super::sums::{Header, Sums, SumsError};
use crate::{BlockId, Generation, limits::CHECKSUM_CHUNK_BYTES};
use bytes::Bytes;
use rustix::{buffer::spare_capacity, fd::AsFd};
use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
};

/// A data file with its checksums.
#[derive(Debug)]
pub struct VerifiedFile {
    data: File,
    header: Header,
    sums: Sums,
}

/// Why bytes of a replica cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    #[error("bytes {}..{} do not match their checksum", .0.start, .0.end)]
    Mismatch(Range<u64>),
    #[error("{0}")]
    Sums(#[from] SumsError),
    #[error("the data file has {found} bytes, its checksum file says {expected}")]
    Length { found: u64, expected: u64 },
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl ReadFault {
    /// Whether the replica itself is to blame, and not this process or a passing state of the machine.
    pub fn is_damage(&self) -> bool {
        match self {
            ReadFault::Mismatch(_) | ReadFault::Sums(_) | ReadFault::Length { .. } => true,
            ReadFault::Io(error) => {
                matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof)
                    || error.raw_os_error() == Some(libc::EIO)
            }
        }
    }

    /// The bytes in doubt, of a replica of this length.
    pub fn range(&self, len_bytes: u64) -> Range<u64> {
        match self {
            ReadFault::Mismatch(range) => range.clone(),
            _ => 0..len_bytes,
        }
    }
}

impl VerifiedFile {
    /// Takes the two files of a finished replica and checks that they belong to it and to each other.
    pub fn new(
        data: File,
        mut sums_file: File,
        block: BlockId,
        generation: Generation,
    ) -> Result<VerifiedFile, ReadFault> {
        let mut bytes = Vec::new();
        sums_file.read_to_end(&mut bytes)?;
        let (header, sums) = Sums::decode_file(&bytes)?;
        if (header.block, header.generation) != (block, generation) {
            return Err(SumsError::Foreign { block: header.block, generation: header.generation }.into());
        }
        let found = data.metadata()?.len();
        if found != sums.len_bytes() {
            return Err(ReadFault::Length { found, expected: sums.len_bytes() });
        }
        Ok(VerifiedFile { data, header, sums })
    }

    pub fn len_bytes(&self) -> u64 {
        self.sums.len_bytes()
    }

    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    /// Checked bytes of this range, cut at the end. Reads whole chunks: a range that begins and ends with them costs
    /// no more than its own bytes. Blocks the thread.
    pub fn read(&self, range: Range<u64>) -> Result<Bytes, ReadFault> {
        const CHUNK: u64 = CHECKSUM_CHUNK_BYTES as u64;
        let end = range.end.min(self.len_bytes());
        if range.start >= end {
            return Ok(Bytes::new());
        }
        let first = range.start - range.start % CHUNK;
        let last = end.next_multiple_of(CHUNK).min(self.len_bytes());
        let bytes = read_exactly(&self.data, first, (last - first) as usize)?;
        self.sums.verify(first, &bytes).map_err(ReadFault::Mismatch)?;
        Ok(Bytes::from(bytes).slice((range.start - first) as usize..(end - first) as usize))
    }

    /// CRC32C of the whole, from entries that were checked against it. The data is not read.
    pub fn crc(&self) -> Result<u32, ReadFault> {
        Ok(self.sums.check_entries(&self.header)?)
    }
}

/// Reads into memory that nobody has to zero first.
fn read_exactly(file: impl AsFd, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let at = offset + bytes.len() as u64;
        match rustix::io::pread(&file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}
