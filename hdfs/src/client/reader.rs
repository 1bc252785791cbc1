//! Reading one file: which replica, by which way, and what to do when it fails.
//!
//! A replica on this host is read through descriptors that its worker hands over, on threads that may block; others are
//! streamed. Every byte is checked.
//!
//! ```text
//!  first replica ──► bytes ──────────────────────────────► done; whatever else is being read is given up
//!    │  └─ nothing comes for a while: the next replica is read as well, and the faster one wins
//!    └─ bad or out of reach: the next replica at once ─ all failed ─► locations are asked for again
//! ```
//! A replica that fails its checksum is reported, once; a worker that fails or hangs is asked last from then on.

use super::{Client, ClientError, Tried};
use crate::{
    BlockId, Generation, WorkerId,
    blocks::{
        remote::{self, RemoteError},
        verified::VerifiedFile,
    },
    limits::{LOCATE_AGAIN_PAUSES, OPEN_BLOCKS_PER_READER},
    protocol::namespace::{FileBlocks, FileStatus, LocatedBlock, Location, Operation},
};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::FuturesUnordered};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::time::timeout;

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
    /// Workers that failed or hung under this reader.
    suspects: BTreeSet<WorkerId>,
    /// Bad replicas that the master was told of.
    reported: BTreeSet<(BlockId, WorkerId)>,
}

/// Why no replica gave the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// Every replica is bad.
    Bad,
    /// A worker did not answer, or none is known to hold the block.
    OutOfReach,
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
        let mut pauses = LOCATE_AGAIN_PAUSES.into_iter();
        loop {
            let failed = match self.read_any(&located, &range, &mut tried).await {
                Ok(bytes) => return Ok(bytes),
                Err(failed) => failed,
            };
            // A worker that starts again is back in a moment; bytes that do not match stay so.
            let next = pauses.next().filter(|pause| pause.is_zero() || failed == Failed::OutOfReach);
            let Some(pause) = next else { break };
            tokio::time::sleep(pause).await;
            let Some(found) = self.locate_again(block.block).await? else { break };
            located = found;
        }
        let in_file = block.offset + range.start..block.offset + range.end;
        Err(tried.unreadable(&self.opened.status.path, block, in_file))
    }

    /// From the first replica that gives the bytes. One that is silent does not hold up the next, nor is it given up
    /// before another was faster: it may be the only good one.
    async fn read_any(
        &self,
        located: &LocatedBlock,
        range: &Range<u64>,
        tried: &mut Tried,
    ) -> Result<Bytes, Failed> {
        let arrived = AtomicU64::new(0);
        let mut waiting = self.by_promise(&located.locations).into_iter();
        let mut reading = FuturesUnordered::new();
        let mut latest = None;
        let mut failed = if located.locations.is_empty() { Failed::OutOfReach } else { Failed::Bad };
        loop {
            if reading.is_empty() {
                let Some(next) = waiting.next() else { return Err(failed) };
                latest = Some(next.worker);
                reading.push(self.read_from(located, next, range, &arrived));
            }
            let before = arrived.load(Relaxed);
            match timeout(self.client.shared.read_patience, reading.next()).await {
                Ok(Some((_, Ok(bytes)))) => return Ok(bytes),
                Ok(Some((location, Err(error)))) => {
                    tracing::info!(block = %located.block, worker = %location.worker, %error, "trying another replica");
                    tried.add(location.worker, &error);
                    if !error.is_bad_replica() {
                        failed = Failed::OutOfReach;
                    }
                    self.state().suspects.insert(location.worker);
                }
                Ok(None) => {}
                Err(_) if arrived.load(Relaxed) > before => {}
                Err(_) => {
                    self.state().suspects.extend(latest.take());
                    let Some(next) = waiting.next() else { continue };
                    latest = Some(next.worker);
                    tracing::info!(block = %located.block, worker = %next.worker, "nothing comes: reading another replica as well");
                    reading.push(self.read_from(located, next, range, &arrived));
                }
            }
        }
    }

    async fn read_from(
        &self,
        located: &LocatedBlock,
        location: Location,
        range: &Range<u64>,
        arrived: &AtomicU64,
    ) -> (Location, Result<Bytes, RemoteError>) {
        let outcome = self.read_replica(located, &location, range.clone(), arrived).await;
        (location, outcome)
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
        arrived: &AtomicU64,
    ) -> Result<Bytes, RemoteError> {
        let LocatedBlock { block, generation, .. } = *located;
        if self.client.shared.channels.is_local(location) {
            match self.read_local(located, location, range.clone()).await {
                Ok(bytes) => return Ok(bytes),
                // The worker reads the same bytes itself and judges them: it puts a bad replica aside, and if it finds
                // nothing the fault was on this side.
                Err(error) if error.is_bad_replica() => {
                    self.state().files.remove(&block);
                    tracing::warn!(%block, worker = %location.worker, %error, "bytes of a replica do not match");
                }
                // Descriptors cannot be had (too many are open, say): its socket may do.
                Err(error) => tracing::debug!(%block, %error, "reading through a socket instead"),
            }
        }
        let mut over_tcp = location.clone();
        if self.state().suspects.contains(&location.worker) {
            over_tcp.socket = None;
        }
        let channels = &self.client.shared.channels;
        let streamed = remote::read(channels, &over_tcp, block, generation, range, arrived).await;
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

    /// Tells the master, in the background and once: this reader goes on with another replica.
    fn report_corrupt(&self, block: BlockId, generation: Generation, worker: WorkerId) {
        if !self.state().reported.insert((block, worker)) {
            return;
        }
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
