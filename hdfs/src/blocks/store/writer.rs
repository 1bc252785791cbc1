//! One replica being written: begin or continue, append, finalise.

use super::{BlockStore, OpenFiles, Slot, Ticket, Writing};
use crate::{
    BlockId, Generation,
    blocks::{
        crc::crc32c,
        sums::{Finished, Header, Sums, SumsError, entry_offset, file_len},
    },
    limits::CHECKSUM_CHUNK_BYTES,
    protocol::{
        blocks::{BlockError, Finish},
        control::Replica,
    },
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    sync::Arc,
};

const CHUNK: u64 = CHECKSUM_CHUNK_BYTES as u64;

/// The right to write one replica. Dropped before `finalise`: what is there stays, to be continued under a new generation,
/// recovered or erased.
pub struct ReplicaWriter {
    store: Arc<BlockStore>,
    block: BlockId,
    ticket: Ticket,
}

impl BlockStore {
    /// Starts a replica (`resume_at` 0) or continues one at this length under a newer generation.
    pub fn begin_write(
        self: &Arc<Self>,
        block: BlockId,
        generation: Generation,
        resume_at: u64,
    ) -> Result<ReplicaWriter, BlockError> {
        let ticket = self.ticket();
        self.with_slot(block, |slot| self.begin(slot, block, generation, resume_at, ticket))?;
        Ok(ReplicaWriter { store: self.clone(), block, ticket })
    }

    /// Cuts to `len_bytes`, takes the new generation, and finalises: durable when it returns. A repetition is harmless.
    pub fn finalise_at(
        &self,
        block: BlockId,
        generation: Generation,
        len_bytes: u64,
    ) -> Result<Replica, BlockError> {
        let ticket = self.ticket();
        self.with_slot(block, |slot| {
            if let Some(now) = slot.replica(block)
                && now == (Replica { block, generation, len_bytes, finalised: true })
            {
                return Ok(now);
            }
            if slot.replica(block).is_none() {
                return Err(BlockError::NotHere { block });
            }
            self.begin(slot, block, generation, len_bytes, ticket)?;
            self.finish(slot, block, ticket, None)
        })
    }

    /// Leaves the slot in `Writing`, cut to `resume_at` and owned by `ticket`.
    fn begin(
        &self,
        slot: &mut Slot,
        block: BlockId,
        generation: Generation,
        resume_at: u64,
        ticket: Ticket,
    ) -> Result<(), BlockError> {
        match slot {
            Slot::Empty | Slot::Removed => {
                if resume_at > 0 {
                    return Err(BlockError::NotHere { block });
                }
                *slot =
                    Slot::Writing(Writing { generation, sums: Sums::default(), writer: None, files: None });
            }
            Slot::Writing(now) if now.generation > generation => {
                return Err(BlockError::Generation { block, have: now.generation, wanted: generation });
            }
            Slot::Writing(now) if now.generation == generation && now.writer.is_some() => {
                return Err(BlockError::Busy { block });
            }
            Slot::Writing(_) => {}
            Slot::Finalised { generation: have, len_bytes } if *have == generation => {
                return Err(BlockError::Exists { block, len_bytes: *len_bytes });
            }
            Slot::Finalised { generation: have, .. } if *have > generation => {
                return Err(BlockError::Generation { block, have: *have, wanted: generation });
            }
            Slot::Finalised { generation: have, .. } => {
                let reopened = self.reopen(block, *have).map_err(|error| self.disk_error(block, &error))?;
                *slot = Slot::Writing(reopened);
            }
        }
        let Slot::Writing(writing) = slot else {
            return Err(BlockError::NotHere { block });
        };
        let len_bytes = writing.sums.len_bytes();
        if resume_at > len_bytes {
            return Err(BlockError::OutOfRange { block, offset: resume_at, len_bytes });
        }
        // From here on an earlier writer is shut out.
        writing.writer = Some(ticket);
        let outcome = self.continue_at(block, writing, generation, resume_at);
        outcome.inspect_err(|_| self.discard(slot, block))
    }

    /// Takes a finalised replica back to `writing/`.
    fn reopen(&self, block: BlockId, generation: Generation) -> io::Result<Writing> {
        let files = self.layout.finalised(block, generation);
        let (_, sums) = Sums::decode_file(&std::fs::read(&files.sums)?)
            .map_err(|error: SumsError| io::Error::new(io::ErrorKind::InvalidData, error))?;
        files.withdraw_to(&self.layout.writing(block))?;
        Ok(Writing { generation, sums, writer: None, files: None })
    }

    fn continue_at(
        &self,
        block: BlockId,
        writing: &mut Writing,
        generation: Generation,
        resume_at: u64,
    ) -> Result<(), BlockError> {
        let paths = self.layout.writing(block);
        let open = |path| OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let on_disk = |error: io::Error| self.disk_error(block, &error);
        let data = open(&paths.data).map_err(on_disk)?;
        let sums = open(&paths.sums).map_err(on_disk)?;
        let kept_chunk = kept_chunk(block, &data, &writing.sums, resume_at)?;
        writing.sums.cut(resume_at, kept_chunk);
        writing.generation = generation;
        let header = Header { block, generation, finished: None };
        data.set_len(resume_at).map_err(on_disk)?;
        sums.set_len(file_len(resume_at)).map_err(on_disk)?;
        sums.write_all_at(&header.encode(), 0).map_err(on_disk)?;
        let files = OpenFiles { data, sums };
        if resume_at > 0 {
            write_entries(&files, &writing.sums, (resume_at - 1) / CHUNK).map_err(on_disk)?;
        }
        writing.files = Some(files);
        Ok(())
    }

    fn append(&self, writing: &mut Writing, block: BlockId, bytes: &[u8]) -> Result<u64, BlockError> {
        let free_bytes = self.capacity().free_bytes;
        if free_bytes < bytes.len() as u64 {
            return Err(BlockError::DiskFull { block, free_bytes });
        }
        let Some(files) = &writing.files else {
            return Err(BlockError::Superseded { block });
        };
        let at = writing.sums.len_bytes();
        files.data.write_all_at(bytes, at).map_err(|error| self.disk_error(block, &error))?;
        let first = writing.sums.extend(bytes);
        write_entries(files, &writing.sums, first as u64).map_err(|error| self.disk_error(block, &error))?;
        Ok(writing.sums.len_bytes())
    }

    /// Makes the replica durable and unchanging. Nothing is kept of one that cannot be.
    fn finish(
        &self,
        slot: &mut Slot,
        block: BlockId,
        ticket: Ticket,
        expected: Option<Finish>,
    ) -> Result<Replica, BlockError> {
        let writing = owned(slot, block, ticket)?;
        let outcome = self.seal(writing, block, expected);
        match &outcome {
            Ok(replica) => {
                *slot = Slot::Finalised { generation: replica.generation, len_bytes: replica.len_bytes };
            }
            Err(_) => self.discard(slot, block),
        }
        outcome
    }

    fn seal(
        &self,
        writing: &Writing,
        block: BlockId,
        expected: Option<Finish>,
    ) -> Result<Replica, BlockError> {
        let end = Finished { len_bytes: writing.sums.len_bytes(), crc: writing.sums.whole() };
        if expected.is_some_and(|expected| (expected.len_bytes, expected.crc) != (end.len_bytes, end.crc)) {
            return Err(BlockError::Damaged { block });
        }
        let Some(files) = &writing.files else {
            return Err(BlockError::Superseded { block });
        };
        let generation = writing.generation;
        let header = Header { block, generation, finished: Some(end) };
        let publish = || {
            files.sums.write_all_at(&header.encode(), 0)?;
            files.sync()?;
            self.layout.writing(block).publish_at(&self.layout.finalised(block, generation))
        };
        publish().map_err(|error| self.disk_error(block, &error))?;
        Ok(Replica { block, generation, len_bytes: end.len_bytes, finalised: true })
    }

    /// Gives up a replica that is being written.
    pub(super) fn discard(&self, slot: &mut Slot, block: BlockId) {
        *slot = Slot::Empty;
        if let Err(error) = self.layout.writing(block).remove() {
            tracing::warn!(%block, %error, "cannot remove the files of a replica that was given up; the next start does");
        }
    }

    pub(super) fn disk_error(&self, block: BlockId, error: &io::Error) -> BlockError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                BlockError::DiskFull { block, free_bytes: self.capacity().free_bytes }
            }
            _ => BlockError::Disk { block, reason: error.to_string() },
        }
    }
}

impl OpenFiles {
    /// Both at once: the disk joins the two into one commit of its journal, which halves the wait for small replicas.
    fn sync(&self) -> io::Result<()> {
        std::thread::scope(|scope| {
            let sums = scope.spawn(|| self.sums.sync_data());
            self.data.sync_data()?;
            sums.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs ended early")))
        })
    }
}

/// The replica, if this ticket still holds the right to write it.
fn owned(slot: &mut Slot, block: BlockId, ticket: Ticket) -> Result<&mut Writing, BlockError> {
    match slot {
        Slot::Writing(writing) if writing.writer == Some(ticket) => Ok(writing),
        _ => Err(BlockError::Superseded { block }),
    }
}

/// The checksum of the part of a chunk that stays when a cut goes through it, once the chunk has been checked.
fn kept_chunk(block: BlockId, data: &File, sums: &Sums, cut_at: u64) -> Result<Option<u32>, BlockError> {
    let start = cut_at - cut_at % CHUNK;
    if start == cut_at || cut_at == sums.len_bytes() {
        return Ok(None);
    }
    let mut chunk = vec![0; sums.chunk_len((start / CHUNK) as usize) as usize];
    let corrupt = |end| BlockError::Corrupt { block, offset: start, end };
    data.read_exact_at(&mut chunk, start).map_err(|_| corrupt(cut_at))?;
    sums.verify(start, &chunk).map_err(|range| corrupt(range.end))?;
    Ok(Some(crc32c(&chunk[..(cut_at - start) as usize])))
}

fn write_entries(files: &OpenFiles, sums: &Sums, first: u64) -> io::Result<()> {
    let first = first as usize;
    files.sums.write_all_at(&sums.encode_from(first), entry_offset(first))
}

impl ReplicaWriter {
    /// Writes at the end and returns the new length. After an error the replica is gone.
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64, BlockError> {
        let (store, block) = (&self.store, self.block);
        store.with_slot(block, |slot| {
            let writing = owned(slot, block, self.ticket)?;
            let outcome = store.append(writing, block, bytes);
            outcome.inspect_err(|_| store.discard(slot, block))
        })
    }

    /// Checks what arrived against what the writer sent, and makes it durable.
    pub fn finalise(self, expected: Finish) -> Result<Replica, BlockError> {
        let (store, block) = (&self.store, self.block);
        store.with_slot(block, |slot| store.finish(slot, block, self.ticket, Some(expected)))
    }
}

impl Drop for ReplicaWriter {
    fn drop(&mut self) {
        self.store.with_slot(self.block, |slot| {
            if let Ok(writing) = owned(slot, self.block, self.ticket) {
                writing.writer = None;
                writing.files = None;
            }
        });
    }
}
