//! Records in, blocks and segments out: the writing side of the format.

use super::{
    ShuffleError,
    combine::SortedRecords,
    format::{BlockHeader, Codec, Crc, HEADER_BYTES, write_record},
    scratch::GrowingFile,
};
use crate::limits::SHUFFLE_BLOCK_BYTES;
use crate::model::Segment;
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

/// Closes blocks: compresses them when that makes them shorter. Its buffers are used again from block to block.
pub(super) struct BlockWriter {
    raw: Vec<u8>,
    records: u32,
    stored: Vec<u8>,
    table: CompressTable,
    segment: Segment,
    crc: Crc,
}

impl BlockWriter {
    pub fn new() -> BlockWriter {
        BlockWriter {
            raw: Vec::new(),
            records: 0,
            stored: Vec::new(),
            table: CompressTable::default(),
            segment: Segment::default(),
            crc: Crc::new(),
        }
    }

    #[inline]
    pub fn push(&mut self, key: &[u8], value: &[u8], out: &mut GrowingFile) -> Result<(), ShuffleError> {
        write_record(key, value, &mut self.raw);
        self.records += 1;
        if self.raw.len() >= SHUFFLE_BLOCK_BYTES { self.end_block(out) } else { Ok(()) }
    }

    /// A record as [`write_record`] writes it.
    #[inline]
    pub fn push_encoded(&mut self, record: &[u8], out: &mut GrowingFile) -> Result<(), ShuffleError> {
        self.raw.extend_from_slice(record);
        self.records += 1;
        if self.raw.len() >= SHUFFLE_BLOCK_BYTES { self.end_block(out) } else { Ok(()) }
    }

    fn end_block(&mut self, out: &mut GrowingFile) -> Result<(), ShuffleError> {
        let room = get_maximum_output_size(self.raw.len());
        if self.stored.len() < room {
            self.stored.resize(room, 0);
        }
        // The room is what the codec asks for; if it ever were too small, the block would be stored as it is.
        let compressed = compress_into_with_table(&self.raw, &mut self.stored, &mut self.table);
        let (codec, stored) = match compressed {
            Ok(len) if len < self.raw.len() => (Codec::Lz4, &self.stored[..len]),
            _ => (Codec::Raw, &self.raw[..]),
        };
        let header = BlockHeader::of(codec, self.raw.len() as u32, self.records, stored);
        for bytes in [&header[..], stored] {
            self.crc.update(bytes);
            out.append(bytes)?;
        }
        self.segment.len_bytes += (HEADER_BYTES + stored.len()) as u64;
        self.segment.records += u64::from(self.records);
        self.records = 0;
        self.raw.clear();
        self.raw.shrink_to(4 * SHUFFLE_BLOCK_BYTES);
        Ok(())
    }

    /// Closes the last block and says what was written since the last segment ended.
    pub fn end_segment(&mut self, out: &mut GrowingFile) -> Result<Segment, ShuffleError> {
        if self.records > 0 {
            self.end_block(out)?;
        }
        let crc = std::mem::take(&mut self.crc);
        let segment = std::mem::take(&mut self.segment);
        // Nothing has the checksum 0 by definition, so that an empty segment is `Segment::default()`.
        Ok(Segment { crc: if segment.len_bytes == 0 { 0 } else { crc.value() }, ..segment })
    }
}

/// Segments of all partitions one after the other: a spilled run, or an output.
pub(super) struct SegmentsWriter<'a> {
    blocks: &'a mut BlockWriter,
    out: GrowingFile,
    segments: Vec<Segment>,
    partitions: u32,
}

impl<'a> SegmentsWriter<'a> {
    pub fn new(blocks: &'a mut BlockWriter, out: GrowingFile, partitions: u32) -> SegmentsWriter<'a> {
        SegmentsWriter { blocks, out, segments: Vec::with_capacity(partitions as usize), partitions }
    }

    /// Ends the segments before that of `partition`.
    #[inline]
    fn reach(&mut self, partition: u32) -> Result<(), ShuffleError> {
        debug_assert!(self.segments.len() <= partition as usize, "partitions come in order");
        while self.segments.len() < partition as usize {
            let segment = self.blocks.end_segment(&mut self.out)?;
            self.segments.push(segment);
        }
        Ok(())
    }

    #[inline]
    pub fn push_encoded(&mut self, partition: u32, record: &[u8]) -> Result<(), ShuffleError> {
        self.reach(partition)?;
        self.blocks.push_encoded(record, &mut self.out)
    }

    pub fn finish(mut self) -> Result<(Vec<Segment>, GrowingFile), ShuffleError> {
        self.reach(self.partitions)?;
        Ok((self.segments, self.out))
    }
}

impl SortedRecords for SegmentsWriter<'_> {
    #[inline]
    fn push(&mut self, partition: u32, key: &[u8], value: &[u8]) -> Result<(), ShuffleError> {
        self.reach(partition)?;
        self.blocks.push(key, value, &mut self.out)
    }
}
