//! The plan node that reads a scan's files.

use super::{FileSplit, ScanDescription, ScanShare, statistics};
use crate::{
    formats::{BatchStream, FileFormat, FormatError, ReadOptions, RowPredicate, conform_columns},
    types::HiveType,
};
use datafusion::{
    arrow::{
        array::ArrayRef,
        datatypes::SchemaRef,
        record_batch::{RecordBatch, RecordBatchOptions},
    },
    common::{
        Result, ScalarValue, Statistics,
        config::ConfigOptions,
        stats::Precision,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    error::DataFusionError,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        EquivalenceProperties,
        expressions::{Column, DynamicFilterTracking},
    },
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use std::{fmt, sync::Arc};

/// Reads the groups of a description, one per partition.
pub struct HiveScanExec {
    description: Arc<ScanDescription>,
    store: Arc<dyn ObjectStore>,
    parts: Arc<Vec<OpenPart>>,
    predicate: Option<Arc<dyn PhysicalExpr>>,
    /// Over the table's data columns, too. Their values come while the query runs.
    late: Vec<RowPredicate>,
    /// Estimates, of all columns of the table and of all groups.
    statistics: Option<Arc<Statistics>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

struct OpenPart {
    format: Arc<FileFormat>,
    partition_values: Vec<ScalarValue>,
}

impl HiveScanExec {
    pub fn try_new(description: ScanDescription, store: Arc<dyn ObjectStore>) -> Result<HiveScanExec> {
        let parts = description.parts.iter().map(|part| {
            let values = part.partition_values.iter().zip(&description.partition_columns);
            let value = |(text, (_, ty)): (&Option<String>, &(String, HiveType))| {
                ScalarValue::Utf8(text.clone()).cast_to(&ty.arrow())
            };
            let partition_values = values.map(value).collect::<Result<_>>()?;
            Ok(OpenPart { format: Arc::new(part.format()?), partition_values })
        });
        let parts = Arc::new(parts.collect::<Result<Vec<_>>>()?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(description.schema()),
            Partitioning::UnknownPartitioning(description.groups.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(HiveScanExec {
            description: Arc::new(description),
            store,
            parts,
            predicate: None,
            late: Vec::new(),
            statistics: None,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// Over the table's data columns. It only leaves out what cannot hold a row for it.
    pub fn with_predicate(self, predicate: Option<Arc<dyn PhysicalExpr>>) -> HiveScanExec {
        HiveScanExec { predicate, ..self }
    }

    pub fn with_statistics(self, statistics: Option<Arc<Statistics>>) -> HiveScanExec {
        HiveScanExec { statistics, ..self }
    }

    pub fn description(&self) -> &ScanDescription {
        &self.description
    }

    pub fn predicate(&self) -> Option<&Arc<dyn PhysicalExpr>> {
        self.predicate.as_ref()
    }

    /// The same scan of no files.
    pub fn without_files(&self) -> Result<HiveScanExec> {
        self.describing(self.description.without_files())
    }

    /// The same scan of what one partition reads.
    pub fn with_share(&self, share: ScanShare) -> Result<HiveScanExec> {
        self.describing(self.description.with_share(share))
    }

    /// The same scan with one of its partitions.
    pub fn only(&self, partition: usize) -> Result<HiveScanExec> {
        self.describing(self.description.only(partition))
    }

    /// Before it was executed.
    fn again(&self) -> HiveScanExec {
        HiveScanExec {
            description: Arc::clone(&self.description),
            store: Arc::clone(&self.store),
            parts: Arc::clone(&self.parts),
            predicate: self.predicate.clone(),
            late: self.late.clone(),
            statistics: self.statistics.clone(),
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn describing(&self, description: ScanDescription) -> Result<HiveScanExec> {
        let scan = HiveScanExec::try_new(description, Arc::clone(&self.store))?;
        Ok(scan.with_predicate(self.predicate.clone()))
    }

    /// Who counts rows must see all of them.
    fn is_filterable(&self) -> bool {
        self.description.limit.is_none() && !self.description.names_rows()
    }

    /// A filter over the projected columns as one over the table's data columns, if it looks at nothing else.
    fn over_data(&self, filter: Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
        let (mut known, data) = (true, self.description.columns.len());
        let moved = filter.transform(|node| {
            let Some(column) = node.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
            let place = self.description.projection.get(column.index()).copied().filter(|it| *it < data);
            known &= place.is_some();
            let moved = Column::new(column.name(), place.unwrap_or_default());
            Ok(Transformed::yes(Arc::new(moved) as Arc<dyn PhysicalExpr>))
        });
        moved.data().ok().filter(|_| known)
    }

    fn reader(&self, batch_rows: usize) -> SplitReader {
        SplitReader {
            description: self.description.clone(),
            parts: self.parts.clone(),
            store: self.store.clone(),
            predicate: self.predicate.clone(),
            late: self.late.clone(),
            schema: self.description.schema(),
            batch_rows,
        }
    }
}

/// Reads one split after the other.
#[derive(Clone)]
struct SplitReader {
    description: Arc<ScanDescription>,
    parts: Arc<Vec<OpenPart>>,
    store: Arc<dyn ObjectStore>,
    predicate: Option<Arc<dyn PhysicalExpr>>,
    late: Vec<RowPredicate>,
    schema: SchemaRef,
    batch_rows: usize,
}

/// Where a projected column comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// Index among what is read of the file.
    File(usize),
    Partition(usize),
    /// The partition's files have no such column.
    Missing,
}

impl SplitReader {
    fn read(&self, split: &FileSplit) -> BatchStream {
        let Some(part) = self.parts.get(split.part) else { return stream::empty().boxed() };
        let (options, origins) = self.options(part);
        let file = split.range.path.clone();
        let batches = part.format.read(self.store.clone(), split.range.clone(), options);
        let values = part.partition_values.clone();
        let reader = self.clone();
        let assembled = batches.map(move |batch| {
            let batch = batch?;
            let assembled = reader.assemble(&batch, &origins, &values);
            assembled.map_err(|error| FormatError::Arrow { file: file.clone(), source: error.into() })
        });
        let prefix = self.description.file_name_prefix.clone();
        assembled.map_err(move |error| error.under(&prefix)).boxed()
    }

    fn options(&self, part: &OpenPart) -> (ReadOptions, Vec<Origin>) {
        let description = &self.description;
        let (data, partition) = (description.columns.len(), description.partition_columns.len());
        let mut options = ReadOptions {
            batch_rows: self.batch_rows,
            file_name_prefix: description.file_name_prefix.clone(),
            ..ReadOptions::default()
        };
        // Bounds are compared with what the table's types are.
        let same = part.format.columns() == description.columns.as_slice();
        if same {
            options.predicate.clone_from(&self.predicate);
            options.row_predicates.clone_from(&self.late);
        }
        let present = |index: &&usize| **index < data && **index < part.format.columns().len();
        options.projection = description.projection.iter().filter(present).copied().collect();
        let mut next = (0, options.projection.len());
        let origin = |index: &usize| {
            if present(&index) {
                next.0 += 1;
                Origin::File(next.0 - 1)
            } else if *index < data {
                Origin::Missing
            } else if *index < data + partition {
                Origin::Partition(index - data)
            } else {
                options.virtual_columns.extend(description.virtual_columns.get(index - data - partition));
                next.1 += 1;
                Origin::File(next.1 - 1)
            }
        };
        let origins = description.projection.iter().map(origin).collect();
        (options, origins)
    }

    fn assemble(
        &self,
        batch: &RecordBatch,
        origins: &[Origin],
        values: &[ScalarValue],
    ) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let column = |(origin, place): (&Origin, usize)| -> Result<ArrayRef> {
            let ty = self.schema.field(place).data_type();
            match origin {
                Origin::File(index) => match self.description.columns.get(self.description.projection[place])
                {
                    Some((_, ty)) => Ok(conform_columns(batch.column(*index), ty)?),
                    None => Ok(batch.column(*index).clone()),
                },
                Origin::Partition(index) => match values.get(*index) {
                    Some(value) => value.to_array_of_size(rows),
                    None => Ok(datafusion::arrow::array::new_null_array(ty, rows)),
                },
                Origin::Missing => Ok(datafusion::arrow::array::new_null_array(ty, rows)),
            }
        };
        let places = origins.iter().zip(0..);
        let columns = places.map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

impl fmt::Debug for HiveScanExec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HiveScanExec").field("description", &self.description).finish_non_exhaustive()
    }
}

impl DisplayAs for HiveScanExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let splits: usize = self.description.groups.iter().map(Vec::len).sum();
        let format = self.parts.first().map_or("none", |part| part.format.name());
        write!(out, "HiveScanExec: format={format}, parts={}, splits={splits}", self.parts.len())?;
        write!(
            out,
            ", bytes={}, groups={}, projection=[",
            self.description.bytes(),
            self.description.groups.len()
        )?;
        for (index, field) in self.schema().fields().iter().enumerate() {
            write!(out, "{}{}", if index > 0 { ", " } else { "" }, field.name())?;
        }
        write!(out, "]")?;
        if let Some(limit) = self.description.limit {
            write!(out, ", limit={limit}")?;
        }
        if let Some(predicate) = &self.predicate {
            write!(out, ", predicate={predicate}")?;
        }
        for late in &self.late {
            write!(out, ", {}", late.expr)?;
        }
        Ok(())
    }
}

impl ExecutionPlan for HiveScanExec {
    fn name(&self) -> &str {
        "HiveScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for expr in self.predicate.iter().chain(self.late.iter().map(|late| &late.expr)) {
            if visit(expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// Filters of joins and of ORDER BY ... LIMIT, which become known while the query runs.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        filters: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let late: Vec<RowPredicate> = filters
            .parent_filters
            .iter()
            .filter(|_| matches!(phase, FilterPushdownPhase::Post) && self.is_filterable())
            .filter(|found| DynamicFilterTracking::classify(&found.filter).contains_dynamic_filter())
            .filter_map(|found| self.over_data(Arc::clone(&found.filter)))
            .map(|expr| RowPredicate { expr, judgement: Arc::default() })
            .collect();
        let propagation = FilterPushdownPropagation::all_unsupported(filters);
        if late.is_empty() {
            return Ok(propagation);
        }
        let late = self.late.iter().cloned().chain(late).collect();
        Ok(propagation.with_updated_node(Arc::new(HiveScanExec { late, ..self.again() })))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let splits = self.description.groups.get(partition).cloned().unwrap_or_default();
        let reader = self.reader(context.session_config().batch_size());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batches = stream::iter(splits).flat_map(move |split| reader.read(&split));
        let mut left = self.description.limit;
        let limited = batches.map_err(DataFusionError::from).try_take_while(move |batch| {
            let go_on = left != Some(0);
            left = left.map(|left| left.saturating_sub(batch.num_rows()));
            futures::future::ready(Ok(go_on))
        });
        let counted = limited.inspect_ok(move |batch| {
            metrics.record_output(batch.num_rows());
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), counted)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let groups = match partition {
            Some(partition) => self.description.groups.get(partition..=partition).unwrap_or_default(),
            None => &self.description.groups,
        };
        let bytes: u64 = groups.iter().flatten().map(|split| split.range.end - split.range.start).sum();
        Ok(Arc::new(match &self.statistics {
            Some(known) => {
                statistics::share(known, &self.description.projection, bytes, self.description.bytes())
            }
            None => {
                let bytes = Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX));
                Statistics { total_byte_size: bytes, ..Statistics::new_unknown(&self.schema()) }
            }
        }))
    }
}
