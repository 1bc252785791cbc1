//! Aggregation by key: values are put together in a hash table before they are written, when sorted runs are merged, and
//! once more where the partition is read.

use super::{
    ExchangeReader, ExchangeWriter, cursor::GroupCursor, delimited, output::ShuffleOutput,
    table::CombineTable,
};
use crate::{
    plan::{
        batch::{Batch, BoxConsumer, Consumer, Emitter, Flow, StageEnd},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::{Key, Record},
    shuffle::{CombineFailure, CombineValues, ValueList},
    task_program::SortedInput,
};
use std::{marker::PhantomData, sync::Arc};

/// The three functions of an aggregation.
pub trait Aggregate<V: Record, A: Record>: Send + Sync {
    fn create(&self, value: V::View<'_>) -> A;
    fn add(&self, held: &mut A, value: V::View<'_>);
    fn merge(&self, held: &mut A, other: A::View<'_>);
}

pub struct Functions<V, A, C, D, M> {
    create: C,
    add: D,
    merge: M,
    types: PhantomData<fn(V) -> A>,
}

impl<V, A, C, D, M> Functions<V, A, C, D, M>
where
    V: Record,
    A: Record,
    C: Fn(V::View<'_>) -> A,
    D: Fn(&mut A, V::View<'_>),
    M: Fn(&mut A, A::View<'_>),
{
    pub fn new(create: C, add: D, merge: M) -> Self {
        Functions { create, add, merge, types: PhantomData }
    }
}

impl<V, A, C, D, M> Aggregate<V, A> for Functions<V, A, C, D, M>
where
    V: Record,
    A: Record,
    C: Fn(V::View<'_>) -> A + Send + Sync,
    D: Fn(&mut A, V::View<'_>) + Send + Sync,
    M: Fn(&mut A, A::View<'_>) + Send + Sync,
{
    #[inline]
    fn create(&self, value: V::View<'_>) -> A {
        (self.create)(value)
    }

    #[inline]
    fn add(&self, held: &mut A, value: V::View<'_>) {
        (self.add)(held, value);
    }

    #[inline]
    fn merge(&self, held: &mut A, other: A::View<'_>) {
        (self.merge)(held, other);
    }
}

/// Records whose places in the table are looked up ahead together.
const WARMED_RECORDS: usize = 64;

type Types<K, V, A> = PhantomData<fn(K, V) -> A>;

pub struct CombineWriter<K, V, A, G> {
    functions: Arc<G>,
    types: Types<K, V, A>,
}

impl<K, V, A, G> CombineWriter<K, V, A, G> {
    pub fn new(functions: Arc<G>) -> Self {
        CombineWriter { functions, types: PhantomData }
    }
}

impl<K, V, A, G> ExchangeWriter for CombineWriter<K, V, A, G>
where
    K: Key,
    V: Record,
    A: Record,
    G: Aggregate<V, A> + 'static,
{
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, output: ShuffleOutput<'a>) -> BoxConsumer<'a> {
        Box::new(Combining::<K, V, A, G> {
            functions: &self.functions,
            table: CombineTable::new(),
            memory_bytes: scope.memory_share(),
            output,
            records: 0,
            bypass: false,
            scratch: Vec::new(),
            encoded: Vec::new(),
            types: PhantomData,
        })
    }

    fn combiner(&self) -> Option<Box<dyn CombineValues>> {
        let functions = Arc::clone(&self.functions);
        Some(Box::new(RunCombiner::<V, A, G> { functions, types: PhantomData }))
    }

    fn has_table(&self) -> bool {
        true
    }
}

struct Combining<'a, K, V, A, G> {
    functions: &'a G,
    table: CombineTable<A>,
    memory_bytes: usize,
    output: ShuffleOutput<'a>,
    /// Since the table was empty.
    records: usize,
    /// The table did not make the data smaller: write past it.
    bypass: bool,
    scratch: Vec<u8>,
    encoded: Vec<u8>,
    types: Types<K, V, A>,
}

impl<K: Key, V: Record, A: Record, G: Aggregate<V, A>> Combining<'_, K, V, A, G> {
    fn flush(&mut self) -> Result<(), TaskFault> {
        // Nine of ten records were the first of their key: combining costs more here than it saves. What is left
        // to combine is combined when runs are merged.
        self.bypass = self.table.len() * 10 > self.records * 9;
        self.records = 0;
        let (output, encoded) = (&mut self.output, &mut self.encoded);
        self.table.drain(|key, accumulator| {
            encoded.clear();
            A::write_whole(accumulator.view(), encoded);
            output.push(key, encoded)
        })?;
        if self.bypass {
            self.table.release();
        }
        Ok(())
    }

    /// At most [`WARMED_RECORDS`].
    fn combine(&mut self, batch: Batch<'_>) -> Result<(), TaskFault> {
        let mut hashes = [0; WARMED_RECORDS];
        for (hash, mut record) in hashes.iter_mut().zip(batch.records()) {
            *hash = CombineTable::<A>::hash(K::read_key(&mut record, &mut self.scratch)?);
        }
        self.table.warm(&hashes[..batch.len()]);
        for (hash, record) in hashes.iter().zip(batch.records()) {
            let mut value = record;
            let key = K::read_key(&mut value, &mut self.scratch)?;
            self.table.upsert(
                *hash,
                key,
                V::read_whole(value)?,
                |value| self.functions.create(value),
                |held, value| self.functions.add(held, value),
                A::heap_bytes,
            );
        }
        Ok(())
    }

    fn push_past(&mut self, batch: Batch<'_>) -> Result<(), TaskFault> {
        for record in batch.records() {
            let mut value = record;
            let key = K::read_key(&mut value, &mut self.scratch)?;
            self.encoded.clear();
            A::write_whole(self.functions.create(V::read_whole(value)?).view(), &mut self.encoded);
            self.output.push(key, &self.encoded)?;
        }
        Ok(())
    }
}

impl<K: Key, V: Record, A: Record, G: Aggregate<V, A>> Consumer for Combining<'_, K, V, A, G> {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        if self.bypass {
            self.push_past(batch)?;
            return Ok(Flow::More);
        }
        self.records += batch.len();
        for spans in batch.spans.chunks(WARMED_RECORDS) {
            self.combine(Batch { bytes: batch.bytes, spans })?;
        }
        if self.table.is_full(self.memory_bytes) {
            self.flush()?;
        }
        Ok(Flow::More)
    }

    fn finish(mut self: Box<Self>) -> Result<StageEnd, TaskFault> {
        self.flush()?;
        self.table.release();
        self.output.finish()
    }
}

/// Merges the accumulators of one key while the shuffle merges its sorted runs.
struct RunCombiner<V, A, G> {
    functions: Arc<G>,
    types: PhantomData<fn(V) -> A>,
}

impl<V: Record, A: Record, G: Aggregate<V, A>> CombineValues for RunCombiner<V, A, G> {
    fn combine(
        &mut self,
        _: &[u8],
        values: &ValueList,
        combined: &mut ValueList,
    ) -> Result<(), CombineFailure> {
        let mut values = values.iter();
        let Some(first) = values.next() else { return Ok(()) };
        let mut held = A::own(A::read_whole(first)?);
        for value in values {
            self.functions.merge(&mut held, A::read_whole(value)?);
        }
        combined.push_with(|bytes| A::write_whole(held.view(), bytes));
        Ok(())
    }
}

pub struct CombineReader<K, V, A, G> {
    functions: Arc<G>,
    types: Types<K, V, A>,
}

impl<K, V, A, G> CombineReader<K, V, A, G> {
    pub fn new(functions: Arc<G>) -> Self {
        CombineReader { functions, types: PhantomData }
    }
}

impl<K, V, A, G> ExchangeReader for CombineReader<K, V, A, G>
where
    K: Key,
    V: Record,
    A: Record,
    G: Aggregate<V, A>,
{
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault> {
        let mut out = Emitter::<(K, A)>::new(next);
        for side in sides {
            let mut groups = GroupCursor::new(side, scope);
            let mut key = Vec::new();
            while groups.next_group()? {
                key.clear();
                K::transcode_whole(groups.key(), &mut key)?;
                let Some(first) = groups.next_value()? else { continue };
                let mut held = A::own(A::read_whole(first)?);
                while let Some(value) = groups.next_value()? {
                    self.functions.merge(&mut held, A::read_whole(value)?);
                }
                out.emit((delimited::<K>(&key)?, held.view()));
                if out.outcome()? == Flow::Enough {
                    break;
                }
            }
        }
        out.finish()
    }
}
