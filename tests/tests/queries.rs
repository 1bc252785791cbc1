//! Plans over files of the cluster, run as stages by real task processes: the rows are those of one process, also when
//! workers die meanwhile, and nothing stays behind.

use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch},
        datatypes::Int64Type,
    },
    common::JoinType,
    dataframe::DataFrame,
    functions_aggregate::expr_fn::{count, sum},
    prelude::{SessionConfig, SessionContext, col, lit},
};
use futures::TryStreamExt;
use skep_hiveql::{
    catalog::{ClusterStore, KeyedStore, StoreError, Transaction},
    formats::{FileFormat, StorageWords, stored_as},
    functions::SessionFacts,
    scan::{HiveTable, Part, ScanParts, ScanShape},
    stages::{
        StageGraph, cut,
        drive::{DriveError, Query, QueryCluster, RunningQuery, Unwatched},
        settings,
    },
    types::HiveType,
};
use skep_jobs::{
    model::JobConf,
    submit::{Session, SubmitEnvironment},
};
use skep_tests::cluster::{Cluster, wait_until};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::Arc,
};

const FILES: i64 = 3;
const ROWS_PER_FILE: i64 = 130_000;
const KEYS: i64 = 97;

fn environment(cluster: &Cluster) -> SubmitEnvironment {
    SubmitEnvironment {
        master: cluster.address.parse().unwrap(),
        secret_file: cluster.secret(),
        user: "tester".to_owned(),
        name: None,
        conf: Vec::new(),
        detach: false,
    }
}

fn mixed(number: i64) -> u64 {
    (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// What no codec makes much shorter.
fn noise(number: i64) -> String {
    format!("{:016x}{:016x}", mixed(number), mixed(!number))
}

fn columns() -> Vec<(String, HiveType)> {
    [("k", HiveType::Int), ("a", HiveType::BigInt), ("s", HiveType::String)]
        .map(|(name, ty)| (name.to_owned(), ty))
        .to_vec()
}

/// Puts the files of a table into the cluster's storage and says what they are.
fn write_table(cluster: &Cluster, name: &str, files: i64, rows: i64) -> Vec<(String, u64)> {
    cluster.skep(&["fs", "mkdir", "-p", &format!("/{name}")]).ok();
    let mut written = Vec::new();
    for file in 0..files {
        let mut text = String::new();
        for number in file * rows..(file + 1) * rows {
            writeln!(text, "{}\u{1}{number}\u{1}{}", number % KEYS, noise(number)).unwrap();
        }
        let path = format!("{name}/part-{file}");
        cluster.put(&format!("/{path}"), text.as_bytes());
        written.push((path, text.len() as u64));
    }
    written
}

struct Client {
    context: SessionContext,
    cluster: QueryCluster,
    session: Session,
}

impl Client {
    fn new(cluster: &Cluster) -> Client {
        let session = Session::open(environment(cluster)).unwrap();
        let mut config = SessionConfig::new().with_target_partitions(4);
        settings::prepare(config.options_mut());
        let queries = QueryCluster::new(session.jobs.clone(), session.stores.clone(), "tester".to_owned());
        Client { context: SessionContext::new_with_config(config), cluster: queries, session }
    }

    fn register(&self, name: &str, files: Vec<(String, u64)>) {
        let columns = columns();
        let columns: Vec<(String, HiveType)> =
            columns.into_iter().map(|(column, ty)| (format!("{name}_{column}"), ty)).collect();
        let classes = stored_as("TEXTFILE").unwrap();
        let none = BTreeMap::new();
        let words = StorageWords {
            input_format: classes.input,
            output_format: classes.output,
            serde: classes.serde,
            serde_properties: &none,
            table_properties: &none,
        };
        let format = Arc::new(FileFormat::new(words, &columns).unwrap());
        let table = HiveTable::fixed(ScanParts {
            shape: ScanShape { columns, partition_columns: Vec::new(), virtual_columns: Vec::new() },
            parts: vec![Part { format, files, partition_values: Vec::new(), buckets: 0 }],
            store: self.session.stores.resolve("/").unwrap().store,
            file_name_prefix: "hdfs:///".to_owned(),
        });
        self.context.register_table(name, Arc::new(table)).unwrap();
    }

    async fn cut(&self, frame: DataFrame) -> StageGraph {
        cut(frame.create_physical_plan().await.unwrap(), 4 << 20).unwrap()
    }

    async fn start(&self, graph: &StageGraph) -> RunningQuery {
        let facts = SessionFacts {
            timezone: chrono_tz::UTC,
            now: chrono::DateTime::UNIX_EPOCH,
            user: "tester".to_owned(),
            database: "default".to_owned(),
            settings: Default::default(),
            scripts: Default::default(),
        };
        let state = self.context.state();
        let options = state.config_options();
        let conf = JobConf::default();
        let query = Query { name: "a query".to_owned(), graph, facts: &facts, options, conf };
        self.cluster.start(query).await.unwrap()
    }

    async fn rows(&self, query: RunningQuery) -> Vec<RecordBatch> {
        query.finish(&mut Unwatched).await.unwrap().try_collect().await.unwrap()
    }

    /// `SELECT t_k, count(*), sum(t_a) FROM t JOIN u ON t_k = u_k GROUP BY t_k ORDER BY t_k`
    async fn grouped_join(&self) -> DataFrame {
        let (t, u) = (self.context.table("t").await.unwrap(), self.context.table("u").await.unwrap());
        let joined = t.join(u, JoinType::Inner, &["t_k"], &["u_k"], None).unwrap();
        let values = vec![count(lit(1)).alias("n"), sum(col("t_a")).alias("a")];
        let grouped = joined.aggregate(vec![col("t_k")], values).unwrap();
        let casted =
            vec![datafusion::logical_expr::cast(col("t_k"), HiveType::BigInt.arrow()), col("n"), col("a")];
        let keys = vec![col("t_k").sort(true, true)];
        grouped.sort(keys).unwrap().select(casted).unwrap()
    }
}

/// What [`Client::grouped_join`] gives: each key of `u` is there `per_key` times.
fn expected(per_key: i64) -> Vec<(i64, i64, i64)> {
    let mut groups: HashMap<i64, (i64, i64)> = HashMap::new();
    for number in 0..FILES * ROWS_PER_FILE {
        let group = groups.entry(number % KEYS).or_default();
        group.0 += per_key;
        group.1 += number * per_key;
    }
    let mut all: Vec<(i64, i64, i64)> = groups.into_iter().map(|(key, (n, a))| (key, n, a)).collect();
    all.sort_unstable();
    all
}

fn triples(batches: &[RecordBatch]) -> Vec<(i64, i64, i64)> {
    let values = |batch: &RecordBatch, column: usize| {
        batch.column(column).as_primitive::<Int64Type>().values().to_vec()
    };
    let rows = |batch: &RecordBatch| {
        let (keys, counts, sums) = (values(batch, 0), values(batch, 1), values(batch, 2));
        keys.into_iter().zip(counts).zip(sums).map(|((key, n), a)| (key, n, a)).collect::<Vec<_>>()
    };
    batches.iter().flat_map(rows).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn nothing_is_left(cluster: &Cluster) {
    wait_until("the results are removed", || {
        let listed = cluster.skep(&["fs", "ls", "/.skep/results"]);
        listed.code != Some(0) || !listed.stdout.contains("/.skep/results/")
    });
}

#[test]
fn stages_on_a_cluster_give_the_rows_of_one_process_in_their_order() {
    let cluster = Cluster::start(2, 1);
    let (t, u) = (write_table(&cluster, "t", FILES, ROWS_PER_FILE), write_table(&cluster, "u", 1, 3 * KEYS));
    let runtime = runtime();
    runtime.block_on(async {
        let client = Client::new(&cluster);
        client.register("t", t);
        client.register("u", u);
        let graph = client.cut(client.grouped_join().await).await;
        assert!(graph.stages.len() >= 3, "{graph}");
        let query = client.start(&graph).await;
        assert_eq!(triples(&client.rows(query).await), expected(3));
        // More than the master takes: the rows come by way of files.
        let all = client.context.table("t").await.unwrap();
        let query = client.start(&client.cut(all.clone()).await).await;
        let rows = query.finish(&mut Unwatched).await.unwrap();
        let listed = cluster.skep(&["fs", "ls", "-R", "/.skep/results"]).ok();
        assert!(listed.lines().count() > 2, "{listed}");
        let rows: Vec<RecordBatch> = rows.try_collect().await.unwrap();
        let found: i64 = rows.iter().map(|batch| batch.num_rows() as i64).sum();
        assert_eq!(found, FILES * ROWS_PER_FILE);
        let numbers =
            rows.iter().flat_map(|batch| batch.column(1).as_primitive::<Int64Type>().values().to_vec());
        assert!(numbers.eq(0..FILES * ROWS_PER_FILE), "tasks' rows come in the tasks' order");
        // A client that goes away takes its query with it.
        let abandoned = client.start(&client.cut(all).await).await;
        let job = abandoned.job().to_string();
        drop(abandoned);
        tokio::task::block_in_place(|| {
            let view = cluster.wait_for_job(&job);
            assert_eq!(view["summary"]["state"], "Killed");
        });
    });
    nothing_is_left(&cluster);
}

#[test]
fn workers_that_die_meanwhile_change_nothing_in_the_rows() {
    let mut cluster = Cluster::start(3, 2);
    let (t, u) = (write_table(&cluster, "t", FILES, ROWS_PER_FILE), write_table(&cluster, "u", 1, 5 * KEYS));
    let runtime = runtime();
    let client = runtime.block_on(async { Client::new(&cluster) });
    client.register("t", t);
    client.register("u", u);
    let mut felt = 0;
    // A task worker first, then core workers with what they hold of the shuffle.
    for (victim, tasks_done) in [(4, 1), (0, 2), (1, 3)] {
        let graph = runtime.block_on(async { client.cut(client.grouped_join().await).await });
        let query = runtime.block_on(client.start(&graph));
        let job = query.job().to_string();
        wait_until("some tasks are done and some run", || {
            let view = cluster.job(&job);
            let done = view["summary"]["tasks_done"].as_u64().unwrap_or(0);
            done >= tasks_done || view["summary"]["state"] == "Succeeded"
        });
        cluster.kill_worker(victim);
        let rows = runtime.block_on(client.rows(query));
        assert_eq!(triples(&rows), expected(5), "worker {victim} was killed");
        let view = cluster.job(&job);
        let counts = ["attempts_preempted", "tasks_recomputed"].map(|name| view[name].as_u64().unwrap_or(0));
        felt += counts.into_iter().sum::<u64>();
    }
    assert!(felt > 0, "no query noticed that a worker died");
}

#[test]
fn a_query_that_fails_says_why() {
    let cluster = Cluster::start(1, 0);
    let files = write_table(&cluster, "t", 1, 10);
    runtime().block_on(async {
        let client = Client::new(&cluster);
        client.register("t", files);
        let divided =
            client.context.table("t").await.unwrap().select(vec![lit(1i64) / (col("t_a") - lit(4i64))]);
        let query = client.start(&client.cut(divided.unwrap()).await).await;
        match query.finish(&mut Unwatched).await.map(drop) {
            Err(DriveError::Failed { cause, .. }) => assert!(cause.contains("Divide by zero"), "{cause}"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn the_catalogs_records_live_in_the_masters_journal() {
    let mut cluster = Cluster::start(1, 0);
    let runtime = runtime();
    let store = runtime.block_on(async {
        let session = Session::open(environment(&cluster)).unwrap();
        ClusterStore::new(session.client.clone())
    });
    let put = |key: &str, version: Option<u64>, value: &str| Transaction {
        expect: vec![(key.to_owned(), version)],
        put: vec![(key.to_owned(), value.as_bytes().to_vec())],
        remove: Vec::new(),
    };
    runtime.block_on(async {
        for number in 0..2_500 {
            store.commit(put(&format!("hive/x/{number:05}"), None, "v")).await.unwrap();
        }
        let again = store.commit(put("hive/x/00007", None, "w")).await.unwrap_err();
        assert!(matches!(again, StoreError::Conflict { .. }), "{again}");
    });
    cluster.kill_master();
    cluster.start_master();
    runtime.block_on(async {
        let all = store.scan("hive/x/", None, 10_000).await.unwrap();
        assert_eq!(all.len(), 2_500);
        assert_eq!(store.scan("hive/x/", Some("hive/x/02497"), 10_000).await.unwrap().len(), 2);
        let (version, value) = store.get("hive/x/00007").await.unwrap().unwrap();
        assert_eq!(value, b"v");
        store.commit(put("hive/x/00007", Some(version), "w")).await.unwrap();
        let removal = Transaction { remove: vec!["hive/x/00007".to_owned()], ..Transaction::default() };
        store.commit(removal).await.unwrap();
        assert_eq!(store.get("hive/x/00007").await.unwrap(), None);
    });
}
