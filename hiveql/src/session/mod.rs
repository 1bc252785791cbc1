//! A session: settings, a current database, temporary things, and statements that run one after the other.
//!
//! It stands in way 3: text in, rows out. It knows stores and a catalog by their faces only.

mod analyze;
mod answer;
mod bind;
mod change;
mod client;
mod compact;
mod completion;
mod destination;
mod dfs;
mod engine;
mod error;
mod explain;
mod insert;
mod interruption;
mod like_file;
mod load;
mod options;
mod programs;
mod progress;
mod query;
mod scripts;
mod settings;
mod shared;
mod shell;
mod small_files;
mod statement;
mod stores;
#[cfg(test)]
mod tests;
mod transfer;
mod validation;

pub use answer::{Answer, Rows};
pub use engine::{Engine, EngineOptions};
pub use error::SessionError;
pub use options::SessionOptions;
pub use progress::Progress;
pub use settings::Settings;
pub use shell::run as run_shell;
pub use stores::{ClusterStores, LocalStores};

use crate::{
    catalog::{
        Catalog, ClusterStore, DEFAULT_DATABASE, DurableStore, KeyedStore, PendingWrite, SessionCatalog,
    },
    ddl::{self, DdlContext, Stores},
    functions::SessionFacts,
    stages::drive::QueryCluster,
    syntax::{Substituted, back_quoted, command::command, parse_statement},
    write,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// How long a second process waits for the warehouse's catalog.
const CATALOG_PATIENCE: Duration = Duration::from_secs(10);
/// What may stand in double quotes: strings, or, by SQL's standard, names.
const QUOTED: &str = "hive.support.quoted.identifiers";
/// In the warehouse's directory. The dot keeps it out of listings.
const CATALOG_FILE: &str = ".catalog";

/// How long other sessions of a cluster may read files that an overwrite has replaced.
const READERS_SECONDS: &str = "600";

pub struct Session {
    catalog: SessionCatalog,
    stores: Arc<dyn Stores>,
    engine: Engine,
    settings: Settings,
    user: String,
    database: String,
    /// A location without a slash at its end.
    warehouse: String,
    resources: client::Resources,
    /// Scratch of this session, removed with it.
    scratch: tempfile::TempDir,
    /// Tells its writes from those of others.
    id: String,
}

/// What a session stands on.
struct Home {
    catalog: Arc<dyn KeyedStore>,
    stores: Arc<dyn Stores>,
    cluster: Option<QueryCluster>,
    /// A location without a slash at its end.
    warehouse: String,
    /// How SET shows it.
    warehouse_shown: String,
}

impl Session {
    /// A session on this machine alone: catalog and files lie in the warehouse's directory.
    pub async fn local(options: SessionOptions) -> Result<Session, SessionError> {
        let warehouse = prepared(&options.warehouse).await?;
        let store =
            DurableStore::open(&warehouse.join(CATALOG_FILE), CATALOG_PATIENCE).await.map_err(|error| {
                SessionError::new(format!(
                    "the catalog of the warehouse {} cannot be opened: {}",
                    warehouse.display(),
                    error::with_causes(&error)
                ))
            })?;
        let home = Home {
            catalog: Arc::new(store),
            stores: Arc::new(LocalStores::default()),
            cluster: None,
            warehouse: format!("file:{}", warehouse.display()),
            warehouse_shown: warehouse.display().to_string(),
        };
        let session = Session::open(home, options).await?;
        // The catalog is this process's alone, so whatever was being written is left by one that was killed.
        session.sweep(|_| true).await?;
        Ok(session)
    }

    /// A session on a cluster: its catalog is in the master's journal, its queries are the cluster's jobs.
    pub async fn on_cluster(cluster: QueryCluster, options: SessionOptions) -> Result<Session, SessionError> {
        let client = cluster.stores.client().cloned();
        let client = client.ok_or_else(|| SessionError::new("these stores are of no cluster"))?;
        let warehouse = format!("hdfs://{}", options.warehouse.display());
        let home = Home {
            catalog: Arc::new(ClusterStore::new(client)),
            stores: Arc::new(ClusterStores(cluster.stores.clone())),
            cluster: Some(cluster),
            warehouse: warehouse.trim_end_matches('/').to_owned(),
            warehouse_shown: options.warehouse.display().to_string(),
        };
        let mut session = Session::open(home, options).await?;
        if session.settings.get(write::KEEP_SECONDS).is_none() {
            session.settings.set(write::KEEP_SECONDS, READERS_SECONDS);
        }
        Ok(session)
    }

    async fn open(home: Home, options: SessionOptions) -> Result<Session, SessionError> {
        let scratch = tempfile::Builder::new()
            .prefix("skep-sql-")
            .tempdir()
            .map_err(|error| SessionError::new(format!("no scratch directory can be made: {error}")))?;
        let id = format!("{}{}", options.owner, uuid::Uuid::new_v4());
        let cluster = home.cluster.map(|cluster| cluster.owned_by(id.clone()));
        let engine = EngineOptions {
            partitions: options.partitions,
            memory_bytes: options.memory_bytes,
            scratch: scratch.path().join("spill"),
        };
        let mut session = Session {
            catalog: SessionCatalog::new(Catalog::new(home.catalog)),
            stores: home.stores,
            engine: Engine::new(&engine, cluster)?,
            settings: Settings::default(),
            user: options.user,
            database: DEFAULT_DATABASE.to_owned(),
            warehouse: home.warehouse,
            resources: client::Resources::default(),
            scratch,
            id,
        };
        session.settings.set("hive.metastore.warehouse.dir", &home.warehouse_shown);
        for (key, value) in &options.conf {
            session.settings.set(key, value);
        }
        for (name, value) in &options.variables {
            session.settings.set_variable(name, value);
        }
        session.start(options.database).await?;
        Ok(session)
    }

    async fn start(&mut self, database: Option<String>) -> Result<(), SessionError> {
        let facts = self.facts()?;
        let lookup = |key: &str| self.settings.get(key).map(str::to_owned);
        let context = self.context(&facts, &lookup);
        ddl::ensure_default(&context).await.map_err(|error| SessionError::of_ddl(&error, ""))?;
        if let Some(database) = database {
            self.catalog.shared.database(&database.to_lowercase()).await?;
            self.database = database.to_lowercase();
        }
        Ok(())
    }

    /// Ends writes of sessions that are no more, and deletes what nobody reads any more.
    pub async fn sweep(&self, is_gone: impl Fn(&PendingWrite) -> bool) -> Result<(), SessionError> {
        let facts = self.facts()?;
        let lookup = |key: &str| self.settings.get(key).map(str::to_owned);
        let context = self.context(&facts, &lookup);
        write::sweep(&context, is_gone).await?;
        ddl::remove_due(&context).await.map_err(SessionError::failed)
    }

    /// Runs one piece of a script: a client command or a statement.
    pub async fn run(&mut self, text: &str) -> Result<Answer, SessionError> {
        let replaced = match self.settings.is_true("hive.variable.substitute") {
            true => Substituted::of(text, &|name| self.settings.substitute(name))
                .map_err(|error| SessionError::of_syntax(&error, text))?,
            false => Substituted::verbatim(text),
        };
        self.run_replaced(&replaced.text).await.map_err(|error| error.before_substitution(&replaced, text))
    }

    async fn run_replaced(&mut self, text: &str) -> Result<Answer, SessionError> {
        use crate::syntax::command::Command;
        match command(text).map_err(|error| SessionError::of_syntax(&error, text))? {
            Command::Statement if self.settings.get(QUOTED) == Some("standard") => {
                let text = back_quoted(text);
                let statement =
                    parse_statement(&text).map_err(|error| SessionError::of_syntax(&error, &text))?;
                self.statement(&statement, &text).await
            }
            Command::Statement => {
                let statement =
                    parse_statement(text).map_err(|error| SessionError::of_syntax(&error, text))?;
                self.statement(&statement, text).await
            }
            command => self.command(command).await,
        }
    }

    /// Clears away what a statement leaves whose future or rows were dropped before their end.
    pub async fn clear_cancelled(&self) -> Result<(), SessionError> {
        self.engine.ended().await;
        let facts = self.facts()?;
        let lookup = |key: &str| self.settings.get(key).map(str::to_owned);
        Ok(write::sweep(&self.context(&facts, &lookup), |write| write.session == self.id).await?)
    }

    /// How far the job of the statement that runs is. A statement that needs none leaves it as it is.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.engine.progress()
    }

    /// A setting as it is now.
    pub fn setting(&self, key: &str) -> Option<String> {
        self.settings.get(key).map(str::to_owned)
    }

    /// All settings, those by default too.
    pub fn settings(&self) -> Vec<(String, String)> {
        self.settings.all()
    }

    /// The current one.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// What holds for the statement that begins now.
    fn facts(&self) -> Result<SessionFacts, SessionError> {
        Ok(SessionFacts {
            timezone: self.settings.timezone()?,
            now: chrono::Utc::now(),
            user: self.user.clone(),
            database: self.database.clone(),
            settings: self.settings.of_functions(),
            scripts: self.engine.scripts().clone(),
        })
    }

    fn context<'a>(&'a self, facts: &'a SessionFacts, settings: ddl::Settings<'a>) -> DdlContext<'a> {
        DdlContext {
            catalog: &self.catalog,
            stores: self.stores.as_ref(),
            settings,
            facts,
            warehouse: &self.warehouse,
        }
    }
}

/// The absolute path of the warehouse, which is there afterwards.
async fn prepared(warehouse: &Path) -> Result<PathBuf, SessionError> {
    let failed = |error: std::io::Error| {
        SessionError::new(format!("the warehouse {} cannot be made: {error}", warehouse.display()))
    };
    tokio::fs::create_dir_all(warehouse).await.map_err(failed)?;
    tokio::fs::canonicalize(warehouse).await.map_err(failed)
}
