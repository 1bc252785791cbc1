//! The consumer's way to its pieces: from several holders at once, in bounded memory, checked against what the producers
//! reported, and an exact account of what could not be had.
//!
//! ```text
//! one task per holder, on the I/O runtime          the task's own thread
//! connect ─► Fetch ─► Piece, payload ─ CRC ─► queue ─► memory while there is room, else one scratch file
//!    ▲          broken: pause, again                    Lost ─► listed; the rest is still asked for
//!    └──────────┘ until the patience ends
//! ```
//! It must not know how holders store what they serve.

mod collect;
mod holder;
#[cfg(test)]
mod tests;

use super::{OpaquePiece, ShuffleError, reader::MergeReader, segment::SortedSegment};
use crate::{
    limits::{FETCH_HOLDERS_MAX, SHUFFLE_FRAME_BYTES},
    protocol::worker::Piece,
    task_program::Cancel,
};
use collect::Collector;
use holder::HolderFetch;
use skep_hdfs::{WorkerId, protocol::namespace::Location};
use skep_wire::Dialer;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

/// What a fetch may use.
#[derive(Clone, Copy)]
pub struct FetchOptions<'a> {
    pub dialer: &'a Dialer,
    /// Does the I/O. The calling thread must not be one of its own.
    pub runtime: &'a Handle,
    /// This machine's name: holders with the same are asked over their Unix socket.
    pub host: &'a str,
    /// For the fetch and the merge together.
    pub memory_bytes: usize,
    /// An existing directory, and how the names of files there begin.
    pub scratch: &'a Path,
    pub stem: &'a str,
    /// How long a holder may be out of reach. Usually `limits::FETCH_PATIENCE`.
    pub patience: Duration,
    pub cancel: &'a Cancel,
    /// Is raised by the bytes that arrived, and by those that are merged ahead, so that neither looks like a hanging task.
    pub moved_bytes: &'a AtomicU64,
}

/// Pieces on this machine.
pub struct Fetched {
    /// In the order in which they were asked for, those without records left out.
    pub segments: Vec<SortedSegment>,
    /// Bytes for which there was no room in memory.
    pub spilled_bytes: u64,
}

/// Fetches one partition's pieces and merges them.
pub fn open(
    pieces: &[Piece],
    holders: &[Location],
    partition: u32,
    options: &FetchOptions<'_>,
) -> Result<MergeReader, ShuffleError> {
    let fetched = fetch(pieces, holders, partition, options)?;
    let kept_bytes: u64 = fetched.segments.iter().map(SortedSegment::memory_bytes).sum();
    let merge_bytes = options.memory_bytes.saturating_sub(kept_bytes as usize);
    let FetchOptions { scratch, stem, moved_bytes, .. } = *options;
    let mut reader = MergeReader::open(fetched.segments, merge_bytes, scratch, stem, moved_bytes)?;
    reader.add_spilled_bytes(fetched.spilled_bytes);
    Ok(reader)
}

/// Fetches one partition's pieces, whatever is in them, in the order in which they were asked for; those without records
/// left out. Also says how many bytes found no room in memory.
pub fn open_opaque(
    pieces: &[Piece],
    holders: &[Location],
    partition: u32,
    options: &FetchOptions<'_>,
) -> Result<(Vec<OpaquePiece>, u64), ShuffleError> {
    let fetched = fetch(pieces, holders, partition, options)?;
    Ok((fetched.segments.into_iter().filter_map(OpaquePiece::of).collect(), fetched.spilled_bytes))
}

/// Fetches one partition of every piece, using half of the memory. Blocks the calling thread until all are here or known to
/// be lost.
pub fn fetch(
    pieces: &[Piece],
    holders: &[Location],
    partition: u32,
    options: &FetchOptions<'_>,
) -> Result<Fetched, ShuffleError> {
    let pieces: Arc<[Arc<Piece>]> = pieces.iter().cloned().map(Arc::new).collect();
    let mut by_holder = BTreeMap::<WorkerId, Vec<usize>>::new();
    for (index, piece) in pieces.iter().enumerate() {
        // The producer counted none: there is nothing to ask for.
        if piece.segment.records > 0 || piece.segment.len_bytes > 0 {
            by_holder.entry(piece.holder).or_default().push(index);
        }
    }
    // A quarter of the memory is for frames on their way: one in each connection and as many in the queue.
    let lanes = (options.memory_bytes / (8 * SHUFFLE_FRAME_BYTES)).clamp(1, FETCH_HOLDERS_MAX);
    let permits = Arc::new(Semaphore::new(lanes));
    let (events, queue) = mpsc::channel(lanes);
    let mut tasks = JoinSet::new();
    for (holder, wanted) in by_holder {
        let location = holders.iter().find(|location| location.worker == holder).cloned();
        let fetch = HolderFetch {
            holder,
            endpoints: location
                .map(|location| holder::endpoints(&location, options.host))
                .unwrap_or_default(),
            dialer: options.dialer.clone(),
            partition,
            pieces: Arc::clone(&pieces),
            patience: options.patience,
            permits: Arc::clone(&permits),
            events: events.clone(),
        };
        tasks.spawn_on(fetch.run(wanted), options.runtime);
    }
    drop(events);
    // Dropping the tasks, on whichever way out, ends them.
    Collector::new(pieces, options).run(queue)
}
