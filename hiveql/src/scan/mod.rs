//! The scan of a Hive table: parts pruned by their partition values, files split by bytes, batches streamed.

mod description;
mod exec;
mod filters;
mod sample;
mod split;

pub use description::{FileSplit, FormatDescription, ScanDescription, ScanShare};
pub use exec::HiveScanExec;
pub use sample::ScanSample;

use crate::{
    formats::{FileFormat, VirtualColumn},
    types::HiveType,
};
use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{Field, Schema, SchemaRef},
    catalog::{Session, TableProvider},
    common::{DFSchema, Result, ScalarValue},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType, utils::conjunction},
    physical_plan::{ExecutionPlan, PhysicalExpr},
};
use object_store::ObjectStore;
use std::{fmt, sync::Arc};

/// Files that are read alike and share their partition values.
#[derive(Debug, Clone)]
pub struct Part {
    /// Of the partition; its columns may differ from the table's and are matched by position, as Hive does.
    pub format: Arc<FileFormat>,
    /// Path in the store and size in bytes.
    pub files: Vec<(String, u64)>,
    /// One per partition column, of its Arrow type.
    pub partition_values: Vec<ScalarValue>,
    /// Into so many files of numbers of their own were rows put by the table's bucket columns; 0: they were not.
    pub buckets: u32,
}

/// What a table's scan is made from.
#[derive(Clone)]
pub struct ScanParts {
    /// Data columns.
    pub columns: Vec<(String, HiveType)>,
    pub partition_columns: Vec<(String, HiveType)>,
    pub parts: Vec<Part>,
    pub store: Arc<dyn ObjectStore>,
    /// What stands before a path in INPUT__FILE__NAME.
    pub file_name_prefix: String,
    pub virtual_columns: Vec<VirtualColumn>,
}

/// A Hive table, as DataFusion sees it: data columns, partition columns, virtual columns.
pub struct HiveTable {
    parts: ScanParts,
    schema: SchemaRef,
    sample: Option<ScanSample>,
}

impl HiveTable {
    pub fn new(parts: ScanParts) -> HiveTable {
        let column = |(name, ty): &(String, HiveType)| Field::new(name, ty.arrow(), true);
        let fields = parts.columns.iter().chain(&parts.partition_columns).map(column);
        let fields = fields.chain(parts.virtual_columns.iter().map(|column| column.field()));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        HiveTable { parts, schema, sample: None }
    }

    /// The same table, of which a scan reads no more than a sample.
    pub fn sampled(&self, sample: ScanSample) -> HiveTable {
        HiveTable { parts: self.parts.clone(), schema: self.schema.clone(), sample: Some(sample) }
    }

    fn is_partition_only(&self, filter: &Expr) -> bool {
        filters::only_of(filter, self.parts.partition_columns.iter().map(|(name, _)| name.as_str()))
    }

    /// Of the filters on data columns alone, to leave out what holds no row for them.
    fn predicate(&self, state: &dyn Session, filters: &[Expr]) -> Option<Arc<dyn PhysicalExpr>> {
        let names = || self.parts.columns.iter().map(|(name, _)| name.as_str());
        let usable = filters.iter().filter(|filter| filters::only_of(filter, names())).cloned();
        let whole = conjunction(usable)?;
        let data = self.schema.project(&(0..self.parts.columns.len()).collect::<Vec<_>>()).ok()?;
        let schema = DFSchema::try_from(data).ok()?;
        // A filter that cannot be planned prunes nothing; it is evaluated above the scan anyway.
        state.create_physical_expr(filters::unqualified(whole).ok()?, &schema).ok()
    }
}

impl fmt::Debug for HiveTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HiveTable").field("parts", &self.parts.parts.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for HiveTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| {
            if self.is_partition_only(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let pruning: Vec<Expr> =
            filters.iter().filter(|filter| self.is_partition_only(filter)).cloned().collect();
        let kept = filters::prune(state, &self.parts, pruning)?;
        let all = || (0..self.schema.fields().len()).collect();
        // Filters that remain above the scan must see all rows that the limit is not yet applied to.
        let limit = limit.filter(|_| filters.iter().all(|filter| self.is_partition_only(filter)));
        let description = description::describe(
            &self.parts,
            sample::extents(&self.parts, &kept, self.sample),
            &kept,
            projection.cloned().unwrap_or_else(all),
            limit,
            state.config().target_partitions(),
        );
        let exec = HiveScanExec::try_new(description, self.parts.store.clone())?;
        Ok(Arc::new(exec.with_predicate(self.predicate(state, filters))))
    }
}

#[cfg(test)]
mod tests;
