//! The plan node that stands for the rows of another stage.

use datafusion::{
    arrow::datatypes::SchemaRef,
    common::{Result, exec_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryConsumer},
    physical_expr::{EquivalenceProperties, LexOrdering},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        limit::LimitStream,
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        sorts::streaming_merge::StreamingMergeBuilder,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Which partition of the producer a task reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadFrom {
    /// Partition `i` of this node is the input of task `first + i`: under a union, not all tasks run this node.
    Own { first: usize },
    /// Each task reads the only partition.
    Whole,
}

/// What a task brings for the nodes that read.
pub trait OpenPieces: Send + Sync {
    /// The producers' pieces that task `task` reads, one stream for each, in the producers' order.
    fn open(
        &self,
        stage: usize,
        task: TaskPart,
        schema: SchemaRef,
    ) -> BoxFuture<'static, Result<Vec<SendableRecordBatchStream>>>;
}

/// Which task's part of a stage's output is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskPart {
    Of(usize),
    Whole,
}

/// Found in the session config of a task's context.
pub struct Inputs(pub Arc<dyn OpenPieces>);

pub struct ShuffleReadExec {
    stage: usize,
    from: ReadFrom,
    merged: Option<LexOrdering>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ShuffleReadExec {
    /// `known` is what holds for the rows of each partition.
    pub fn new(
        stage: usize,
        from: ReadFrom,
        known: EquivalenceProperties,
        partitioning: Partitioning,
    ) -> ShuffleReadExec {
        let properties =
            PlanProperties::new(known, partitioning, EmissionType::Incremental, Boundedness::Bounded);
        ShuffleReadExec {
            stage,
            from,
            merged: None,
            fetch: None,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Each producer's rows are sorted so, and so are those of a partition.
    pub fn merging(self, merged: Option<LexOrdering>) -> ShuffleReadExec {
        ShuffleReadExec { merged, ..self }
    }

    /// At most so many rows of each partition are wanted.
    pub fn fetching(self, fetch: Option<usize>) -> ShuffleReadExec {
        ShuffleReadExec { fetch, ..self }
    }

    pub(super) fn reading_from(&self, from: ReadFrom) -> ShuffleReadExec {
        ShuffleReadExec {
            stage: self.stage,
            from,
            merged: self.merged.clone(),
            fetch: self.fetch,
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// One of its partitions.
    pub fn only(&self, partition: usize) -> ShuffleReadExec {
        let (from, partitioning) = match (self.from, self.partitioning()) {
            (ReadFrom::Own { first }, Partitioning::Hash(keys, _)) => {
                (ReadFrom::Own { first: first + partition }, Partitioning::Hash(keys.clone(), 1))
            }
            (ReadFrom::Own { first }, _) => {
                (ReadFrom::Own { first: first + partition }, Partitioning::UnknownPartitioning(1))
            }
            (ReadFrom::Whole, partitioning) => (ReadFrom::Whole, partitioning.clone()),
        };
        ShuffleReadExec::new(self.stage, from, self.equivalences().clone(), partitioning)
            .merging(self.merged.clone())
            .fetching(self.fetch)
    }

    pub fn stage(&self) -> usize {
        self.stage
    }

    pub fn from(&self) -> ReadFrom {
        self.from
    }

    pub fn merged(&self) -> Option<&LexOrdering> {
        self.merged.as_ref()
    }

    pub fn partitioning(&self) -> &Partitioning {
        &self.properties.partitioning
    }

    pub fn equivalences(&self) -> &EquivalenceProperties {
        &self.properties.eq_properties
    }
}

impl fmt::Debug for ShuffleReadExec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ShuffleReadExec")
            .field("stage", &self.stage)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for ShuffleReadExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ShuffleReadExec: stage={}, partitioning={}", self.stage, self.partitioning())?;
        if let ReadFrom::Whole = self.from {
            write!(out, ", by each task")?;
        }
        if let Some(merged) = &self.merged {
            write!(out, ", merged=[{merged}]")?;
        }
        match self.fetch {
            Some(fetch) => write!(out, ", fetch={fetch}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for ShuffleReadExec {
    fn name(&self) -> &str {
        "ShuffleReadExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let Partitioning::Hash(keys, _) = self.partitioning() else {
            return Ok(TreeNodeRecursion::Continue);
        };
        for key in keys {
            if visit(key)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(inputs) = context.session_config().get_extension::<Inputs>() else {
            return exec_err!("rows of stage {} are there only for a task of its consumer", self.stage);
        };
        let task = match self.from {
            ReadFrom::Own { first } => TaskPart::Of(first + partition),
            ReadFrom::Whole => TaskPart::Whole,
        };
        let schema = self.schema();
        let pieces = inputs.0.open(self.stage, task, Arc::clone(&schema));
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (merged, fetch) = (self.merged.clone(), self.fetch);
        let wanted = Arc::clone(&schema);
        let opened = async move {
            let pieces = pieces.await?;
            match merged {
                Some(ordering) if pieces.len() > 1 => merge(pieces, &ordering, fetch, metrics, &context),
                _ => Ok(concatenate(pieces, fetch, metrics, wanted)),
            }
        };
        let rows = stream::once(opened).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }
}

/// Equal rows come in the producers' order, so that a repeated attempt finds the same.
fn merge(
    pieces: Vec<SendableRecordBatchStream>,
    ordering: &LexOrdering,
    fetch: Option<usize>,
    metrics: BaselineMetrics,
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    let Some(first) = pieces.first() else { return exec_err!("there is nothing to merge") };
    StreamingMergeBuilder::new()
        .with_schema(first.schema())
        .with_streams(pieces)
        .with_expressions(ordering)
        .with_metrics(metrics)
        .with_batch_size(context.session_config().batch_size())
        .with_fetch(fetch)
        .with_reservation(MemoryConsumer::new("ShuffleReadExec").register(context.memory_pool()))
        .with_round_robin_tie_breaker(false)
        .build()
}

fn concatenate(
    pieces: Vec<SendableRecordBatchStream>,
    fetch: Option<usize>,
    metrics: BaselineMetrics,
    schema: SchemaRef,
) -> SendableRecordBatchStream {
    let rows = stream::iter(pieces).flatten();
    let all: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
    Box::pin(LimitStream::new(all, 0, fetch, metrics))
}
