//! DataFusion, set up for HiveQL: runs a logical plan in this process.

use crate::{
    physical::HiveQueryPlanner,
    reducers::{self, reads_in_order},
    scan::prepare,
    script::ScriptPlace,
};
use datafusion::{
    error::Result,
    execution::{
        SendableRecordBatchStream, SessionState, SessionStateBuilder, TaskContext,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::LogicalPlan,
    physical_plan::{
        ExecutionPlan, common::spawn_buffered, displayable, execute_stream, execute_stream_partitioned,
        stream::RecordBatchStreamAdapter,
    },
    prelude::SessionConfig,
};
use futures::{StreamExt, stream};
use std::{path::PathBuf, sync::Arc};

/// Up to so many bytes are little.
const SMALL_INPUT_BYTES: u64 = 8 << 20;

/// What one process may use for queries.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    pub partitions: usize,
    pub memory_bytes: usize,
    /// Where operators put what does not fit into memory.
    pub scratch: PathBuf,
}

/// Plans and runs in this process.
pub struct Engine {
    state: SessionState,
}

impl Engine {
    pub fn new(options: &EngineOptions) -> Result<Engine> {
        let place = ScriptPlace { scratch: Some(options.scratch.clone()), shipped: None };
        let mut config =
            SessionConfig::new().with_target_partitions(options.partitions).with_extension(Arc::new(place));
        let settings = config.options_mut();
        // Strings have one layout everywhere.
        settings.execution.parquet.schema_force_view_types = false;
        settings.sql_parser.map_string_types_to_utf8view = false;
        // Rows keep the order of their files as long as nothing asks for another one.
        settings.optimizer.enable_round_robin_repartition = false;
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![options.scratch.clone()]));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_query_planner(Arc::new(HiveQueryPlanner))
            .with_default_features()
            .build();
        Ok(Engine { state })
    }

    /// The state for one statement that gets so many threads, unless it asks for so many reducers.
    fn state(&self, plan: &LogicalPlan, threads: Option<usize>) -> Result<SessionState> {
        let mut state = self.state.clone();
        let wanted = reducers::wanted(plan)?.filter(|count| *count > 1).or(threads);
        if let Some(wanted) = wanted {
            state.config_mut().options_mut().execution.target_partitions = wanted;
        }
        Ok(state)
    }

    /// The plan as it is run: on one thread where it reads little, for starting more takes longer than they save.
    async fn physical(
        &self,
        plan: &LogicalPlan,
    ) -> Result<(SessionState, LogicalPlan, Arc<dyn ExecutionPlan>)> {
        let optimized = self.state.optimize(plan)?;
        let small = prepare(&self.state, &optimized).await? <= SMALL_INPUT_BYTES;
        let state = self.state(plan, small.then_some(1))?;
        let physical = state.query_planner().create_physical_plan(&optimized, &state).await?;
        Ok((state, optimized, physical))
    }

    /// Starts the plan; rows come as they are made.
    pub async fn stream(&self, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
        let (state, _, physical) = self.physical(plan).await?;
        match reads_in_order(&physical) {
            true => one_after_the_other(physical, state.task_ctx()),
            false => execute_stream(physical, state.task_ctx()),
        }
    }

    /// The optimised plan and what it becomes, a line per operator.
    pub async fn explain(&self, plan: &LogicalPlan) -> Result<Vec<String>> {
        let (_, optimized, physical) = self.physical(plan).await?;
        let mut lines = vec!["LOGICAL PLAN:".to_owned()];
        lines.extend(optimized.display_indent().to_string().lines().map(str::to_owned));
        lines.extend([String::new(), "PHYSICAL PLAN:".to_owned()]);
        lines.extend(displayable(physical.as_ref()).indent(false).to_string().lines().map(str::to_owned));
        Ok(lines)
    }
}

/// The first partition's rows, then those of the second; meanwhile the others sort theirs.
fn one_after_the_other(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let schema = plan.schema();
    let partitions = execute_stream_partitioned(plan, context)?;
    let partitions = partitions.into_iter().map(|rows| spawn_buffered(rows, 1)).collect::<Vec<_>>();
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(partitions).flatten())))
}
