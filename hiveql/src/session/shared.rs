//! Several plans over one source, which is read once: a multi-insert.

use super::{
    engine::{Engine, LITTLE_BYTES, Work},
    interruption,
};
use crate::{
    limits,
    shared::{FanOutExec, Scope, SharedSource, uses, with_source},
    stages::settings::bytes_read,
};
use datafusion::{
    common::Column,
    error::Result,
    execution::{SendableRecordBatchStream, SessionState},
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder},
    physical_plan::{ExecutionPlan, ExecutionPlanProperties, displayable, execute_stream},
};
use std::sync::Arc;

/// Plans of one statement.
pub struct SharedWork<'a> {
    /// Its plan is the source.
    pub work: Work<'a>,
    /// Over the source's [`SharedTable`](crate::shared::SharedTable), all with the same columns.
    pub branches: &'a [LogicalPlan],
    /// What it writes can be written by this process alone.
    pub stays_here: bool,
}

/// The plans, optimised.
struct Optimized {
    source: LogicalPlan,
    /// Which columns of the source are read.
    columns: Vec<usize>,
    branches: Vec<LogicalPlan>,
    /// That all read together.
    bytes: u64,
}

impl Engine {
    /// Starts all plans; rows of all come as they are made.
    pub async fn stream_shared(&self, shared: &SharedWork<'_>) -> Result<SendableRecordBatchStream> {
        let optimized = self.optimized_shared(&self.state, shared).await?;
        if let Some(cluster) = self.cluster.as_ref().filter(|_| !shared.stays_here)
            && optimized.bytes > shared.work.short_bytes
        {
            let state = self.state_of_job(shared.work.plan, cluster, None).await?;
            let optimized = self.optimized_shared(&state, shared).await?;
            let states = |_: &LogicalPlan| Ok(state.clone());
            let fan = self.fan_out(&optimized, states).await?;
            return self.run_job(cluster, fan, &state, &shared.work).await;
        }
        let fan = self.fan_out_here(&optimized).await?;
        interruption::start(fan, &self.running, |fan| execute_stream(fan, self.state.task_ctx()))
    }

    /// As [`Engine::explain`] does for one plan.
    pub async fn explain_shared(&self, shared: &SharedWork<'_>) -> Result<Vec<String>> {
        let optimized = self.optimized_shared(&self.state, shared).await?;
        let mut lines = vec!["LOGICAL PLAN OF THE SOURCE:".to_owned()];
        lines.extend(optimized.source.display_indent().to_string().lines().map(str::to_owned));
        for (index, branch) in optimized.branches.iter().enumerate() {
            lines.extend([String::new(), format!("LOGICAL PLAN OF INSERT {}:", index + 1)]);
            lines.extend(branch.display_indent().to_string().lines().map(str::to_owned));
        }
        let fan = self.fan_out_here(&optimized).await?;
        lines.extend([String::new(), "PHYSICAL PLAN:".to_owned()]);
        lines.extend(displayable(fan.as_ref()).indent(false).to_string().lines().map(str::to_owned));
        Ok(lines)
    }

    /// The source without the columns and, as far as that can be told, the rows that no branch reads.
    async fn optimized_shared(&self, state: &SessionState, shared: &SharedWork<'_>) -> Result<Optimized> {
        let mut bytes = 0;
        let mut branches = Vec::with_capacity(shared.branches.len());
        for branch in shared.branches {
            let (optimized, besides) = self.optimized(state, branch).await?;
            bytes += besides;
            branches.push(optimized);
        }
        let mut uses = uses(&branches)?;
        if uses.columns.is_empty() {
            // Rows are counted by some column.
            uses.columns.insert(0);
        }
        let columns: Vec<usize> = uses.columns.into_iter().collect();
        let source = LogicalPlanBuilder::from(shared.work.plan.clone());
        let source = match uses.filter {
            Some(filter) => source.filter(filter)?,
            None => source,
        };
        let name = |index: &usize| shared.work.plan.schema().field(*index).name().clone();
        let kept = columns.iter().map(|index| Expr::Column(Column::new_unqualified(name(index))));
        let source = source.project(kept.collect::<Vec<_>>())?.build()?;
        let (source, read) = self.optimized(state, &source).await?;
        Ok(Optimized { source, columns, branches, bytes: bytes + read })
    }

    async fn fan_out_here(&self, optimized: &Optimized) -> Result<Arc<dyn ExecutionPlan>> {
        let threads = (optimized.bytes <= LITTLE_BYTES).then_some(1);
        limits::in_order(self.fan_out(optimized, |plan| self.state(plan, threads)).await?)
    }

    async fn fan_out(
        &self,
        optimized: &Optimized,
        state_of: impl Fn(&LogicalPlan) -> Result<SessionState>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source = physical(&state_of(&optimized.source)?, &optimized.source).await?;
        let known = SharedSource {
            columns: optimized.columns.clone(),
            partitions: source.output_partitioning().partition_count(),
            bytes: bytes_read(&source),
        };
        let mut branches = Vec::with_capacity(optimized.branches.len());
        for branch in &optimized.branches {
            let state = state_of(branch)?;
            branches.push(physical(&state, &with_source(branch.clone(), &known)?).await?);
        }
        Ok(Arc::new(FanOutExec::try_new(source, branches, Scope::Whole)?))
    }
}

async fn physical(state: &SessionState, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
    state.query_planner().create_physical_plan(plan, state).await
}
