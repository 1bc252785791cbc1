//! The plan node that asks for partitions by keys and for an order in them.

use datafusion::{
    common::{Result, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{Distribution, LexOrdering, OrderingRequirements},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements,
        PhysicalExpr, PlanProperties, execution_plan::CardinalityEffect,
    },
};
use std::{fmt, sync::Arc};

/// Passes its input's partitions on as they are.
#[derive(Debug)]
pub struct ReducersExec {
    input: Arc<dyn ExecutionPlan>,
    distribution: Distribution,
    sort: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
}

impl ReducersExec {
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        distribution: Distribution,
        sort: Option<LexOrdering>,
    ) -> ReducersExec {
        let properties = PlanProperties::new(
            input.equivalence_properties().clone(),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        ReducersExec { input, distribution, sort, properties: Arc::new(properties) }
    }
}

impl DisplayAs for ReducersExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ReducersExec: {}", self.distribution)?;
        self.sort.as_ref().map_or(Ok(()), |sort| write!(out, ", sort=[{sort}]"))
    }
}

impl ExecutionPlan for ReducersExec {
    fn name(&self) -> &str {
        "ReducersExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![self.distribution.clone()])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.sort.clone().map(OrderingRequirements::from)]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    /// Rows of a single partition are worth to be spread by their keys, too: for what comes after it.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![matches!(self.distribution, Distribution::KeyPartitioned(_))]
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
            return internal_err!("reducers have one input");
        };
        Ok(Arc::new(ReducersExec::new(input, self.distribution.clone(), self.sort.clone())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}

/// Whether the partitions of a plan are to be read one after the other: its rows come from reducers that sorted them.
pub fn reads_in_order(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(reducers) = plan.downcast_ref::<ReducersExec>() {
        return reducers.sort.is_some();
    }
    match plan.children().as_slice() {
        [input] => plan.maintains_input_order() == [true] && reads_in_order(input),
        _ => false,
    }
}
