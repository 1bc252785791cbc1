//! What a plan will read, looked up before it is planned physically: how much it is decides how it is run.

use super::HiveTable;
use datafusion::{
    catalog::Session,
    common::{Result, tree_node::TreeNodeRecursion},
    datasource::source_as_provider,
    logical_expr::{Expr, LogicalPlan, TableScan, TableSource},
};
use std::sync::Arc;

type Scan = (Arc<dyn TableSource>, Vec<Expr>);

/// The bytes of all files that the optimised plan reads.
pub async fn prepare(state: &dyn Session, plan: &LogicalPlan) -> Result<u64> {
    let mut scans: Vec<Scan> = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(TableScan { source, filters, .. }) = node {
            scans.push((source.clone(), filters.clone()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut bytes = 0;
    for (source, filters) in scans {
        let Ok(provider) = source_as_provider(&source) else { continue };
        if let Some(table) = provider.downcast_ref::<HiveTable>() {
            bytes += table.parts(state, &filters).await?.bytes();
        }
    }
    Ok(bytes)
}
