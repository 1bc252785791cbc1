//! Skep's side: a session of this process, and one that the SQL service of a cluster holds.

use super::{Measured, Measures, Work};
use crate::{
    environment,
    report::{median, seconds},
};
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

    async fn measured(
        &mut self,
        name: &str,
        tables: &str,
        work: &Work<'_>,
    ) -> Result<Measures, SessionError> {
        for statement in split(tables) {
            self.rows(&statement.text).await?;
        }
        let mut measures = Measures::new();
        for query in &work.queries {
            let text = Suite::TpcH.query(*query);
            let mut measured = Measured { times: Vec::new(), rows: self.rows(&text).await? };
            for _ in 0..work.runs {
                let begin = Instant::now();
                measured.rows = self.rows(&text).await?;
                measured.times.push(begin.elapsed());
            }
            eprintln!("{name}: query {query}: {}", seconds(median(measured.times.clone())));
            measures.insert(*query, measured);
        }
        Ok(measures)
    }
}

pub(super) fn in_process(work: &Work<'_>, warehouse: &Path) -> Result<Measures, Box<dyn Error>> {
    runtime(work)?.block_on(async {
        let session = Session::local(SessionOptions {
            warehouse: warehouse.to_owned(),
            database: None,
            conf: Vec::new(),
            variables: Vec::new(),
            user: "bench".to_owned(),
            owner: String::new(),
            partitions: work.threads,
            memory_bytes: MEMORY_BYTES,
        });
        let mut connection = Connection::Local(Box::new(session.await?));
        let tables = Suite::TpcH.tables(work.data, FileKind::Parquet);
        Ok(connection.measured("skep", &tables, work).await?)
    })
}

/// A master, core workers and a SQL service, each a process; the tables are in its storage.
pub(super) fn on_cluster(work: &Work<'_>) -> Result<(Measures, Short), Box<dyn Error>> {
    let mut cluster = Cluster::start(CORE_WORKERS, 0);
    cluster.start_hive();
    store(&cluster, work.data);
    runtime(work)?.block_on(async {
        let mut connection = Connection::Remote(Box::new(remote(&cluster).await?));
        let local = format!("file://{}", work.data.display());
        let tables = Suite::TpcH.tables(work.data, FileKind::Parquet).replace(&local, TABLES);
        let measures = connection.measured("skep's cluster", &tables, work).await?;
        let mut warm = Vec::new();
        for _ in 0..SHORT_RUNS {
            let begin = Instant::now();
            connection.rows(SHORT).await?;
            warm.push(begin.elapsed());
        }
        let cold = || {
            let begin = Instant::now();
            cluster.sql(SHORT).ok();
            begin.elapsed()
        };
        let cold = std::iter::repeat_with(cold).take(COLD_RUNS).collect();
        Ok((measures, Short { warm, cold }))
    })
}

fn store(cluster: &Cluster, data: &Path) {
    for table in Suite::TpcH.table_names() {
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
