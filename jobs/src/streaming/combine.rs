//! The combiner: a command like a reducer, which runs over what a map task has made whenever that has grown to its share of
//! the memory grant, and once at the end.

use super::{
    StreamingJob,
    command::{BUFFER_BYTES, CommandLine, Lines, RunningCommand},
    environment::Phase,
    fields::{Fields, separator_of},
    map::command_line,
    reduce::write_pair,
};
use crate::{
    plan::{
        batch::{Batch, BoxConsumer, Consumer, Flow, StageEnd},
        exchange::{ExchangeWriter, output::ShuffleOutput},
        fault::TaskFault,
        scope::TaskScope,
    },
    record::Record,
};

pub struct CombineCommand {
    line: CommandLine,
}

impl CombineCommand {
    pub fn new(text: &str, job: &StreamingJob) -> CombineCommand {
        CombineCommand { line: command_line(text, Phase::Map, job) }
    }
}

impl ExchangeWriter for CombineCommand {
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, output: ShuffleOutput<'a>) -> BoxConsumer<'a> {
        let extra = &scope.context.conf.extra;
        Box::new(Combining {
            line: &self.line,
            scope,
            output,
            memory_bytes: scope.memory_share(),
            separator: separator_of(extra, "stream.reduce.input.field.separator"),
            fields: Fields::of_map_output(extra),
            arena: Vec::new(),
            pairs: Vec::new(),
        })
    }

    fn has_table(&self) -> bool {
        true
    }
}

/// Where a pair lies in the arena: key, then value.
#[derive(Clone, Copy)]
struct Pair {
    start: usize,
    key_end: usize,
    end: usize,
}

struct Combining<'a> {
    line: &'a CommandLine,
    scope: &'a TaskScope<'a>,
    output: ShuffleOutput<'a>,
    memory_bytes: usize,
    separator: Vec<u8>,
    fields: Fields,
    arena: Vec<u8>,
    pairs: Vec<Pair>,
}

impl Combining<'_> {
    fn run_command(&mut self) -> Result<(), TaskFault> {
        let arena = &self.arena;
        self.pairs.sort_by_key(|pair| &arena[pair.start..pair.key_end]);
        let (fields, output) = (&self.fields, &mut self.output);
        let mut lines = Lines::default();
        let mut push = |line: &[u8]| {
            let (key, value) = fields.split(line);
            output.push(key, value.unwrap_or_default())
        };
        let mut command = RunningCommand::start(self.line, self.scope)?;
        let mut input = Vec::new();
        for pair in &self.pairs {
            let (key, value) = (&arena[pair.start..pair.key_end], &arena[pair.key_end..pair.end]);
            write_pair(key, &self.separator, value, &mut input);
            if input.len() >= BUFFER_BYTES {
                command.feed(std::mem::take(&mut input), &mut |bytes| lines.cut(bytes, &mut push))?;
            }
        }
        if !input.is_empty() {
            command.feed(input, &mut |bytes| lines.cut(bytes, &mut push))?;
        }
        command.finish(&mut |bytes| lines.cut(bytes, &mut push))?;
        lines.end(&mut push)?;
        self.arena.clear();
        self.pairs.clear();
        Ok(())
    }
}

impl Consumer for Combining<'_> {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        for record in batch.records() {
            let (key, value) = <(Vec<u8>, Vec<u8>)>::read_whole(record)?;
            let start = self.arena.len();
            self.arena.extend_from_slice(key);
            let key_end = self.arena.len();
            self.arena.extend_from_slice(value);
            self.pairs.push(Pair { start, key_end, end: self.arena.len() });
        }
        if self.arena.len() + self.pairs.len() * size_of::<Pair>() > self.memory_bytes {
            self.run_command()?;
        }
        Ok(Flow::More)
    }

    fn finish(mut self: Box<Self>) -> Result<StageEnd, TaskFault> {
        if !self.pairs.is_empty() {
            self.run_command()?;
        }
        self.output.finish()
    }
}
