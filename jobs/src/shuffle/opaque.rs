//! Shuffle output whose content is its producer's own: bytes in frames, in the order in which they were appended.
//!
//! ```text
//! output   = segment of partition 0, segment of partition 1, ...        a partition without bytes has an empty segment
//! segment  = frame*
//! frame    = 0  u32  length of the bytes, at most FRAME_BYTES_MAX
//!            4  u32  CRC32C of the bytes
//!            8  the bytes
//! ```
//! Numbers are little-endian. How many records a segment has is what the producer says; the consumer counts what it finds
//! and calls [`OpaquePiece::mismatch`] when it is another number.
//!
//! ```text
//! append ─► a buffer per partition ─together too many─► extents in one scratch file
//! finish: extents and buffers of each partition in order, in memory when short, else in a file
//! ```

use super::{
    ShuffleError,
    format::{Crc, FormatError},
    scratch::{GrowingFile, ScratchFile},
    segment::SortedSegment,
    writer::{ShuffleOutput, WriterOptions},
};
use crate::{
    limits::PARTITIONS_MAX,
    model::{
        Segment,
        outcome::{LossReason, LostPiece},
    },
    protocol::worker::Piece,
    task_program::ShuffleFault,
};
use bytes::Bytes;
use std::{io, sync::Arc};

const FRAME_HEADER_BYTES: usize = 8;
/// Longer bytes are cut into several frames: what a reader must hold at a time.
const FRAME_BYTES_MAX: usize = 1 << 20;

#[derive(Default)]
struct Partition {
    buffer: Vec<u8>,
    /// Where in the scratch file its earlier bytes are.
    extents: Vec<(u64, usize)>,
    records: u64,
}

/// The producer's side: bytes in, one indexed output out, within a memory grant.
pub struct OpaqueWriter {
    options: WriterOptions,
    partitions: Vec<Partition>,
    buffered_bytes: usize,
    spill: Option<ScratchFile>,
    spilled_bytes: u64,
}

impl OpaqueWriter {
    pub fn new(options: WriterOptions) -> Result<OpaqueWriter, ShuffleError> {
        let count = options.partitions;
        if count == 0 || count > PARTITIONS_MAX {
            return Err(ShuffleError::PartitionCount { partitions: count, limit: PARTITIONS_MAX });
        }
        let partitions = (0..count).map(|_| Partition::default()).collect();
        Ok(OpaqueWriter { options, partitions, buffered_bytes: 0, spill: None, spilled_bytes: 0 })
    }

    /// Appends to a partition bytes that hold so many records.
    pub fn append(&mut self, partition: u32, bytes: &[u8], records: u64) -> Result<(), ShuffleError> {
        let count = self.options.partitions;
        let Some(place) = self.partitions.get_mut(partition as usize) else {
            return Err(ShuffleError::NoSuchPartition { chosen: partition, partitions: count });
        };
        place.records += records;
        for frame in bytes.chunks(FRAME_BYTES_MAX) {
            let mut crc = Crc::new();
            crc.update(frame);
            place.buffer.extend_from_slice(&(frame.len() as u32).to_le_bytes());
            place.buffer.extend_from_slice(&crc.value().to_le_bytes());
            place.buffer.extend_from_slice(frame);
            self.buffered_bytes += FRAME_HEADER_BYTES + frame.len();
        }
        if self.buffered_bytes > self.options.memory_bytes { self.spill() } else { Ok(()) }
    }

    pub fn spilled_bytes(&self) -> u64 {
        self.spilled_bytes
    }

    #[cold]
    fn spill(&mut self) -> Result<(), ShuffleError> {
        let mut file = match self.spill.take() {
            Some(file) => file,
            None => {
                let name = format!("{}.spill", self.options.stem);
                ScratchFile::create(self.options.scratch.join(name))?
            }
        };
        for partition in self.partitions.iter_mut().filter(|partition| !partition.buffer.is_empty()) {
            file.append(&partition.buffer)?;
            partition.extents.push((self.spilled_bytes, partition.buffer.len()));
            self.spilled_bytes += partition.buffer.len() as u64;
            partition.buffer = Vec::new();
        }
        self.buffered_bytes = 0;
        self.spill = Some(file);
        Ok(())
    }

    /// Ends the output. Nothing but the output's own file stays in scratch.
    pub fn finish(self) -> Result<ShuffleOutput, ShuffleError> {
        let path = self.options.scratch.join(format!("{}.out", self.options.stem));
        let mut out = GrowingFile::new(path, self.options.keep_in_memory_bytes);
        let mut segments = Vec::with_capacity(self.partitions.len());
        let mut copied = Vec::new();
        for partition in self.partitions {
            let begin = out.len_bytes();
            let mut crc = Crc::new();
            for (start, len) in partition.extents {
                copied.resize(len, 0);
                if let Some(file) = &self.spill {
                    file.read_at(start, &mut copied)?;
                }
                crc.update(&copied);
                out.append(&copied)?;
            }
            crc.update(&partition.buffer);
            out.append(&partition.buffer)?;
            let len_bytes = out.len_bytes() - begin;
            let crc = if len_bytes == 0 { 0 } else { crc.value() };
            segments.push(Segment { len_bytes, records: partition.records, crc });
        }
        Ok(ShuffleOutput { segments, data: out.into_output()?, spilled_bytes: self.spilled_bytes })
    }
}

/// One producer's part of a task's input, on this machine.
pub struct OpaquePiece {
    piece: Arc<Piece>,
    stored: Stored,
}

#[derive(Clone)]
pub(super) enum Stored {
    Memory(Bytes),
    File { file: Arc<ScratchFile>, start: u64, len_bytes: u64 },
}

impl OpaquePiece {
    pub fn in_memory(piece: Arc<Piece>, bytes: Bytes) -> OpaquePiece {
        OpaquePiece { piece, stored: Stored::Memory(bytes) }
    }

    /// What a fetch brought.
    pub(super) fn of(segment: SortedSegment) -> Option<OpaquePiece> {
        let (piece, stored) = segment.into_fetched()?;
        Some(OpaquePiece { piece, stored })
    }

    /// What its producer says that it holds.
    pub fn records(&self) -> u64 {
        self.piece.segment.records
    }

    /// Its bytes, checked frame by frame. An error holds a [`ShuffleFault`].
    pub fn reader(&self) -> OpaqueReader {
        OpaqueReader {
            piece: Arc::clone(&self.piece),
            stored: self.stored.clone(),
            next: 0,
            frame: Bytes::new(),
        }
    }

    /// It does not hold what its producer said.
    pub fn mismatch(&self) -> ShuffleFault {
        lost(&self.piece, LossReason::Mismatch)
    }

    /// Its bytes are those that the producer sent, and make no sense.
    pub fn corrupt(&self) -> ShuffleFault {
        lost(&self.piece, LossReason::Corrupt)
    }
}

fn lost(piece: &Piece, reason: LossReason) -> ShuffleFault {
    tracing::warn!(producer = %piece.producer, holder = %piece.holder, ?reason, "a fetched shuffle piece is bad");
    let (producer, stage) = (piece.producer, piece.producer.stage);
    ShuffleFault::Lost(vec![LostPiece { producer, stage, holder: piece.holder, reason }])
}

pub struct OpaqueReader {
    piece: Arc<Piece>,
    stored: Stored,
    /// Where the next frame begins.
    next: u64,
    /// What is left of the current one.
    frame: Bytes,
}

impl OpaqueReader {
    fn len_bytes(&self) -> u64 {
        match &self.stored {
            Stored::Memory(bytes) => bytes.len() as u64,
            Stored::File { len_bytes, .. } => *len_bytes,
        }
    }

    fn take(&mut self, len: usize) -> Result<Bytes, ShuffleFault> {
        if len as u64 > self.len_bytes() - self.next {
            return Err(self.blame(FormatError::Truncated));
        }
        let taken = match &self.stored {
            Stored::Memory(bytes) => bytes.slice(self.next as usize..self.next as usize + len),
            Stored::File { file, start, .. } => {
                let mut bytes = vec![0; len];
                file.read_at(start + self.next, &mut bytes)?;
                bytes.into()
            }
        };
        self.next += len as u64;
        Ok(taken)
    }

    fn next_frame(&mut self) -> Result<Bytes, ShuffleFault> {
        let header = self.take(FRAME_HEADER_BYTES)?;
        let number =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (len, expected) = (number(0) as usize, number(4));
        if len > FRAME_BYTES_MAX {
            return Err(self.blame(FormatError::Header));
        }
        let frame = self.take(len)?;
        let mut crc = Crc::new();
        crc.update(&frame);
        match crc.value() {
            found if found == expected => Ok(frame),
            found => Err(self.blame(FormatError::Checksum { found, expected })),
        }
    }

    /// The bytes came with the checksum of the producer's report: in memory it is the producer who wrote them like this,
    /// in a file it may be this machine's disk.
    #[cold]
    fn blame(&self, error: FormatError) -> ShuffleFault {
        match &self.stored {
            Stored::Memory(_) => lost(&self.piece, LossReason::Corrupt),
            Stored::File { file, .. } => {
                ShuffleError::DamagedScratch { path: file.path().to_owned(), source: error }.into()
            }
        }
    }
}

impl io::Read for OpaqueReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.frame.is_empty() {
            if self.next == self.len_bytes() {
                return Ok(0);
            }
            self.frame = self.next_frame().map_err(io::Error::other)?;
        }
        let len = self.frame.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.frame.split_to(len));
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{AttemptId, AttemptNumber, JobId, PartId, Round, StageId},
        shuffle::OutputData,
    };
    use skep_hdfs::WorkerId;
    use std::io::Read;

    fn write(memory_bytes: usize, appended: &[(u32, Vec<u8>)]) -> (Vec<Segment>, Vec<u8>, u64) {
        let scratch = tempfile::tempdir().unwrap();
        let options = WriterOptions {
            partitions: 3,
            memory_bytes,
            scratch: scratch.path().to_owned(),
            stem: "x".to_owned(),
            keep_in_memory_bytes: 1 << 10,
        };
        let mut writer = OpaqueWriter::new(options).unwrap();
        for (partition, bytes) in appended {
            writer.append(*partition, bytes, 1).unwrap();
        }
        let output = writer.finish().unwrap();
        let bytes = match output.data {
            OutputData::Memory(bytes) => bytes,
            OutputData::File(path) => std::fs::read(path).unwrap(),
        };
        (output.segments, bytes, output.spilled_bytes)
    }

    fn piece(segment: Segment, bytes: &[u8]) -> OpaquePiece {
        let producer = AttemptId {
            job: JobId(1),
            stage: StageId(0),
            round: Round(0),
            part: PartId(0),
            attempt: AttemptNumber(0),
        };
        let piece = Piece { producer, holder: WorkerId(1), segment };
        OpaquePiece::in_memory(Arc::new(piece), Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn partitions_give_back_what_was_appended_whether_spilled_or_not() {
        let long = vec![7; FRAME_BYTES_MAX + 5];
        let appended = [(2, b"ab".to_vec()), (0, long), (2, b"cde".to_vec()), (0, b"z".to_vec())];
        for memory_bytes in [0, 100, 10 << 20] {
            let (segments, bytes, spilled) = write(memory_bytes, &appended);
            assert_eq!(spilled == 0, memory_bytes > FRAME_BYTES_MAX);
            let mut begin = 0;
            for (partition, segment) in segments.iter().enumerate() {
                let stored = &bytes[begin..begin + segment.len_bytes as usize];
                begin += segment.len_bytes as usize;
                let parts = appended.iter().filter(|(place, _)| *place as usize == partition);
                let expected: Vec<u8> = parts.clone().flat_map(|(_, bytes)| bytes.clone()).collect();
                assert_eq!(segment.records, parts.count() as u64);
                let mut found = Vec::new();
                piece(*segment, stored).reader().read_to_end(&mut found).unwrap();
                assert!(found == expected);
            }
            assert_eq!(segments[1], Segment::default());
        }
    }

    #[test]
    fn changed_bytes_are_the_producers_loss() {
        let (segments, bytes, _) = write(1 << 20, &[(0, b"some bytes".to_vec())]);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            let error = piece(segments[0], &changed).reader().read_to_end(&mut Vec::new()).unwrap_err();
            let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<ShuffleFault>());
            assert!(matches!(fault, Some(ShuffleFault::Lost(_))), "byte {at}");
        }
    }
}
