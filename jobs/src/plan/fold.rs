//! Folds the records of each piece of a task's input into a state.

use super::{
    batch::{Batch, BoxConsumer, Consumer, Emitter, Flow, StageEnd},
    fault::TaskFault,
    narrow::NarrowOperator,
    scope::{InputPiece, TaskScope},
};
use crate::record::Record;
use std::marker::PhantomData;

pub(super) struct FoldPieces<T, U, S, I, E, D> {
    functions: Functions<I, E, D>,
    types: PhantomData<fn(T, S) -> U>,
}

struct Functions<I, E, D> {
    begin: I,
    each: E,
    end: D,
}

impl<T, U, S, I, E, D> FoldPieces<T, U, S, I, E, D>
where
    T: Record,
    U: Record,
    I: Fn(&InputPiece) -> S,
    E: Fn(&mut S, T::View<'_>, &mut Emitter<'_, U>),
    D: Fn(S, &mut Emitter<'_, U>),
{
    pub fn new(begin: I, each: E, end: D) -> Self {
        FoldPieces { functions: Functions { begin, each, end }, types: PhantomData }
    }
}

impl<T, U, S, I, E, D> NarrowOperator for FoldPieces<T, U, S, I, E, D>
where
    T: Record,
    U: Record,
    S: 'static,
    I: Fn(&InputPiece) -> S + Send + Sync,
    E: Fn(&mut S, T::View<'_>, &mut Emitter<'_, U>) + Send + Sync,
    D: Fn(S, &mut Emitter<'_, U>) + Send + Sync,
{
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, next: BoxConsumer<'a>) -> BoxConsumer<'a> {
        Box::new(Folding::<T, U, S, I, E, D> {
            functions: &self.functions,
            scope,
            state: None,
            out: Emitter::new(next),
            input: PhantomData,
        })
    }
}

struct Folding<'a, T, U, S, I, E, D> {
    functions: &'a Functions<I, E, D>,
    scope: &'a TaskScope<'a>,
    /// With the number of the piece that it is for.
    state: Option<(u64, S)>,
    out: Emitter<'a, U>,
    input: PhantomData<T>,
}

impl<T, U, S, I, E, D> Consumer for Folding<'_, T, U, S, I, E, D>
where
    T: Record,
    U: Record,
    I: Fn(&InputPiece) -> S,
    E: Fn(&mut S, T::View<'_>, &mut Emitter<'_, U>),
    D: Fn(S, &mut Emitter<'_, U>),
{
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        let piece = self.scope.piece();
        if let Some((_, state)) = self.state.take_if(|(number, _)| *number != piece.number) {
            (self.functions.end)(state, &mut self.out);
        }
        let (_, state) = self.state.get_or_insert_with(|| (piece.number, (self.functions.begin)(&piece)));
        for record in batch.records() {
            (self.functions.each)(state, T::read_whole(record)?, &mut self.out);
        }
        self.out.outcome()
    }

    fn finish(mut self: Box<Self>) -> Result<StageEnd, TaskFault> {
        if let Some((_, state)) = self.state.take() {
            (self.functions.end)(state, &mut self.out);
        }
        self.out.outcome()?;
        self.out.finish()
    }
}
