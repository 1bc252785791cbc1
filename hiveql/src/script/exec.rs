//! The plan node that sends rows through scripts.

use super::{
    ScriptDescription, ScriptError, ScriptPlace,
    process::Formats,
    stream::{self, Partition},
};
use crate::formats::RowFormat;
use datafusion::{
    arrow::{
        datatypes::SchemaRef,
        record_batch::{RecordBatch, RecordBatchOptions},
    },
    common::{Result, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr,
        PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::TryStreamExt;
use std::{fmt, sync::Arc};

/// One script for each partition of the input.
pub struct ScriptExec {
    input: Arc<dyn ExecutionPlan>,
    description: Arc<ScriptDescription>,
    formats: Formats,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScriptExec {
    /// `schema` names the script's columns as the plan does.
    pub fn try_new(
        input: Arc<dyn ExecutionPlan>,
        description: Arc<ScriptDescription>,
        schema: SchemaRef,
    ) -> Result<ScriptExec> {
        let format = |words| RowFormat::new(words).map_err(ScriptError::from);
        let formats = Formats {
            input: Arc::new(format(&description.input)?),
            output: Arc::new(format(&description.output)?),
        };
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(ScriptExec {
            input,
            description,
            formats,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    pub fn description(&self) -> &ScriptDescription {
        &self.description
    }
}

impl fmt::Debug for ScriptExec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ScriptExec").field("description", &self.description).finish_non_exhaustive()
    }
}

impl DisplayAs for ScriptExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ScriptExec: {}", self.description.command)
    }
}

impl ExecutionPlan for ScriptExec {
    fn name(&self) -> &str {
        "ScriptExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// The rows that a script gets are those that DISTRIBUTE BY and SORT BY gave it.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
        let Ok([input]) = <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) else {
            return internal_err!("a script has one input");
        };
        Ok(Arc::new(ScriptExec::try_new(input, self.description.clone(), self.schema.clone())?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let place = context.session_config().get_extension::<ScriptPlace>().unwrap_or_default();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let rows = stream::rows(Partition {
            description: self.description.clone(),
            formats: self.formats.clone(),
            place,
            input: Some(self.input.execute(partition, context)?),
        });
        let schema = self.schema.clone();
        let named = rows.and_then(move |rows| {
            metrics.record_output(rows.num_rows());
            futures::future::ready(renamed(&rows, &schema))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), named)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// The script's columns have the names of its clause, the plan's others.
fn renamed(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), rows.columns().to_vec(), &options)?)
}
