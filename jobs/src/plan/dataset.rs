//! Datasets: what a job is written with. Every call adds an operator to the plan; nothing runs here.
//!
//! Functions of the user get views (`&str`, numbers, tuples of those) that borrow from the record's bytes. `map` returns an
//! owned record, which is free for numbers; `map_view` and `flat_map` hand on borrowed data without an allocation.

use super::{
    Plan,
    batch::Emitter,
    exchange::{Exchange, take},
    fold::FoldPieces,
    graph::{NodeId, NodeKind, ResultNode, SinkNode},
    key_by::ViewFunction,
    narrow::{Filter, FlatMap, NarrowOperator},
    results::{Collected, CountFormat, LineFormat, RecordFormat, ResultFormat},
    scope::InputPiece,
};
use crate::{
    record::{Key, Line, Record},
    sink::{LineSink, RecordSink, SinkFormat},
};
use std::{marker::PhantomData, sync::Arc};

/// A collection of records that the plan can make. Cheap to clone. Used twice it is computed twice, unless an exchange
/// (`reduce_by_key`, `sort_by_key`, ...) lies between.
pub struct Dataset<T> {
    pub(crate) plan: Plan,
    pub(crate) node: NodeId,
    record: PhantomData<fn() -> T>,
}

impl<T> Clone for Dataset<T> {
    fn clone(&self) -> Self {
        Dataset::new(self.plan.clone(), self.node)
    }
}

impl<T> Dataset<T> {
    pub(super) fn new(plan: Plan, node: NodeId) -> Self {
        Dataset { plan, node, record: PhantomData }
    }

    pub(crate) fn narrow<U>(
        &self,
        name: &'static str,
        operator: impl NarrowOperator + 'static,
    ) -> Dataset<U> {
        let kind = NodeKind::Narrow { input: self.node, operator: Arc::new(operator) };
        Dataset::new(self.plan.clone(), self.plan.graph().add(name, kind))
    }

    pub(crate) fn exchanged<U>(&self, name: &'static str, exchange: Exchange) -> Dataset<U> {
        let node = self.plan.graph().add(name, NodeKind::Exchange(exchange));
        Dataset::new(self.plan.clone(), node)
    }

    /// Number of partitions of the exchange that makes this dataset. Without it, `job.partitions` or the size of the
    /// input decides.
    pub fn partitions(self, count: u32) -> Self {
        let mut graph = self.plan.graph();
        let node = &mut graph.nodes[self.node.0];
        match &mut node.kind {
            NodeKind::Exchange(exchange) if exchange.may_set_partitions() && count > 0 => {
                exchange.partitions = Some(count);
            }
            _ => {
                let error = format!(
                    "partitions({count}) after `{}` has no effect: it goes directly after reduce_by_key, group_by_key, join, \
                     sort_by_key or another operator that exchanges data, and is at least 1",
                    node.name
                );
                graph.errors.push(error);
            }
        }
        drop(graph);
        self
    }
}

impl<T: Record> Dataset<T> {
    /// One record for each, owned.
    pub fn map<U, F>(&self, function: F) -> Dataset<U>
    where
        U: Record,
        F: Fn(T::View<'_>) -> U + Send + Sync + 'static,
    {
        let operator = move |view: T::View<'_>, out: &mut Emitter<'_, U>| out.emit_owned(&function(view));
        self.narrow("map", FlatMap::<T, U, _>::new(operator))
    }

    /// One record for each, as a view: it may borrow from its input.
    pub fn map_view<U, F>(&self, function: F) -> Dataset<U>
    where
        U: Record,
        F: for<'v> ViewFunction<'v, T, U> + Send + Sync + 'static,
    {
        let operator = move |view: T::View<'_>, out: &mut Emitter<'_, U>| out.emit(function(view));
        self.narrow("map", FlatMap::<T, U, _>::new(operator))
    }

    /// Any number of records for each: `out.emit(view)`.
    pub fn flat_map<U, F>(&self, function: F) -> Dataset<U>
    where
        U: Record,
        F: Fn(T::View<'_>, &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        self.narrow("flat_map", FlatMap::<T, U, F>::new(function))
    }

    pub fn filter<F>(&self, function: F) -> Dataset<T>
    where
        F: Fn(T::View<'_>) -> bool + Send + Sync + 'static,
    {
        self.narrow("filter", Filter::<T, F>::new(function))
    }

    /// Records with a key that is taken from them.
    pub fn key_by<K, F>(&self, function: F) -> Dataset<(K, T)>
    where
        K: Key,
        F: for<'v> ViewFunction<'v, T, K> + Send + Sync + 'static,
    {
        self.narrow("key_by", super::key_by::KeyBy::<K, T, F>::new(function))
    }

    /// Folds the records of each piece of input, in their order, into a state of the task's own: one piece of a file for
    /// data that comes from a source, one partition for data that comes from an exchange.
    pub fn fold_pieces<U, S, I, E, D>(&self, begin: I, each: E, end: D) -> Dataset<U>
    where
        U: Record,
        S: 'static,
        I: Fn(&InputPiece) -> S + Send + Sync + 'static,
        E: Fn(&mut S, T::View<'_>, &mut Emitter<'_, U>) + Send + Sync + 'static,
        D: Fn(S, &mut Emitter<'_, U>) + Send + Sync + 'static,
    {
        self.narrow("fold_pieces", FoldPieces::<T, U, S, I, E, D>::new(begin, each, end))
    }

    /// All records of both, in no particular order.
    pub fn union(&self, other: &Dataset<T>) -> Dataset<T> {
        let node = self.plan.graph().add("union", NodeKind::Union(vec![self.node, other.node]));
        Dataset::new(self.plan.clone(), node)
    }

    /// The first `count` records: in order after `sort_by_key`, otherwise of the earliest tasks.
    pub fn take(&self, count: u64) -> Dataset<T> {
        self.exchanged("take", take::first_records::<T>(self.node, count))
    }

    /// Writes the records one after the other, without anything between them: what
    /// [`Plan::binary_records`] reads back when all have one length.
    pub fn save_records(&self, path: impl Into<String>) {
        self.save(path.into(), Arc::new(RecordSink));
    }

    pub(crate) fn save(&self, path: String, format: Arc<dyn SinkFormat>) {
        self.plan.graph().sinks.push(SinkNode { input: self.node, path, format });
    }

    /// Tells the client how many records there are.
    pub fn count(&self, label: impl Into<String>) {
        let counts: Dataset<u64> = self.narrow(
            "count",
            FoldPieces::<T, u64, u64, _, _, _>::new(
                |_| 0,
                |count, _, _| *count += 1,
                |count, out| out.emit(count),
            ),
        );
        counts.result(label.into(), Arc::new(CountFormat));
    }

    /// Hands all records to whoever runs the plan: see [`crate::local::LocalRun::collected`]. For small results.
    pub fn collect(&self, label: impl Into<String>) -> Collected<T> {
        let label = label.into();
        self.result(label.clone(), Arc::new(RecordFormat));
        Collected::new(label)
    }

    fn result(&self, label: String, format: Arc<dyn ResultFormat>) {
        self.plan.graph().results.push(ResultNode { input: self.node, label, format });
    }
}

impl<T: Line> Dataset<T> {
    /// Writes one line for each record into files `part-00000`, ... of a new directory.
    pub fn save_text(&self, path: impl Into<String>) {
        self.save(path.into(), Arc::new(LineSink::<T>::new()));
    }

    /// Prints all records at the client, one line each. For small results.
    pub fn show(&self, label: impl Into<String>) {
        self.result(label.into(), Arc::new(LineFormat::<T>::new()));
    }
}

impl<T: Key> Dataset<T> {
    /// Each record once.
    pub fn distinct(&self) -> Dataset<T> {
        self.flat_map::<(T, ()), _>(|record, out| out.emit((record, ())))
            .reduce_by_key(|(), ()| ())
            .flat_map::<T, _>(|(record, ()), out| out.emit(record))
    }
}
