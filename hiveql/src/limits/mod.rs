//! Which rows a LIMIT takes where nothing orders them: the first ones, in the order of the files, as scripts expect it.
//!
//! DataFusion may take any rows. So it sorts below a limit what is asked for above it, and reads several inputs as they come.

mod exec;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties,
        coalesce_partitions::CoalescePartitionsExec,
        limit::{GlobalLimitExec, LocalLimitExec},
    },
};
use exec::{InOrderExec, TakenExec};
use std::sync::Arc;

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The rule that places sorts.
const PLACES_SORTS: &str = "EnsureRequirements";

/// DataFusion's rules, with limits shut while sorts are placed.
pub fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = vec![Arc::new(ShutLimits)];
    for rule in PhysicalOptimizer::new().rules {
        let places_sorts = rule.name() == PLACES_SORTS;
        rules.push(rule);
        if places_sorts {
            rules.push(Arc::new(OpenLimits));
        }
    }
    rules
}

/// Where a limit takes rows of several partitions, the first partition's come first.
pub fn in_order(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let Some(together) = plan.downcast_ref::<CoalescePartitionsExec>() else {
            return Ok(Transformed::no(plan));
        };
        let Some(rows) = together.fetch() else { return Ok(Transformed::no(plan)) };
        let input = Arc::new(InOrderExec::new(together.input().clone()));
        Ok(Transformed::yes(Arc::new(GlobalLimitExec::new(input, 0, Some(rows))) as Arc<dyn ExecutionPlan>))
    })
    .data()
}

#[derive(Debug)]
struct ShutLimits;

impl PhysicalOptimizerRule for ShutLimits {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let is_limit = plan.is::<GlobalLimitExec>() || plan.is::<LocalLimitExec>();
            Ok(match is_limit && plan.output_ordering().is_none() {
                true => Transformed::yes(Arc::new(TakenExec::new(plan)) as Arc<dyn ExecutionPlan>),
                false => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "shut_limits"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct OpenLimits;

impl PhysicalOptimizerRule for OpenLimits {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            Ok(match plan.downcast_ref::<TakenExec>() {
                Some(taken) => Transformed::yes(taken.input().clone()),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "open_limits"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_opened_once_sorts_are_placed() {
        let rules = rules();
        let names: Vec<&str> = rules.iter().map(|rule| rule.name()).collect();
        let placed = names.iter().position(|name| *name == PLACES_SORTS);
        let opened = names.iter().position(|name| *name == "open_limits");
        assert_eq!(placed.map(|index| index + 1), opened);
        assert!(opened.is_some(), "DataFusion has renamed the rule: {names:?}");
    }
}
