//! The master's disk: a log of batches of which the newest may not be on it yet, and snapshots. A crash keeps a prefix of
//! what was not flushed, cut between batches, as a torn write leaves it.

use rand::{Rng, rngs::StdRng};
use serde::{Serialize, de::DeserializeOwned};
use skep_hdfs::core as namespace;
use skep_master::core::{ledger::Ledger, record::Record};
use skep_wire::codec;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Namespace,
    Scheduler,
}

struct Batch {
    section: Section,
    records: Vec<Vec<u8>>,
}

/// Batches appended before it are in the snapshot.
struct Snapshot {
    until: usize,
    state: Vec<u8>,
}

#[derive(Default)]
pub struct Journal {
    batches: Vec<Batch>,
    durable: usize,
    namespace: Option<Snapshot>,
    scheduler: Option<Snapshot>,
}

impl Journal {
    pub fn appended(&self) -> usize {
        self.batches.len()
    }

    pub fn durable(&self) -> usize {
        self.durable
    }

    pub fn append_namespace(&mut self, records: &[namespace::event::Record]) {
        self.append(Section::Namespace, records);
    }

    pub fn append_scheduler(&mut self, records: &[Record]) {
        self.append(Section::Scheduler, records);
    }

    fn append<T: Serialize>(&mut self, section: Section, records: &[T]) {
        let records = records.iter().map(codec::encode).collect();
        self.batches.push(Batch { section, records });
    }

    /// Everything appended until now is on the disk.
    pub fn flush(&mut self) {
        self.durable = self.batches.len();
    }

    /// The power is gone: some of what was not flushed may be there all the same.
    pub fn crash(&mut self, rng: &mut StdRng) {
        let kept = rng.random_range(self.durable..=self.batches.len());
        self.batches.truncate(kept);
        self.durable = kept;
    }

    /// A snapshot of what is durable: the state must be of that moment.
    pub fn snapshot(&mut self, namespace: &namespace::durable::Durable, scheduler: &Ledger) {
        assert_eq!(self.durable, self.batches.len(), "a snapshot holds only what is durable");
        self.namespace = Some(Snapshot { until: self.durable, state: codec::encode(namespace) });
        self.scheduler = Some(Snapshot { until: self.durable, state: codec::encode(scheduler) });
    }

    pub fn read_namespace(&self) -> (Option<namespace::durable::Durable>, Vec<namespace::event::Record>) {
        self.read(Section::Namespace, self.namespace.as_ref())
    }

    pub fn read_scheduler(&self) -> (Option<Ledger>, Vec<Record>) {
        self.read(Section::Scheduler, self.scheduler.as_ref())
    }

    fn read<S: DeserializeOwned, R: DeserializeOwned>(
        &self,
        section: Section,
        snapshot: Option<&Snapshot>,
    ) -> (Option<S>, Vec<R>) {
        let from = snapshot.map_or(0, |snapshot| snapshot.until);
        let state = snapshot.map(|snapshot| codec::decode_stored(&snapshot.state).unwrap());
        let batches = self.batches[from..].iter().filter(|batch| batch.section == section);
        let records = batches.flat_map(|batch| &batch.records);
        (state, records.map(|record| codec::decode_stored(record).unwrap()).collect())
    }
}
