//! A session: settings, a current database, temporary things, and statements that run one after the other.
//!
//! It stands in way 3: text in, rows out. It knows stores and a catalog by their faces only.

mod analyze;
mod answer;
mod bind;
mod client;
mod dfs;
mod engine;
mod error;
mod explain;
mod insert;
mod load;
mod options;
mod programs;
mod query;
mod scripts;
mod settings;
mod shell;
mod statement;
mod stores;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Rows};
pub use engine::{Engine, EngineOptions};
pub use error::SessionError;
pub use options::SessionOptions;
pub use settings::Settings;
pub use stores::LocalStores;

use crate::{
    catalog::{Catalog, DEFAULT_DATABASE, DurableStore, SessionCatalog},
    ddl::{self, DdlContext, Stores},
    functions::{SessionFacts, registry},
    syntax::{
        command::{command, substitute},
        parse_statement,
    },
    write,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long a second process waits for the warehouse's catalog.
const CATALOG_PATIENCE: Duration = Duration::from_secs(10);
/// In the warehouse's directory. The dot keeps it out of listings.
const CATALOG_FILE: &str = ".catalog";

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
    partitions: usize,
    /// Tells its writes from those of others.
    id: String,
}

impl Session {
    /// A session on this machine alone: catalog and files lie in the warehouse's directory.
    pub async fn local(options: SessionOptions) -> Result<Session, SessionError> {
        let warehouse = prepared(&options.warehouse).await?;
        let store =
            DurableStore::open(&warehouse.join(CATALOG_FILE), CATALOG_PATIENCE).await.map_err(|error| {
                SessionError::new(format!(
                    "the catalog of the warehouse {} cannot be opened: {error}",
                    warehouse.display()
                ))
            })?;
        let scratch = tempfile::Builder::new()
            .prefix("skep-sql-")
            .tempdir()
            .map_err(|error| SessionError::new(format!("no scratch directory can be made: {error}")))?;
        let engine = Engine::new(&EngineOptions {
            partitions: options.partitions,
            memory_bytes: options.memory_bytes,
            scratch: scratch.path().join("spill"),
        })?;
        let mut session = Session {
            catalog: SessionCatalog::new(Catalog::new(Arc::new(store))),
            stores: Arc::new(LocalStores::default()),
            engine,
            settings: Settings::default(),
            user: options.user,
            database: DEFAULT_DATABASE.to_owned(),
            warehouse: format!("file:{}", warehouse.display()),
            resources: client::Resources::default(),
            scratch,
            partitions: options.partitions,
            id: uuid::Uuid::new_v4().to_string(),
        };
        session.settings.set("hive.metastore.warehouse.dir", &warehouse.display().to_string());
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
        // The catalog is this process's alone, so whatever was being written is left by one that was killed.
        write::sweep(&context, |_| true).await?;
        if let Some(database) = database {
            self.catalog.shared.database(&database.to_lowercase()).await?;
            self.database = database.to_lowercase();
        }
        Ok(())
    }

    /// Runs one piece of a script: a client command or a statement.
    pub async fn run(&mut self, text: &str) -> Result<Answer, SessionError> {
        let replaced = match self.settings.is_true("hive.variable.substitute") {
            true => substitute(text, &|name| self.settings.substitute(name))
                .map_err(|error| SessionError::of_syntax(&error, text))?,
            false => text.to_owned(),
        };
        let answer = self.run_replaced(&replaced).await;
        // Places in the text are those of the text after substitution.
        answer.map_err(|error| SessionError { span: error.span.filter(|_| replaced == text), ..error })
    }

    async fn run_replaced(&mut self, text: &str) -> Result<Answer, SessionError> {
        use crate::syntax::command::Command;
        match command(text).map_err(|error| SessionError::of_syntax(&error, text))? {
            Command::Statement => {
                let statement =
                    parse_statement(text).map_err(|error| SessionError::of_syntax(&error, text))?;
                self.statement(&statement, text).await
            }
            command => self.command(command).await,
        }
    }

    /// A setting as it is now.
    pub fn setting(&self, key: &str) -> Option<String> {
        self.settings.get(key).map(str::to_owned)
    }

    /// The current one.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Names of functions and words of the language that begin so, for an interactive shell.
    pub fn completions(&self, prefix: &str) -> Vec<String> {
        let prefix = prefix.to_lowercase();
        registry::names().into_iter().filter(|name| name.starts_with(&prefix)).map(str::to_owned).collect()
    }

    /// What holds for the statement that begins now.
    fn facts(&self) -> Result<SessionFacts, SessionError> {
        Ok(SessionFacts {
            timezone: self.settings.timezone()?,
            now: chrono::Utc::now(),
            user: self.user.clone(),
            database: self.database.clone(),
            settings: self.settings.of_functions(),
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
