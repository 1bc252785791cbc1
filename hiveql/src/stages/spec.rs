//! A stage graph as stages of a job: what the master schedules without knowing what it means.

use super::{Handover, ReadFrom, ShuffleReadExec, Stage, StageGraph};
use crate::{
    codec::root_of,
    scan::{FileSplit, HiveScanExec, ScanDescription},
};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, union::UnionExec};
use skep_hdfs::{
    WorkerId,
    stores::{Extent, FoundFile, Stores},
};
use skep_jobs::model::{StageId, StageInput, StageOutput, StageSpec, TaskSpec};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Workers that a task may prefer, at most.
const PREFERRED_MAX: usize = 3;

/// The job's stages. `stores` says which workers hold the files; without it, tasks have no preferences.
pub async fn stages(graph: &StageGraph, stores: Option<&Stores>) -> Vec<StageSpec> {
    let mut located = BTreeMap::new();
    let mut specs = Vec::with_capacity(graph.stages.len());
    for (index, stage) in graph.stages.iter().enumerate() {
        let mut tasks = vec![TaskInput::default(); stage.tasks()];
        gather(&stage.plan, 0, &mut tasks);
        if let Some(stores) = stores {
            locate(stores, &tasks, &mut located).await;
        }
        specs.push(StageSpec {
            name: name(stage),
            tasks: tasks.iter().map(|task| task.spec(&located)).collect(),
            inputs: inputs(&stage.plan),
            output: match &stage.handover {
                Handover::Result => StageOutput::Result,
                Handover::Together | Handover::Hashed { .. } => {
                    StageOutput::Shuffle { partitions: partitions(graph, index) }
                }
            },
            determinism: stage.determinism,
        });
    }
    specs
}

/// Stages that a stage reads, in the order in which its launches bring them: [`crate::executor`] relies on it.
pub fn inputs(plan: &Arc<dyn ExecutionPlan>) -> Vec<StageInput> {
    let mut found = BTreeMap::new();
    readers(plan, &mut found);
    let input = |(stage, from): (usize, ReadFrom)| match from {
        ReadFrom::Own { .. } => StageInput::Shuffle(StageId(stage as u32)),
        ReadFrom::Whole => StageInput::Replicated(StageId(stage as u32)),
    };
    found.into_iter().map(input).collect()
}

fn readers(plan: &Arc<dyn ExecutionPlan>, found: &mut BTreeMap<usize, ReadFrom>) {
    if let Some(read) = plan.downcast_ref::<ShuffleReadExec>() {
        found.insert(read.stage(), read.from());
    }
    for child in plan.children() {
        readers(child, found);
    }
}

/// One for each task of the stage that reads this one, or one for all.
fn partitions(graph: &StageGraph, producer: usize) -> u32 {
    let reads = |stage: &&Stage| inputs(&stage.plan).contains(&StageInput::Shuffle(StageId(producer as u32)));
    graph.stages.iter().find(reads).map_or(1, |stage| stage.tasks() as u32)
}

/// What a person sees of it: the operators that say most.
fn name(stage: &Stage) -> String {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    let mut next = vec![Arc::clone(&stage.plan)];
    while let Some(plan) = next.pop() {
        let short = plan.name().trim_end_matches("Exec").to_lowercase();
        let plain = ["projection", "cooperative", "filter", "coalescebatches", "shuffleread"];
        if !plain.contains(&short.as_str()) && seen.insert(short.clone()) {
            names.push(short);
        }
        next.extend(plan.children().into_iter().cloned());
    }
    names.reverse();
    names.truncate(4);
    if names.is_empty() { "rows".to_owned() } else { names.join(", ") }
}

#[derive(Debug, Clone, Default)]
struct TaskInput {
    /// Path as the stores resolve it, and the range.
    pieces: Vec<(String, u64, u64, u64)>,
}

/// The files that each task of a stage reads.
fn gather(plan: &Arc<dyn ExecutionPlan>, first: usize, tasks: &mut [TaskInput]) {
    if let Some(scan) = plan.downcast_ref::<HiveScanExec>() {
        for (group, splits) in scan.description().groups.iter().enumerate() {
            if let Some(task) = tasks.get_mut(first + group) {
                task.pieces.extend(splits.iter().map(|split| piece(scan.description(), split)));
            }
        }
    }
    let adds = plan.is::<UnionExec>();
    let mut next = first;
    for child in plan.children() {
        gather(child, next, tasks);
        if adds {
            next += child.output_partitioning().partition_count();
        }
    }
}

fn piece(description: &ScanDescription, split: &FileSplit) -> (String, u64, u64, u64) {
    let range = &split.range;
    let path = format!("{}{}", root_of(&description.file_name_prefix), range.path.trim_start_matches('/'));
    (path, range.size, range.start, range.end)
}

type Located = BTreeMap<String, Vec<Extent>>;

/// A file whose place is not known costs a task its preference, nothing else.
async fn locate(stores: &Stores, tasks: &[TaskInput], located: &mut Located) {
    for (path, size, ..) in tasks.iter().flat_map(|task| &task.pieces) {
        if !located.contains_key(path) {
            let found = stores.extents(&FoundFile { text: path.clone(), len_bytes: *size }).await;
            let extents = found.unwrap_or_else(|error| {
                tracing::debug!(path, %error, "where a file's blocks are is not known");
                Vec::new()
            });
            located.insert(path.clone(), extents);
        }
    }
}

impl TaskInput {
    fn spec(&self, located: &Located) -> TaskSpec {
        let mut held: BTreeMap<WorkerId, u64> = BTreeMap::new();
        for (path, _, start, end) in &self.pieces {
            for extent in located.get(path).into_iter().flatten() {
                let from = extent.offset.max(*start);
                let to = (extent.offset + extent.len_bytes).min(*end);
                for worker in extent.workers.iter().filter(|_| to > from) {
                    *held.entry(*worker).or_default() += to - from;
                }
            }
        }
        let mut best: Vec<(WorkerId, u64)> = held.into_iter().collect();
        best.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        TaskSpec {
            // The attempt's stage and part say it all.
            payload: Vec::new(),
            preferred: best.into_iter().take(PREFERRED_MAX).map(|(worker, _)| worker).collect(),
            input_bytes: self.pieces.iter().map(|(.., start, end)| end - start).sum(),
        }
    }
}
