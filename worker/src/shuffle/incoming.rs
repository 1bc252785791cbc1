//! An output on its way in: checked while it comes, in memory when it is small, else in a file that is gone if it does not
//! arrive whole.

use super::{ShuffleStore, StoreError, inventory};
use crate::limits::{SHUFFLE_CHUNK_BYTES, SHUFFLE_MEMORY_OUTPUT_BYTES_MAX};
use skep_jobs::{
    model::{AttemptId, Segment},
    protocol::task::KeptData,
    shuffle::format::Crc,
};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::PathBuf,
    sync::Arc,
};

pub(super) struct Incoming {
    store: Arc<ShuffleStore>,
    attempt: AttemptId,
    segments: Vec<Segment>,
    check: SegmentsCheck,
    buffer: Vec<u8>,
    file: Option<IncomingFile>,
    in_memory: bool,
}

impl Incoming {
    pub fn new(store: Arc<ShuffleStore>, attempt: AttemptId, segments: Vec<Segment>) -> Incoming {
        let len_bytes = segments.iter().fold(0u64, |sum, segment| sum.saturating_add(segment.len_bytes));
        Incoming {
            store,
            attempt,
            check: SegmentsCheck::new(attempt, &segments),
            segments,
            buffer: Vec::new(),
            file: None,
            in_memory: len_bytes <= SHUFFLE_MEMORY_OUTPUT_BYTES_MAX,
        }
    }

    /// Takes the next bytes in and checks them. Does no I/O.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.check.update(&self.segments, bytes)?;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether [`Incoming::write`] should be called before more is pushed.
    pub fn wants_write(&self) -> bool {
        !self.in_memory && self.buffer.len() >= SHUFFLE_CHUNK_BYTES
    }

    /// Blocks: puts what was pushed into the file.
    pub fn write(&mut self) -> Result<(), StoreError> {
        if self.file.is_none() {
            self.file = Some(IncomingFile::create(self.store.incoming_path())?);
        }
        if let Some(file) = &mut self.file {
            file.append(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// Blocks: the end of the bytes. Hands the output to the store.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.check.finish(&self.segments)?;
        if self.in_memory {
            return self.store.keep(self.attempt, self.segments, KeptData::Memory(self.buffer));
        }
        self.write()?;
        let path = self.file.as_ref().map(|file| file.path.clone()).unwrap_or_default();
        // The store moves the file away; what is left at the path after an error goes with `file`.
        self.store.keep(self.attempt, self.segments, KeptData::File(path))
    }
}

/// Is removed when it is dropped, if it is still there.
struct IncomingFile {
    path: PathBuf,
    file: File,
}

impl IncomingFile {
    fn create(path: PathBuf) -> Result<IncomingFile, StoreError> {
        match OpenOptions::new().create(true).truncate(true).write(true).open(&path) {
            Ok(file) => Ok(IncomingFile { path, file }),
            Err(error) => Err(StoreError::disk("create", &path, error)),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all(bytes)
            .map_err(|error| StoreError::disk("write a delivered shuffle output to", &self.path, error))
    }
}

impl Drop for IncomingFile {
    fn drop(&mut self) {
        inventory::remove(&self.path);
    }
}

/// Compares bytes with the segments that they should be.
struct SegmentsCheck {
    attempt: AttemptId,
    partition: usize,
    left_in_segment: u64,
    crc: Crc,
    found_bytes: u64,
}

impl SegmentsCheck {
    fn new(attempt: AttemptId, segments: &[Segment]) -> SegmentsCheck {
        let left_in_segment = segments.first().map_or(0, |segment| segment.len_bytes);
        SegmentsCheck { attempt, partition: 0, left_in_segment, crc: Crc::new(), found_bytes: 0 }
    }

    fn update(&mut self, segments: &[Segment], mut bytes: &[u8]) -> Result<(), StoreError> {
        self.found_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            self.pass_ended(segments)?;
            if self.partition == segments.len() {
                return Err(self.wrong_length(segments));
            }
            let take = self.left_in_segment.min(bytes.len() as u64);
            let (now, rest) = bytes.split_at(take as usize);
            self.crc.update(now);
            self.left_in_segment -= take;
            bytes = rest;
        }
        Ok(())
    }

    /// Moves on from segments that are complete.
    fn pass_ended(&mut self, segments: &[Segment]) -> Result<(), StoreError> {
        while let Some(segment) = segments.get(self.partition)
            && self.left_in_segment == 0
        {
            let crc = std::mem::take(&mut self.crc);
            // An empty segment has the checksum 0.
            if segment.len_bytes > 0 && crc.value() != segment.crc {
                return Err(StoreError::Checksum { attempt: self.attempt, partition: self.partition as u32 });
            }
            self.partition += 1;
            self.left_in_segment = segments.get(self.partition).map_or(0, |segment| segment.len_bytes);
        }
        Ok(())
    }

    fn finish(&mut self, segments: &[Segment]) -> Result<(), StoreError> {
        self.pass_ended(segments)?;
        match self.partition == segments.len() {
            true => Ok(()),
            false => Err(self.wrong_length(segments)),
        }
    }

    fn wrong_length(&self, segments: &[Segment]) -> StoreError {
        let expected = segments.iter().fold(0u64, |sum, segment| sum.saturating_add(segment.len_bytes));
        StoreError::Length { attempt: self.attempt, found: self.found_bytes, expected }
    }
}
