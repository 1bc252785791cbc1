//! The plan node that runs a source and all that read it.

use super::{
    SharedReadExec,
    lanes::{LaneIn, LaneOut, lane},
};
use crate::stages::settings::bytes_read;
use datafusion::{
    common::{
        Result, internal_err,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr,
        PlanProperties, SpillManager,
        execution_plan::{Boundedness, EmissionType},
        metrics::{ExecutionPlanMetricsSet, MetricsSet, SpillMetrics},
        stream::RecordBatchReceiverStream,
    },
};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

/// Answers of writers that may wait.
const AHEAD: usize = 2;

/// What one partition of the node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// All partitions of the source and of its readers.
    Whole,
    /// Partition `i` of each: readers take no rows of other partitions.
    Own,
}

/// Rows of all readers' plans, which are of one kind.
pub struct FanOutExec {
    source: Arc<dyn ExecutionPlan>,
    branches: Vec<Arc<dyn ExecutionPlan>>,
    scope: Scope,
    /// How many nodes read the source.
    readers: usize,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// The readers' ends of the lanes, by reader and partition. Found in the session config of the branches' context.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<(usize, usize), LaneOut>>);

impl Lanes {
    pub fn take(&self, reader: usize, partition: usize) -> Option<LaneOut> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(reader, partition))
    }

    fn put(&self, reader: usize, partition: usize, lane: LaneOut) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((reader, partition), lane);
    }
}

impl FanOutExec {
    /// [`SharedReadExec`]s in the branches read the source.
    pub fn try_new(
        source: Arc<dyn ExecutionPlan>,
        branches: Vec<Arc<dyn ExecutionPlan>>,
        scope: Scope,
    ) -> Result<FanOutExec> {
        let partitions = source.output_partitioning().partition_count();
        let mut readers = 0;
        let numbered = branches.into_iter().map(|branch| number(branch, partitions, &mut readers));
        let branches = numbered.collect::<Result<Vec<_>>>()?;
        let Some(first) = branches.first() else { return internal_err!("nobody reads what is shared") };
        let differs =
            |branch: &Arc<dyn ExecutionPlan>| branch.output_partitioning().partition_count() != partitions;
        let count = match scope {
            Scope::Whole => 1,
            Scope::Own if branches.iter().any(differs) => {
                return internal_err!("readers of {partitions} partitions have others");
            }
            Scope::Own => partitions,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(first.schema()),
            Partitioning::UnknownPartitioning(count),
            EmissionType::Both,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(FanOutExec { source, branches, scope, readers, properties: Arc::new(properties), metrics })
    }

    pub fn source(&self) -> &Arc<dyn ExecutionPlan> {
        &self.source
    }

    pub fn branches(&self) -> &[Arc<dyn ExecutionPlan>] {
        &self.branches
    }

    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// By the source, and by the branches besides; `None`: who knows.
    pub(crate) fn bytes_read(&self) -> Option<u64> {
        let besides = self.branches.iter().map(bytes_besides).sum::<Option<u64>>()?;
        Some(bytes_read(&self.source)? + besides)
    }

    fn range(&self, partition: usize, all: usize) -> Range<usize> {
        match self.scope {
            Scope::Whole => 0..all,
            Scope::Own => partition..partition + 1,
        }
    }
}

/// Without what is shared.
fn bytes_besides(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    if plan.is::<SharedReadExec>() {
        return Some(0);
    }
    match plan.children().as_slice() {
        [] => bytes_read(plan),
        children => children.iter().map(|child| bytes_besides(child)).sum(),
    }
}

/// Gives each reader a number of its own, and as many partitions as the source has.
fn number(
    branch: Arc<dyn ExecutionPlan>,
    partitions: usize,
    readers: &mut usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    branch
        .transform_up(|node| {
            let Some(reader) = node.downcast_ref::<SharedReadExec>() else {
                return Ok(Transformed::no(node));
            };
            let numbered = reader.numbered(*readers, partitions);
            *readers += 1;
            Ok(Transformed::yes(Arc::new(numbered) as Arc<dyn ExecutionPlan>))
        })
        .data()
}

impl fmt::Debug for FanOutExec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FanOutExec").field("branches", &self.branches.len()).finish_non_exhaustive()
    }
}

impl DisplayAs for FanOutExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "FanOutExec: branches={}, readers={}", self.branches.len(), self.readers)
    }
}

impl ExecutionPlan for FanOutExec {
    fn name(&self) -> &str {
        "FanOutExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// The source, then the branches.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        std::iter::once(&self.source).chain(&self.branches).collect()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false; self.branches.len() + 1]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.branches.len() + 1]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut children = children.into_iter();
        let Some(source) = children.next() else { return internal_err!("there is nothing to share") };
        Ok(Arc::new(FanOutExec::try_new(source, children.collect(), self.scope)?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let spills = SpillManager::new(
            context.runtime_env(),
            SpillMetrics::new(&self.metrics, partition),
            self.source.schema(),
        );
        let spills = Arc::new(
            spills.with_compression_type(context.session_config().options().execution.spill_compression),
        );
        let lanes = Arc::new(Lanes::default());
        let mut answers = RecordBatchReceiverStream::builder(self.schema(), AHEAD);
        let partitions = self.source.output_partitioning().partition_count();
        for index in self.range(partition, partitions) {
            let mut inputs = Vec::with_capacity(self.readers);
            for reader in 0..self.readers {
                let (input, output) = lane(spills.clone());
                lanes.put(reader, index, output);
                inputs.push(input);
            }
            let rows = self.source.execute(index, context.clone())?;
            let sender = answers.tx();
            answers.spawn(async move {
                // What is wrong with the source is told before its readers can complain that it broke off.
                if let Err(error) = fan_out(rows, &mut inputs).await {
                    let _ = sender.send(Err(error)).await;
                }
                Ok(())
            });
        }
        let context = Arc::new(with_lanes(&context, lanes));
        for branch in &self.branches {
            for index in self.range(partition, branch.output_partitioning().partition_count()) {
                let mut rows = branch.execute(index, context.clone())?;
                let sender = answers.tx();
                answers.spawn(async move {
                    while let Some(batch) = rows.next().await {
                        if sender.send(batch).await.is_err() {
                            break;
                        }
                    }
                    Ok(())
                });
            }
        }
        Ok(answers.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// One partition of the source to all who read it.
async fn fan_out(mut rows: SendableRecordBatchStream, lanes: &mut [LaneIn]) -> Result<()> {
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        for lane in lanes.iter_mut() {
            lane.send(&batch).await?;
        }
        if lanes.iter().all(LaneIn::is_closed) {
            return Ok(());
        }
    }
    lanes.iter_mut().for_each(LaneIn::end);
    Ok(())
}

/// The context of those who read.
fn with_lanes(context: &TaskContext, lanes: Arc<Lanes>) -> TaskContext {
    TaskContext::new(
        context.task_id(),
        context.session_id(),
        context.session_config().clone().with_extension(lanes),
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        context.runtime_env(),
    )
}
