//! What runs the statements: a session in this process, later also one of a cluster.

use crate::{
    args::{GlobalArgs, sql::SqlArgs},
    find_cluster::{self, FindError},
};
use skep_hiveql::session::{Answer, Session, SessionError, SessionOptions};
use skep_jobs::submit::environment;
use skep_wire::Endpoint;
use std::{env, num::NonZero, path::PathBuf, thread::available_parallelism};

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(
        "the cluster at {master} has no SQL service: needs `skep hive`; with --local queries run in this process instead"
    )]
    NoService { master: Endpoint },
    #[error("there is no home directory for the tables of --local; name a directory with --warehouse DIR")]
    NoWarehouse,
    /// In the words of a failed statement.
    #[error("{}", _0.message)]
    Session(SessionError),
}

pub enum Connection {
    Local(Box<Session>),
    #[cfg(test)]
    Scripted(Scripted),
}

#[cfg(test)]
type Answers = dyn FnMut(&str) -> Result<Answer, SessionError>;

/// Answers as a test says.
#[cfg(test)]
pub struct Scripted {
    pub answer: Box<Answers>,
    pub settings: Vec<(&'static str, &'static str)>,
}

impl Connection {
    pub async fn open(global: &GlobalArgs, args: &SqlArgs) -> Result<Connection, ConnectError> {
        if !args.local {
            let master = find_cluster::find(global)?.master;
            return Err(ConnectError::NoService { master });
        }
        let session = Session::local(options(args)?).await.map_err(ConnectError::Session)?;
        Ok(Connection::Local(Box::new(session)))
    }

    pub async fn run(&mut self, text: &str) -> Result<Answer, SessionError> {
        match self {
            Connection::Local(session) => session.run(text).await,
            #[cfg(test)]
            Connection::Scripted(scripted) => (scripted.answer)(text),
        }
    }

    /// After a statement that was given up.
    pub async fn clear_cancelled(&self) -> Result<(), SessionError> {
        match self {
            Connection::Local(session) => session.clear_cancelled().await,
            #[cfg(test)]
            Connection::Scripted(_) => Ok(()),
        }
    }

    pub fn is_set(&self, key: &str) -> bool {
        self.setting(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn setting(&self, key: &str) -> Option<String> {
        match self {
            Connection::Local(session) => session.setting(key),
            #[cfg(test)]
            Connection::Scripted(scripted) => {
                let found = scripted.settings.iter().find(|(name, _)| *name == key);
                found.map(|(_, value)| (*value).to_owned())
            }
        }
    }

    pub fn database(&self) -> &str {
        match self {
            Connection::Local(session) => session.database(),
            #[cfg(test)]
            Connection::Scripted(_) => "default",
        }
    }

    pub async fn completions(&self, prefix: &str) -> Vec<String> {
        match self {
            Connection::Local(session) => session.completions(prefix).await,
            #[cfg(test)]
            Connection::Scripted(_) => vec![format!("{prefix}_completed")],
        }
    }
}

fn options(args: &SqlArgs) -> Result<SessionOptions, ConnectError> {
    let warehouse = args.warehouse.clone().or_else(standard_warehouse).ok_or(ConnectError::NoWarehouse)?;
    let memory_bytes = args.memory.unwrap_or_else(|| skep_worker::machine::memory_bytes() / 2);
    Ok(SessionOptions {
        warehouse,
        database: args.database.clone(),
        conf: args.hiveconf.clone(),
        variables: args.hivevar.clone(),
        user: environment::user_name(),
        partitions: available_parallelism().map_or(1, NonZero::get),
        memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
    })
}

fn standard_warehouse() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("skep/warehouse"))
}
