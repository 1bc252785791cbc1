//! The account of what is held: which outputs, where, how much of it in memory. It does no I/O.

use super::index::Placed;
use crate::limits::JOBS_OVER_REMEMBERED_MAX;
use bytes::Bytes;
use skep_jobs::model::{AttemptId, JobId};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// One output.
pub(super) struct Output {
    /// Rises with each output that is kept.
    pub sequence: u64,
    pub data_bytes: u64,
    pub partitions: u32,
    pub place: Place,
    bad_partitions: BTreeSet<u32>,
    bad_whole: bool,
}

/// How much of an output turned out unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// It does not match its checksum.
    Partition(u32),
    /// A file of it is gone, or its index is damaged.
    Whole,
}

impl Output {
    pub fn is_good(&self) -> bool {
        !self.bad_whole && self.bad_partitions.is_empty()
    }

    pub fn may_serve(&self, partition: u32) -> bool {
        !self.bad_whole && !self.bad_partitions.contains(&partition)
    }
}

#[derive(Clone)]
pub(super) enum Place {
    Memory(Arc<InMemory>),
    File,
}

pub(super) struct InMemory {
    pub segments: Vec<Placed>,
    pub bytes: Bytes,
}

impl InMemory {
    fn memory_bytes(&self) -> u64 {
        (self.bytes.len() + self.segments.len() * size_of::<Placed>()) as u64
    }
}

#[derive(Default)]
pub(super) struct Outputs {
    by_attempt: BTreeMap<AttemptId, Output>,
    /// Jobs that are over, the last ones: a delivery that comes late must not be kept for ever.
    over: BTreeSet<JobId>,
    next_sequence: u64,
    memory_bytes: u64,
    /// Outputs in memory; the last one is the largest, and of those the oldest.
    in_memory: BTreeSet<(u64, Reverse<u64>, AttemptId)>,
}

impl Outputs {
    pub fn get(&self, attempt: &AttemptId) -> Option<&Output> {
        self.by_attempt.get(attempt)
    }

    pub fn is_over(&self, job: JobId) -> bool {
        self.over.contains(&job)
    }

    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    pub fn len(&self) -> usize {
        self.by_attempt.len()
    }

    /// Holds an output from now on, in the place of what was held of the attempt before.
    pub fn insert(&mut self, attempt: AttemptId, data_bytes: u64, partitions: u32, place: Place) {
        self.remove(&attempt);
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        if let Place::Memory(held) = &place {
            self.memory_bytes += held.memory_bytes();
            self.in_memory.insert((held.memory_bytes(), Reverse(sequence), attempt));
        }
        let bad_partitions = BTreeSet::new();
        let output = Output { sequence, data_bytes, partitions, place, bad_partitions, bad_whole: false };
        self.by_attempt.insert(attempt, output);
    }

    pub fn remove(&mut self, attempt: &AttemptId) -> Option<Output> {
        let output = self.by_attempt.remove(attempt)?;
        self.forget_memory(attempt, &output.place, output.sequence);
        Some(output)
    }

    fn forget_memory(&mut self, attempt: &AttemptId, place: &Place, sequence: u64) {
        if let Place::Memory(held) = place {
            self.memory_bytes -= held.memory_bytes();
            self.in_memory.remove(&(held.memory_bytes(), Reverse(sequence), *attempt));
        }
    }

    /// What should leave the memory first.
    pub fn largest_in_memory(&self) -> Option<(AttemptId, Arc<InMemory>)> {
        let (_, _, attempt) = self.in_memory.last()?;
        match &self.by_attempt.get(attempt)?.place {
            Place::Memory(held) => Some((*attempt, Arc::clone(held))),
            Place::File => None,
        }
    }

    /// The output is in a file now. `false`: it is not held any more.
    pub fn moved_to_file(&mut self, attempt: &AttemptId, was: &Arc<InMemory>) -> bool {
        let Some(output) = self.by_attempt.get_mut(attempt) else { return false };
        if !matches!(&output.place, Place::Memory(held) if Arc::ptr_eq(held, was)) {
            return matches!(output.place, Place::File);
        }
        let place = std::mem::replace(&mut output.place, Place::File);
        let sequence = output.sequence;
        self.forget_memory(attempt, &place, sequence);
        true
    }

    /// `false`: that was known, or the output is not held any more.
    pub fn mark_bad(&mut self, attempt: &AttemptId, bad: Bad) -> bool {
        let Some(output) = self.by_attempt.get_mut(attempt) else { return false };
        match bad {
            Bad::Partition(partition) => output.bad_partitions.insert(partition),
            Bad::Whole => !std::mem::replace(&mut output.bad_whole, true),
        }
    }

    pub fn end_job(&mut self, job: JobId) {
        self.over.insert(job);
        while self.over.len() > JOBS_OVER_REMEMBERED_MAX {
            self.over.pop_first();
        }
    }

    pub fn of_job(&self, job: JobId) -> Vec<AttemptId> {
        self.matching(|attempt, _| attempt.job == job)
    }

    pub fn matching(&self, wanted: impl Fn(&AttemptId, &Output) -> bool) -> Vec<AttemptId> {
        self.by_attempt
            .iter()
            .filter(|(attempt, output)| wanted(attempt, output))
            .map(|(attempt, _)| *attempt)
            .collect()
    }

    pub fn bytes_by_job(&self) -> BTreeMap<JobId, u64> {
        let mut bytes = BTreeMap::new();
        for (attempt, output) in &self.by_attempt {
            *bytes.entry(attempt.job).or_default() += output.data_bytes;
        }
        bytes
    }
}
