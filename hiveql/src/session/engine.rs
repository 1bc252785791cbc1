//! DataFusion, set up for HiveQL: runs a logical plan in this process or, where it reads much, as a job of the cluster.

use super::{
    interruption::{self, Running},
    progress::{Progress, Told},
};
use crate::{
    functions::SessionFacts,
    join_order, limits,
    physical::HiveQueryPlanner,
    reducers::{self, reads_in_order},
    scan::{prepare, survey},
    script::ScriptPlace,
    stages::{
        cut,
        drive::{DriveError, Query, QueryCluster},
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
    logical_expr::{FetchType, LogicalPlan, SkipType},
    physical_plan::{
        ExecutionPlan, common::spawn_buffered, displayable, execute_stream, execute_stream_partitioned,
        stream::RecordBatchStreamAdapter,
    },
    prelude::SessionConfig,
};
use futures::{StreamExt, stream};
use skep_jobs::model::JobConf;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::watch;

/// Up to so many bytes are read on one thread.
pub(super) const LITTLE_BYTES: u64 = 8 << 20;
/// So many rows from the beginning of a table are looked at sooner than a job begins.
const FIRST_ROWS_MAX: usize = 10_000;

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
    pub(super) state: SessionState,
    pub(super) cluster: Option<QueryCluster>,
    scripts: ScriptPlace,
    pub(super) running: Running,
    progress: watch::Sender<Progress>,
}

/// A statement to run.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    pub plan: &'a LogicalPlan,
    pub facts: &'a SessionFacts,
    /// What lists of jobs call it.
    pub name: &'a str,
    /// What reads no more than this is run without a job.
    pub short_bytes: u64,
    /// Of a job's input, for each task behind an exchange.
    pub partition_bytes: u64,
    /// Tasks that read, at most.
    pub tasks: Option<usize>,
}

/// Of a statement's text in a list of jobs.
const NAME_CHARS: usize = 60;

impl Engine {
    /// Whether all runs here.
    pub fn is_one_node(&self) -> bool {
        self.cluster.is_none()
    }

    /// Without a cluster all runs here.
    pub fn new(options: &EngineOptions, cluster: Option<QueryCluster>) -> Result<Engine> {
        let scripts = ScriptPlace { scratch: Some(options.scratch.clone()), shipped: None };
        let mut config = SessionConfig::new()
            .with_target_partitions(options.partitions)
            .with_extension(Arc::new(scripts.clone()));
        let settings = config.options_mut();
        // Strings have one layout everywhere.
        settings.execution.parquet.schema_force_view_types = false;
        settings.sql_parser.map_string_types_to_utf8view = false;
        // What a sort sets aside before it needs it must leave it something to work with.
        let reserved = &mut settings.execution.sort_spill_reservation_bytes;
        *reserved = (*reserved).min(options.memory_bytes / 8);
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
        let progress = watch::Sender::new(Progress::default());
        Ok(Engine { state, cluster, scripts, running: Running::default(), progress })
    }

    /// Where programs of the user's run.
    pub fn scripts(&self) -> &ScriptPlace {
        &self.scripts
    }

    /// Of the jobs that statements become.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The state for one statement that gets so many threads, unless it asks for so many reducers.
    pub(super) fn state(&self, plan: &LogicalPlan, threads: Option<usize>) -> Result<SessionState> {
        let mut state = self.state.clone();
        let wanted = reducers::wanted(plan)?.filter(|count| *count > 1).or(threads);
        if let Some(wanted) = wanted {
            state.config_mut().options_mut().execution.target_partitions = wanted;
        }
        Ok(state)
    }

    /// The optimised plan, its joins in order, and how many bytes it reads.
    pub(super) async fn optimized(
        &self,
        state: &SessionState,
        plan: &LogicalPlan,
    ) -> Result<(LogicalPlan, u64)> {
        let optimized = state.optimize(plan)?;
        let bytes = prepare(state, &optimized).await?;
        survey(state, &optimized).await?;
        Ok((join_order::reorder(optimized, state)?, bytes))
    }

    /// The plan as it is run here: on one thread where it reads little, for starting more takes longer than they save.
    async fn physical(
        &self,
        plan: &LogicalPlan,
        optimized: &LogicalPlan,
        bytes: u64,
        tasks: Option<usize>,
    ) -> Result<(SessionState, Arc<dyn ExecutionPlan>)> {
        let state = self.state(plan, if bytes <= LITTLE_BYTES { Some(1) } else { tasks })?;
        let physical = state.query_planner().create_physical_plan(optimized, &state).await?;
        Ok((state, limits::in_order(physical)?))
    }

    /// Starts the plan; rows come as they are made. Whoever drops them ends it.
    pub async fn stream(&self, work: &Work<'_>) -> Result<SendableRecordBatchStream> {
        let (optimized, bytes) = self.optimized(&self.state, work.plan).await?;
        if let Some(cluster) = &self.cluster
            && bytes > work.short_bytes
            && !takes_first_rows(&optimized)
        {
            return self.on_cluster(cluster, work).await;
        }
        let (state, physical) = self.physical(work.plan, &optimized, bytes, work.tasks).await?;
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

    async fn on_cluster(&self, cluster: &QueryCluster, work: &Work<'_>) -> Result<SendableRecordBatchStream> {
        let state = self.state_of_job(work.plan, cluster, work.tasks).await?;
        let (optimized, _) = self.optimized(&state, work.plan).await?;
        let physical = state.query_planner().create_physical_plan(&optimized, &state).await?;
        self.run_job(cluster, physical, &state, work).await
    }

    /// The state for a statement that becomes a job.
    pub(super) async fn state_of_job(
        &self,
        plan: &LogicalPlan,
        cluster: &QueryCluster,
        tasks: Option<usize>,
    ) -> Result<SessionState> {
        let slots = cluster.slots().await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let target = settings::target_partitions(slots);
        let mut state = self.state(plan, Some(tasks.map_or(target, |tasks| tasks.min(target))))?;
        settings::prepare(state.config_mut().options_mut());
        Ok(state)
    }

    pub(super) async fn run_job(
        &self,
        cluster: &QueryCluster,
        physical: Arc<dyn ExecutionPlan>,
        state: &SessionState,
        work: &Work<'_>,
    ) -> Result<SendableRecordBatchStream> {
        let failed = |error: DriveError| DataFusionError::External(Box::new(error));
        let graph = cut(physical, work.partition_bytes)?;
        let query = Query {
            name: shortened(work.name),
            graph: &graph,
            facts: work.facts,
            options: state.config_options(),
            conf: JobConf::default(),
        };
        let running = cluster.start(query).await.map_err(failed)?;
        running.finish(&mut Told(&self.progress)).await.map_err(failed)
    }

    /// The optimised plan and what it becomes, a line per operator.
    pub async fn explain(&self, plan: &LogicalPlan) -> Result<Vec<String>> {
        let (optimized, bytes) = self.optimized(&self.state, plan).await?;
        let (_, physical) = self.physical(plan, &optimized, bytes, None).await?;
        let mut lines = vec!["LOGICAL PLAN:".to_owned()];
        lines.extend(optimized.display_indent().to_string().lines().map(str::to_owned));
        lines.extend([String::new(), "PHYSICAL PLAN:".to_owned()]);
        lines.extend(displayable(physical.as_ref()).indent(false).to_string().lines().map(str::to_owned));
        Ok(lines)
    }
}

/// Whether the plan is over after the first rows of its files, however many these have.
fn takes_first_rows(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Limit(limit) => {
            let few = |rows: usize| rows <= FIRST_ROWS_MAX;
            matches!(limit.get_fetch_type(), Ok(FetchType::Literal(Some(rows))) if few(rows))
                && matches!(limit.get_skip_type(), Ok(SkipType::Literal(rows)) if few(rows))
                && reads_rows_as_they_are(&limit.input)
        }
        LogicalPlan::Projection(projection) => takes_first_rows(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => takes_first_rows(&alias.input),
        _ => false,
    }
}

/// One row for each row of one table.
fn reads_rows_as_they_are(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Projection(projection) => reads_rows_as_they_are(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => reads_rows_as_they_are(&alias.input),
        _ => false,
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
