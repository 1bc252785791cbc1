//! The plan node that stands for the rows of a shared source.

use super::exec::Lanes;
use datafusion::{
    arrow::datatypes::SchemaRef,
    common::{Result, exec_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
        coop::make_cooperative,
        execution_plan::{Boundedness, EmissionType},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::TryStreamExt;
use std::{fmt, sync::Arc};

/// Partition `i` is the source's partition `i`.
pub struct SharedReadExec {
    /// Among the readers of its source.
    number: usize,
    /// The source's columns that are read.
    columns: Vec<usize>,
    /// What the source reads, if that is known.
    bytes: Option<u64>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SharedReadExec {
    /// `schema`: of the columns that are read.
    pub fn new(
        number: usize,
        columns: Vec<usize>,
        schema: SchemaRef,
        partitions: usize,
        bytes: Option<u64>,
    ) -> SharedReadExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        SharedReadExec { number, columns, bytes, properties: Arc::new(properties), metrics }
    }

    pub fn number(&self) -> usize {
        self.number
    }

    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// The same rows for another reader, in so many partitions.
    pub(super) fn numbered(&self, number: usize, partitions: usize) -> SharedReadExec {
        SharedReadExec::new(number, self.columns.clone(), self.schema(), partitions, self.bytes)
    }
}

impl fmt::Debug for SharedReadExec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SharedReadExec")
            .field("number", &self.number)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for SharedReadExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(out, "SharedReadExec: reader={}, columns=[{}]", self.number, names.join(", "))
    }
}

impl ExecutionPlan for SharedReadExec {
    fn name(&self) -> &str {
        "SharedReadExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let lanes = context.session_config().get_extension::<Lanes>();
        let Some(lane) = lanes.and_then(|lanes| lanes.take(self.number, partition)) else {
            return exec_err!("the rows of reader {} are there once, below what fans them out", self.number);
        };
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let columns = self.columns.clone();
        let rows = lane.rows().and_then(move |batch| {
            metrics.record_output(batch.num_rows());
            futures::future::ready(batch.project(&columns).map_err(Into::into))
        });
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
