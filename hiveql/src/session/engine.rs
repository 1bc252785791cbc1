//! DataFusion, set up for HiveQL: runs a logical plan in this process or, where it reads much, as a job of the cluster.

use super::interruption::{self, Running};
use crate::{
    functions::SessionFacts,
    join_order, limits,
    physical::HiveQueryPlanner,
    reducers::{self, reads_in_order},
    scan::{prepare, survey},
    script::ScriptPlace,
    stages::{
        cut,
        drive::{DriveError, Query, QueryCluster, Unwatched},
        settings,
    },
};
use datafusion::{
    error::{DataFusionError, Result},
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
use skep_jobs::model::JobConf;
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

/// Plans, and runs what is planned.
pub struct Engine {
    state: SessionState,
    cluster: Option<QueryCluster>,
    running: Running,
}

/// A statement to run.
pub struct Work<'a> {
    pub plan: &'a LogicalPlan,
    pub facts: &'a SessionFacts,
    /// What lists of jobs call it.
    pub name: &'a str,
}

/// Of a statement's text in a list of jobs.
const NAME_CHARS: usize = 60;

impl Engine {
    /// Without a cluster all runs here.
    pub fn new(options: &EngineOptions, cluster: Option<QueryCluster>) -> Result<Engine> {
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
            .with_physical_optimizer_rules(limits::rules())
            .build();
        Ok(Engine { state, cluster, running: Running::default() })
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

    /// The optimised plan, its joins in order, and how many bytes it reads.
    async fn optimized(&self, state: &SessionState, plan: &LogicalPlan) -> Result<(LogicalPlan, u64)> {
        let optimized = state.optimize(plan)?;
        let bytes = prepare(state, &optimized).await?;
        survey(state, &optimized).await?;
        Ok((join_order::reorder(optimized, state)?, bytes))
    }

    /// The plan as it is run: on one thread where it reads little, for starting more takes longer than they save.
    async fn physical(
        &self,
        plan: &LogicalPlan,
    ) -> Result<(SessionState, LogicalPlan, Arc<dyn ExecutionPlan>)> {
        let (optimized, bytes) = self.optimized(&self.state, plan).await?;
        let small = bytes <= SMALL_INPUT_BYTES;
        let state = self.state(plan, small.then_some(1))?;
        let physical = state.query_planner().create_physical_plan(&optimized, &state).await?;
        Ok((state, optimized, limits::in_order(physical)?))
    }

    /// Starts the plan; rows come as they are made. Whoever drops them ends it.
    pub async fn stream(&self, work: &Work<'_>) -> Result<SendableRecordBatchStream> {
        if let Some(cluster) = &self.cluster
            && !self.is_small(work.plan).await?
        {
            return self.on_cluster(cluster, work).await;
        }
        let (state, _, physical) = self.physical(work.plan).await?;
        let in_order = reads_in_order(&physical);
        interruption::start(physical, &self.running, |physical| match in_order {
            true => one_after_the_other(physical, state.task_ctx()),
            false => execute_stream(physical, state.task_ctx()),
        })
    }

    /// Returns when nothing of the statements that were given up is at work any more.
    pub async fn ended(&self) {
        self.running.ended().await;
    }

    /// Whether a job would take longer to start than the plan takes to run.
    async fn is_small(&self, plan: &LogicalPlan) -> Result<bool> {
        let optimized = self.state.optimize(plan)?;
        Ok(prepare(&self.state, &optimized).await? <= SMALL_INPUT_BYTES)
    }

    async fn on_cluster(&self, cluster: &QueryCluster, work: &Work<'_>) -> Result<SendableRecordBatchStream> {
        let failed = |error: DriveError| DataFusionError::External(Box::new(error));
        let slots = cluster.slots().await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut state = self.state(work.plan, Some(settings::target_partitions(slots)))?;
        settings::prepare(state.config_mut().options_mut());
        let (optimized, _) = self.optimized(&state, work.plan).await?;
        let physical = state.query_planner().create_physical_plan(&optimized, &state).await?;
        let graph = cut(physical, settings::PARTITION_BYTES)?;
        let query = Query {
            name: shortened(work.name),
            graph: &graph,
            facts: work.facts,
            options: state.config_options(),
            conf: JobConf::default(),
        };
        let running = cluster.start(query).await.map_err(failed)?;
        running.finish(&mut Unwatched).await.map_err(failed)
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

fn shortened(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(NAME_CHARS) {
        Some((end, _)) => format!("{}...", &words[..end]),
        None => words,
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
