//! Hands the records of a partition on in key order.

use super::{ExchangeReader, cursor::GroupCursor};
use crate::{
    plan::{
        batch::{BoxConsumer, Emitter, Flow, StageEnd},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::{Key, Record},
    task_program::SortedInput,
};
use std::marker::PhantomData;

pub struct SortedReader<K, V>(PhantomData<fn(K) -> V>);

impl<K, V> SortedReader<K, V> {
    #[expect(clippy::new_without_default, reason = "nothing makes one but the plan")]
    pub fn new() -> Self {
        SortedReader(PhantomData)
    }
}

impl<K: Key, V: Record> ExchangeReader for SortedReader<K, V> {
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault> {
        let mut out = Emitter::<(K, V)>::new(next);
        for side in sides {
            let mut records = GroupCursor::new(side, scope);
            while let Some((key, value)) = records.next_record()? {
                let mut transcoded = Ok(());
                out.emit_encoded(|bytes| {
                    transcoded = K::transcode_whole(key, bytes);
                    bytes.extend_from_slice(value);
                });
                transcoded?;
                if out.outcome()? == Flow::Enough {
                    break;
                }
            }
        }
        out.finish()
    }
}
