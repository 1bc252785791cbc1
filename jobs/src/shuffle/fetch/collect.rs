//! The receiving thread: puts what the holders' tasks hand over into memory or the scratch file, and keeps the account.

use super::{
    super::{ShuffleError, scratch::ScratchFile, segment::SortedSegment},
    FetchOptions, Fetched,
    holder::Event,
};
use crate::{
    limits::CANCEL_POLL,
    model::outcome::{LossReason, LostPiece},
    protocol::worker::Piece,
};
use bytes::Bytes;
use std::sync::{Arc, atomic::Ordering::Relaxed};
use tokio::{sync::mpsc, time::timeout};

/// What a piece in memory costs besides its bytes.
const PIECE_OVERHEAD_BYTES: u64 = 256;

/// ```text
/// Waiting ─► Memory ─┬─► Whole
///    │  └──► Scratch ┘
///    └─► Lost             begins again in the same place; once a piece is lost, the others end as Discarded
/// ```
enum Slot {
    Waiting,
    Memory(Vec<u8>),
    Scratch { start: u64, written: u64 },
    Whole(Place),
    Lost(LossReason),
    Discarded,
}

enum Place {
    Memory(Bytes),
    Scratch { start: u64 },
}

pub(super) struct Collector<'a> {
    pieces: Arc<[Arc<Piece>]>,
    options: &'a FetchOptions<'a>,
    slots: Vec<Slot>,
    memory_left: u64,
    scratch: Option<ScratchFile>,
    scratch_bytes: u64,
    /// Something is lost: the attempt cannot go on, and what still comes is only counted.
    losing: bool,
}

impl<'a> Collector<'a> {
    pub fn new(pieces: Arc<[Arc<Piece>]>, options: &'a FetchOptions<'a>) -> Collector<'a> {
        Collector {
            slots: pieces.iter().map(|_| Slot::Waiting).collect(),
            pieces,
            options,
            memory_left: options.memory_bytes as u64 / 2,
            scratch: None,
            scratch_bytes: 0,
            losing: false,
        }
    }

    /// Takes what comes until every holder's task has ended.
    pub fn run(mut self, mut queue: mpsc::Receiver<Event>) -> Result<Fetched, ShuffleError> {
        loop {
            if self.options.cancel.is_raised() {
                return Err(ShuffleError::Cancelled);
            }
            let next = async { timeout(CANCEL_POLL, queue.recv()).await };
            match self.options.runtime.block_on(next) {
                Err(_) => {}
                Ok(Some(event)) => self.on(event)?,
                Ok(None) => return self.finish(),
            }
        }
    }

    fn on(&mut self, event: Event) -> Result<(), ShuffleError> {
        match event {
            Event::Lost { piece, reason } => {
                self.slots[piece] = Slot::Lost(reason);
                self.losing = true;
                Ok(())
            }
            Event::Bytes { piece, begins, bytes, last } => {
                self.options.moved_bytes.fetch_add(bytes.len() as u64, Relaxed);
                if self.losing {
                    self.slots[piece] = Slot::Discarded;
                    return Ok(());
                }
                if begins {
                    self.begin(piece);
                }
                self.store(piece, &bytes)?;
                if last {
                    self.complete(piece);
                }
                Ok(())
            }
        }
    }

    /// Decides where a piece goes when its first bytes are here; when they are here again, it has its place.
    fn begin(&mut self, piece: usize) {
        match &mut self.slots[piece] {
            Slot::Waiting => {}
            Slot::Memory(bytes) => return bytes.clear(),
            Slot::Scratch { written, .. } => return *written = 0,
            _ => return,
        }
        let len_bytes = self.pieces[piece].segment.len_bytes;
        let cost = len_bytes + PIECE_OVERHEAD_BYTES;
        self.slots[piece] = if cost <= self.memory_left {
            self.memory_left -= cost;
            Slot::Memory(Vec::with_capacity(len_bytes as usize))
        } else {
            let start = self.scratch_bytes;
            self.scratch_bytes += len_bytes;
            Slot::Scratch { start, written: 0 }
        };
    }

    fn store(&mut self, piece: usize, bytes: &[u8]) -> Result<(), ShuffleError> {
        match &mut self.slots[piece] {
            Slot::Memory(held) => held.extend_from_slice(bytes),
            Slot::Scratch { start, written } => {
                let at = *start + *written;
                *written += bytes.len() as u64;
                let file = match self.scratch.take() {
                    Some(file) => file,
                    None => {
                        let name = format!("{}.fetched", self.options.stem);
                        ScratchFile::create(self.options.scratch.join(name))?
                    }
                };
                self.scratch.insert(file).write_at(at, bytes)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn complete(&mut self, piece: usize) {
        let slot = std::mem::replace(&mut self.slots[piece], Slot::Discarded);
        self.slots[piece] = match slot {
            Slot::Memory(bytes) => Slot::Whole(Place::Memory(bytes.into())),
            Slot::Scratch { start, .. } => Slot::Whole(Place::Scratch { start }),
            other => other,
        };
    }

    /// All pieces, or all that are lost. A piece that nobody accounted for is not here, and so it is lost.
    fn finish(self) -> Result<Fetched, ShuffleError> {
        let file = self.scratch.map(Arc::new);
        let (mut segments, mut lost) = (Vec::new(), Vec::new());
        for (piece, slot) in self.pieces.iter().zip(self.slots) {
            match (slot, &file) {
                (Slot::Waiting, _) if piece.segment.records == 0 && piece.segment.len_bytes == 0 => {}
                (Slot::Whole(Place::Memory(bytes)), _) => {
                    segments.push(SortedSegment::fetched(Arc::clone(piece), bytes));
                }
                (Slot::Whole(Place::Scratch { start }), Some(file)) => {
                    segments.push(SortedSegment::fetched_to_file(Arc::clone(piece), Arc::clone(file), start));
                }
                (Slot::Lost(reason), _) => lost.push(lost_piece(piece, reason)),
                (Slot::Discarded | Slot::Whole(_), _) if self.losing => {}
                _ => lost.push(lost_piece(piece, LossReason::Unreachable)),
            }
        }
        match lost.is_empty() {
            true => Ok(Fetched { segments, spilled_bytes: self.scratch_bytes }),
            false => Err(ShuffleError::Lost(lost)),
        }
    }
}

fn lost_piece(piece: &Piece, reason: LossReason) -> LostPiece {
    LostPiece { producer: piece.producer, stage: piece.producer.stage, holder: piece.holder, reason }
}
