//! Bringing records to one task in the order of the tasks that made them: `take`, and results for the client.

use super::{
    Exchange, ExchangeReader, ExchangeSide, ExchangeWriter, Partitioning, cursor::GroupCursor,
    output::ShuffleOutput,
};
use crate::{
    plan::{
        batch::{Batch, BoxConsumer, Consumer, Emitter, Flow, StageEnd},
        fault::TaskFault,
        graph::NodeId,
        scope::TaskScope,
    },
    record::Record,
    task_program::SortedInput,
};
use std::{marker::PhantomData, sync::Arc};

/// The first `count` records of the dataset at `input`.
pub fn first_records<T: Record>(input: NodeId, count: u64) -> Exchange {
    let side = ExchangeSide { input, writer: Arc::new(InOrderWriter { records_max: count }) };
    Exchange::new(vec![side], Arc::new(FirstReader::<T> { count, record: PhantomData }), Partitioning::Single)
}

/// Writes the first records of its task under their position as key.
pub struct InOrderWriter {
    pub records_max: u64,
}

impl ExchangeWriter for InOrderWriter {
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, output: ShuffleOutput<'a>) -> BoxConsumer<'a> {
        let attempt = scope.context.attempt;
        let task = (u64::from(attempt.stage.0) << 32) | u64::from(attempt.part.0);
        Box::new(Numbering { output, task, number: 0, records_max: self.records_max })
    }
}

struct Numbering<'a> {
    output: ShuffleOutput<'a>,
    task: u64,
    number: u64,
    records_max: u64,
}

impl Consumer for Numbering<'_> {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        for record in batch.records() {
            if self.number == self.records_max {
                return Ok(Flow::Enough);
            }
            let mut key = [0; 16];
            key[..8].copy_from_slice(&self.task.to_be_bytes());
            key[8..].copy_from_slice(&self.number.to_be_bytes());
            self.output.push(&key, record)?;
            self.number += 1;
        }
        Ok(if self.number == self.records_max { Flow::Enough } else { Flow::More })
    }

    fn finish(self: Box<Self>) -> Result<StageEnd, TaskFault> {
        self.output.finish()
    }
}

struct FirstReader<T> {
    count: u64,
    record: PhantomData<fn() -> T>,
}

impl<T: Record> ExchangeReader for FirstReader<T> {
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault> {
        let mut out = Emitter::<T>::new(next);
        let mut left = self.count;
        for side in sides {
            let mut records = GroupCursor::new(side, scope);
            while left > 0
                && let Some((_, record)) = records.next_record()?
            {
                left -= 1;
                out.emit_encoded(|bytes| bytes.extend_from_slice(record));
                if out.outcome()? == Flow::Enough {
                    break;
                }
            }
        }
        out.finish()
    }
}
