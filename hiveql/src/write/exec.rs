//! The plan node that writes files, and the table that makes DataFusion plan it.

use super::{
    WriteDescription,
    folders::{Closed, Folders},
    outcome,
};
use crate::formats::FileFormat;
use async_trait::async_trait;
use datafusion::{
    arrow::{array::RecordBatch, compute::SortOptions, datatypes::SchemaRef},
    catalog::{Session, TableProvider},
    common::{Result, internal_err, not_impl_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Expr, TableType, dml::InsertOp},
    physical_expr::{
        EquivalenceProperties, LexOrdering, LexRequirement, OrderingRequirements, PhysicalExpr,
        PhysicalSortExpr, expressions::Column,
    },
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{TryStreamExt, stream};
use object_store::ObjectStore;
use std::{fmt, sync::Arc};

/// Which attempt of which task runs a plan: an extension of its configuration. Without it each partition is a task and
/// has one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskAttempt {
    pub task: u32,
    pub attempt: u32,
}

/// What is written to, as DataFusion's planner sees it.
pub struct WriteTable {
    description: Arc<WriteDescription>,
    format: Arc<FileFormat>,
    store: Arc<dyn ObjectStore>,
}

impl WriteTable {
    pub fn new(description: WriteDescription, format: FileFormat, store: Arc<dyn ObjectStore>) -> WriteTable {
        WriteTable { description: Arc::new(description), format: Arc::new(format), store }
    }
}

impl fmt::Debug for WriteTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WriteTable").field("root", &self.description.root).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for WriteTable {
    fn schema(&self) -> SchemaRef {
        self.description.schema(&self.format)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        not_impl_err!("what is written to is read as a table")
    }

    async fn insert_into(
        &self,
        _: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        _: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(WriteExec::new(self.description.clone(), self.format.clone(), self.store.clone(), input)))
    }
}

/// Writes the rows of each partition to files of its own and answers what became of them, see [`outcome`].
pub struct WriteExec {
    description: Arc<WriteDescription>,
    format: Arc<FileFormat>,
    store: Arc<dyn ObjectStore>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl WriteExec {
    pub fn new(
        description: Arc<WriteDescription>,
        format: Arc<FileFormat>,
        store: Arc<dyn ObjectStore>,
        input: Arc<dyn ExecutionPlan>,
    ) -> WriteExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(outcome::schema()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        WriteExec { description, format, store, input, properties: Arc::new(properties) }
    }

    pub fn description(&self) -> &WriteDescription {
        &self.description
    }

    /// By the keys, so that one folder is open at a time, and then as the files are to be sorted.
    fn ordering(&self) -> Option<LexOrdering> {
        let schema = self.input.schema();
        let width = self.format.columns().len();
        let column = |index: usize| -> Arc<dyn PhysicalExpr> {
            Arc::new(Column::new(schema.field(index).name(), index))
        };
        let ascending = SortOptions { descending: false, nulls_first: true };
        let keys =
            (width..schema.fields().len()).map(|index| PhysicalSortExpr::new(column(index), ascending));
        let sorted = self.description.sorted_by.iter().map(|(index, descending)| {
            let options = SortOptions { descending: *descending, nulls_first: !descending };
            PhysicalSortExpr::new(column(*index), options)
        });
        LexOrdering::new(keys.chain(sorted))
    }
}

impl fmt::Debug for WriteExec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WriteExec").field("description", &self.description).finish_non_exhaustive()
    }
}

impl DisplayAs for WriteExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WriteDescription { prefix, root, keys, .. } = self.description.as_ref();
        write!(out, "WriteExec: format={}, to={prefix}{root}", self.format.name())?;
        if !keys.is_empty() {
            write!(out, ", folders by [{}]", keys.join(", "))?;
        }
        if let Some(buckets) = &self.description.buckets {
            write!(out, ", buckets={}", buckets.count)?;
        }
        Ok(())
    }
}

impl ExecutionPlan for WriteExec {
    fn name(&self) -> &str {
        "WriteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.ordering().map(|ordering| LexRequirement::from(ordering).into())]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else { return internal_err!("a write has one input") };
        let (description, format) = (self.description.clone(), self.format.clone());
        Ok(Arc::new(WriteExec::new(description, format, self.store.clone(), input)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let of_partition = TaskAttempt { task: u32::try_from(partition).unwrap_or(u32::MAX), attempt: 0 };
        let known = context.session_config().get_extension::<TaskAttempt>();
        let attempt = known.map_or(of_partition, |known| *known);
        let (description, format) = (self.description.clone(), self.format.clone());
        let folders = Folders::new(description, format, self.store.clone(), attempt)?;
        let input = self.input.execute(partition, context)?;
        let answer = stream::once(write(folders, input, attempt));
        Ok(Box::pin(RecordBatchStreamAdapter::new(outcome::schema(), answer)))
    }
}

async fn write(
    mut folders: Folders,
    mut input: SendableRecordBatchStream,
    attempt: TaskAttempt,
) -> Result<RecordBatch> {
    while let Some(batch) = input.try_next().await? {
        if batch.num_rows() > 0 {
            folders.write(&batch).await?;
        }
    }
    let number = folders.description().write;
    let Closed { amounts, columns } = folders.close().await?;
    outcome::rows(number, attempt, &amounts, columns.as_deref())
}
