//! Which task of a stage reads which partition of the stages before it.
//!
//! Task `i` of a job's stage reads partition `i` of its producers. Under a union the tasks of a stage are those of one
//! child after the other, so a producer that feeds the second child writes to the partitions of the second child's tasks.

use super::{Handover, ReadFrom, ShuffleReadExec, Stage};
use datafusion::{
    common::Result,
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary, union::UnionExec,
    },
};
use std::sync::Arc;

/// Gives every reader the task that its first partition belongs to, and tells its producer.
pub(super) fn number(mut stages: Vec<Stage>) -> Result<Vec<Stage>> {
    for consumer in 0..stages.len() {
        let mut firsts = Vec::new();
        let plan = assign(Arc::clone(&stages[consumer].plan), 0, &mut firsts)?;
        stages[consumer].plan = plan;
        for (producer, read_first) in firsts {
            match &mut stages[producer].handover {
                Handover::Hashed { first, .. } | Handover::Own { first, .. } => *first = read_first,
                // One partition for one task: as if by a hash of nothing.
                handover @ Handover::Together { .. } if read_first > 0 => {
                    *handover = Handover::Hashed { keys: Vec::new(), first: read_first, count: 1 };
                }
                Handover::Together { .. } | Handover::Result => {}
            }
        }
    }
    Ok(stages)
}

fn assign(
    plan: Arc<dyn ExecutionPlan>,
    first: usize,
    firsts: &mut Vec<(usize, usize)>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(read) = plan.downcast_ref::<ShuffleReadExec>() {
        return Ok(match read.from() {
            ReadFrom::Whole => plan,
            ReadFrom::Own { .. } => {
                firsts.push((read.stage(), first));
                Arc::new(read.reading_from(ReadFrom::Own { first }))
            }
        });
    }
    let adds = plan.is::<UnionExec>();
    let mut next = first;
    let children = plan.children().into_iter().cloned().map(|child| {
        let count = child.output_partitioning().partition_count();
        let assigned = assign(child, next, firsts);
        if adds {
            next += count;
        }
        assigned
    });
    let children = children.collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(plan, children)
}
