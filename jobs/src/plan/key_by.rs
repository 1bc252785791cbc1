//! Puts a key before each record without decoding more of it than the key function reads.

use super::{
    batch::{Batch, BoxConsumer, Consumer, Emitter, Flow, StageEnd},
    fault::TaskFault,
    narrow::NarrowOperator,
    scope::TaskScope,
};
use crate::record::{Key, Record};
use std::marker::PhantomData;

/// A function from a view to a view that may borrow from it.
pub trait ViewFunction<'v, T: Record, U: Record>: Fn(T::View<'v>) -> U::View<'v> {}

impl<'v, T: Record, U: Record, F: Fn(T::View<'v>) -> U::View<'v>> ViewFunction<'v, T, U> for F {}

pub(super) struct KeyBy<K, T, F> {
    function: F,
    types: PhantomData<fn(T) -> K>,
}

impl<K, T, F> KeyBy<K, T, F> {
    pub fn new(function: F) -> Self {
        KeyBy { function, types: PhantomData }
    }
}

impl<K, T, F> NarrowOperator for KeyBy<K, T, F>
where
    K: Key,
    T: Record,
    F: for<'v> ViewFunction<'v, T, K> + Send + Sync,
{
    fn attach<'a>(&'a self, _: &'a TaskScope<'a>, next: BoxConsumer<'a>) -> BoxConsumer<'a> {
        Box::new(Keying { function: &self.function, out: Emitter::<(K, T)>::new(next) })
    }
}

struct Keying<'a, K, T, F> {
    function: &'a F,
    out: Emitter<'a, (K, T)>,
}

impl<K, T, F> Consumer for Keying<'_, K, T, F>
where
    K: Key,
    T: Record,
    F: for<'v> ViewFunction<'v, T, K>,
{
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        for record in batch.records() {
            let key = (self.function)(T::read_whole(record)?);
            // The record comes last in the pair, in its whole form: its bytes as they are.
            self.out.emit_encoded(|bytes| {
                K::write(key, bytes);
                bytes.extend_from_slice(record);
            });
        }
        self.out.outcome()
    }

    fn finish(self: Box<Self>) -> Result<StageEnd, TaskFault> {
        self.out.finish()
    }
}
