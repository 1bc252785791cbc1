//! Walks over sorted records group by group. A group's values are handed out one at a time; what the reader leaves is
//! skipped.

use crate::{
    plan::{fault::TaskFault, scope::TaskScope},
    task_program::{RecordBatch, SortedInput},
};
use std::sync::atomic::Ordering::Relaxed;

/// A whole key form and a whole record form.
pub type Pair<'r> = (&'r [u8], &'r [u8]);

pub struct GroupCursor<'a> {
    input: Box<dyn SortedInput>,
    scope: &'a TaskScope<'a>,
    batch: RecordBatch,
    /// Index in the batch of the next record.
    next: usize,
    key: Vec<u8>,
    /// Whether `key` names a group whose values may still come.
    in_group: bool,
    ended: bool,
}

impl<'a> GroupCursor<'a> {
    pub fn new(input: Box<dyn SortedInput>, scope: &'a TaskScope<'a>) -> Self {
        let batch = RecordBatch::new();
        GroupCursor { input, scope, batch, next: 0, key: Vec::new(), in_group: false, ended: false }
    }

    /// Makes sure that there is a next record; `false` at the end.
    fn has_record(&mut self) -> Result<bool, TaskFault> {
        if self.next < self.batch.len() {
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        self.input.fill(&mut self.batch)?;
        self.next = 0;
        self.scope.pulse(self.batch.bytes_len() as u64, self.batch.len() as u64)?;
        if self.batch.is_empty() {
            self.ended = true;
            self.scope.context.progress.spilled_bytes.fetch_add(self.input.spilled_bytes(), Relaxed);
        }
        Ok(!self.ended)
    }

    /// Moves on to the next key. `false`: there is none.
    pub fn next_group(&mut self) -> Result<bool, TaskFault> {
        while self.in_group {
            self.next_value()?;
        }
        if !self.has_record()? {
            return Ok(false);
        }
        self.key.clear();
        self.key.extend_from_slice(self.batch.get(self.next).0);
        self.in_group = true;
        Ok(true)
    }

    /// The current group's key, in its whole key form.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The next value of the current group.
    pub fn next_value(&mut self) -> Result<Option<&[u8]>, TaskFault> {
        if !self.in_group || !self.has_record()? || self.batch.get(self.next).0 != self.key {
            self.in_group = false;
            return Ok(None);
        }
        self.next += 1;
        Ok(Some(self.batch.get(self.next - 1).1))
    }

    /// The next record, whatever its key.
    pub fn next_record(&mut self) -> Result<Option<Pair<'_>>, TaskFault> {
        if !self.has_record()? {
            return Ok(None);
        }
        self.next += 1;
        Ok(Some(self.batch.get(self.next - 1)))
    }
}
