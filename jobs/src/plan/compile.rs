//! Makes a job of a plan: looks at the input, cuts it into splits, refuses what cannot work before anything runs.

use super::{
    exchange::{Partitioning, sample::Scale},
    graph::{NodeId, NodeKind},
    payload::{Payload, TaskInput, Work},
    program::PlanProgram,
    stages::{End, Origin, Role, Stage},
};
use crate::{
    conf::{ConfError, PlanConf},
    limits::{PARTITION_BYTES, PARTITIONS_MAX, SAMPLE_PLACE_BYTES, SAMPLE_PLACES, SAMPLE_TASKS_MAX},
    model::{Determinism, FinishSpec, JobConf, StageId, StageInput, StageOutput, StageSpec, TaskSpec},
    sink::{
        SinkError,
        commit::{self, OutputPlan},
    },
    source::{SourceError, Split, SplitSizes},
};
use skep_hdfs::stores::Stores;
use std::collections::BTreeMap;

#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Conf(#[from] ConfError),
}

/// The parts of a [`JobSpec`](crate::model::JobSpec) that come from the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    pub stages: Vec<StageSpec>,
    pub finish: Option<FinishSpec>,
}

struct Compiler<'p> {
    program: &'p PlanProgram,
    splits: BTreeMap<NodeId, Vec<Split>>,
    /// Partitions of an exchange that does not say how many it wants.
    partitions: u32,
    /// Number of the next output file, by sink.
    part_numbers: Vec<u32>,
}

/// Compiles the plan for a cluster with this many slots (0: not known).
pub async fn compile(
    program: &PlanProgram,
    stores: &Stores,
    conf: &JobConf,
    slots: u32,
) -> Result<Compiled, CompileError> {
    let settings = PlanConf::of(conf)?;
    let directories: Vec<String> = program.graph.sinks.iter().map(|sink| sink.path.clone()).collect();
    commit::check_absent(stores, &directories).await?;
    let sizes = SplitSizes {
        split_bytes: settings.split_bytes,
        splits_min: settings.splits_min.unwrap_or(slots).max(1),
    };
    let mut splits = BTreeMap::new();
    for stage in &program.stages {
        if let Origin::Source(node) = stage.origin
            && let NodeKind::Source(source) = &program.graph.node(node).kind
            && !splits.contains_key(&node)
        {
            splits.insert(node, source.splits(stores, sizes).await?);
        }
    }
    let input_bytes = splits.values().flatten().map(|split: &Split| split.input_bytes).sum();
    let partitions = settings.partitions.unwrap_or_else(|| default_partitions(input_bytes, slots));
    let part_numbers = vec![0; directories.len()];
    let mut compiler = Compiler { program, splits, partitions, part_numbers };
    let stages: Vec<StageSpec> = program.stages.iter().map(|stage| compiler.stage(stage)).collect();
    let finish = (!directories.is_empty()).then(|| compiler.finish(directories));
    Ok(Compiled { stages, finish })
}

/// Enough partitions that each is small, and, if there is some work for each, that all slots have one.
fn default_partitions(input_bytes: u64, slots: u32) -> u32 {
    let by_size = input_bytes.div_ceil(PARTITION_BYTES).clamp(1, u64::from(PARTITIONS_MAX)) as u32;
    let useful = (input_bytes >> 20).clamp(1, u64::from(PARTITIONS_MAX)) as u32;
    by_size.max(slots.min(useful))
}

impl Compiler<'_> {
    fn partitions_of(&self, node: NodeId) -> u32 {
        match &self.program.graph.node(node).kind {
            NodeKind::Exchange(exchange) => match (&exchange.partitioning, exchange.partitions) {
                (Partitioning::Single, _) => 1,
                (_, Some(count)) => count,
                (_, None) => self.partitions,
            },
            _ => 1,
        }
    }

    fn stage(&mut self, stage: &Stage) -> StageSpec {
        let inputs = stage.inputs.iter().map(|input| {
            let from = StageId(input.from as u32);
            match input.role {
                Role::Side(_) => StageInput::Shuffle(from),
                Role::Samples => StageInput::Broadcast(from),
            }
        });
        let output = match stage.end {
            End::Exchange { node, .. } => StageOutput::Shuffle { partitions: self.partitions_of(node) },
            End::Result { .. } => StageOutput::Shuffle { partitions: 1 },
            End::Sample { .. } | End::Client => StageOutput::Result,
            End::Sink { .. } => StageOutput::Sink,
        };
        // A task that reads a split sees its records in one order only; a merge hands out values of equal keys in an
        // order that may depend on who spilled.
        let determinism = match stage.origin {
            Origin::Source(_) => Determinism::Exact,
            Origin::Exchange(_) | Origin::Results => Determinism::Unordered,
        };
        StageSpec {
            name: stage.name.clone(),
            tasks: self.tasks(stage),
            inputs: inputs.collect(),
            output,
            determinism,
        }
    }

    fn tasks(&mut self, stage: &Stage) -> Vec<TaskSpec> {
        let inputs = match stage.origin {
            Origin::Source(node) => self.split_tasks(stage, node),
            Origin::Exchange(node) => {
                let none = || (TaskInput::Partition, Vec::new(), 0);
                (0..self.partitions_of(node)).map(|_| none()).collect()
            }
            Origin::Results => vec![(TaskInput::Partition, Vec::new(), 0)],
        };
        let first_part = match stage.end {
            End::Sink { index } => {
                let first = self.part_numbers[index];
                self.part_numbers[index] += inputs.len() as u32;
                first
            }
            _ => 0,
        };
        let fingerprint = self.program.fingerprint;
        inputs
            .into_iter()
            .zip(first_part..)
            .map(|((input, preferred, input_bytes), part_number)| {
                let payload = Payload { fingerprint, work: Work::Task { input, part_number } }.encode();
                TaskSpec { payload, preferred, input_bytes }
            })
            .collect()
    }

    fn split_tasks(&self, stage: &Stage, node: NodeId) -> Vec<(TaskInput, Vec<skep_hdfs::WorkerId>, u64)> {
        let splits = self.splits.get(&node).map(Vec::as_slice).unwrap_or_default();
        let whole = |split: &Split| {
            (TaskInput::Split(split.work.clone()), split.preferred.clone(), split.input_bytes)
        };
        if !matches!(stage.end, End::Sample { .. }) {
            return splits.iter().map(whole).collect();
        }
        // Of many splits, evenly chosen ones are enough; each stands for its neighbours as well.
        let count = splits.len().min(SAMPLE_TASKS_MAX);
        (0..count)
            .map(|index| {
                let split = &splits[index * splits.len() / count];
                let (work, read_bytes, of_bytes) = split.work.sample(SAMPLE_PLACES, SAMPLE_PLACE_BYTES);
                let input = TaskInput::SampledSplit(work, Scale { read_bytes, of_bytes });
                (input, split.preferred.clone(), read_bytes)
            })
            .collect()
    }

    fn finish(&self, directories: Vec<String>) -> FinishSpec {
        let outputs = directories.clone();
        let output = OutputPlan { directories };
        let fingerprint = self.program.fingerprint;
        let payload = |work| Payload { fingerprint, work }.encode();
        FinishSpec {
            commit: payload(Work::Commit(output.clone())),
            abort: payload(Work::Abort(output)),
            outputs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_grow_with_the_input_and_use_the_slots_once_there_is_work() {
        assert_eq!(default_partitions(0, 8), 1);
        assert_eq!(default_partitions(3 << 20, 8), 3);
        assert_eq!(default_partitions(100 << 20, 8), 8);
        assert_eq!(default_partitions(10 << 30, 8), 160);
        assert_eq!(default_partitions(u64::MAX, 0), PARTITIONS_MAX);
    }
}
