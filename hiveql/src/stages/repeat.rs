//! What a repeated attempt of a stage's task may produce: the same bytes, the same rows in another order, or other rows.
//!
//! Which rows an operator lets through may hang on the order of its input (a limit, a rank among equals), and that order
//! on how much memory an attempt had. Such a stage is never mixed with an earlier run of itself. Where it is unclear, it
//! is one of those: that costs a second run after a loss, and nothing else.

use super::{ShuffleReadExec, Stage};
use crate::{reducers::ReducersExec, scan::HiveScanExec, script::ScriptExec};
use datafusion::{
    common::{Result, tree_node::TreeNodeRecursion},
    physical_plan::{
        ExecutionPlan, PhysicalExpr,
        aggregates::AggregateExec,
        coop::CooperativeExec,
        empty::EmptyExec,
        filter::FilterExec,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec},
        placeholder_row::PlaceholderRowExec,
        projection::ProjectionExec,
        sorts::sort::SortExec,
        union::{InterleaveExec, UnionExec},
        unnest::UnnestExec,
    },
};
use skep_jobs::model::Determinism;
use std::sync::Arc;

pub(super) fn classify(stages: &mut [Stage]) {
    for index in 0..stages.len() {
        stages[index].determinism = repeat(&stages[index].plan, &stages[..index]);
    }
}

fn repeat(plan: &Arc<dyn ExecutionPlan>, before: &[Stage]) -> Determinism {
    let inputs = plan.children().into_iter().map(|child| repeat(child, before));
    let inputs = inputs.fold(Determinism::Exact, worse);
    // A script may do anything.
    if is_volatile(plan) || plan.is::<ScriptExec>() {
        return Determinism::Varies;
    }
    if let Some(read) = plan.downcast_ref::<ShuffleReadExec>() {
        let taken = match before.get(read.stage()).map(|stage| stage.determinism) {
            Some(Determinism::Unordered) => Determinism::Unordered,
            // A producer that varies is pinned: when it runs again, so do all who read it.
            Some(Determinism::Exact | Determinism::Varies) => Determinism::Exact,
            None => Determinism::Varies,
        };
        return limited(plan, taken);
    }
    if keeps(plan) {
        return limited(plan, inputs);
    }
    if reorders(plan) {
        return limited(plan, worse(inputs, Determinism::Unordered));
    }
    match inputs {
        Determinism::Exact => Determinism::Exact,
        _ => Determinism::Varies,
    }
}

/// Another order lets other rows through a limit.
fn limited(plan: &Arc<dyn ExecutionPlan>, repeat: Determinism) -> Determinism {
    match (plan.fetch(), repeat) {
        (Some(_), Determinism::Unordered) => Determinism::Varies,
        (_, repeat) => repeat,
    }
}

/// Row by row, in the order in which they come.
fn keeps(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<FilterExec>()
        || plan.is::<ProjectionExec>()
        || plan.is::<UnnestExec>()
        || plan.is::<UnionExec>()
        || plan.is::<InterleaveExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<HiveScanExec>()
        || plan.is::<ReducersExec>()
        || plan.is::<PlaceholderRowExec>()
        || plan.is::<EmptyExec>()
}

/// The same rows, in an order that may hang on the memory there is.
fn reorders(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<AggregateExec>()
        || plan.is::<SortExec>()
        || plan.is::<HashJoinExec>()
        || plan.is::<SortMergeJoinExec>()
        || plan.is::<NestedLoopJoinExec>()
        || plan.is::<CrossJoinExec>()
}

fn is_volatile(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut volatile = false;
    let visited: Result<TreeNodeRecursion> = plan.apply_expressions(&mut |expression| {
        volatile |= expression_is_volatile(expression);
        Ok(TreeNodeRecursion::Continue)
    });
    volatile || visited.is_err()
}

fn expression_is_volatile(expression: &Arc<dyn PhysicalExpr>) -> bool {
    expression.is_volatile_node() || expression.children().into_iter().any(expression_is_volatile)
}

fn worse(one: Determinism, other: Determinism) -> Determinism {
    match (one, other) {
        (Determinism::Varies, _) | (_, Determinism::Varies) => Determinism::Varies,
        (Determinism::Unordered, _) | (_, Determinism::Unordered) => Determinism::Unordered,
        (Determinism::Exact, Determinism::Exact) => Determinism::Exact,
    }
}
