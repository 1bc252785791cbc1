//! Shuffle between threads of one process: outputs stay in memory until the run ends.

use crate::{
    model::{AttemptId, Segment},
    protocol::{task::KeptData, worker::Piece},
    shuffle::{MergeReader, OpaquePiece, SortedSegment},
    task_program::{FetchedInput, OpenInput, PublishedOutput, ShuffleFault, ShuffleHost, SortedInput},
};
use bytes::Bytes;
use skep_hdfs::WorkerId;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

#[derive(Default)]
pub(super) struct LocalShuffle {
    /// The stored bytes of each partition of each attempt.
    outputs: Mutex<BTreeMap<AttemptId, Vec<Bytes>>>,
    opened: AtomicU64,
}

fn cut(segments: &[Segment], bytes: Vec<u8>) -> Vec<Bytes> {
    let mut rest = Bytes::from(bytes);
    segments.iter().map(|segment| rest.split_to(segment.len_bytes as usize)).collect()
}

impl LocalShuffle {
    fn stored(&self, request: &OpenInput<'_>) -> Result<Vec<(Arc<Piece>, Bytes)>, ShuffleFault> {
        let partition = request.partition as usize;
        let all = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |piece: &Piece| {
            let stored = all.get(&piece.producer)?.get(partition)?.clone();
            Some((Arc::new(piece.clone()), stored))
        };
        let found: Option<Vec<_>> = request.pieces.iter().map(find).collect();
        found.ok_or_else(|| ShuffleFault::Worker("a stage ran before the stages it reads".to_owned()))
    }
}

impl ShuffleHost for LocalShuffle {
    fn publish(&self, output: PublishedOutput<'_>) -> Result<Option<WorkerId>, ShuffleFault> {
        let bytes = match output.data {
            KeptData::Memory(bytes) => bytes,
            KeptData::File(path) => std::fs::read(&path).map_err(|error| ShuffleFault::Disk {
                reason: format!("{}: {error}", path.display()),
                full: false,
            })?,
        };
        let partitions = cut(&output.segments, bytes);
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).insert(output.attempt, partitions);
        Ok(None)
    }

    fn open(&self, request: OpenInput<'_>) -> Result<Box<dyn SortedInput>, ShuffleFault> {
        let segments = self.stored(&request)?;
        let segments =
            segments.into_iter().map(|(piece, stored)| SortedSegment::fetched(piece, stored)).collect();
        let stem = format!("input{}", self.opened.fetch_add(1, Relaxed));
        let OpenInput { memory_bytes, scratch, moved_bytes, .. } = request;
        Ok(Box::new(MergeReader::open(segments, memory_bytes, scratch, &stem, moved_bytes)?))
    }

    fn fetch(&self, request: OpenInput<'_>) -> Result<FetchedInput, ShuffleFault> {
        let stored = self.stored(&request)?.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        let pieces = stored.map(|(piece, bytes)| OpaquePiece::in_memory(piece, bytes)).collect();
        Ok(FetchedInput { pieces, spilled_bytes: 0 })
    }
}
