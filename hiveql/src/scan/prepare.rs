//! What a plan will read, looked up before it is planned physically: how much it is decides how it is run, and in which
//! order it is joined.

use super::HiveTable;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Result, tree_node::TreeNodeRecursion},
    datasource::source_as_provider,
    logical_expr::{Expr, LogicalPlan, TableScan},
};
use futures::future::try_join_all;
use std::sync::Arc;

type Scan = (Arc<dyn TableProvider>, Vec<Expr>);

/// The bytes of all files that the optimised plan reads.
pub async fn prepare(state: &dyn Session, plan: &LogicalPlan) -> Result<u64> {
    let mut bytes = 0;
    for (provider, filters) in scans(plan)? {
        if let Some(table) = provider.downcast_ref::<HiveTable>() {
            bytes += table.parts(state, &filters).await?.bytes();
        }
    }
    Ok(bytes)
}

/// Asks the files of all tables how many rows they have, for plans that join.
pub async fn survey(state: &dyn Session, plan: &LogicalPlan) -> Result<()> {
    let mut joins = false;
    plan.apply_with_subqueries(|node| {
        joins |= matches!(node, LogicalPlan::Join(_));
        Ok(if joins { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !joins {
        return Ok(());
    }
    let scans = scans(plan)?;
    let surveys = scans.iter().filter_map(|(provider, filters)| {
        provider.downcast_ref::<HiveTable>().map(|table| table.survey(state, filters))
    });
    try_join_all(surveys).await?;
    Ok(())
}

fn scans(plan: &LogicalPlan) -> Result<Vec<Scan>> {
    let mut scans: Vec<Scan> = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(TableScan { source, filters, .. }) = node
            && let Ok(provider) = source_as_provider(source)
        {
            scans.push((provider, filters.clone()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(scans)
}
