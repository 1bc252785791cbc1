//! The scan of a Hive table: parts pruned by their partition values, files split by bytes, batches streamed.

mod description;
mod exec;
mod filters;
mod fixed;
mod prepare;
mod sample;
mod split;
mod statistics;

pub use description::{FileSplit, FormatDescription, ScanDescription, ScanShare};
pub use exec::HiveScanExec;
pub use prepare::{prepare, survey};
pub use sample::ScanSample;

use crate::{
    formats::{FileFormat, VirtualColumn},
    types::HiveType,
};
use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::ArrayRef,
        datatypes::{Field, Schema, SchemaRef},
    },
    catalog::{Session, TableProvider},
    common::{DFSchema, Result, ScalarValue, Statistics},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType, utils::conjunction},
    physical_plan::{ExecutionPlan, PhysicalExpr},
};
use object_store::ObjectStore;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Files that are read alike and share their partition values.
#[derive(Debug, Clone)]
pub struct Part {
    /// Of the partition; its columns may differ from the table's and are matched by position, as Hive does.
    pub format: Arc<FileFormat>,
    /// Path in the store and size in bytes.
    pub files: Vec<(String, u64)>,
    /// One per partition column, of its Arrow type.
    pub partition_values: Vec<ScalarValue>,
    /// Of the table or partition, by the table's columns; 0 where it has none.
    pub buckets: u32,
}

/// What a table's scan is made from.
#[derive(Clone)]
pub struct ScanParts {
    pub shape: ScanShape,
    pub parts: Vec<Part>,
    pub store: Arc<dyn ObjectStore>,
    /// What stands before a path in INPUT__FILE__NAME.
    pub file_name_prefix: String,
}

/// The columns of a scan, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanShape {
    /// Data columns.
    pub columns: Vec<(String, HiveType)>,
    pub partition_columns: Vec<(String, HiveType)>,
    pub virtual_columns: Vec<VirtualColumn>,
}

impl ScanShape {
    fn schema(&self) -> SchemaRef {
        let column = |(name, ty): &(String, HiveType)| Field::new(name, ty.arrow(), true);
        let fields = self.columns.iter().chain(&self.partition_columns).map(column);
        let fields = fields.chain(self.virtual_columns.iter().map(|column| column.field()));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    fn names_rows(&self, projection: &[usize]) -> bool {
        let before = self.columns.len() + self.partition_columns.len();
        names_rows(before, &self.virtual_columns, projection)
    }
}

/// Whether a row's place in its file is asked for. Files are then read whole, and nothing of them is left out: so a row has
/// the same place in each scan. `before`: how many columns are not virtual.
fn names_rows(before: usize, virtual_columns: &[VirtualColumn], projection: &[usize]) -> bool {
    let place = virtual_columns.iter().position(|it| *it == VirtualColumn::RowOffsetInsideBlock);
    place.is_some_and(|place| projection.contains(&(before + place)))
}

impl ScanParts {
    pub fn bytes(&self) -> u64 {
        self.parts.iter().flat_map(|part| &part.files).map(|(_, size)| *size).sum()
    }
}

/// Values of partition columns, of their Arrow types.
pub type PartitionValues = Vec<ScalarValue>;

/// Of many parts, by partition column.
#[derive(Debug, Clone)]
pub struct PartitionColumns {
    pub parts: usize,
    pub columns: Vec<ArrayRef>,
}

/// Knows which files a table has. It is asked for the values of its parts first, and then only for the parts that are read.
#[async_trait]
pub trait TableFiles: fmt::Debug + Send + Sync {
    /// The values of all parts, a column for each key; a table without partitions is one part without values.
    async fn partitions(&self) -> Result<PartitionColumns>;

    /// The parts of these numbers among the partitions.
    async fn parts(&self, kept: &[usize]) -> Result<ScanParts>;
}

/// A Hive table, as DataFusion sees it: data columns, partition columns, virtual columns.
pub struct HiveTable {
    shape: ScanShape,
    files: Arc<dyn TableFiles>,
    schema: SchemaRef,
    /// What was looked up for a statement, by the filters that pruned it.
    known: Mutex<HashMap<Vec<Expr>, Known>>,
    sample: Option<ScanSample>,
    /// How many different values ANALYZE counted, by name of the column.
    distinct: HashMap<String, u64>,
}

#[derive(Clone)]
struct Known {
    parts: Arc<ScanParts>,
    /// Of all columns; absent until somebody asked.
    statistics: Option<Arc<Statistics>>,
}

impl HiveTable {
    pub fn new(shape: ScanShape, files: Arc<dyn TableFiles>) -> HiveTable {
        let schema = shape.schema();
        HiveTable { shape, files, schema, known: Mutex::default(), sample: None, distinct: HashMap::new() }
    }

    pub fn with_distinct(self, distinct: HashMap<String, u64>) -> HiveTable {
        HiveTable { distinct, ..self }
    }

    /// The same table, of which a scan reads no more than a sample.
    pub fn sampled(&self, sample: ScanSample) -> HiveTable {
        HiveTable { sample: Some(sample), ..HiveTable::new(self.shape.clone(), self.files.clone()) }
    }

    /// What is read for these filters. It is looked up once: a statement sees one state of the table.
    pub async fn parts(&self, state: &dyn Session, filters: &[Expr]) -> Result<Arc<ScanParts>> {
        if let Some(known) = self.known(filters) {
            return Ok(known.parts);
        }
        let pruning = self.pruning(filters);
        let partitions = self.files.partitions().await?;
        let kept = filters::prune(state, &self.shape.partition_columns, &partitions, &pruning)?;
        let parts = Arc::new(self.files.parts(&kept).await?);
        self.learn(filters, Known { parts: parts.clone(), statistics: None });
        Ok(parts)
    }

    /// Looks up what the files say of their rows, and adds what ANALYZE found.
    pub async fn survey(&self, state: &dyn Session, filters: &[Expr]) -> Result<()> {
        let parts = self.parts(state, filters).await?;
        if self.statistics(filters).is_none() {
            let mut statistics = statistics::estimated(&parts).await;
            statistics::set_distinct(&mut statistics, &self.schema, &self.distinct);
            self.learn(filters, Known { parts, statistics: Some(Arc::new(statistics)) });
        }
        Ok(())
    }

    /// What is estimated of the rows that are read for these filters, if they were surveyed.
    pub fn statistics(&self, filters: &[Expr]) -> Option<Arc<Statistics>> {
        self.known(filters)?.statistics
    }

    fn pruning(&self, filters: &[Expr]) -> Vec<Expr> {
        filters.iter().filter(|filter| self.is_partition_only(filter)).cloned().collect()
    }

    fn known(&self, filters: &[Expr]) -> Option<Known> {
        let pruning = self.pruning(filters);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&pruning).cloned()
    }

    fn learn(&self, filters: &[Expr], known: Known) {
        let pruning = self.pruning(filters);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(pruning, known);
    }

    fn is_partition_only(&self, filter: &Expr) -> bool {
        filters::only_of(filter, self.shape.partition_columns.iter().map(|(name, _)| name.as_str()))
    }

    /// Of the filters on data columns alone, to leave out what holds no row for them.
    fn predicate(&self, state: &dyn Session, filters: &[Expr]) -> Option<Arc<dyn PhysicalExpr>> {
        let names = || self.shape.columns.iter().map(|(name, _)| name.as_str());
        let usable = filters.iter().filter(|filter| filters::only_of(filter, names())).cloned();
        let whole = conjunction(usable)?;
        let data = self.schema.project(&(0..self.shape.columns.len()).collect::<Vec<_>>()).ok()?;
        let schema = DFSchema::try_from(data).ok()?;
        // A filter that cannot be planned prunes nothing; it is evaluated above the scan anyway.
        state.create_physical_expr(filters::unqualified(whole).ok()?, &schema).ok()
    }
}

impl fmt::Debug for HiveTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HiveTable").field("files", &self.files).finish_non_exhaustive()
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
        let parts = self.parts(state, filters).await?;
        let all = || (0..self.schema.fields().len()).collect();
        // Filters that remain above the scan must see all rows that the limit is not yet applied to.
        let limit = limit.filter(|_| filters.iter().all(|filter| self.is_partition_only(filter)));
        let projection = projection.cloned().unwrap_or_else(all);
        let names_rows = self.shape.names_rows(&projection);
        let description = description::describe(
            &parts,
            &sample::extents(&parts, self.sample),
            projection,
            limit,
            state.config().target_partitions(),
        );
        let exec = HiveScanExec::try_new(description, parts.store.clone())?;
        let predicate = if names_rows { None } else { self.predicate(state, filters) };
        let exec = exec.with_predicate(predicate);
        Ok(Arc::new(exec.with_statistics(self.statistics(filters))))
    }
}

#[cfg(test)]
mod tests;
