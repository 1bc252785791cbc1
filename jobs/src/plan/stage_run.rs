//! Runs one task of a stage: builds its operators from the last to the first, then drives the first.

use super::{
    batch::{BoxConsumer, StageEnd},
    exchange::{
        ExchangeWriter, Partitioning,
        output::ShuffleOutput,
        sample::{self, Scale},
        take::InOrderWriter,
    },
    fault::TaskFault,
    graph::{Graph, NodeId, NodeKind},
    payload::{TaskInput, decode_sample},
    results::{self, ToClient},
    scope::TaskScope,
    stages::{End, Origin, Role, Stage},
};
use crate::{
    protocol::worker::{Launch, LaunchInput},
    shuffle::Partition,
    sink::Sinking,
    task_program::{OpenInput, SortedInput, TaskContext},
};

pub(super) struct StageRun<'a> {
    pub graph: &'a Graph,
    pub stage: &'a Stage,
    pub launch: &'a Launch,
    pub context: &'a TaskContext,
}

impl StageRun<'_> {
    pub fn run(&self, input: &TaskInput, part_number: u32) -> Result<StageEnd, TaskFault> {
        let scope = TaskScope::new(self.context, self.launch, &self.graph.counters, self.memory_holders());
        let end = self.drive(input, part_number, &scope);
        // Also of an attempt that failed: its counters are part of what is told about it.
        scope.hand_over_counters();
        end
    }

    /// Operators of this stage that share the memory grant.
    fn memory_holders(&self) -> usize {
        let sides = match self.stage.origin {
            Origin::Source(_) => 0,
            // One more for what a join holds.
            Origin::Exchange(node) => match &self.graph.node(node).kind {
                NodeKind::Exchange(exchange) if exchange.sides.len() > 1 => exchange.sides.len() + 1,
                _ => 1,
            },
            Origin::Results => self.graph.results.len(),
        };
        let writers = match self.stage.end {
            End::Exchange { node, side } => match &self.graph.node(node).kind {
                NodeKind::Exchange(exchange) => 1 + usize::from(exchange.sides[side].writer.has_table()),
                _ => 1,
            },
            End::Result { .. } => 1,
            End::Sample { .. } | End::Sink { .. } | End::Client => 0,
        };
        sides + writers
    }

    fn drive<'s>(
        &'s self,
        input: &TaskInput,
        part_number: u32,
        scope: &'s TaskScope<'s>,
    ) -> Result<StageEnd, TaskFault> {
        if let (Origin::Results, End::Client) = (self.stage.origin, self.stage.end) {
            let sides = self.open_sides(self.graph.results.len(), scope)?;
            return results::gather(&self.graph.results, sides, scope);
        }
        let scale = match input {
            TaskInput::SampledSplit(_, scale) => *scale,
            TaskInput::Split(_) | TaskInput::Partition => Scale { read_bytes: 1, of_bytes: 1 },
        };
        let mut next = self.attach_end(part_number, scale, scope)?;
        for node in self.stage.chain.iter().rev() {
            match &self.graph.node(*node).kind {
                NodeKind::Narrow { operator, .. } => next = operator.attach(scope, next),
                _ => return Err(self.unfit("an operator of the chain is not narrow")),
            }
        }
        match (self.stage.origin, input) {
            (Origin::Source(node), TaskInput::Split(work) | TaskInput::SampledSplit(work, _)) => {
                let NodeKind::Source(source) = &self.graph.node(node).kind else {
                    return Err(self.unfit("the stage begins with no source"));
                };
                source.read(work, scope, &mut *next)?;
                next.finish()
            }
            (Origin::Exchange(node), TaskInput::Partition) => {
                let NodeKind::Exchange(exchange) = &self.graph.node(node).kind else {
                    return Err(self.unfit("the stage begins with no exchange"));
                };
                let sides = self.open_sides(exchange.sides.len(), scope)?;
                exchange.reader.read(sides, scope, next)
            }
            _ => Err(self.unfit("the task brings another kind of input")),
        }
    }

    fn unfit(&self, what: &str) -> TaskFault {
        TaskFault::Undecodable(format!("stage `{}`: {what}", self.stage.name))
    }

    fn attach_end<'s>(
        &'s self,
        part_number: u32,
        scale: Scale,
        scope: &'s TaskScope<'s>,
    ) -> Result<BoxConsumer<'s>, TaskFault> {
        match self.stage.end {
            End::Exchange { node, side } => self.attach_exchange(node, side, scope),
            End::Sample { node } => match &self.graph.node(node).kind {
                NodeKind::Exchange(exchange) => match &exchange.partitioning {
                    Partitioning::Range(sampler) => Ok(sampler.attach(scope, scale)),
                    _ => Err(self.unfit("its exchange takes no samples")),
                },
                _ => Err(self.unfit("it samples for no exchange")),
            },
            End::Result { .. } => {
                let single: Partition = Partition::Range(Vec::new());
                Ok(IN_ORDER.attach(scope, ShuffleOutput::open(scope, single, None)?))
            }
            End::Sink { index } => {
                let sink = &self.graph.sinks[index];
                Sinking::begin(scope, &*sink.format, &sink.path, part_number)
            }
            End::Client => match self.graph.results.as_slice() {
                [result] => Ok(Box::new(ToClient::new(result))),
                _ => Err(self.unfit("only one result can go to the client without being gathered")),
            },
        }
    }

    fn attach_exchange<'s>(
        &'s self,
        node: NodeId,
        side: usize,
        scope: &'s TaskScope<'s>,
    ) -> Result<BoxConsumer<'s>, TaskFault> {
        let NodeKind::Exchange(exchange) = &self.graph.node(node).kind else {
            return Err(self.unfit("it feeds no exchange"));
        };
        let partition = match &exchange.partitioning {
            Partitioning::Hash => Partition::Hash,
            Partitioning::Single => Partition::Range(Vec::new()),
            Partitioning::Range(_) => Partition::Range(self.bounds()?),
            Partitioning::Custom(make) => Partition::Custom(make()),
        };
        let writer = &exchange.sides[side].writer;
        Ok(writer.attach(scope, ShuffleOutput::open(scope, partition, writer.combiner())?))
    }

    /// Where partitions begin, from the samples: every task of the stage computes the same.
    fn bounds(&self) -> Result<Vec<Vec<u8>>, TaskFault> {
        let mut samples = Vec::new();
        for (input, launched) in self.stage.inputs.iter().zip(&self.launch.inputs) {
            if let (Role::Samples, LaunchInput::Broadcast(results)) = (input.role, launched) {
                for result in results {
                    samples.push(decode_sample(result)?);
                }
            }
        }
        Ok(sample::bounds(&samples, self.launch.partitions))
    }

    /// One merged input for each side of the exchange that the stage begins with.
    fn open_sides(
        &self,
        sides: usize,
        scope: &TaskScope<'_>,
    ) -> Result<Vec<Box<dyn SortedInput>>, TaskFault> {
        if self.launch.inputs.len() != self.stage.inputs.len() {
            return Err(self.unfit("the task brings another number of inputs"));
        }
        let mut opened = Vec::with_capacity(sides);
        for side in 0..sides {
            let mut all_pieces = Vec::new();
            let mut all_holders = Vec::new();
            for (input, launched) in self.stage.inputs.iter().zip(&self.launch.inputs) {
                if let (Role::Side(of), LaunchInput::Shuffle { pieces, holders }) = (input.role, launched)
                    && of == side
                {
                    all_pieces.extend_from_slice(pieces);
                    all_holders.extend_from_slice(holders);
                }
            }
            opened.push(self.context.shuffle.open(OpenInput {
                pieces: &all_pieces,
                holders: &all_holders,
                partition: self.launch.attempt.part.0,
                memory_bytes: scope.memory_share(),
                scratch: &self.context.scratch,
                cancel: &self.context.cancel,
                moved_bytes: &self.context.progress.shuffled_bytes,
            })?);
        }
        Ok(opened)
    }
}

static IN_ORDER: InOrderWriter = InOrderWriter { records_max: u64::MAX };
