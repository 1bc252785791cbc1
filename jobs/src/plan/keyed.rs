//! Operators on datasets of pairs: everything that brings records with equal keys together. Each ends a stage.

use super::{
    batch::Emitter,
    dataset::Dataset,
    exchange::{
        Exchange, ExchangeSide, Partitioning,
        combine::{Aggregate, CombineReader, CombineWriter, Functions},
        group::{GroupReader, Values},
        join::{FullOuter, Inner, JoinKind, JoinReader, LeftOuter},
        keyed::KeyedWriter,
        sample::KeySampler,
        sort::SortedReader,
    },
};
use crate::record::{Key, Record};
use std::sync::Arc;

/// Values of a full join: at least one of them is there.
pub type Either<V, W> = (Option<V>, Option<W>);

impl<K: Key, V: Record> Dataset<(K, V)> {
    fn side(&self) -> ExchangeSide {
        ExchangeSide { input: self.node, writer: Arc::new(KeyedWriter::<K, V>::new()) }
    }

    /// The general form of aggregation: `create` makes an accumulator of a key's first value, `add` puts a further
    /// value in, `merge` puts in an accumulator that another task made. Values are combined before they are exchanged.
    pub fn combine_by_key<A, C, D, M>(&self, create: C, add: D, merge: M) -> Dataset<(K, A)>
    where
        A: Record,
        C: Fn(V::View<'_>) -> A + Send + Sync + 'static,
        D: Fn(&mut A, V::View<'_>) + Send + Sync + 'static,
        M: Fn(&mut A, A::View<'_>) + Send + Sync + 'static,
    {
        self.combined("combine_by_key", Functions::<V, A, _, _, _>::new(create, add, merge))
    }

    /// One value for each key: `function` puts two of them together. It must not matter in which order.
    pub fn reduce_by_key<F>(&self, function: F) -> Dataset<(K, V)>
    where
        V: Clone,
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        let function = Arc::new(function);
        let merging = Arc::clone(&function);
        let add = move |held: &mut V, value: V::View<'_>| *held = function(held.clone(), V::own(value));
        let merge = move |held: &mut V, value: V::View<'_>| *held = merging(held.clone(), V::own(value));
        self.combined("reduce_by_key", Functions::<V, V, _, _, _>::new(V::own, add, merge))
    }

    fn combined<A: Record>(
        &self,
        name: &'static str,
        functions: impl Aggregate<V, A> + 'static,
    ) -> Dataset<(K, A)> {
        let functions = Arc::new(functions);
        let writer = Arc::new(CombineWriter::<K, V, A, _>::new(Arc::clone(&functions)));
        let side = ExchangeSide { input: self.node, writer };
        let reader = Arc::new(CombineReader::<K, V, A, _>::new(functions));
        self.exchanged(name, Exchange::new(vec![side], reader, Partitioning::Hash))
    }

    /// Calls `function` once for each key, in key order inside a partition, with all its values, which stream by: a group
    /// may be larger than memory.
    pub fn reduce_groups<U, F>(&self, function: F) -> Dataset<U>
    where
        U: Record,
        F: Fn(K::View<'_>, &mut Values<'_, V>, &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        let reader = Arc::new(GroupReader::<K, V, U, F>::new(function));
        self.exchanged("reduce_groups", Exchange::new(vec![self.side()], reader, Partitioning::Hash))
    }

    /// Like [`reduce_groups`](Self::reduce_groups), with the partition of each key chosen by `partition(key, partitions)`.
    pub fn reduce_groups_partitioned<U, F, P>(&self, partition: P, function: F) -> Dataset<U>
    where
        U: Record,
        F: Fn(K::View<'_>, &mut Values<'_, V>, &mut Emitter<'_, U>) + Send + Sync + 'static,
        P: Fn(K::View<'_>, u32) -> u32 + Send + Sync + 'static,
    {
        let reader = Arc::new(GroupReader::<K, V, U, F>::new(function));
        let partitioning = Partitioning::custom::<K, P>(partition);
        self.exchanged("reduce_groups", Exchange::new(vec![self.side()], reader, partitioning))
    }

    /// Like [`reduce_groups`](Self::reduce_groups), with values put together by `combine` before they are exchanged.
    pub fn reduce_groups_combined<U, C, F>(&self, combine: C, function: F) -> Dataset<U>
    where
        U: Record,
        C: Fn(&mut V, V::View<'_>) + Send + Sync + 'static,
        F: Fn(K::View<'_>, &mut Values<'_, V>, &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        let combine = Arc::new(combine);
        let merging = Arc::clone(&combine);
        let functions = Functions::<V, V, _, _, _>::new(
            V::own,
            move |held: &mut V, value: V::View<'_>| combine(held, value),
            move |held: &mut V, value: V::View<'_>| merging(held, value),
        );
        let writer = Arc::new(CombineWriter::<K, V, V, _>::new(Arc::new(functions)));
        let side = ExchangeSide { input: self.node, writer };
        let reader = Arc::new(GroupReader::<K, V, U, F>::new(function));
        self.exchanged("reduce_groups", Exchange::new(vec![side], reader, Partitioning::Hash))
    }

    /// All values of each key as one record: each group must fit in memory. [`reduce_groups`](Self::reduce_groups) has
    /// no such limit.
    pub fn group_by_key(&self) -> Dataset<(K, Vec<V>)>
    where
        Vec<V>: Record,
    {
        self.exchanged(
            "group_by_key",
            Exchange::new(
                vec![self.side()],
                Arc::new(super::exchange::group::VectorReader::<K, V>::new()),
                Partitioning::Hash,
            ),
        )
    }

    /// Pairs of the values that have the same key on both sides.
    pub fn join<W: Record>(&self, other: &Dataset<(K, W)>) -> Dataset<(K, (V, W))> {
        self.joined::<W, Inner>("join", other)
    }

    /// Like [`join`](Self::join); keys that only this side has come with `None`.
    pub fn left_join<W: Record>(&self, other: &Dataset<(K, W)>) -> Dataset<(K, (V, Option<W>))> {
        self.joined::<W, LeftOuter>("left_join", other)
    }

    /// Like [`join`](Self::join); keys that only one side has come with `None` for the other.
    pub fn full_join<W: Record>(&self, other: &Dataset<(K, W)>) -> Dataset<(K, Either<V, W>)> {
        self.joined::<W, FullOuter>("full_join", other)
    }

    fn joined<W: Record, J: JoinKind<V, W>>(
        &self,
        name: &'static str,
        other: &Dataset<(K, W)>,
    ) -> Dataset<(K, J::Joined)> {
        let reader = Arc::new(JoinReader::<K, V, W, J>::new());
        self.exchanged(name, Exchange::new(vec![self.side(), other.side()], reader, Partitioning::Hash))
    }

    /// Total order: the partitions, one after the other, are sorted by key. Where partitions begin is found by sampling.
    pub fn sort_by_key(&self) -> Dataset<(K, V)> {
        let partitioning = Partitioning::Range(Arc::new(KeySampler::<K, V>::new()));
        let reader = Arc::new(SortedReader::<K, V>::new());
        self.exchanged("sort_by_key", Exchange::new(vec![self.side()], reader, partitioning))
    }

    /// Sorted by key inside each partition; keys are spread over partitions by `partition(key, partitions)`.
    pub fn partition_by<P>(&self, partition: P) -> Dataset<(K, V)>
    where
        P: Fn(K::View<'_>, u32) -> u32 + Send + Sync + 'static,
    {
        let partitioning = Partitioning::custom::<K, P>(partition);
        let reader = Arc::new(SortedReader::<K, V>::new());
        self.exchanged("partition_by", Exchange::new(vec![self.side()], reader, partitioning))
    }

    pub fn keys(&self) -> Dataset<K> {
        self.flat_map::<K, _>(|(key, _), out| out.emit(key))
    }

    pub fn values(&self) -> Dataset<V> {
        self.flat_map::<V, _>(|(_, value), out| out.emit(value))
    }
}
