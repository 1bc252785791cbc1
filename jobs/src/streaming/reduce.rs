//! The reducer: a command that gets `key<TAB>value` lines in key order. It finds the borders of groups itself.

use super::{
    StreamingJob,
    command::{BUFFER_BYTES, CommandLine, Lines, RunningCommand},
    environment::Phase,
    fields::{Fields, separator_of},
    map::command_line,
};
use crate::{
    plan::{
        batch::{BoxConsumer, Emitter, StageEnd},
        exchange::{ExchangeReader, cursor::GroupCursor},
        fault::TaskFault,
        scope::TaskScope,
    },
    task_program::SortedInput,
};

pub struct ReduceCommand {
    line: CommandLine,
}

impl ReduceCommand {
    pub fn new(text: &str, job: &StreamingJob) -> ReduceCommand {
        ReduceCommand { line: command_line(text, Phase::Reduce, job) }
    }
}

impl ExchangeReader for ReduceCommand {
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault> {
        let extra = &scope.context.conf.extra;
        let separator = separator_of(extra, "stream.reduce.input.field.separator");
        let fields = Fields::of_reduce_output(extra);
        let mut lines = Lines::default();
        let mut out = Emitter::<Vec<u8>>::new(next);
        let mut take = |bytes: &[u8]| {
            lines.cut(bytes, |line| {
                out.emit_encoded(|record| fields.write_tabbed(line, record));
                Ok(())
            })?;
            out.outcome().map(|_| ())
        };
        let mut command = RunningCommand::start(&self.line, scope)?;
        let mut input = Vec::new();
        for side in sides {
            let mut records = GroupCursor::new(side, scope);
            while let Some((key, value)) = records.next_record()? {
                write_pair(key, &separator, value, &mut input);
                if input.len() >= BUFFER_BYTES {
                    command.feed(std::mem::take(&mut input), &mut take)?;
                }
            }
        }
        if !input.is_empty() {
            command.feed(input, &mut take)?;
        }
        command.finish(&mut take)?;
        lines.end(|line| {
            out.emit_encoded(|record| fields.write_tabbed(line, record));
            Ok(())
        })?;
        out.finish()
    }
}

/// A line of a reducer's or combiner's input: it has the separator also when there is no value.
pub fn write_pair(key: &[u8], separator: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    out.extend_from_slice(separator);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Without a reducer the sorted pairs are the result.
pub struct IdentityReduce;

impl ExchangeReader for IdentityReduce {
    fn read<'a>(
        &'a self,
        sides: Vec<Box<dyn SortedInput>>,
        scope: &'a TaskScope<'a>,
        next: BoxConsumer<'a>,
    ) -> Result<StageEnd, TaskFault> {
        let mut out = Emitter::<Vec<u8>>::new(next);
        for side in sides {
            let mut records = GroupCursor::new(side, scope);
            while let Some((key, value)) = records.next_record()? {
                out.emit_encoded(|line| {
                    line.extend_from_slice(key);
                    line.push(b'\t');
                    line.extend_from_slice(value);
                });
                out.outcome()?;
            }
        }
        out.finish()
    }
}
