//! Exchanges: where records with equal (or neighbouring) keys come together. An exchange has a writer for each of its
//! inputs, which runs at the end of the producing stages, and one reader, which begins the consuming stage.
//!
//! Below the typed edges everything is bytes: a key in its whole key form, a value in its whole record form.

pub mod combine;
pub mod cursor;
pub mod group;
mod group_buffer;
pub mod join;
pub mod keyed;
pub mod output;
pub mod sample;
pub mod sort;
mod table;
pub mod take;

use super::{
    batch::{BoxConsumer, StageEnd},
    fault::TaskFault,
    graph::NodeId,
    scope::TaskScope,
};
use crate::{
    record::{Key, Record},
    shuffle::{CombineValues, partition::CustomPartition},
    task_program::SortedInput,
};
use output::ShuffleOutput;
use std::{cell::RefCell, sync::Arc};

pub struct Exchange {
    pub sides: Vec<ExchangeSide>,
    pub reader: Arc<dyn ExchangeReader>,
    pub partitioning: Partitioning,
    /// As the user set it.
    pub partitions: Option<u32>,
}

pub struct ExchangeSide {
    pub input: NodeId,
    pub writer: Arc<dyn ExchangeWriter>,
}

/// The last operator of a producing stage.
pub trait ExchangeWriter: Send + Sync {
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, output: ShuffleOutput<'a>) -> BoxConsumer<'a>;

    /// Puts values of one key together when sorted runs are merged.
    fn combiner(&self) -> Option<Box<dyn CombineValues>> {
        None
    }

    /// Whether it holds data besides what the shuffle's own writer holds.
    fn has_table(&self) -> bool {
        false
    }
}

/// The first operator of a consuming stage.
pub trait ExchangeReader: Send + Sync {
    /// Reads this task's partition of each side to the end, in key order.
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault>;
}

pub enum Partitioning {
    /// By a hash of the key.
    Hash,
    /// Everything in one partition.
    Single,
    /// Neighbouring keys together, in order; bounds come from a sampling stage.
    Range(Arc<dyn sample::SampleKeys>),
    /// By a function of the user; made anew for each task.
    Custom(Arc<dyn Fn() -> CustomPartition + Send + Sync>),
}

impl Partitioning {
    pub fn custom<K, P>(partition: P) -> Partitioning
    where
        K: Key,
        P: Fn(K::View<'_>, u32) -> u32 + Send + Sync + 'static,
    {
        let partition = Arc::new(partition);
        Partitioning::Custom(Arc::new(move || {
            let partition = Arc::clone(&partition);
            let scratch = RefCell::new(Vec::new());
            Box::new(move |key: &[u8], partitions: u32| {
                let mut record = scratch.borrow_mut();
                record.clear();
                match K::transcode_whole(key, &mut record).and_then(|()| K::read(&mut &record[..])) {
                    // A partition that is out of range is folded in, as Hadoop's hash partitioner does it.
                    Ok(key) => partition(key, partitions) % partitions.max(1),
                    Err(_) => 0,
                }
            })
        }))
    }
}

impl Exchange {
    pub fn new(
        sides: Vec<ExchangeSide>,
        reader: Arc<dyn ExchangeReader>,
        partitioning: Partitioning,
    ) -> Exchange {
        Exchange { sides, reader, partitioning, partitions: None }
    }

    pub fn may_set_partitions(&self) -> bool {
        !matches!(self.partitioning, Partitioning::Single)
    }
}

/// Reads a delimited value out of bytes that this program wrote.
fn delimited<T: Record>(mut bytes: &[u8]) -> Result<T::View<'_>, TaskFault> {
    Ok(T::read(&mut bytes)?)
}
