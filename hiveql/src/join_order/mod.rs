//! The order of inner joins, by how many rows are estimated to come of them. Whoever writes FROM need not know which table is
//! small.
//!
//! It runs on an optimised plan whose tables were surveyed, and leaves alone what it cannot take apart.

mod estimate;
mod graph;
mod greedy;
mod selectivity;

#[cfg(test)]
mod tests;

use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder},
    optimizer::{Optimizer, OptimizerConfig, optimize_projections::OptimizeProjections},
};
use graph::JoinGraph;
use std::sync::Arc;

/// Two inputs have an order already: the physical planner builds on the smaller one.
const INPUTS_MIN: usize = 3;

/// The same rows, joined in the order that makes the fewest on the way.
pub fn reorder(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<LogicalPlan> {
    let reordered = plan.transform_down_with_subqueries(rewrite)?;
    if !reordered.transformed {
        return Ok(reordered.data);
    }
    // What was dropped between the joins is dropped again.
    let projections = Optimizer::with_rules(vec![Arc::new(OptimizeProjections::new())]);
    projections.optimize(reordered.data, config, |_, _| {})
}

fn rewrite(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if !matches!(plan, LogicalPlan::Join(_)) {
        return Ok(Transformed::no(plan));
    }
    let Some(graph) = JoinGraph::of(&plan).filter(|graph| graph.inputs().len() >= INPUTS_MIN) else {
        return Ok(Transformed::no(plan));
    };
    let graph = graph.map_inputs(|input| Ok(input.transform_down_with_subqueries(rewrite)?.data))?;
    let columns = plan.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
    let joined = LogicalPlanBuilder::from(greedy::joined(graph)?).project(columns)?.build()?;
    Ok(Transformed::new(joined, true, TreeNodeRecursion::Jump))
}
