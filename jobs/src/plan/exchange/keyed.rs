//! Writes pairs as they are.

use super::{ExchangeWriter, output::ShuffleOutput};
use crate::{
    plan::{
        batch::{Batch, BoxConsumer, Consumer, Flow, StageEnd},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::{Key, Record},
};
use std::marker::PhantomData;

pub struct KeyedWriter<K, V>(PhantomData<fn(K, V)>);

impl<K, V> KeyedWriter<K, V> {
    #[expect(clippy::new_without_default, reason = "nothing makes one but the plan")]
    pub fn new() -> Self {
        KeyedWriter(PhantomData)
    }
}

impl<K: Key, V: Record> ExchangeWriter for KeyedWriter<K, V> {
    fn attach<'a>(&'a self, _: &'a TaskScope<'a>, output: ShuffleOutput<'a>) -> BoxConsumer<'a> {
        Box::new(Writing::<K> { output, scratch: Vec::new(), key: PhantomData })
    }
}

struct Writing<'a, K> {
    output: ShuffleOutput<'a>,
    scratch: Vec<u8>,
    key: PhantomData<K>,
}

impl<K: Key> Consumer for Writing<'_, K> {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        for record in batch.records() {
            let mut value = record;
            let key = K::read_key(&mut value, &mut self.scratch)?;
            self.output.push(key, value)?;
        }
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>) -> Result<StageEnd, TaskFault> {
        self.output.finish()
    }
}
