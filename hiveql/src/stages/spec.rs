//! A stage graph as stages of a job: what the master schedules without knowing what it means.

use super::{
    Handover, ReadFrom, ShuffleReadExec, Stage, StageGraph,
    shares::{self, TaskShares},
};
use crate::{codec::root_of, formats::FileRange, scan::HiveScanExec};
use datafusion::{common::Result, physical_plan::ExecutionPlan};
use futures::{StreamExt, stream};
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
/// Files whose places are asked for at the same time.
const ASKED_AT_ONCE: usize = 32;

/// The job's stages. `stores` says which workers hold the files; without it, tasks have no preferences.
pub async fn stages(graph: &StageGraph, stores: Option<&Stores>) -> Result<Vec<StageSpec>> {
    let mut located = BTreeMap::new();
    let mut specs = Vec::with_capacity(graph.stages.len());
    for (index, stage) in graph.stages.iter().enumerate() {
        let shares = shares::shares(&stage.plan, stage.tasks())?;
        let mut roots = Vec::new();
        scan_roots(&stage.plan, &mut roots);
        let tasks: Vec<TaskInput<'_>> =
            shares.iter().map(|shares| TaskInput { shares, roots: &roots }).collect();
        if let Some(stores) = stores {
            locate(stores, &tasks, &mut located).await;
        }
        specs.push(StageSpec {
            name: name(stage),
            tasks: tasks.iter().map(|task| task.spec(&located)).collect(),
            inputs: inputs(&stage.plan),
            output: match &stage.handover {
                Handover::Result => StageOutput::Result,
                Handover::Together { .. } | Handover::Hashed { .. } | Handover::Own { .. } => {
                    StageOutput::Shuffle { partitions: partitions(graph, index) }
                }
            },
            determinism: stage.determinism,
        });
    }
    Ok(specs)
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

/// What one task reads of files.
struct TaskInput<'a> {
    shares: &'a TaskShares,
    /// Of the stage's scans, by their number.
    roots: &'a [String],
}

/// What stands before the paths of each scan, for the stores to resolve.
fn scan_roots(plan: &Arc<dyn ExecutionPlan>, roots: &mut Vec<String>) {
    if let Some(scan) = plan.downcast_ref::<HiveScanExec>() {
        roots.push(root_of(&scan.description().file_name_prefix));
    }
    for child in plan.children() {
        scan_roots(child, roots);
    }
}

type Located = BTreeMap<String, Vec<Extent>>;

/// A file whose place is not known costs a task its preference, nothing else.
async fn locate(stores: &Stores, tasks: &[TaskInput<'_>], located: &mut Located) {
    let ranges = tasks.iter().flat_map(TaskInput::ranges);
    let sizes: BTreeMap<String, u64> = ranges.map(|(path, range)| (path, range.size)).collect();
    let unknown = sizes.into_iter().filter(|(path, _)| !located.contains_key(path));
    let asked = unknown.map(|(path, len_bytes)| async move {
        let found = stores.extents(&FoundFile { text: path.clone(), len_bytes }).await;
        let extents = found.unwrap_or_else(|error| {
            tracing::debug!(path, %error, "where a file's blocks are is not known");
            Vec::new()
        });
        (path, extents)
    });
    let asked: Vec<_> = asked.collect();
    let found: Vec<_> = stream::iter(asked).buffer_unordered(ASKED_AT_ONCE).collect().await;
    located.extend(found);
}

impl TaskInput<'_> {
    fn ranges(&self) -> impl Iterator<Item = (String, &FileRange)> {
        self.shares.iter().flat_map(|(scan, share)| {
            let root = self.roots.get(scan).map_or("/", String::as_str);
            let path = move |range: &FileRange| format!("{root}{}", range.path.trim_start_matches('/'));
            share.splits.iter().map(move |split| (path(&split.range), &split.range))
        })
    }

    fn spec(&self, located: &Located) -> TaskSpec {
        let mut held: BTreeMap<WorkerId, u64> = BTreeMap::new();
        let mut input_bytes = 0;
        for (path, range) in self.ranges() {
            input_bytes += range.end - range.start;
            for extent in located.get(&path).into_iter().flatten() {
                let from = extent.offset.max(range.start);
                let to = (extent.offset + extent.len_bytes).min(range.end);
                for worker in extent.workers.iter().filter(|_| to > from) {
                    *held.entry(*worker).or_default() += to - from;
                }
            }
        }
        let mut best: Vec<(WorkerId, u64)> = held.into_iter().collect();
        best.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        TaskSpec {
            payload: skep_wire::codec::encode(self.shares),
            preferred: best.into_iter().take(PREFERRED_MAX).map(|(worker, _)| worker).collect(),
            input_bytes,
        }
    }
}
