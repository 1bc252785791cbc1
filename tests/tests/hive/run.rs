//! One test: its data sets and its statements in a session of this process, each answer compared as soon as it is there.

use super::{
    compare::{Verdict, judge},
    corpus::{Compare, Corpus, Statement, Test},
};
use datafusion::arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use skep_hiveql::{
    render::Renderer,
    session::{Answer, Rows, Session, SessionOptions, run_shell},
    stages::drive::QueryCluster,
    syntax::script::split,
    types::HiveType,
};
use skep_jobs::submit::{self, SubmitEnvironment};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

/// A guard against endless loops; no test takes nearly as long.
const TIMEOUT: Duration = Duration::from_secs(90);
/// Code that is not optimised nests deep.
const STACK_BYTES: usize = 256 << 20;
const MEMORY_BYTES: usize = 512 << 20;

/// What became of a test.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// In order. Empty: the test passed.
    pub wrong: Vec<Wrong>,
    /// Statements that fail where no rows are asked of them: they may be why others are wrong.
    pub noted: Vec<Wrong>,
    pub took: Duration,
}

#[derive(Debug, Clone)]
pub struct Wrong {
    pub sql: String,
    pub reason: String,
}

impl Outcome {
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }

    fn broken(reason: String) -> Outcome {
        let wrong = vec![Wrong { sql: String::new(), reason }];
        Outcome { wrong, noted: vec![], took: TIMEOUT }
    }
}

/// Where threads panicked, by name of the thread.
static PANICS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
const THREAD_PREFIX: &str = "hive:";

/// A test that panics is a failed test, and its message belongs into the report.
pub fn note_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        match thread.name().filter(|name| name.starts_with(THREAD_PREFIX)) {
            Some(name) => {
                let text = info.to_string().replace('\n', " ");
                PANICS.lock().unwrap().entry(name.to_owned()).or_insert(text);
            }
            None => usual(info),
        }
    }));
}

/// Runs a test on a thread of its own, which is left behind if it does not end.
pub fn guarded(corpus: &Corpus, test: &Test, cluster: Option<&Clients>) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    let name = format!("{THREAD_PREFIX}{}", test.name);
    let (corpus, test, cluster) = (corpus.clone(), test.clone(), cluster.cloned());
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        sender.send(runtime.block_on(run(&corpus, &test, folder.path(), cluster))).ok();
    };
    std::thread::Builder::new().name(name.clone()).stack_size(STACK_BYTES).spawn(body).unwrap();
    receiver.recv_timeout(TIMEOUT).unwrap_or_else(|error| match error {
        mpsc::RecvTimeoutError::Timeout => Outcome::broken(format!("does not end within {TIMEOUT:?}")),
        mpsc::RecvTimeoutError::Disconnected => {
            let panic = PANICS.lock().unwrap().remove(&name);
            Outcome::broken(format!("panics: {}", panic.unwrap_or_default()))
        }
    })
}

async fn run(corpus: &Corpus, test: &Test, folder: &Path, cluster: Option<Clients>) -> Outcome {
    let begun = Instant::now();
    let mut connection = match cluster {
        None => Connection::open(corpus, test, folder).await,
        Some(cluster) => Connection::on_cluster(corpus, test, folder, &cluster).await,
    };
    let (mut wrong, mut noted) = (Vec::new(), Vec::new());
    for name in &test.datasets {
        for piece in split(&corpus.dataset(name)) {
            if let Err(reason) = connection.run(&piece.text).await {
                noted.push(Wrong { sql: piece.text, reason: format!("data set {name}: {reason}") });
            }
        }
    }
    for statement in &test.statements {
        let found = connection.run(&statement.sql).await;
        let problem = |reason| Wrong { sql: statement.sql.clone(), reason };
        match verdict(statement, found) {
            Verdict::Right => {}
            Verdict::Wrong(reason) if statement.compare == Compare::None => noted.push(problem(reason)),
            Verdict::Wrong(reason) => wrong.push(problem(reason)),
        }
    }
    Outcome { wrong, noted, took: begun.elapsed() }
}

fn verdict(statement: &Statement, found: Result<Vec<String>, String>) -> Verdict {
    match found {
        Ok(lines) => judge(statement, &lines),
        Err(reason) => Verdict::Wrong(reason),
    }
}

/// A cluster that tests run on.
#[derive(Clone)]
pub struct Clients(pub SubmitEnvironment);

fn places(corpus: &Corpus, folder: &Path, warehouse: &Path) -> [(&'static str, String); 3] {
    let scratch = folder.join("tmp");
    std::fs::create_dir_all(&scratch).unwrap();
    [
        ("@DATA@", corpus.data().display().to_string()),
        ("@TMP@", scratch.display().to_string()),
        ("@WAREHOUSE@", warehouse.display().to_string()),
    ]
}

fn options(test: &Test, warehouse: PathBuf) -> SessionOptions {
    SessionOptions {
        warehouse,
        database: None,
        conf: vec![("hive.local.time.zone".to_owned(), test.timezone.clone())],
        variables: vec![],
        user: "hive".to_owned(),
        partitions: 1,
        memory_bytes: MEMORY_BYTES,
        owner: String::new(),
    }
}

/// A session, and what the placeholders of the scripts stand for.
struct Connection {
    session: Session,
    places: [(&'static str, String); 3],
}

impl Connection {
    async fn open(corpus: &Corpus, test: &Test, folder: &Path) -> Connection {
        let warehouse = folder.join("warehouse");
        let places = places(corpus, folder, &warehouse);
        let session = Session::local(options(test, warehouse)).await;
        Connection { session: session.expect("a session"), places }
    }

    /// With a database of its own, and no statement so small that it becomes no job, of several tasks where that can be.
    async fn on_cluster(corpus: &Corpus, test: &Test, folder: &Path, cluster: &Clients) -> Connection {
        let warehouse = Path::new("/warehouses").join(&test.name);
        let places = places(corpus, folder, &warehouse);
        let clients = submit::Session::open(cluster.0.clone()).expect("clients");
        let queries = QueryCluster::new(clients.jobs, clients.stores, "hive".to_owned());
        let session = Session::on_cluster(queries, options(test, warehouse)).await.expect("a session");
        let mut connection = Connection { session, places };
        let database = format!("of_{}", test.name);
        for statement in [
            format!("create database {database}"),
            format!("use {database}"),
            "set hive.exec.mode.local.auto.inputbytes.max=0".to_owned(),
            "set hive.exec.reducers.bytes.per.reducer=1".to_owned(),
        ] {
            connection.run(&statement).await.expect("it runs");
        }
        connection
    }

    /// The lines that a statement prints.
    async fn run(&mut self, sql: &str) -> Result<Vec<String>, String> {
        let sql = self.places.iter().fold(sql.to_owned(), |sql, (name, place)| sql.replace(name, place));
        let mut text = Vec::new();
        for piece in split(&sql) {
            match self.session.run(&piece.text).await.map_err(|error| error.to_string())? {
                Answer::Rows(rows) => print(rows, &mut text).await?,
                Answer::Text(lines) => {
                    lines.iter().for_each(|line| text.extend(line.bytes().chain([b'\n'])));
                }
                Answer::Shell(command) => {
                    let lines = run_shell(&command).await.map_err(|error| error.to_string())?;
                    lines.iter().for_each(|line| text.extend(line.bytes().chain([b'\n'])));
                }
                Answer::Done { .. } | Answer::Source(_) | Answer::Quit => {}
            }
        }
        // The expected lines were read so, too.
        let text = String::from_utf8_lossy(&text).replace("\r\n", "\n").replace('\r', "\n");
        let body = text.strip_suffix('\n');
        Ok(body.map(|body| body.split('\n').map(str::to_owned).collect()).unwrap_or_default())
    }
}

/// Rows as Hive's CLI prints them.
async fn print(rows: Rows, text: &mut Vec<u8>) -> Result<(), String> {
    let Rows { columns, mut stream, facts } = rows;
    let failed = |error: datafusion::error::DataFusionError| format!("while it runs: {error}");
    while let Some(batch) = stream.try_next().await.map_err(failed)? {
        let renderers = renderers(&batch, &columns, &facts).map_err(failed)?;
        for row in 0..batch.num_rows() {
            for (index, renderer) in renderers.iter().enumerate() {
                if index > 0 {
                    text.push(b'\t');
                }
                if !renderer.write(row, text) {
                    text.extend(b"NULL");
                }
            }
            text.push(b'\n');
        }
    }
    Ok(())
}

fn renderers(
    batch: &RecordBatch,
    columns: &[(String, HiveType)],
    facts: &skep_hiveql::functions::SessionFacts,
) -> datafusion::error::Result<Vec<Renderer>> {
    batch.columns().iter().zip(columns).map(|(array, (_, ty))| Renderer::new(array, ty, facts)).collect()
}
