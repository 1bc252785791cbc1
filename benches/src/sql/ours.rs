//! Skep's side: a session of this process, and one that the SQL service of a cluster holds.

use super::{Measured, Side, Work};
use crate::environment;
use futures::TryStreamExt;
use skep_hiveql::{
    catalog::ClusterStore,
    service::{OpenSession, Remote, registry},
    session::{Answer, Session, SessionError, SessionOptions},
    syntax::script::split,
};
use skep_jobs::submit;
use skep_tests::{
    Cluster,
    tpc::{FileKind, Suite},
};
use skep_wire::Dialer;
use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// What operators may hold before they spill.
const MEMORY_BYTES: usize = 8 << 30;
/// Where the tables lie on a cluster.
const TABLES: &str = "/tpch";
const CORE_WORKERS: usize = 2;
const SHORT: &str = "SELECT 1";
const SHORT_RUNS: usize = 200;
const COLD_RUNS: usize = 20;

/// A query that reads nothing, on a cluster.
pub(super) struct Short {
    pub warm: Vec<Duration>,
    /// `skep sql -e`, from the start of its process to its end.
    pub cold: Vec<Duration>,
}

pub(super) struct Ours {
    runtime: Runtime,
    connection: Connection,
    /// A master, core workers and a SQL service, each a process.
    cluster: Option<Cluster>,
}

enum Connection {
    Local(Box<Session>),
    Remote(Box<Remote>),
}

impl Connection {
    /// Runs a statement to its end and returns how many rows it has.
    async fn rows(&mut self, text: &str) -> Result<usize, SessionError> {
        let answer = match self {
            Connection::Local(session) => session.run(text).await?,
            Connection::Remote(session) => session.run(text).await?,
        };
        let Answer::Rows(rows) = answer else { return Ok(0) };
        let counted =
            rows.stream.try_fold(0, |count, batch| std::future::ready(Ok(count + batch.num_rows())));
        Ok(counted.await?)
    }
}

impl Ours {
    pub fn in_process(work: &Work<'_>, warehouse: &Path) -> Result<Ours, Box<dyn Error>> {
        let runtime = runtime(work)?;
        let session = runtime.block_on(Session::local(SessionOptions {
            warehouse: warehouse.to_owned(),
            database: None,
            conf: Vec::new(),
            variables: Vec::new(),
            user: "bench".to_owned(),
            owner: String::new(),
            partitions: work.threads,
            memory_bytes: MEMORY_BYTES,
        }))?;
        let connection = Connection::Local(Box::new(session));
        let mut ours = Ours { runtime, connection, cluster: None };
        ours.run_all(&Suite::TpcH.tables(work.data, FileKind::Parquet))?;
        Ok(ours)
    }

    /// The tables are in the cluster's storage.
    pub fn on_cluster(work: &Work<'_>) -> Result<Ours, Box<dyn Error>> {
        let mut cluster = Cluster::start(CORE_WORKERS, 0);
        cluster.start_hive();
        store(&cluster, work.data);
        let runtime = runtime(work)?;
        let connection = Connection::Remote(Box::new(runtime.block_on(remote(&cluster))?));
        let mut ours = Ours { runtime, connection, cluster: Some(cluster) };
        let local = format!("file://{}", work.data.display());
        ours.run_all(&Suite::TpcH.tables(work.data, FileKind::Parquet).replace(&local, TABLES))?;
        Ok(ours)
    }

    fn run_all(&mut self, script: &str) -> Result<(), SessionError> {
        let run = async {
            for statement in split(script) {
                self.connection.rows(&statement.text).await?;
            }
            Ok(())
        };
        self.runtime.block_on(run)
    }

    pub fn short(&mut self) -> Result<Option<Short>, SessionError> {
        let Some(cluster) = &self.cluster else { return Ok(None) };
        let connection = &mut self.connection;
        let warm = self.runtime.block_on(async {
            let mut warm = Vec::new();
            for _ in 0..SHORT_RUNS {
                let begin = Instant::now();
                connection.rows(SHORT).await?;
                warm.push(begin.elapsed());
            }
            Ok::<_, SessionError>(warm)
        })?;
        let cold = || {
            let begin = Instant::now();
            cluster.sql(SHORT).ok();
            begin.elapsed()
        };
        Ok(Some(Short { warm, cold: std::iter::repeat_with(cold).take(COLD_RUNS).collect() }))
    }
}

impl Side for Ours {
    fn run(&mut self, query: usize) -> Result<Measured, Box<dyn Error>> {
        let text = Suite::TpcH.query(query);
        let begin = Instant::now();
        let rows = self.runtime.block_on(self.connection.rows(&text))?;
        Ok(Measured { time: begin.elapsed(), rows })
    }
}

fn store(cluster: &Cluster, data: &Path) {
    for table in Suite::TpcH.table_names() {
        cluster.skep(&["fs", "mkdir", "-p", &format!("{TABLES}/{table}")]).ok();
        let file = data.join(table).join(FileKind::Parquet.file_name());
        let place = format!("{TABLES}/{table}/{}", FileKind::Parquet.file_name());
        cluster.skep(&["fs", "put", &file.to_string_lossy(), &place]).ok();
    }
}

async fn remote(cluster: &Cluster) -> Result<Remote, Box<dyn Error>> {
    let clients = submit::Session::open(environment(cluster)?)?;
    let dialer = Dialer::new(clients.client.options().credential.clone());
    let services = registry::services(&ClusterStore::new(clients.client)).await?;
    let service = services.first().ok_or("the cluster has no SQL service")?;
    let wanted =
        OpenSession { database: None, conf: Vec::new(), variables: Vec::new(), user: "bench".to_owned() };
    Ok(Remote::open(&dialer, &service.endpoint, wanted).await?)
}

fn runtime(work: &Work<'_>) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(work.threads).enable_all().build()
}
