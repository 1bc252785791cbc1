//! Runs a stage graph as a job of a cluster, and brings its rows to the client.
//!
//! ```text
//! start ─► fragments in the program's arguments, stages with preferred workers ─► Submit
//! finish ─► watched to its end, through restarts of the master ─► parts of the result ─► rows
//!    └ dropped: the job is killed
//! ```
//! The whole graph is submitted at once. Planning anew with what finished stages have shown begins here: at a graph whose
//! first stages are known, before the rest is submitted.

use super::{
    StageGraph,
    fragments::{FragmentError, Fragments},
    results, ship, spec,
};
use crate::functions::SessionFacts;
use datafusion::{
    arrow::datatypes::SchemaRef, common::DataFusionError, config::ConfigOptions,
    execution::SendableRecordBatchStream, physical_plan::stream::RecordBatchStreamAdapter,
};
use futures::StreamExt;
use skep_hdfs::{FsPath, stores::Stores};
use skep_jobs::{
    conf::JOB_OWNER,
    model::{
        Executable, JobConf, JobId, JobSpec, JobState, JobView, Program, RESULTS_DIRECTORY, ShippedFile,
    },
    protocol::client::WorkerState,
    submit::{
        JobsClient, JobsError, SubmitError,
        watch::{self, Watching},
    },
};
use std::time::Duration;
use tokio::{runtime::Handle, time::timeout};
use tokio_util::task::TaskTracker;

/// A master that is away is not waited for longer; the next service kills what is left.
const AFTERWARDS_PATIENCE: Duration = Duration::from_secs(5);

/// A cluster that runs queries. Cheap to clone.
#[derive(Clone)]
pub struct QueryCluster {
    pub jobs: JobsClient,
    pub stores: Stores,
    user: String,
    owner: Option<String>,
    afterwards: Afterwards,
}

/// What goes on when queries are over: jobs are killed that nobody waits for, and files removed.
#[derive(Clone, Default)]
pub struct Afterwards(TaskTracker);

impl Afterwards {
    fn spawn(&self, runtime: &Handle, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn_on(work, runtime);
    }

    /// Returns when nothing is left to do, or after a while.
    pub async fn done(&self) {
        self.0.close();
        let _ = timeout(AFTERWARDS_PATIENCE, self.0.wait()).await;
    }
}

/// What is run, and how.
pub struct Query<'a> {
    /// Shown in lists of jobs.
    pub name: String,
    pub graph: &'a StageGraph,
    pub facts: &'a SessionFacts,
    /// The settings that the plan was made with.
    pub options: &'a ConfigOptions,
    pub conf: JobConf,
}

#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error(transparent)]
    Fragment(#[from] FragmentError),
    #[error("a file that a script needs cannot be brought to the cluster")]
    Ship(#[source] SubmitError),
    #[error("{file}, which a script needs, cannot be brought to the cluster: it has no storage of its own")]
    NoStorage { file: String },
    #[error(
        "{one} and {other} have one name, and lie in one directory while the query runs: rename one of them"
    )]
    Namesakes { one: String, other: String },
    #[error("the query cannot be submitted")]
    Submit(#[source] JobsError),
    #[error("{job} cannot be watched; see `skep jobs show {job}`")]
    Watch { job: JobId, source: JobsError },
    #[error("{job} failed: {cause}; its logs: `skep jobs logs {job}`")]
    Failed { job: JobId, cause: String },
    #[error("{job} was killed: {cause}")]
    Killed { job: JobId, cause: String },
    #[error(
        "the master has forgotten the result of {job}, because many others ended at the same time; run it again"
    )]
    Forgotten { job: JobId },
    #[error("the result of {job} cannot be read: {source}")]
    Result { job: JobId, source: DataFusionError },
}

/// A submitted query. Dropped before its end, it is killed.
pub struct RunningQuery {
    job: JobId,
    schema: SchemaRef,
    /// Of the last stage.
    tasks: usize,
    cluster: QueryCluster,
    kill: Kill,
    results: ResultsDirectory,
}

impl QueryCluster {
    pub fn new(jobs: JobsClient, stores: Stores, user: String) -> QueryCluster {
        QueryCluster { jobs, stores, user, owner: None, afterwards: Afterwards::default() }
    }

    /// Its jobs say that they are this one's.
    pub fn owned_by(self, owner: String) -> QueryCluster {
        QueryCluster { owner: Some(owner), ..self }
    }

    /// What goes on when its queries are over is waited for there.
    pub fn with_afterwards(self, afterwards: Afterwards) -> QueryCluster {
        QueryCluster { afterwards, ..self }
    }

    /// Tasks that the cluster runs at a time now: what [`super::settings::target_partitions`] is made from.
    pub async fn slots(&self) -> Result<u32, JobsError> {
        let view = self.jobs.status().await?;
        let live = view.workers.iter().filter(|worker| worker.state == WorkerState::Live);
        Ok(live.map(|worker| worker.slots).sum())
    }

    async fn ship(&self, graph: &StageGraph) -> Result<Vec<ShippedFile>, DriveError> {
        let files = ship::files_of(graph).map_err(FragmentError::Encode)?;
        if let Some((one, other)) = ship::namesakes(&files) {
            return Err(DriveError::Namesakes { one: one.path.clone(), other: other.path.clone() });
        }
        match (files.first(), self.stores.client()) {
            (None, _) => Ok(Vec::new()),
            (Some(_), Some(client)) => ship::ship(client, files).await.map_err(DriveError::Ship),
            (Some(file), None) => Err(DriveError::NoStorage { file: file.path.clone() }),
        }
    }

    /// Must be called inside a runtime.
    pub async fn start(&self, query: Query<'_>) -> Result<RunningQuery, DriveError> {
        let last = query.graph.stages.last().ok_or(FragmentError::NoStage(0))?;
        let directory = format!("{RESULTS_DIRECTORY}/{:016x}", rand::random::<u64>());
        let fragments = Fragments::encode(query.graph, query.facts, query.options, Some(directory.clone()))?;
        let arguments = fragments.arguments()?;
        let files = self.ship(query.graph).await?;
        let program = Program { executable: Executable::Skep, arguments, files };
        let stages = spec::stages(query.graph, Some(&self.stores)).await.map_err(FragmentError::Encode)?;
        let mut conf = query.conf;
        conf.extra.extend(self.owner.iter().map(|owner| (JOB_OWNER.to_owned(), owner.clone())));
        let spec = JobSpec {
            name: query.name,
            user: self.user.clone(),
            token: rand::random(),
            program,
            conf,
            stages,
            finish: None,
        };
        let results = ResultsDirectory {
            path: directory.parse().ok(),
            cluster: self.clone(),
            runtime: Handle::current(),
        };
        let job = self.jobs.submit(spec).await.map_err(DriveError::Submit)?;
        let kill = Kill { job, cluster: self.clone(), runtime: Handle::current(), over: false };
        let (schema, tasks) = (last.plan.schema(), last.tasks());
        Ok(RunningQuery { job, schema, tasks, cluster: self.clone(), kill, results })
    }
}

impl RunningQuery {
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Waits for the end, and gives the rows: they are read from the cluster's storage no faster than they are taken.
    pub async fn finish(
        mut self,
        watching: &mut (impl Watching + ?Sized),
    ) -> Result<SendableRecordBatchStream, DriveError> {
        let job = self.job;
        let view = watch::until_over(&self.cluster.jobs, job, watching).await;
        let view = view.map_err(|source| DriveError::Watch { job, source })?;
        self.kill.over = true;
        let view = succeeded(view)?;
        // The master forgets the results of old jobs; none is not the same as no rows.
        if view.results.len() != self.tasks {
            return Err(DriveError::Forgotten { job });
        }
        let parts = results::decode(&view.results).map_err(|source| DriveError::Result { job, source })?;
        let rows = results::stream_of(parts, self.schema.clone(), self.cluster.stores.clone());
        // The directory lives as long as somebody may read from it.
        let results = self.results;
        let rows = rows.inspect(move |_| {
            let _held = &results;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema, rows)))
    }
}

fn succeeded(view: JobView) -> Result<JobView, DriveError> {
    let job = view.summary.id;
    let cause = || view.error.clone().unwrap_or_else(|| "no cause was recorded".to_owned());
    match view.summary.state {
        JobState::Succeeded => Ok(view),
        JobState::Killed => Err(DriveError::Killed { job, cause: cause() }),
        _ => Err(DriveError::Failed { job, cause: cause() }),
    }
}

/// Kills the job when it is dropped, unless it is over.
struct Kill {
    job: JobId,
    cluster: QueryCluster,
    runtime: Handle,
    over: bool,
}

impl Drop for Kill {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (job, cluster) = (self.job, self.cluster.clone());
        self.cluster.afterwards.spawn(&self.runtime, async move {
            if let Err(error) = cluster.jobs.kill(job, cluster.user.clone()).await {
                tracing::info!(%job, %error, "a query that nobody waits for was not killed");
            }
        });
    }
}

/// Removes the query's files when it is dropped.
struct ResultsDirectory {
    path: Option<FsPath>,
    cluster: QueryCluster,
    runtime: Handle,
}

impl Drop for ResultsDirectory {
    fn drop(&mut self) {
        let (Some(path), Some(client)) = (self.path.take(), self.cluster.stores.client().cloned()) else {
            return;
        };
        self.cluster.afterwards.spawn(&self.runtime, async move {
            if let Err(error) = client.delete(&path, true).await {
                tracing::info!(%path, %error, "a query's results are left to the master to remove");
            }
        });
    }
}

/// Nobody is told.
pub struct Unwatched;

impl Watching for Unwatched {
    fn show(&mut self, _: &JobView) {}
}
