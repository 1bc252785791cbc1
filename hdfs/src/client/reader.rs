//! Reading one file: which replica, by which way, and what to do when it fails.
//!
//! A replica on this host is read through descriptors that its worker hands over, on threads that may block; others are
//! streamed. Every byte is checked. A replica that fails its checksum is reported; a worker that fails is asked last from
//! then on; when all have failed, the locations are asked for once more.

use super::{Client, ClientError, Tried};
use crate::{
    BlockId, Generation, WorkerId,
    blocks::{
        remote::{self, RemoteError},
        verified::VerifiedFile,
    },
    limits::OPEN_BLOCKS_PER_READER,
    protocol::namespace::{FileBlocks, FileStatus, LocatedBlock, Location, Operation},
};
use bytes::{Bytes, BytesMut};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Reads one file at any offset. Every byte is checked against its checksum; a bad or lost replica is reported and the
/// next one is read. Many reads may run at the same time.
pub struct FileReader {
    client: Client,
    opened: FileBlocks,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Locations that were asked for again, by block.
    refreshed: BTreeMap<BlockId, LocatedBlock>,
    /// Replicas on this host. Kept open: reading them needs nobody's help any more.
    files: BTreeMap<BlockId, (WorkerId, Arc<VerifiedFile>)>,
    /// Workers that failed under this reader.
    suspects: BTreeSet<WorkerId>,
}

impl FileReader {
    pub(super) fn new(client: Client, opened: FileBlocks) -> FileReader {
        FileReader { client, opened, state: Mutex::default() }
    }

    pub fn status(&self) -> &FileStatus {
        &self.opened.status
    }

    /// Blocks and locations as they were when the file was opened.
    pub fn blocks(&self) -> &FileBlocks {
        &self.opened
    }

    pub fn len_bytes(&self) -> u64 {
        self.opened.blocks.last().map_or(0, |last| last.offset + last.len_bytes)
    }

    /// Exactly these bytes, cut at the end of the file.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, ClientError> {
        let len_bytes = self.len_bytes();
        if range.start > len_bytes {
            let path = self.opened.status.path.clone();
            return Err(ClientError::OutOfRange { path, start: range.start, len_bytes });
        }
        let range = range.start..range.end.min(len_bytes);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let blocks = &self.opened.blocks;
        let first = blocks.partition_point(|block| block.offset + block.len_bytes <= range.start);
        let end = blocks.partition_point(|block| block.offset < range.end);
        if let [block] = &blocks[first..end] {
            return self.read_block(block, within(block, &range)).await;
        }
        let mut joined = BytesMut::with_capacity((range.end - range.start) as usize);
        for block in &blocks[first..end] {
            joined.extend_from_slice(&self.read_block(block, within(block, &range)).await?);
        }
        Ok(joined.freeze())
    }

    async fn read_block(&self, block: &LocatedBlock, range: Range<u64>) -> Result<Bytes, ClientError> {
        let known = self.state().refreshed.get(&block.block).cloned();
        let mut located = known.unwrap_or_else(|| block.clone());
        let mut tried = Tried::default();
        for is_last in [false, true] {
            for location in self.by_promise(&located.locations) {
                match self.read_replica(&located, &location, range.clone()).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(error) => {
                        tracing::info!(block = %located.block, worker = %location.worker, %error, "trying another replica");
                        tried.add(location.worker, &error);
                        self.state().suspects.insert(location.worker);
                    }
                }
            }
            if !is_last {
                located = match self.locate_again(block.block).await? {
                    Some(found) => found,
                    None => break,
                };
            }
        }
        let in_file = block.offset + range.start..block.offset + range.end;
        Err(tried.unreadable(&self.opened.status.path, block, in_file))
    }

    /// Replicas on this host first, workers that failed last, otherwise as the master gave them.
    fn by_promise(&self, locations: &[Location]) -> Vec<Location> {
        let mut ordered = locations.to_vec();
        let state = self.state();
        let channels = &self.client.shared.channels;
        ordered.sort_by_key(|location| {
            (state.suspects.contains(&location.worker), !channels.is_local(location))
        });
        ordered
    }

    async fn read_replica(
        &self,
        located: &LocatedBlock,
        location: &Location,
        range: Range<u64>,
    ) -> Result<Bytes, RemoteError> {
        let LocatedBlock { block, generation, .. } = *located;
        if self.client.shared.channels.is_local(location) {
            match self.read_local(located, location, range.clone()).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.is_bad_replica() => {
                    self.look_into(block, generation, location, error).await?;
                }
                // Descriptors cannot be had (too many are open, say): its socket may do.
                Err(error) => tracing::debug!(%block, %error, "reading through a socket instead"),
            }
        }
        let mut over_tcp = location.clone();
        if self.state().suspects.contains(&location.worker) {
            over_tcp.socket = None;
        }
        let streamed = remote::read(&self.client.shared.channels, &over_tcp, block, generation, range).await;
        if let Err(error) = &streamed
            && error.is_bad_replica()
        {
            self.report_corrupt(block, generation, location.worker);
        }
        streamed
    }

    async fn read_local(
        &self,
        located: &LocatedBlock,
        location: &Location,
        range: Range<u64>,
    ) -> Result<Bytes, RemoteError> {
        let file = self.local_file(located, location).await?;
        if file.len_bytes() < range.end {
            return Err(RemoteError::Short { found: file.len_bytes(), expected: range.end });
        }
        match tokio::task::spawn_blocking(move || file.read(range)).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(RemoteError::OutOfTurn),
        }
    }

    async fn local_file(
        &self,
        located: &LocatedBlock,
        location: &Location,
    ) -> Result<Arc<VerifiedFile>, RemoteError> {
        if let Some((worker, file)) = self.state().files.get(&located.block)
            && *worker == location.worker
        {
            return Ok(file.clone());
        }
        let channels = &self.client.shared.channels;
        let file = remote::open_local(channels, location, located.block, located.generation).await?;
        let file = Arc::new(file);
        let mut state = self.state();
        while state.files.len() >= OPEN_BLOCKS_PER_READER {
            // Files are mostly read from front to back.
            state.files.pop_first();
        }
        state.files.insert(located.block, (location.worker, file.clone()));
        Ok(file)
    }

    /// Bytes that were read here do not match. The worker looks at its replica itself: if it finds nothing, the fault
    /// was on this side, and the bytes may be had over the socket.
    async fn look_into(
        &self,
        block: BlockId,
        generation: Generation,
        location: &Location,
        seen: RemoteError,
    ) -> Result<(), RemoteError> {
        self.state().files.remove(&block);
        tracing::warn!(%block, worker = %location.worker, error = %seen, "bytes of a replica do not match");
        match remote::verify(&self.client.shared.channels, location, block, generation).await {
            Ok(()) => Ok(()),
            Err(_) => {
                self.report_corrupt(block, generation, location.worker);
                Err(seen)
            }
        }
    }

    /// Tells the master, in the background: this reader goes on with another replica.
    fn report_corrupt(&self, block: BlockId, generation: Generation, worker: WorkerId) {
        let client = self.client.clone();
        tokio::spawn(async move {
            let report = Operation::ReportCorrupt { block, generation, worker };
            if let Err(error) = client.call(report).await {
                tracing::warn!(%block, %worker, %error, "cannot report a corrupt replica");
            }
        });
    }

    /// Where the block lies by now; `None` if it is no longer this file's.
    async fn locate_again(&self, block: BlockId) -> Result<Option<LocatedBlock>, ClientError> {
        let fresh = self.client.blocks(&self.opened.status.path).await?;
        if fresh.status.id != self.opened.status.id {
            return Ok(None);
        }
        let found = fresh.blocks.iter().find(|found| found.block == block).cloned();
        let mut state = self.state();
        state.files.clear();
        state.refreshed = fresh.blocks.into_iter().map(|block| (block.block, block)).collect();
        Ok(found)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a range of the file that lies in the block, counted from the block's beginning.
fn within(block: &LocatedBlock, range: &Range<u64>) -> Range<u64> {
    let start = range.start.max(block.offset) - block.offset;
    let end = range.end.min(block.offset + block.len_bytes) - block.offset;
    start..end
}
