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
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![options.scratch.clone()]));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let state =
            SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features().build();
        Ok(Engine { state })
    }

    pub fn state(&self) -> &SessionState {
        &self.state
    }

    pub async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        self.state.create_physical_plan(plan).await
    }

    /// Starts the plan; rows come as they are made.
    pub async fn stream(&self, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
        execute_stream(self.physical(plan).await?, self.state.task_ctx())
    }

    /// The optimised plan and what it becomes, a line per operator.
    pub async fn explain(&self, plan: &LogicalPlan) -> Result<String> {
        let optimized = self.state.optimize(plan)?;
        let physical = self.state.query_planner().create_physical_plan(&optimized, &self.state).await?;
        Ok(format!(
            "LOGICAL PLAN:\n{}\n\nPHYSICAL PLAN:\n{}",
            optimized.display_indent(),
            displayable(physical.as_ref()).indent(false)
        ))
    }
}
