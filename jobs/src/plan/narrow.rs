//! Operators that look at one record at a time: they run inside the stage that makes their input.

use super::{
    batch::{Batch, BoxConsumer, Consumer, Emitter, Flow, Span, StageEnd},
    fault::TaskFault,
    scope::TaskScope,
};
use crate::record::Record;
use std::marker::PhantomData;

/// An operator of the plan, shared by all tasks.
pub trait NarrowOperator: Send + Sync {
    /// Its running form for one task, in front of `next`.
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, next: BoxConsumer<'a>) -> BoxConsumer<'a>;
}

/// Calls a function that emits any number of records for each.
pub(super) struct FlatMap<T, U, F> {
    function: F,
    types: PhantomData<fn(T) -> U>,
}

impl<T, U, F> FlatMap<T, U, F> {
    pub fn new(function: F) -> Self {
        FlatMap { function, types: PhantomData }
    }
}

impl<T, U, F> NarrowOperator for FlatMap<T, U, F>
where
    T: Record,
    U: Record,
    F: Fn(T::View<'_>, &mut Emitter<'_, U>) + Send + Sync,
{
    fn attach<'a>(&'a self, _: &'a TaskScope<'a>, next: BoxConsumer<'a>) -> BoxConsumer<'a> {
        Box::new(FlatMapping { function: &self.function, out: Emitter::new(next), input: PhantomData::<T> })
    }
}

struct FlatMapping<'a, T, U, F> {
    function: &'a F,
    out: Emitter<'a, U>,
    input: PhantomData<T>,
}

impl<T, U, F> Consumer for FlatMapping<'_, T, U, F>
where
    T: Record,
    U: Record,
    F: Fn(T::View<'_>, &mut Emitter<'_, U>),
{
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        for record in batch.records() {
            (self.function)(T::read_whole(record)?, &mut self.out);
        }
        self.out.outcome()
    }

    fn finish(self: Box<Self>) -> Result<StageEnd, TaskFault> {
        self.out.finish()
    }
}

/// Keeps the records for which a function says so. Bytes stay where they are; only spans are dropped.
pub(super) struct Filter<T, F> {
    function: F,
    types: PhantomData<fn(T)>,
}

impl<T, F> Filter<T, F> {
    pub fn new(function: F) -> Self {
        Filter { function, types: PhantomData }
    }
}

impl<T: Record, F: Fn(T::View<'_>) -> bool + Send + Sync> NarrowOperator for Filter<T, F> {
    fn attach<'a>(&'a self, _: &'a TaskScope<'a>, next: BoxConsumer<'a>) -> BoxConsumer<'a> {
        Box::new(Filtering { function: &self.function, kept: Vec::new(), next, input: PhantomData::<T> })
    }
}

struct Filtering<'a, T, F> {
    function: &'a F,
    kept: Vec<Span>,
    next: BoxConsumer<'a>,
    input: PhantomData<T>,
}

impl<T: Record, F: Fn(T::View<'_>) -> bool> Consumer for Filtering<'_, T, F> {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        self.kept.clear();
        for (span, record) in batch.spans.iter().zip(batch.records()) {
            if (self.function)(T::read_whole(record)?) {
                self.kept.push(*span);
            }
        }
        if self.kept.is_empty() {
            return Ok(Flow::More);
        }
        self.next.push(Batch { bytes: batch.bytes, spans: &self.kept })
    }

    fn finish(self: Box<Self>) -> Result<StageEnd, TaskFault> {
        self.next.finish()
    }
}
