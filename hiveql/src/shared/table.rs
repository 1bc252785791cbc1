//! The source as a table of the plans that read it.

use super::SharedReadExec;
use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    common::{
        Column, Result, internal_err,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    datasource::{provider_as_source, source_as_provider},
    logical_expr::{
        Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableScan, TableType,
        utils::{conjunction, disjunction},
    },
    physical_plan::ExecutionPlan,
};
use std::{collections::BTreeSet, sync::Arc};

const NAME: &str = "shared";

/// Has all columns of the source, of which each plan reads some.
#[derive(Debug)]
pub struct SharedTable {
    schema: SchemaRef,
    source: Option<SharedSource>,
}

/// The source as it is planned.
#[derive(Debug, Clone)]
pub struct SharedSource {
    /// Which of the table's columns it has.
    pub columns: Vec<usize>,
    pub partitions: usize,
    /// What it reads, if that is known.
    pub bytes: Option<u64>,
}

/// What plans read of a source.
#[derive(Debug, Default)]
pub struct Uses {
    pub columns: BTreeSet<usize>,
    /// No plan reads other rows; `None`: some plan reads all.
    pub filter: Option<Expr>,
}

impl SharedTable {
    /// A plan with the columns of `source`, under their names, to which [`with_source`] brings the rows.
    pub fn plan(source: &LogicalPlan) -> Result<LogicalPlan> {
        let schema = Arc::clone(source.schema().inner());
        let table = SharedTable { schema: schema.clone(), source: None };
        let columns = schema
            .fields()
            .iter()
            .map(|field| Expr::Column(Column::new(Some(NAME), field.name())).alias(field.name()));
        LogicalPlanBuilder::scan(NAME, provider_as_source(Arc::new(table)), None)?.project(columns)?.build()
    }
}

/// What optimised plans read of their source.
pub fn uses<'a>(plans: impl IntoIterator<Item = &'a LogicalPlan>) -> Result<Uses> {
    let (mut columns, mut filters, mut reads_all) = (BTreeSet::new(), Vec::new(), false);
    for plan in plans {
        plan.apply_with_subqueries(|node| {
            if let Some(scan) = shared(node) {
                let all = || (0..scan.source.schema().fields().len()).collect();
                columns.extend(scan.projection.clone().unwrap_or_else(all));
                match conjunction(scan.filters.iter().cloned()) {
                    Some(filter) => filters.push(unqualified(filter)?),
                    None => reads_all = true,
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    let filter = if reads_all { None } else { disjunction(filters) };
    Ok(Uses { columns, filter })
}

/// The optimised plan, which knows now where its rows come from.
pub fn with_source(plan: LogicalPlan, source: &SharedSource) -> Result<LogicalPlan> {
    let replaced = plan.transform_up_with_subqueries(|node| {
        let Some(scan) = shared(&node) else { return Ok(Transformed::no(node)) };
        let schema = scan.source.schema();
        let table = SharedTable { schema, source: Some(source.clone()) };
        let scan = TableScan { source: provider_as_source(Arc::new(table)), ..scan.clone() };
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    });
    replaced.data()
}

fn shared(node: &LogicalPlan) -> Option<&TableScan> {
    let LogicalPlan::TableScan(scan) = node else { return None };
    let provider = source_as_provider(&scan.source).ok()?;
    provider.downcast_ref::<SharedTable>().map(|_| scan)
}

/// As the source itself names its columns.
fn unqualified(filter: Expr) -> Result<Expr> {
    filter
        .transform(|expr| {
            Ok(match expr {
                Expr::Column(column) => Transformed::yes(Expr::Column(Column::new_unqualified(column.name))),
                other => Transformed::no(other),
            })
        })
        .data()
}

/// Whether it says the same of a row wherever it is asked.
fn is_plain(filter: &Expr) -> bool {
    let asks = filter.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::OuterReferenceColumn(..)
        ))
    });
    !filter.is_volatile() && asks.is_ok_and(|asks| !asks)
}

#[async_trait]
impl TableProvider for SharedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// They are kept for the source, which may leave out what nobody wants.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match is_plain(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(source) = &self.source else {
            return internal_err!("rows are shared that come from nowhere");
        };
        let wanted = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let place = |wanted: &usize| source.columns.iter().position(|column| column == wanted);
        let Some(columns) = wanted.iter().map(place).collect::<Option<Vec<_>>>() else {
            return internal_err!("the source of shared rows has fewer columns than are read");
        };
        let schema = Arc::new(self.schema.project(&wanted)?);
        Ok(Arc::new(SharedReadExec::new(0, columns, schema, source.partitions, source.bytes)))
    }
}
