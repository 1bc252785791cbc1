//! What each task reads of the scans of its stage. A plan travels without its files: a task's payload names those that
//! it reads itself, so that a query over many thousand files is not told to every task as a whole.
//!
//! Scans are numbered as they are met, a node before its children and these from left to right.

use crate::scan::{HiveScanExec, ScanShare};
use datafusion::{
    common::Result,
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary, union::UnionExec,
    },
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

type Plan = Arc<dyn ExecutionPlan>;

/// A task's payload: its share of each scan that it reads something of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskShares {
    scans: Vec<(usize, ScanShare)>,
}

impl TaskShares {
    /// With the numbers of the scans.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &ScanShare)> {
        self.scans.iter().map(|(number, share)| (*number, share))
    }
}

/// The shares of all tasks of a stage.
pub(super) fn shares(plan: &Plan, tasks: usize) -> Result<Vec<TaskShares>> {
    let mut shares = vec![TaskShares::default(); tasks];
    let mut met = 0;
    replace_scans(Arc::clone(plan), 0, &mut met, &mut |number, first, scan| {
        for group in 0..scan.description().groups.len() {
            let share = scan.description().share(group);
            if let Some(task) = shares.get_mut(first + group).filter(|_| !share.splits.is_empty()) {
                task.scans.push((number, share));
            }
        }
        Ok(None)
    })?;
    Ok(shares)
}

/// The plan without its files.
pub(super) fn strip(plan: &Plan) -> Result<Plan> {
    replace_scans(Arc::clone(plan), 0, &mut 0, &mut |_, _, scan| Ok(Some(scan.without_files()?)))
}

/// The stripped plan with one task's files.
pub(super) fn fill(plan: Plan, shares: TaskShares) -> Result<Plan> {
    let mut shares: Vec<Option<(usize, ScanShare)>> = shares.scans.into_iter().map(Some).collect();
    replace_scans(plan, 0, &mut 0, &mut |number, _, scan| {
        let own = shares.iter_mut().find(|share| matches!(share, Some((of, _)) if *of == number));
        own.and_then(Option::take).map(|(_, share)| scan.with_share(share)).transpose()
    })
}

/// What becomes of a scan, if anything.
type Replace<'a> = &'a mut dyn FnMut(usize, usize, &HiveScanExec) -> Result<Option<HiveScanExec>>;

/// Shows each scan with its number and the task that reads its first group.
fn replace_scans(plan: Plan, first: usize, met: &mut usize, replace: Replace<'_>) -> Result<Plan> {
    if let Some(scan) = plan.downcast_ref::<HiveScanExec>() {
        let number = *met;
        *met += 1;
        return Ok(replace(number, first, scan)?.map_or_else(|| Arc::clone(&plan), |scan| Arc::new(scan)));
    }
    let adds = plan.is::<UnionExec>();
    let mut next = first;
    let mut children = Vec::with_capacity(plan.children().len());
    for child in plan.children() {
        let count = child.output_partitioning().partition_count();
        children.push(replace_scans(Arc::clone(child), next, met, replace)?);
        if adds {
            next += count;
        }
    }
    replace_children_if_necessary(plan, children)
}
