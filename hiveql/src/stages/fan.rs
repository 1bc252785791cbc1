//! A source that several writers share.
//!
//! Where no writer exchanges rows below what it writes, each task fans its part of the source out to all of them, and nothing
//! is handed over. Otherwise the source is a stage whose rows stay apart, partition by partition, and each writer reads
//! them in stages of its own. What the writers answer comes together in the last stage.

use super::{
    Handover, ReadFrom, ShuffleReadExec,
    cut::{Cutter, Plan, answers_for_left, tasks},
};
use crate::shared::{FanOutExec, Scope, SharedReadExec};
use datafusion::{
    common::{
        Result, internal_err,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    physical_expr::EquivalenceProperties,
    physical_plan::{
        ExecutionPlan, Partitioning, PhysicalExpr,
        coalesce_partitions::CoalescePartitionsExec,
        expressions::Column,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode},
        projection::ProjectionExec,
        repartition::RepartitionExec,
        sorts::sort_preserving_merge::SortPreservingMergeExec,
        union::{InterleaveExec, UnionExec},
    },
};
use std::sync::Arc;

impl Cutter {
    pub(super) fn fan_out(&mut self, fan: &FanOutExec) -> Result<Plan> {
        let planned = tasks(fan.source());
        let source = self.lower(Arc::clone(fan.source()), true)?;
        if tasks(&source) > planned {
            return internal_err!(
                "what was planned to be read by {planned} tasks comes in {}",
                tasks(&source)
            );
        }
        if fan.branches().iter().all(is_straight) {
            let resized = FanOutExec::try_new(source, fan.branches().to_vec(), Scope::Whole)?;
            let branches = resized.branches().iter().map(|branch| self.lower(Arc::clone(branch), true));
            let branches = branches.collect::<Result<Vec<_>>>()?;
            return Ok(Arc::new(FanOutExec::try_new(Arc::clone(resized.source()), branches, Scope::Own)?));
        }
        let count = tasks(&source);
        let stage = self.push(source, Handover::Own { first: 0, count });
        let mut answers: Vec<Plan> = Vec::with_capacity(fan.branches().len());
        for branch in fan.branches() {
            let schema = self.stages[stage].plan.schema();
            let read = read_of(stage, count, EquivalenceProperties::new(schema));
            let written = self.lower(reading(branch, &read)?, true)?;
            let known = EquivalenceProperties::new(written.schema());
            let stage = self.push(written, Handover::Together { sorted: false });
            answers.push(read_of(stage, 1, known));
        }
        match answers.as_slice() {
            [only] => Ok(Arc::clone(only)),
            _ => UnionExec::try_new(answers),
        }
    }

    /// A partition that task `i` reads must be the producer's partition `i` for all who read it. Under a union it is not, so
    /// rows that others read too take one more step.
    pub(super) fn apart(&mut self, plan: Plan) -> Plan {
        if !self.reads_own(&plan) {
            return plan;
        }
        let (count, known) = (tasks(&plan), EquivalenceProperties::new(plan.schema()));
        let stage = self.push(plan, Handover::Own { first: 0, count });
        read_of(stage, count, known)
    }

    fn reads_own(&self, plan: &Plan) -> bool {
        if let Some(read) = plan.downcast_ref::<ShuffleReadExec>() {
            let handover = self.stages.get(read.stage()).map(|stage| &stage.handover);
            return matches!(handover, Some(Handover::Own { .. }));
        }
        plan.children().into_iter().any(|child| self.reads_own(child))
    }
}

fn read_of(stage: usize, count: usize, known: EquivalenceProperties) -> Plan {
    let partitioning = Partitioning::UnknownPartitioning(count);
    Arc::new(ShuffleReadExec::new(stage, ReadFrom::Own { first: 0 }, known, partitioning))
}

/// The branch, with the rows of a stage for those that were shared.
fn reading(branch: &Plan, read: &Plan) -> Result<Plan> {
    let replaced = Arc::clone(branch).transform_up(|node| {
        let Some(shared) = node.downcast_ref::<SharedReadExec>() else { return Ok(Transformed::no(node)) };
        let schema = shared.schema();
        let columns = shared.columns().iter().zip(schema.fields()).map(|(index, field)| {
            (Arc::new(Column::new(field.name(), *index)) as Arc<dyn PhysicalExpr>, field.name().clone())
        });
        let projected = ProjectionExec::try_new(columns.collect::<Vec<_>>(), Arc::clone(read))?;
        Ok(Transformed::yes(Arc::new(projected) as Plan))
    });
    replaced.data()
}

/// Whether partition `i` of the shared rows is all that partition `i` of the plan needs of them.
fn is_straight(plan: &Plan) -> bool {
    if !reads_shared(plan) {
        return true;
    }
    if let Some(exchange) = plan.downcast_ref::<RepartitionExec>() {
        return !matches!(exchange.partitioning(), Partitioning::Hash(..)) && is_straight(exchange.input());
    }
    let gathers = plan.is::<SortPreservingMergeExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<UnionExec>()
        || plan.is::<InterleaveExec>();
    if gathers {
        return false;
    }
    let streams_right = |left: &Plan| !reads_shared(left);
    let may = if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        join.mode == PartitionMode::CollectLeft
            && !answers_for_left(*join.join_type())
            && streams_right(join.left())
    } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        !answers_for_left(*join.join_type()) && streams_right(join.left())
    } else if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
        streams_right(join.left())
    } else {
        true
    };
    may && plan.children().into_iter().all(is_straight)
}

fn reads_shared(plan: &Plan) -> bool {
    plan.is::<SharedReadExec>() || plan.children().into_iter().any(reads_shared)
}
