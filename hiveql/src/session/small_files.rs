//! Small files that an INSERT or a CREATE TABLE AS has made become few before anybody sees them.
//!
//! They are read and written again under another number, in the same order. Where that fails, the small ones are published: they
//! hold the same rows.

use super::{Session, SessionError, destination::Destination};
use crate::{
    ddl::DdlContext,
    functions::math::BucketingVersion,
    plan::{BoundTable, Planner, TableName, Tables},
    reducers::ReducersNode,
    scan::HiveTable,
    write::{Outcome, SmallFiles, Write},
};
use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    datasource::provider_as_source,
    logical_expr::LogicalPlan,
};
use std::sync::Arc;

const OF_MAPS: &str = "hive.merge.mapfiles";
const OF_REDUCERS: &str = "hive.merge.mapredfiles";
const OF_ALL: &str = "hive.merge.tezfiles";
const AVERAGE_BYTES: &str = "hive.merge.smallfiles.avgsize";
const TASK_BYTES: &str = "hive.merge.size.per.task";
/// Files are not read as they were written where these are said.
const LINES_LEFT_OUT: [&str; 2] = ["skip.header.line.count", "skip.footer.line.count"];

/// Whether a plan brings rows together, as reducers do in Hive.
pub(super) fn reduces(plan: &LogicalPlan) -> bool {
    let mut reduces = false;
    let visited = plan.apply(|node| {
        reduces |= match node {
            LogicalPlan::Aggregate(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Window(_) => true,
            LogicalPlan::Extension(extension) => extension.node.as_any().is::<ReducersNode>(),
            _ => false,
        };
        Ok(if reduces { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    reduces || visited.is_err()
}

impl Session {
    /// What is to be published of a write: it alone, or with it or instead of it one that has merged its small files.
    pub(super) async fn merged(
        &self,
        context: &DdlContext<'_>,
        (write, outcome): (Write, Outcome),
        reduces: bool,
        text: &str,
    ) -> Vec<(Write, Outcome)> {
        if !self.merges(&write, reduces) {
            return vec![(write, outcome)];
        }
        let small = SmallFiles::of(context, &write, &outcome, self.bytes(AVERAGE_BYTES)).await;
        let again = match small {
            Ok(None) => return vec![(write, outcome)],
            Ok(Some(small)) => {
                self.write_fewer(context, &write, &small, text).await.map(|again| (again, small))
            }
            Err(error) => Err(error.into()),
        };
        match again {
            Ok((again, small)) => self.replaced(context, (write, outcome), again, small).await,
            Err(error) => {
                tracing::warn!(%error, "small files are not merged");
                vec![(write, outcome)]
            }
        }
    }

    fn merges(&self, write: &Write, reduces: bool) -> bool {
        let kind = if reduces { OF_REDUCERS } else { OF_MAPS };
        let wanted = self.settings.is_true(kind) || self.settings.is_true(OF_ALL);
        wanted && !LINES_LEFT_OUT.iter().any(|key| write.target.table.properties.contains_key(*key))
    }

    fn bytes(&self, key: &str) -> u64 {
        self.settings.get(key).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    async fn write_fewer(
        &self,
        context: &DdlContext<'_>,
        write: &Write,
        small: &SmallFiles,
        text: &str,
    ) -> Result<(Write, Outcome), SessionError> {
        let again = write.again().begin(context, &self.id).await?;
        let expected: u64 = small.folders.values().map(|amount| amount.rows).sum();
        let error = match self.copy_small(context, write, &again, small, text).await {
            Ok(merged) if merged.rows() == expected => return Ok((again, merged)),
            Ok(merged) => {
                SessionError::new(format!("{expected} rows were written and {} read again", merged.rows()))
            }
            Err(error) => error,
        };
        self.abandon(context, vec![(again, Outcome::default())]).await;
        Err(error)
    }

    async fn copy_small(
        &self,
        context: &DdlContext<'_>,
        write: &Write,
        again: &Write,
        small: &SmallFiles,
        text: &str,
    ) -> Result<Outcome, SessionError> {
        let keys = write.target.row_keys();
        let texts: Vec<String> = keys.iter().map(|key| format!("partition:{}", key.name)).collect();
        let scan = small.scan(write, texts.clone())?;
        let columns = scan.shape.columns.iter().chain(&scan.shape.partition_columns).cloned().collect();
        let rows = BoundTable {
            columns,
            partition_columns: texts.len(),
            hidden: Vec::new(),
            bucket_columns: Vec::new(),
            bucketing: BucketingVersion::V2,
            source: provider_as_source(Arc::new(HiveTable::fixed(scan))),
        };
        let (tables, options) = (Tables::default(), self.plan_options());
        let planner = Planner::new(&tables, context.facts, &options);
        let destination = Destination::of(again, provider_as_source(again.table(context)?));
        let table = &write.target.table;
        let name = TableName { database: table.database.clone(), name: table.name.clone() };
        let plan = planner.copied(&name, &rows, &[], &texts, &destination.insert_into(&[]));
        let plan = plan.map_err(|error| SessionError::of_plan(&error, text))?;
        let tasks = small.bytes().div_ceil(self.bytes(TASK_BYTES).max(1));
        let mut work = self.work(&plan, context.facts, text);
        work.tasks = Some(usize::try_from(tasks).unwrap_or(usize::MAX).max(1));
        Ok(Outcome::collect(self.engine.stream(&work).await?).await?)
    }

    /// The small files go. What is left of them is nobody's, and swept with a write that is given up.
    async fn replaced(
        &self,
        context: &DdlContext<'_>,
        (write, mut outcome): (Write, Outcome),
        again: (Write, Outcome),
        small: SmallFiles,
    ) -> Vec<(Write, Outcome)> {
        outcome.folders.retain(|folder, _| !small.folders.contains_key(folder));
        if outcome.folders.is_empty() {
            self.abandon(context, vec![(write, outcome)]).await;
            return vec![again];
        }
        if let Err(left) = small.delete(&write).await {
            tracing::warn!(error = %left, "small files that were merged are left");
        }
        vec![(write, outcome), again]
    }
}
