//! The mapper: a command that gets the lines of its input, one piece of a file at a time.

use super::{
    StreamingJob,
    command::{BUFFER_BYTES, CommandLine, Lines, RunningCommand},
    environment::Phase,
    fields::{Fields, separator_of},
    words,
};
use crate::{
    plan::{
        batch::{Batch, BoxConsumer, Consumer, Emitter, Flow, StageEnd},
        fault::TaskFault,
        narrow::NarrowOperator,
        scope::TaskScope,
    },
    record::Record,
    source::lines::commands_get_offsets,
};
use std::io::Write as _;

pub struct MapCommand {
    line: CommandLine,
    /// Whether its lines are the result, rather than pairs for a reducer.
    map_only: bool,
}

impl MapCommand {
    pub fn new(job: &StreamingJob, map_only: bool) -> MapCommand {
        MapCommand { line: command_line(&job.mapper, Phase::Map, job), map_only }
    }
}

/// A command line that was checked when the plan was made.
pub fn command_line(text: &str, phase: Phase, job: &StreamingJob) -> CommandLine {
    let words = words::split(text).unwrap_or_default();
    CommandLine { text: text.to_owned(), words, phase, environment: job.environment.clone() }
}

impl NarrowOperator for MapCommand {
    fn attach<'a>(&'a self, scope: &'a TaskScope<'a>, next: BoxConsumer<'a>) -> BoxConsumer<'a> {
        let extra = &scope.context.conf.extra;
        Box::new(Mapping {
            operator: self,
            offsets: commands_get_offsets(&scope.context.conf),
            scope,
            running: None,
            ran: false,
            separator: separator_of(extra, "stream.map.input.field.separator"),
            input: Vec::new(),
            output: MapOutput {
                fields: Fields::of_map_output(extra),
                map_only: self.map_only,
                lines: Lines::default(),
                line: Vec::new(),
                out: Emitter::new(next),
            },
        })
    }
}

struct Mapping<'a> {
    operator: &'a MapCommand,
    /// Whether records are lines with their offsets.
    offsets: bool,
    scope: &'a TaskScope<'a>,
    /// With the number of the piece that it reads.
    running: Option<(u64, RunningCommand<'a>)>,
    ran: bool,
    /// Between offset and line, where the mapper gets both.
    separator: Vec<u8>,
    input: Vec<u8>,
    output: MapOutput<'a>,
}

/// What becomes of the mapper's lines.
struct MapOutput<'a> {
    fields: Fields,
    map_only: bool,
    lines: Lines,
    line: Vec<u8>,
    /// Lines, or pairs: both are written encoded.
    out: Emitter<'a, (Vec<u8>, Vec<u8>)>,
}

impl MapOutput<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), TaskFault> {
        let MapOutput { fields, map_only, lines, line, out } = self;
        lines.cut(bytes, |text| emit(fields, *map_only, text, line, out))?;
        self.out.outcome().map(|_| ())
    }

    fn end(&mut self) -> Result<(), TaskFault> {
        let MapOutput { fields, map_only, lines, line, out } = self;
        lines.end(|text| emit(fields, *map_only, text, line, out))?;
        self.out.outcome().map(|_| ())
    }
}

fn emit(
    fields: &Fields,
    map_only: bool,
    text: &[u8],
    line: &mut Vec<u8>,
    out: &mut Emitter<'_, (Vec<u8>, Vec<u8>)>,
) -> Result<(), TaskFault> {
    if map_only {
        line.clear();
        fields.write_tabbed(text, line);
        out.emit_encoded(|bytes| bytes.extend_from_slice(line));
    } else {
        let (key, value) = fields.split(text);
        out.emit((key, value.unwrap_or_default()));
    }
    Ok(())
}

impl Mapping<'_> {
    /// The command for the piece that comes now: each piece of a file has a command of its own.
    fn turn_to(&mut self, piece: u64) -> Result<(), TaskFault> {
        if self.running.as_ref().is_some_and(|(number, _)| *number == piece) {
            return Ok(());
        }
        self.end_command()?;
        self.running = Some((piece, RunningCommand::start(&self.operator.line, self.scope)?));
        self.ran = true;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TaskFault> {
        let input = std::mem::take(&mut self.input);
        if let Some((_, command)) = &mut self.running
            && !input.is_empty()
        {
            let output = &mut self.output;
            command.feed(input, &mut |bytes| output.take(bytes))?;
        }
        Ok(())
    }

    fn end_command(&mut self) -> Result<(), TaskFault> {
        self.flush()?;
        if let Some((_, command)) = self.running.take() {
            let output = &mut self.output;
            command.finish(&mut |bytes| output.take(bytes))?;
            self.output.end()?;
        }
        Ok(())
    }
}

impl Consumer for Mapping<'_> {
    fn push(&mut self, batch: Batch<'_>) -> Result<Flow, TaskFault> {
        let piece = self.scope.piece().number;
        self.turn_to(piece)?;
        for record in batch.records() {
            if self.offsets {
                let (offset, line) = <(u64, Vec<u8>)>::read_whole(record)?;
                // Writing into a vector cannot fail.
                let _ = write!(self.input, "{offset}");
                self.input.extend_from_slice(&self.separator);
                self.input.extend_from_slice(line);
            } else {
                self.input.extend_from_slice(record);
            }
            self.input.push(b'\n');
            if self.input.len() >= BUFFER_BYTES {
                self.flush()?;
            }
        }
        self.output.out.outcome()
    }

    fn finish(mut self: Box<Self>) -> Result<StageEnd, TaskFault> {
        if !self.ran {
            // A task without a line still runs its mapper, as Hadoop does.
            self.turn_to(0)?;
        }
        self.end_command()?;
        self.output.out.finish()
    }
}
