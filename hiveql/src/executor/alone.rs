//! The part of a stage's plan that one task runs, as a plan of one partition.
//!
//! Operators of one process tell each other what they know while they run: a join says which keys it has, and the scan below
//! leaves out the rows of others. They wait until all partitions have said so, and those of other tasks never do here.

use crate::{
    scan::HiveScanExec,
    stages::{ShuffleReadExec, settings},
};
use datafusion::{
    common::Result,
    config::ConfigOptions,
    physical_optimizer::{PhysicalOptimizerRule, filter_pushdown::FilterPushdown},
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties,
        joins::{HashJoinExec, PartitionMode},
        replace_children_if_necessary,
        union::UnionExec,
    },
};
use std::sync::Arc;

type Plan = Arc<dyn ExecutionPlan>;

/// What a task executes: a partition of a plan.
pub(super) struct Part {
    pub plan: Plan,
    pub partition: usize,
}

/// The plan with filters between its operators, where it has some that can be told.
pub(super) fn with_filters(plan: Plan, partition: usize, options: &ConfigOptions) -> Result<Part> {
    if !can_filter(&plan) {
        return Ok(Part { plan, partition });
    }
    let Some(alone) = only(&plan, partition)?.filter(|alone| partitions(alone) == 1) else {
        return Ok(Part { plan, partition });
    };
    let mut options = options.clone();
    settings::allow_filters(&mut options);
    let plan = FilterPushdown::new_post_optimization().optimize(alone, &options)?;
    Ok(Part { plan, partition: 0 })
}

fn partitions(plan: &Plan) -> usize {
    plan.output_partitioning().partition_count()
}

/// Whether there is a join that knows its keys before it reads files.
fn can_filter(plan: &Plan) -> bool {
    let collects = plan.downcast_ref::<HashJoinExec>().is_some_and(|join| {
        let is_single = join.mode == PartitionMode::CollectLeft || partitions(plan) == 1;
        is_single && scans(join.right())
    });
    collects || plan.children().into_iter().any(can_filter)
}

fn scans(plan: &Plan) -> bool {
    plan.is::<HiveScanExec>() || plan.children().into_iter().any(scans)
}

/// One partition of the plan; `None` where it has nodes of which that is not known.
fn only(plan: &Plan, partition: usize) -> Result<Option<Plan>> {
    if let Some(scan) = plan.downcast_ref::<HiveScanExec>() {
        return Ok(Some(Arc::new(scan.only(partition)?)));
    }
    if let Some(read) = plan.downcast_ref::<ShuffleReadExec>() {
        return Ok(Some(Arc::new(read.only(partition))));
    }
    if plan.is::<UnionExec>() {
        let mut left = partition;
        for child in plan.children() {
            match left.checked_sub(partitions(child)) {
                Some(rest) => left = rest,
                None => return only(child, left),
            }
        }
        return Ok(None);
    }
    let (count, children) = (partitions(plan), plan.children());
    if count == 1 {
        return Ok(Some(Arc::clone(plan)));
    }
    if children.is_empty() {
        return Ok(None);
    }
    let mut alone = Vec::with_capacity(children.len());
    for child in children {
        let child = match partitions(child) {
            1 => Some(Arc::clone(child)),
            same if same == count => only(child, partition)?,
            _ => None,
        };
        let Some(child) = child else { return Ok(None) };
        alone.push(child);
    }
    replace_children_if_necessary(Arc::clone(plan), alone).map(Some)
}
