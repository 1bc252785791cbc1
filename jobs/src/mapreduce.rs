//! The classic traits on top of plans: mapper, combiner, reducer, partitioner. For those who think in them; they are
//! nothing but `flat_map`, `combine_by_key` and `reduce_groups`.

use crate::{
    plan::{Dataset, Emitter, Values},
    record::{Key, Record},
};

/// Makes any number of pairs of each record.
pub trait Mapper<T: Record>: Send + Sync + 'static {
    type Key: Key;
    type Value: Record;

    fn map(&self, record: T::View<'_>, out: &mut Emitter<'_, (Self::Key, Self::Value)>);
}

/// Puts two values of one key together, before they are exchanged. Called any number of times, or never.
pub trait Combiner<V: Record>: Send + Sync + 'static {
    fn combine(&self, held: &mut V, value: V::View<'_>);
}

/// Makes any number of records of a key and all its values. Keys come in order.
pub trait Reducer<K: Key, V: Record>: Send + Sync + 'static {
    type Output: Record;

    fn reduce(&self, key: K::View<'_>, values: &mut Values<'_, V>, out: &mut Emitter<'_, Self::Output>);
}

/// Chooses the partition of a key.
pub trait Partitioner<K: Key>: Send + Sync + 'static {
    fn partition(&self, key: K::View<'_>, partitions: u32) -> u32;
}

impl<T: Record> Dataset<T> {
    /// Runs a mapper over the dataset.
    pub fn map_with<M: Mapper<T>>(&self, mapper: M) -> Dataset<(M::Key, M::Value)> {
        self.flat_map(move |record, out| mapper.map(record, out))
    }
}

impl<K: Key, V: Record> Dataset<(K, V)> {
    /// Runs a reducer over the groups of equal keys.
    pub fn reduce_with<R: Reducer<K, V>>(&self, reducer: R) -> Dataset<R::Output> {
        self.reduce_groups(move |key, values, out| reducer.reduce(key, values, out))
    }

    /// The same, with keys spread by a partitioner.
    pub fn reduce_partitioned<P: Partitioner<K>, R: Reducer<K, V>>(
        &self,
        partitioner: P,
        reducer: R,
    ) -> Dataset<R::Output> {
        self.reduce_groups_partitioned(
            move |key, partitions| partitioner.partition(key, partitions),
            move |key, values, out| reducer.reduce(key, values, out),
        )
    }

    /// The same, with values combined before they are exchanged.
    pub fn combine_and_reduce<C: Combiner<V>, R: Reducer<K, V>>(
        &self,
        combiner: C,
        reducer: R,
    ) -> Dataset<R::Output> {
        self.reduce_groups_combined(
            move |held, value| combiner.combine(held, value),
            move |key, values, out| {
                reducer.reduce(key, values, out);
            },
        )
    }
}
