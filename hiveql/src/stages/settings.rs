//! What the planner must ask of DataFusion for a plan that will be cut, and how many partitions an exchange gets.

use crate::{
    scan::HiveScanExec,
    shared::{FanOutExec, SharedReadExec},
};
use datafusion::{
    common::config::SpillCompression,
    config::ConfigOptions,
    physical_plan::{ExecutionPlan, empty::EmptyExec, placeholder_row::PlaceholderRowExec},
};
use std::sync::Arc;

/// Bytes of input for which it is worth to have one more task behind an exchange.
pub const PARTITION_BYTES: u64 = 64 << 20;

/// Switches off what only works inside of one process: operators that tell each other filters while they run, and
/// scalar subqueries that are evaluated beside the plan.
pub fn prepare(options: &mut ConfigOptions) {
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    options.optimizer.enable_physical_uncorrelated_scalar_subquery = false;
    options.execution.spill_compression = SpillCompression::Lz4Frame;
    // Spreading rows over tasks costs a shuffle here, not a channel.
    options.optimizer.enable_round_robin_repartition = false;
}

/// Inside of one task these work: what [`prepare`] has switched off is only switched off between tasks.
pub fn allow_filters(options: &mut ConfigOptions) {
    options.optimizer.enable_dynamic_filter_pushdown = true;
    options.optimizer.enable_join_dynamic_filter_pushdown = true;
}

/// The `target_partitions` of a query: as many as the cluster runs at a time, and a little more, so that the last ones
/// are short.
pub fn target_partitions(slots: u32) -> usize {
    (slots as usize * 2).clamp(1, 1_000)
}

/// At most this many partitions for the exchanges of a plan, by the bytes that it reads. `None`: who knows.
pub(super) fn partitions_of(plan: &Arc<dyn ExecutionPlan>, partition_bytes: u64) -> Option<usize> {
    let bytes = bytes_read(plan)?;
    Some(usize::try_from(bytes.div_ceil(partition_bytes.max(1))).unwrap_or(usize::MAX).max(1))
}

/// Of all files and literals below a node.
pub(crate) fn bytes_read(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    if let Some(scan) = plan.downcast_ref::<HiveScanExec>() {
        return Some(scan.description().bytes());
    }
    if let Some(read) = plan.downcast_ref::<SharedReadExec>() {
        return read.bytes();
    }
    if let Some(fan) = plan.downcast_ref::<FanOutExec>() {
        return fan.bytes_read();
    }
    if plan.is::<PlaceholderRowExec>() || plan.is::<EmptyExec>() {
        return Some(0);
    }
    let children = plan.children();
    if children.is_empty() {
        return None;
    }
    children.into_iter().map(bytes_read).sum()
}
