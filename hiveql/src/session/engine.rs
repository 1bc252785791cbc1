//! DataFusion, set up for HiveQL: runs a logical plan in this process.

use datafusion::{
    error::Result,
    execution::{
        SendableRecordBatchStream, SessionState, SessionStateBuilder,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::LogicalPlan,
    physical_plan::{ExecutionPlan, displayable, execute_stream},
    prelude::SessionConfig,
};
use std::{path::PathBuf, sync::Arc};

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
        let mut config = SessionConfig::new().with_target_partitions(options.partitions);
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
            .with_default_features()
            .build();
        Ok(Engine { state })
    }

    /// The state for one statement that gets so many threads.
    pub fn state(&self, threads: usize) -> SessionState {
        let mut state = self.state.clone();
        state.config_mut().options_mut().execution.target_partitions = threads;
        state
    }

    pub async fn physical(&self, plan: &LogicalPlan, threads: usize) -> Result<Arc<dyn ExecutionPlan>> {
        self.state(threads).create_physical_plan(plan).await
    }

    /// Starts the plan; rows come as they are made.
    pub async fn stream(&self, plan: &LogicalPlan, threads: usize) -> Result<SendableRecordBatchStream> {
        let state = self.state(threads);
        execute_stream(state.create_physical_plan(plan).await?, state.task_ctx())
    }

    /// The optimised plan and what it becomes, a line per operator.
    pub async fn explain(&self, plan: &LogicalPlan, threads: usize) -> Result<Vec<String>> {
        let state = self.state(threads);
        let optimized = state.optimize(plan)?;
        let physical = state.query_planner().create_physical_plan(&optimized, &state).await?;
        let mut lines = vec!["LOGICAL PLAN:".to_owned()];
        lines.extend(optimized.display_indent().to_string().lines().map(str::to_owned));
        lines.extend([String::new(), "PHYSICAL PLAN:".to_owned()]);
        lines.extend(displayable(physical.as_ref()).indent(false).to_string().lines().map(str::to_owned));
        Ok(lines)
    }
}
