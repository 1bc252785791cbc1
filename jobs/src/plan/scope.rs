//! What the operators of one running task share: the host's context, the memory grant and its division, the pulse that
//! notices cancellation and hands counters over.

use super::{counter, fault::TaskFault};
use crate::{limits::OPERATOR_MEMORY_MIN, protocol::worker::Launch, task_program::TaskContext};
use std::{
    cell::{Cell, RefCell},
    sync::atomic::Ordering::Relaxed,
};

pub struct TaskScope<'a> {
    pub context: &'a TaskContext,
    pub launch: &'a Launch,
    counters: &'a [String],
    /// Operators of this stage that hold data in memory.
    holders: usize,
    pulses: Cell<u32>,
    piece: RefCell<InputPiece>,
}

/// The piece of input whose records are coming now, for operators that tell the user's code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputPiece {
    /// Empty when the stage reads no file.
    pub file: String,
    pub offset: u64,
    pub len_bytes: u64,
    /// Counts the pieces that this task has begun.
    pub(crate) number: u64,
}

impl<'a> TaskScope<'a> {
    pub fn new(
        context: &'a TaskContext,
        launch: &'a Launch,
        counters: &'a [String],
        holders: usize,
    ) -> TaskScope<'a> {
        counter::reset();
        let (pulses, piece) = (Cell::new(0), RefCell::default());
        TaskScope { context, launch, counters, holders: holders.max(1), pulses, piece }
    }

    /// The share of the grant of one operator that holds data.
    pub fn memory_share(&self) -> usize {
        (self.context.memory_bytes / self.holders).max(OPERATOR_MEMORY_MIN)
    }

    /// Called for each batch that a source or a merge produces.
    pub fn pulse(&self, input_bytes: u64, input_records: u64) -> Result<(), TaskFault> {
        if self.context.cancel.is_raised() {
            return Err(TaskFault::Cancelled);
        }
        let progress = &self.context.progress;
        progress.input_bytes.fetch_add(input_bytes, Relaxed);
        progress.input_records.fetch_add(input_records, Relaxed);
        let pulses = self.pulses.get().wrapping_add(1);
        self.pulses.set(pulses);
        if pulses.is_multiple_of(64) {
            self.hand_over_counters();
        }
        Ok(())
    }

    /// A source begins another piece.
    pub fn begin_piece(&self, file: &str, offset: u64, len_bytes: u64) {
        let mut piece = self.piece.borrow_mut();
        let number = piece.number + 1;
        *piece = InputPiece { file: file.to_owned(), offset, len_bytes, number };
    }

    pub fn piece(&self) -> std::cell::Ref<'_, InputPiece> {
        self.piece.borrow()
    }

    pub fn hand_over_counters(&self) {
        counter::hand_over(self.counters, &self.context.progress);
    }

    pub fn wrote(&self, output_bytes: u64, output_records: u64) {
        self.context.progress.output_bytes.fetch_add(output_bytes, Relaxed);
        self.context.progress.output_records.fetch_add(output_records, Relaxed);
    }
}
