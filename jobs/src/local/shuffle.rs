//! Shuffle between threads of one process: outputs stay in memory until the run ends.

use crate::{
    model::{AttemptId, Segment},
    plan::exchange::memory::MemoryInput,
    protocol::task::KeptData,
    task_program::{OpenInput, PublishedOutput, ShuffleFault, ShuffleHost, SortedInput},
};
use skep_hdfs::WorkerId;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Default)]
pub(super) struct LocalShuffle {
    outputs: Mutex<BTreeMap<AttemptId, Arc<Output>>>,
}

struct Output {
    segments: Vec<Segment>,
    bytes: Vec<u8>,
}

impl Output {
    fn piece(&self, partition: u32) -> &[u8] {
        let partition = partition as usize;
        let start: u64 = self.segments[..partition].iter().map(|segment| segment.len_bytes).sum();
        &self.bytes[start as usize..][..self.segments[partition].len_bytes as usize]
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
        let kept = Arc::new(Output { segments: output.segments, bytes });
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).insert(output.attempt, kept);
        Ok(None)
    }

    fn open(&self, request: OpenInput<'_>) -> Result<Box<dyn SortedInput>, ShuffleFault> {
        let outputs = {
            let all = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
            let find = |piece: &crate::protocol::worker::Piece| all.get(&piece.producer).cloned();
            request.pieces.iter().filter_map(find).collect::<Vec<_>>()
        };
        if outputs.len() != request.pieces.len() {
            return Err(ShuffleFault::Worker("a stage ran before the stages it reads".to_owned()));
        }
        let pieces: Vec<&[u8]> = outputs.iter().map(|output| output.piece(request.partition)).collect();
        Ok(Box::new(MemoryInput::new(&pieces)?))
    }
}
