//! From logical nodes of ours to plan nodes of ours. All other nodes are DataFusion's to plan.

use crate::{
    reducers::{ReducersExec, ReducersNode},
    script::{ScriptExec, ScriptNode},
    stages::settings::bytes_read,
};
use async_trait::async_trait;
use datafusion::{
    arrow::compute::SortOptions,
    catalog::Session,
    common::{DFSchema, Result},
    execution::context::QueryPlanner,
    logical_expr::{
        Expr, LogicalPlan, SortExpr, UserDefinedLogicalNode,
        physical_planning_context::PhysicalPlanningContext,
    },
    physical_expr::{Distribution, LexOrdering, PhysicalSortExpr},
    physical_plan::ExecutionPlan,
    physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner},
};
use std::sync::Arc;

/// `hive.exec.reducers.bytes.per.reducer`
const REDUCER_BYTES: u64 = 256_000_000;

/// DataFusion's planner, and ours for what it does not know.
#[derive(Debug)]
pub struct HiveQueryPlanner;

#[async_trait]
impl QueryPlanner for HiveQueryPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(HiveNodes)]);
        planner.create_physical_plan(plan, session).await
    }
}

struct HiveNodes;

#[async_trait]
impl ExtensionPlanner for HiveNodes {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let ([logical], [input]) = (logical_inputs, physical_inputs) else { return Ok(None) };
        let input = Arc::clone(input);
        if let Some(script) = node.as_any().downcast_ref::<ScriptNode>() {
            let schema = node.schema().inner().clone();
            return Ok(Some(Arc::new(ScriptExec::try_new(input, script.description().clone(), schema)?)));
        }
        if let Some(reducers) = node.as_any().downcast_ref::<ReducersNode>() {
            let keys = Keys { planner, schema: logical.schema(), session, context };
            return Ok(Some(Arc::new(keys.reducers(reducers, input)?)));
        }
        Ok(None)
    }
}

/// What expressions over a node's input are planned with.
struct Keys<'a> {
    planner: &'a dyn PhysicalPlanner,
    schema: &'a DFSchema,
    session: &'a dyn Session,
    context: &'a PhysicalPlanningContext,
}

impl Keys<'_> {
    fn reducers(&self, node: &ReducersNode, input: Arc<dyn ExecutionPlan>) -> Result<ReducersExec> {
        let physical =
            |expr: &Expr| self.planner.create_physical_expr(expr, self.schema, self.session, self.context);
        let distribution = match (node.count(), node.distribute()) {
            (Some(1), _) => Distribution::SinglePartition,
            // So little goes to one reducer in Hive, and scripts came to rely on the order that this makes.
            (None, []) if bytes_read(&input).is_some_and(|bytes| bytes <= REDUCER_BYTES) => {
                Distribution::SinglePartition
            }
            (_, []) => Distribution::UnspecifiedDistribution,
            (_, keys) => Distribution::KeyPartitioned(keys.iter().map(physical).collect::<Result<_>>()?),
        };
        let key = |key: &SortExpr| {
            let options = SortOptions { descending: !key.asc, nulls_first: key.nulls_first };
            Ok(PhysicalSortExpr::new(physical(&key.expr)?, options))
        };
        let sort = LexOrdering::new(node.sort().iter().map(key).collect::<Result<Vec<_>>>()?);
        Ok(ReducersExec::new(input, distribution, sort))
    }
}
