//! The file beside each stored output that says where its partitions lie. It is written last: an output without it is none.
//!
//! ```text
//!  0  8 bytes  "SKEPSHUF"
//!  8  u16      version, 1
//! 10  u16      0
//! 12  u32      number of segments
//! 16  u64      job
//! 24  4 x u32  stage, round, part, attempt
//! 40  u32      CRC32C of the bytes before
//! 44  entry*   one per partition
//! entry = 0 u64 start in the data file, 8 u64 length, 16 u64 records, 24 u32 CRC32C of the stored bytes,
//!         28 u32 CRC32C of the entry's bytes before
//! ```
//! Numbers are little-endian. Entries have one length, so that serving a partition reads 32 bytes and keeps none in memory.

use super::StoreError;
use skep_jobs::{
    limits::PARTITIONS_MAX,
    model::{AttemptId, AttemptNumber, JobId, PartId, Round, Segment, StageId},
};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

const MAGIC: [u8; 8] = *b"SKEPSHUF";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 44;
const ENTRY_BYTES: usize = 32;

/// The bytes are not an index, or were changed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("it is not an index of a shuffle output, or was changed")]
    Damaged,
    #[error("it has the unknown version {0}")]
    Version(u16),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A segment and where it begins in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    pub start: u64,
    pub segment: Segment,
}

/// Segments that lie one after the other.
pub fn place(segments: &[Segment]) -> impl Iterator<Item = Placed> {
    segments.iter().scan(0u64, |end, &segment| {
        let start = *end;
        *end = end.saturating_add(segment.len_bytes);
        Some(Placed { start, segment })
    })
}

/// What an index says in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub attempt: AttemptId,
    pub segments: Vec<Segment>,
}

impl Index {
    pub fn encode(&self) -> Vec<u8> {
        let AttemptId { job, stage, round, part, attempt } = self.attempt;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.segments.len() * ENTRY_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&(self.segments.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&job.0.to_le_bytes());
        for number in [stage.0, round.0, part.0, attempt.0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        seal(&mut bytes, 0);
        for Placed { start, segment } in place(&self.segments) {
            let begin = bytes.len();
            for number in [start, segment.len_bytes, segment.records] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&segment.crc.to_le_bytes());
            seal(&mut bytes, begin);
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Index, IndexError> {
        let (header, entries) = bytes.split_first_chunk().ok_or(IndexError::Damaged)?;
        let (attempt, count) = read_header(header)?;
        let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
        if entries.len() != count as usize || !rest.is_empty() {
            return Err(IndexError::Damaged);
        }
        let mut segments = Vec::with_capacity(entries.len());
        let mut end = 0u64;
        for entry in entries {
            let Placed { start, segment } = read_entry(entry)?;
            if start != end {
                return Err(IndexError::Damaged);
            }
            end = end.checked_add(segment.len_bytes).ok_or(IndexError::Damaged)?;
            segments.push(segment);
        }
        Ok(Index { attempt, segments })
    }

    pub fn data_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len_bytes).sum()
    }

    /// Writes the index so that it is there whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        let new = path.with_extension("index-new");
        let written = fs::write(&new, self.encode()).and_then(|()| fs::rename(&new, path));
        written.map_err(|error| {
            let _ = fs::remove_file(&new);
            StoreError::disk("write the index of a shuffle output", path, error)
        })
    }

    pub fn read(path: &Path) -> Result<Index, IndexError> {
        Index::decode(&fs::read(path)?)
    }

    /// One partition's place; `None` when the output has no such partition.
    pub fn read_one(path: &Path, attempt: AttemptId, partition: u32) -> Result<Option<Placed>, IndexError> {
        let file = File::open(path)?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0)?;
        let (found, count) = read_header(&header)?;
        if found != attempt {
            return Err(IndexError::Damaged);
        }
        if partition >= count {
            return Ok(None);
        }
        let mut entry = [0; ENTRY_BYTES];
        file.read_exact_at(&mut entry, (HEADER_BYTES + ENTRY_BYTES * partition as usize) as u64)?;
        read_entry(&entry).map(Some)
    }
}

/// Appends the checksum of everything from `begin` on.
fn seal(bytes: &mut Vec<u8>, begin: usize) {
    let crc = crc_fast::crc32_iscsi(&bytes[begin..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
}

/// The bytes before the checksum that they end with.
fn unseal(bytes: &[u8]) -> Result<&[u8], IndexError> {
    match bytes.split_last_chunk() {
        Some((sealed, crc)) if crc_fast::crc32_iscsi(sealed) == u32::from_le_bytes(*crc) => Ok(sealed),
        _ => Err(IndexError::Damaged),
    }
}

fn read_header(bytes: &[u8; HEADER_BYTES]) -> Result<(AttemptId, u32), IndexError> {
    let sealed = unseal(bytes)?;
    if sealed[..8] != MAGIC {
        return Err(IndexError::Damaged);
    }
    let version = u16::from_le_bytes([sealed[8], sealed[9]]);
    if version != VERSION {
        return Err(IndexError::Version(version));
    }
    let attempt = AttemptId {
        job: JobId(long(sealed, 16)),
        stage: StageId(short(sealed, 24)),
        round: Round(short(sealed, 28)),
        part: PartId(short(sealed, 32)),
        attempt: AttemptNumber(short(sealed, 36)),
    };
    let count = short(sealed, 12);
    if count > PARTITIONS_MAX {
        return Err(IndexError::Damaged);
    }
    Ok((attempt, count))
}

fn read_entry(bytes: &[u8; ENTRY_BYTES]) -> Result<Placed, IndexError> {
    let sealed = unseal(bytes)?;
    let segment = Segment { len_bytes: long(sealed, 8), records: long(sealed, 16), crc: short(sealed, 24) };
    Ok(Placed { start: long(sealed, 0), segment })
}

fn short(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(short(bytes, at)) | (u64::from(short(bytes, at + 4)) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn indexes() -> impl Strategy<Value = Index> {
        let segment = (0u64..1 << 40, any::<u64>(), any::<u32>())
            .prop_map(|(len_bytes, records, crc)| Segment { len_bytes, records, crc });
        (any::<(u64, u32, u32, u32, u32)>(), prop::collection::vec(segment, 0..20)).prop_map(
            |(id, segments)| {
                let attempt = AttemptId {
                    job: JobId(id.0),
                    stage: StageId(id.1),
                    round: Round(id.2),
                    part: PartId(id.3),
                    attempt: AttemptNumber(id.4),
                };
                Index { attempt, segments }
            },
        )
    }

    proptest! {
        #[test]
        fn an_index_comes_back(index in indexes()) {
            prop_assert_eq!(Index::decode(&index.encode()).unwrap(), index);
        }

        #[test]
        fn a_changed_or_cut_index_is_refused(
            index in indexes(),
            at in any::<prop::sample::Index>(),
            flip in 1u8..,
            cut: bool,
        ) {
            let mut bytes = index.encode();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= flip;
            }
            prop_assert!(Index::decode(&bytes).is_err());
        }

        #[test]
        fn garbage_is_refused(bytes: Vec<u8>) {
            prop_assert!(Index::decode(&bytes).is_err());
        }

        #[test]
        fn one_partition_is_read_alone(index in indexes(), partition in 0u32..25) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("x.index");
            index.write(&path).unwrap();
            let found = Index::read_one(&path, index.attempt, partition).unwrap();
            prop_assert_eq!(found, place(&index.segments).nth(partition as usize));
            let other = AttemptId { attempt: AttemptNumber(index.attempt.attempt.0 ^ 1), ..index.attempt };
            prop_assert!(Index::read_one(&path, other, partition).is_err());
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let attempt = AttemptId {
            job: JobId(17),
            stage: StageId(2),
            round: Round(0),
            part: PartId(13),
            attempt: AttemptNumber(1),
        };
        let segments = vec![Segment { len_bytes: 5, records: 3, crc: 0xdead_beef }; 2];
        let bytes = Index { attempt, segments }.encode();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let golden = concat!(
            "534b455053485546",
            "0100",
            "0000",
            "02000000",
            "1100000000000000",
            "02000000",
            "00000000",
            "0d000000",
            "01000000",
            "10e93400",
            "0000000000000000",
            "0500000000000000",
            "0300000000000000",
            "efbeadde",
            "648f8e47",
            "0500000000000000",
            "0500000000000000",
            "0300000000000000",
            "efbeadde",
            "62c51566",
        );
        assert_eq!(hex, golden);
    }
}
