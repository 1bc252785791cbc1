//! Cuts a plan where rows change partitions.
//!
//! | node | becomes |
//! | --- | --- |
//! | `RepartitionExec` by hash | a stage whose rows are hashed into partitions, one for each task that reads |
//! | `RepartitionExec` round robin | nothing: it only spreads work, and the tasks are spread already |
//! | `CoalescePartitionsExec`, `SortPreservingMergeExec` | a stage whose rows go into one partition, sorted ones merged there |
//! | `FanOutExec` | nothing, or a stage that several others read, see [`fan`](super::fan) |
//! | the collected side of a join | a stage whose one partition is read by each task of the join |
//!
//! Where the rows come from one task and go to one, nothing is cut: a small query is one stage of one task.
//!
//! A join that collects its left side and answers for rows of it that found no partner must see all of the right side
//! in one place. So it is partitioned by its keys instead, or, where it has none that can be used, run by one task.

use super::{Handover, ReadFrom, ShuffleReadExec, Stage, StageGraph, place, repeat, settings};
use crate::shared::FanOutExec;
use datafusion::{
    common::{JoinType, Result},
    physical_expr::{EquivalenceProperties, LexOrdering},
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr,
        coalesce_partitions::CoalescePartitionsExec,
        empty::EmptyExec,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode},
        limit::LocalLimitExec,
        placeholder_row::PlaceholderRowExec,
        repartition::RepartitionExec,
        replace_children_if_necessary,
        sorts::sort_preserving_merge::SortPreservingMergeExec,
        union::{InterleaveExec, UnionExec},
    },
};
use skep_jobs::model::Determinism;
use std::sync::Arc;

/// Cuts an optimised plan into stages. An exchange gets as many partitions as the plan gives it, but no more than one for
/// each `partition_bytes` of what the plan reads; [`settings::PARTITION_BYTES`] is a good number.
pub fn cut(plan: Arc<dyn ExecutionPlan>, partition_bytes: u64) -> Result<StageGraph> {
    let exchange_partitions = settings::partitions_of(&plan, partition_bytes);
    let mut cutter = Cutter { stages: Vec::new(), exchange_partitions };
    let last = cutter.lower(plan, true)?;
    cutter.push(last, Handover::Result);
    let mut stages = place::number(cutter.stages)?;
    repeat::classify(&mut stages);
    Ok(StageGraph { stages })
}

pub(super) struct Cutter {
    pub(super) stages: Vec<Stage>,
    /// At most; `None`: as the plan has it.
    exchange_partitions: Option<usize>,
}

pub(super) type Plan = Arc<dyn ExecutionPlan>;

impl Cutter {
    pub(super) fn push(&mut self, plan: Plan, handover: Handover) -> usize {
        self.stages.push(Stage { plan, handover, determinism: Determinism::Varies });
        self.stages.len() - 1
    }

    /// The plan with its exchanges replaced. `fuse`: an exchange between single tasks may be left out.
    pub(super) fn lower(&mut self, plan: Plan, fuse: bool) -> Result<Plan> {
        if let Some(exchange) = plan.downcast_ref::<RepartitionExec>() {
            return self.repartition(exchange, &plan, fuse);
        }
        if let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>() {
            let known = plan.equivalence_properties().clone();
            return self.together(merge.input(), Some(merge.expr()), merge.fetch(), known);
        }
        if let Some(coalesce) = plan.downcast_ref::<CoalescePartitionsExec>() {
            let known = plan.equivalence_properties().clone();
            return self.together(coalesce.input(), None, coalesce.fetch(), known);
        }
        if let Some(join) = plan.downcast_ref::<HashJoinExec>()
            && join.mode == PartitionMode::CollectLeft
        {
            return self.hash_join(join, &plan);
        }
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let together = answers_for_left(*join.join_type());
            return self.collecting(&plan, join.left(), join.right(), together);
        }
        if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
            return self.collecting(&plan, join.left(), join.right(), false);
        }
        if let Some(fan) = plan.downcast_ref::<FanOutExec>() {
            return self.fan_out(fan);
        }
        // What feeds it must say that it is hashed, so its exchanges stay.
        let fuse = fuse && !plan.is::<InterleaveExec>();
        let children = plan.children().into_iter().cloned();
        let mut lowered = children.map(|child| self.lower(child, fuse)).collect::<Result<Vec<_>>>()?;
        if plan.is::<UnionExec>() || plan.is::<InterleaveExec>() {
            lowered = lowered.into_iter().map(|child| self.apart(child)).collect();
        }
        with_children(&plan, lowered)
    }

    fn repartition(&mut self, exchange: &RepartitionExec, plan: &Plan, fuse: bool) -> Result<Plan> {
        let Partitioning::Hash(keys, count) = exchange.partitioning() else {
            return self.lower(Arc::clone(exchange.input()), fuse);
        };
        let merged = match exchange.preserve_order() {
            true => exchange.input().output_ordering().cloned(),
            false => None,
        };
        let known = plan.equivalence_properties().clone();
        self.hashed(exchange.input(), keys.clone(), *count, merged, known, fuse)
    }

    fn hashed(
        &mut self,
        input: &Plan,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        count: usize,
        merged: Option<LexOrdering>,
        known: EquivalenceProperties,
        fuse: bool,
    ) -> Result<Plan> {
        let count = self.exchange_partitions.map_or(count, |most| count.min(most)).max(1);
        let producer = self.lower(Arc::clone(input), true)?;
        if fuse && count == 1 && tasks(&producer) == 1 {
            return Ok(producer);
        }
        let handover = Handover::Hashed { keys: keys.clone(), first: 0, count };
        let stage = self.push(producer, handover);
        let partitioning = Partitioning::Hash(keys, count);
        let read = ShuffleReadExec::new(stage, ReadFrom::Own { first: 0 }, known, partitioning);
        Ok(Arc::new(read.merging(merged)))
    }

    /// All rows in one partition, for one task.
    fn together(
        &mut self,
        input: &Plan,
        merged: Option<&LexOrdering>,
        fetch: Option<usize>,
        known: EquivalenceProperties,
    ) -> Result<Plan> {
        let producer = limited(self.lower(Arc::clone(input), true)?, fetch);
        if tasks(&producer) == 1 {
            return Ok(producer);
        }
        let stage = self.push(producer, Handover::Together { sorted: merged.is_some() });
        let partitioning = Partitioning::UnknownPartitioning(1);
        let read = ShuffleReadExec::new(stage, ReadFrom::Own { first: 0 }, known, partitioning);
        Ok(Arc::new(read.merging(merged.cloned()).fetching(fetch)))
    }

    fn hash_join(&mut self, join: &HashJoinExec, plan: &Plan) -> Result<Plan> {
        if !answers_for_left(*join.join_type()) {
            return self.collecting(plan, join.left(), join.right(), false);
        }
        // Whether there was a NULL anywhere on the right is for one task to see.
        if join.null_aware {
            return self.collecting(plan, join.left(), join.right(), true);
        }
        let probed = self.lower(Arc::clone(join.right()), true)?;
        if tasks(&probed) == 1 {
            let built = self.lower(Arc::clone(join.left()), true)?;
            return with_children(plan, vec![built, probed]);
        }
        let (left_keys, right_keys) = join.on().iter().cloned().unzip();
        let count = tasks(&probed);
        let right = self.read_hashed(probed, right_keys, count);
        let built = self.lower(without_collecting(join.left()), true)?;
        let left = self.read_hashed(built, left_keys, count);
        let partitioned = join.builder().with_partition_mode(PartitionMode::Partitioned);
        partitioned.with_new_children(vec![left, right])?.recompute_properties().build_exec()
    }

    /// A side of a join that the plan did not mean to be partitioned.
    fn read_hashed(&mut self, producer: Plan, keys: Vec<Arc<dyn PhysicalExpr>>, count: usize) -> Plan {
        let known = unordered(&producer);
        let stage = self.push(producer, Handover::Hashed { keys: keys.clone(), first: 0, count });
        let partitioning = Partitioning::Hash(keys, count);
        Arc::new(ShuffleReadExec::new(stage, ReadFrom::Own { first: 0 }, known, partitioning))
    }

    /// A join whose left side each task has whole. `together`: and whose right side one task must see whole.
    fn collecting(&mut self, join: &Plan, left: &Plan, right: &Plan, together: bool) -> Result<Plan> {
        let probed = match together {
            true => self.together(right, None, None, unordered(right))?,
            false => self.lower(Arc::clone(right), true)?,
        };
        if tasks(&probed) == 1 {
            let built = self.lower(Arc::clone(left), true)?;
            return with_children(join, vec![built, probed]);
        }
        let producer = self.lower(without_collecting(left), true)?;
        if is_literal(&producer) {
            return with_children(join, vec![producer, probed]);
        }
        let known = EquivalenceProperties::new(producer.schema());
        let stage = self.push(producer, Handover::Together { sorted: false });
        let built = ShuffleReadExec::new(stage, ReadFrom::Whole, known, Partitioning::UnknownPartitioning(1));
        with_children(join, vec![Arc::new(built), probed])
    }
}

/// Whether a join of this type has something to say of each row on its left, once the whole right side was seen.
pub(super) fn answers_for_left(join: JoinType) -> bool {
    matches!(
        join,
        JoinType::Left | JoinType::Full | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark
    )
}

/// Without the node that brings its partitions together: each of their tasks writes what all read.
fn without_collecting(plan: &Plan) -> Plan {
    match plan.downcast_ref::<CoalescePartitionsExec>() {
        Some(coalesce) if coalesce.fetch().is_none() => Arc::clone(coalesce.input()),
        _ => Arc::clone(plan),
    }
}

/// What is known of the rows but for the order that they come in.
fn unordered(plan: &Plan) -> EquivalenceProperties {
    let mut known = plan.equivalence_properties().clone();
    known.clear_orderings();
    known.clear_per_partition_constants();
    known
}

fn limited(plan: Plan, fetch: Option<usize>) -> Plan {
    match fetch {
        Some(fetch) if plan.fetch().is_none_or(|has| has > fetch) => {
            Arc::new(LocalLimitExec::new(plan, fetch))
        }
        _ => plan,
    }
}

pub(super) fn tasks(plan: &Plan) -> usize {
    plan.output_partitioning().partition_count()
}

/// Rows that are cheaper made in each task than handed over.
fn is_literal(plan: &Plan) -> bool {
    let children = plan.children();
    match children.as_slice() {
        [] => plan.is::<PlaceholderRowExec>() || plan.is::<EmptyExec>(),
        children => tasks(plan) == 1 && children.iter().all(|child| is_literal(child)),
    }
}

fn with_children(plan: &Plan, children: Vec<Plan>) -> Result<Plan> {
    replace_children_if_necessary(Arc::clone(plan), children)
}
