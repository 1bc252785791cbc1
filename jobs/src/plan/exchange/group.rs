//! Groups: all values of a key, streaming by, or as one record.

use super::{ExchangeReader, cursor::GroupCursor, delimited};
use crate::{
    limits::RECORD_BYTES_MAX,
    plan::{
        batch::{BoxConsumer, Emitter, Flow, StageEnd},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::{Key, Record},
    task_program::SortedInput,
};
use std::marker::PhantomData;

/// The values of one key. Each view lives until the next call.
pub struct Values<'c, V> {
    groups: &'c mut dyn NextValue,
    fault: Option<TaskFault>,
    value: PhantomData<fn() -> V>,
}

/// What [`Values`] needs of its cursor, whose lifetime it does not name.
trait NextValue {
    fn next_value(&mut self) -> Result<Option<&[u8]>, TaskFault>;
}

impl NextValue for GroupCursor<'_> {
    fn next_value(&mut self) -> Result<Option<&[u8]>, TaskFault> {
        GroupCursor::next_value(self)
    }
}

impl<V: Record> Values<'_, V> {
    /// `None` after the last one.
    #[expect(
        clippy::should_implement_trait,
        reason = "a view borrows from the stream, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Option<V::View<'_>> {
        if self.fault.is_some() {
            return None;
        }
        match self.groups.next_value() {
            Ok(None) => None,
            Ok(Some(bytes)) => {
                V::read_whole(bytes).map_err(|malformed| self.fault = Some(malformed.into())).ok()
            }
            Err(fault) => {
                self.fault = Some(fault);
                None
            }
        }
    }

    /// Calls `function` with each value that is left.
    pub fn for_each(&mut self, mut function: impl FnMut(V::View<'_>)) {
        while let Some(value) = self.next() {
            function(value);
        }
    }
}

pub struct GroupReader<K, V, U, F> {
    function: F,
    types: PhantomData<fn(K, V) -> U>,
}

impl<K, V, U, F> GroupReader<K, V, U, F> {
    pub fn new(function: F) -> Self {
        GroupReader { function, types: PhantomData }
    }
}

impl<K, V, U, F> ExchangeReader for GroupReader<K, V, U, F>
where
    K: Key,
    V: Record,
    U: Record,
    F: Fn(K::View<'_>, &mut Values<'_, V>, &mut Emitter<'_, U>) + Send + Sync,
{
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault> {
        let mut out = Emitter::<U>::new(next);
        let mut key = Vec::new();
        for side in sides {
            let mut groups = GroupCursor::new(side, scope);
            while groups.next_group()? {
                key.clear();
                K::transcode_whole(groups.key(), &mut key)?;
                let mut values = Values { groups: &mut groups, fault: None, value: PhantomData };
                (self.function)(delimited::<K>(&key)?, &mut values, &mut out);
                if let Some(fault) = values.fault {
                    return Err(fault);
                }
                if out.outcome()? == Flow::Enough {
                    break;
                }
            }
        }
        out.finish()
    }
}

/// Makes `(K, Vec<V>)`: a vector alone is its items in their delimited form, one after the other.
pub struct VectorReader<K, V>(PhantomData<fn(K) -> V>);

impl<K, V> VectorReader<K, V> {
    #[expect(clippy::new_without_default, reason = "nothing makes one but the plan")]
    pub fn new() -> Self {
        VectorReader(PhantomData)
    }
}

impl<K, V> ExchangeReader for VectorReader<K, V>
where
    K: Key,
    V: Record,
    Vec<V>: Record,
{
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault> {
        let mut out = Emitter::<(K, Vec<V>)>::new(next);
        let mut record = Vec::new();
        for side in sides {
            let mut groups = GroupCursor::new(side, scope);
            while groups.next_group()? {
                record.clear();
                K::transcode_whole(groups.key(), &mut record)?;
                while let Some(value) = groups.next_value()? {
                    V::write(V::read_whole(value)?, &mut record);
                    if record.len() > RECORD_BYTES_MAX {
                        return Err(TaskFault::RecordTooLarge { len_bytes: record.len() as u64 });
                    }
                }
                out.emit_encoded(|bytes| bytes.extend_from_slice(&record));
                if out.outcome()? == Flow::Enough {
                    break;
                }
            }
        }
        out.finish()
    }
}
