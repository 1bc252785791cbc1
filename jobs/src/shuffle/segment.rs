//! One segment of sorted records, read back: from memory, or block by block from a scratch file.

use super::{
    ShuffleError,
    format::{BlockHeader, FormatError, HEADER_BYTES, RecordSpan},
    opaque,
    scratch::ScratchFile,
};
use crate::limits::{SCRATCH_READ_BYTES, SHUFFLE_BLOCK_BYTES};
use crate::{
    model::outcome::{LossReason, LostPiece},
    protocol::worker::Piece,
};
use bytes::Bytes;
use std::sync::Arc;

/// Stored bytes of one segment, and what must be in them.
pub struct SortedSegment {
    stored: Stored,
    records: u64,
    origin: Origin,
}

enum Stored {
    Memory(Bytes),
    File { file: Arc<ScratchFile>, start: u64, len_bytes: u64 },
}

/// Who is to blame when the bytes are not what they should be.
#[derive(Clone)]
enum Origin {
    /// This attempt wrote them itself.
    Scratch,
    /// A producer's, fetched.
    Piece(Arc<Piece>),
}

impl SortedSegment {
    /// Whole stored bytes in memory, of which a producer said that they hold `records`.
    pub fn fetched(piece: Arc<Piece>, stored: Bytes) -> SortedSegment {
        let records = piece.segment.records;
        SortedSegment { stored: Stored::Memory(stored), records, origin: Origin::Piece(piece) }
    }

    pub(super) fn fetched_to_file(piece: Arc<Piece>, file: Arc<ScratchFile>, start: u64) -> SortedSegment {
        let (records, len_bytes) = (piece.segment.records, piece.segment.len_bytes);
        SortedSegment {
            stored: Stored::File { file, start, len_bytes },
            records,
            origin: Origin::Piece(piece),
        }
    }

    pub(super) fn scratch(file: Arc<ScratchFile>, start: u64, len_bytes: u64, records: u64) -> SortedSegment {
        SortedSegment { stored: Stored::File { file, start, len_bytes }, records, origin: Origin::Scratch }
    }

    /// The stored bytes themselves, of a segment that was fetched.
    pub(super) fn into_fetched(self) -> Option<(Arc<Piece>, opaque::Stored)> {
        let Origin::Piece(piece) = self.origin else { return None };
        let stored = match self.stored {
            Stored::Memory(bytes) => opaque::Stored::Memory(bytes),
            Stored::File { file, start, len_bytes } => opaque::Stored::File { file, start, len_bytes },
        };
        Some((piece, stored))
    }

    pub fn len_bytes(&self) -> u64 {
        match &self.stored {
            Stored::Memory(bytes) => bytes.len() as u64,
            Stored::File { len_bytes, .. } => *len_bytes,
        }
    }

    /// Nothing is in it, and nothing should be.
    pub(super) fn is_empty(&self) -> bool {
        self.len_bytes() == 0 && self.records == 0
    }

    /// What its stored bytes take in memory.
    pub fn memory_bytes(&self) -> u64 {
        match &self.stored {
            Stored::Memory(bytes) => bytes.len() as u64,
            Stored::File { .. } => 0,
        }
    }

    /// What reading it takes, besides the stored bytes that are in memory anyway.
    pub(super) fn reading_bytes(&self) -> usize {
        let buffers = match &self.stored {
            Stored::Memory(bytes) => bytes
                .first_chunk()
                .and_then(|header| BlockHeader::read(header, bytes.len() as u64).ok())
                .map_or(0, |header| header.raw_bytes as usize),
            // Blocks are about as long as their limit, and stored not much longer than raw.
            Stored::File { len_bytes, .. } => {
                SHUFFLE_BLOCK_BYTES
                    + SCRATCH_READ_BYTES.min(usize::try_from(*len_bytes).unwrap_or(usize::MAX))
            }
        };
        buffers + size_of::<SegmentReader>() + size_of::<SortedSegment>()
    }
}

/// Walks over the records of a segment. The current record is that of the last `advance`.
pub(super) struct SegmentReader {
    segment: SortedSegment,
    /// Offset in the segment of the next block.
    next_block: u64,
    /// Bytes of the file from `buffer_start` on; unused for segments in memory.
    buffer: Vec<u8>,
    buffer_start: u64,
    raw: Vec<u8>,
    /// Where in `raw` the next record begins.
    next_record: usize,
    records_left_in_block: u32,
    records_seen: u64,
    record_start: usize,
    span: RecordSpan,
}

impl SegmentReader {
    pub fn new(segment: SortedSegment) -> SegmentReader {
        SegmentReader {
            segment,
            next_block: 0,
            buffer: Vec::new(),
            buffer_start: 0,
            raw: Vec::new(),
            next_record: 0,
            records_left_in_block: 0,
            records_seen: 0,
            record_start: 0,
            span: RecordSpan::default(),
        }
    }

    #[inline]
    pub fn key(&self) -> &[u8] {
        &self.raw[self.record_start + self.span.key_start..self.record_start + self.span.key_end]
    }

    #[inline]
    pub fn value(&self) -> &[u8] {
        &self.raw[self.record_start + self.span.key_end..self.record_start + self.span.value_end]
    }

    /// Moves to the next record. `false`: there was none, and all that should be there was.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, ShuffleError> {
        if self.records_left_in_block == 0 && !self.open_block()? {
            return Ok(false);
        }
        self.records_left_in_block -= 1;
        self.record_start = self.next_record;
        self.span = match RecordSpan::read(&self.raw[self.next_record..]) {
            Ok(span) => span,
            Err(error) => return Err(self.blame(error)),
        };
        self.next_record += self.span.value_end;
        Ok(true)
    }

    fn open_block(&mut self) -> Result<bool, ShuffleError> {
        if self.next_record != self.raw.len() {
            return Err(self.blame(FormatError::Records));
        }
        self.next_record = 0;
        self.raw.clear();
        self.raw.shrink_to(4 * SHUFFLE_BLOCK_BYTES);
        let len_bytes = self.segment.len_bytes();
        if self.next_block == len_bytes {
            return match self.records_seen == self.segment.records {
                true => Ok(false),
                false => Err(self.blame(FormatError::RecordCount {
                    found: self.records_seen,
                    expected: self.segment.records,
                })),
            };
        }
        let header = self.read_block()?;
        self.next_block += HEADER_BYTES as u64 + u64::from(header.stored_bytes);
        self.records_left_in_block = header.records;
        self.records_seen += u64::from(header.records);
        Ok(true)
    }

    /// Puts the records of the next block into `raw`.
    fn read_block(&mut self) -> Result<BlockHeader, ShuffleError> {
        if let Stored::File { .. } = self.segment.stored {
            self.buffer_at_least(HEADER_BYTES)?;
        }
        let header = match BlockHeader::read(&self.header()?, self.bytes_left() - HEADER_BYTES as u64) {
            Ok(header) => header,
            Err(error) => return Err(self.blame(error)),
        };
        let block_bytes = HEADER_BYTES + header.stored_bytes as usize;
        let opened = if let Stored::Memory(bytes) = &self.segment.stored {
            let stored = &bytes[self.next_block as usize..][..block_bytes];
            open(&header, stored, &mut self.raw)
        } else {
            self.buffer_at_least(block_bytes)?;
            let from = (self.next_block - self.buffer_start) as usize;
            open(&header, &self.buffer[from..from + block_bytes], &mut self.raw)
        };
        opened.map_err(|error| self.blame(error))?;
        Ok(header)
    }

    fn bytes_left(&self) -> u64 {
        self.segment.len_bytes() - self.next_block
    }

    fn header(&self) -> Result<[u8; HEADER_BYTES], ShuffleError> {
        let bytes = match &self.segment.stored {
            Stored::Memory(bytes) => &bytes[self.next_block as usize..],
            Stored::File { .. } => &self.buffer[(self.next_block - self.buffer_start) as usize..],
        };
        bytes.first_chunk().copied().ok_or_else(|| self.blame(FormatError::Truncated))
    }

    /// Sees to it that the buffer holds `need` bytes from the next block's start on.
    fn buffer_at_least(&mut self, need: usize) -> Result<(), ShuffleError> {
        let Stored::File { file, start, .. } = &self.segment.stored else { return Ok(()) };
        let from = (self.next_block - self.buffer_start) as usize;
        if self.buffer.len() - from >= need {
            return Ok(());
        }
        let left = self.segment.len_bytes() - self.next_block;
        if (need as u64) > left {
            return Err(self.blame(FormatError::Truncated));
        }
        self.buffer.drain(..from);
        self.buffer_start = self.next_block;
        let held = self.buffer.len();
        let wanted = need.max(SCRATCH_READ_BYTES).min(usize::try_from(left).unwrap_or(usize::MAX));
        self.buffer.shrink_to(wanted.max(SCRATCH_READ_BYTES));
        self.buffer.resize(wanted, 0);
        file.read_at(start + self.buffer_start + held as u64, &mut self.buffer[held..])
    }

    #[cold]
    fn blame(&self, error: FormatError) -> ShuffleError {
        match (&self.segment.origin, &self.segment.stored) {
            // The bytes arrived with the checksum that the producer reported: the producer wrote them like this, or
            // this machine's disk changed them since.
            (Origin::Piece(piece), Stored::Memory(_)) => lost(piece, error),
            (Origin::Piece(piece), Stored::File { .. }) if is_producers(error) => lost(piece, error),
            (_, Stored::File { file, .. }) => {
                ShuffleError::DamagedScratch { path: file.path().to_owned(), source: error }
            }
            (Origin::Scratch, Stored::Memory(_)) => {
                ShuffleError::DamagedScratch { path: "(memory)".into(), source: error }
            }
        }
    }
}

/// Blocks that are whole by their checksums but not what was promised.
fn is_producers(error: FormatError) -> bool {
    matches!(error, FormatError::RecordCount { .. } | FormatError::Records)
}

fn lost(piece: &Piece, error: FormatError) -> ShuffleError {
    tracing::warn!(producer = %piece.producer, holder = %piece.holder, %error, "a fetched shuffle piece is bad");
    let reason = match error {
        FormatError::RecordCount { .. } => LossReason::Mismatch,
        _ => LossReason::Corrupt,
    };
    ShuffleError::Lost(vec![LostPiece {
        producer: piece.producer,
        stage: piece.producer.stage,
        holder: piece.holder,
        reason,
    }])
}

fn open(header: &BlockHeader, block: &[u8], raw: &mut Vec<u8>) -> Result<(), FormatError> {
    let (head, stored) = block.split_first_chunk().ok_or(FormatError::Truncated)?;
    header.open(head, stored, raw)
}
