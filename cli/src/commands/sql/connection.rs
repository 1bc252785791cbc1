//! What runs the statements: a session in this process, or one that a cluster's SQL service holds.

use crate::{
    args::{GlobalArgs, sql::SqlArgs},
    find_cluster::{self, FindError},
};
use skep_hiveql::{
    catalog::{ClusterStore, StoreError},
    service::{OpenSession, Remote, RemoteError, registry},
    session::{Answer, Progress, Session, SessionError, SessionOptions, run_shell},
};
use skep_jobs::submit::{Session as Clients, SubmitError, environment};
use skep_wire::{Dialer, Endpoint};
use std::{
    env,
    num::NonZero,
    path::PathBuf,
    thread::available_parallelism,
    time::{Duration, Instant},
};
use tokio::sync::watch;

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(
        "the cluster at {master} has no SQL service: start `skep hive`; with --local queries run in this process instead"
    )]
    NoService { master: Endpoint },
    #[error("the SQL service of the cluster at {master} cannot be looked up")]
    Registry { master: Endpoint, source: StoreError },
    #[error("cannot open the clients of the cluster")]
    Clients(#[from] SubmitError),
    #[error(transparent)]
    Remote(RemoteError),
    #[error("there is no home directory for the tables of --local; name a directory with --warehouse DIR")]
    NoWarehouse,
    /// In the words of a failed statement.
    #[error("{}", _0.message)]
    Session(SessionError),
}

pub enum Connection {
    Local(Box<Session>),
    Remote(Box<Remote>),
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
            return Ok(Connection::Remote(Box::new(remote(global, args).await?)));
        }
        let session = Session::local(options(args)?).await.map_err(ConnectError::Session)?;
        Ok(Connection::Local(Box::new(session)))
    }

    pub async fn run(&mut self, text: &str) -> Result<Answer, SessionError> {
        let answer = match self {
            Connection::Local(session) => session.run(text).await,
            Connection::Remote(session) => session.run(text).await,
            #[cfg(test)]
            Connection::Scripted(scripted) => (scripted.answer)(text),
        };
        match answer? {
            // Wherever the session is, this is about the user's machine.
            Answer::Shell(command) => run_shell(&command).await.map(Answer::Text),
            answer => Ok(answer),
        }
    }

    /// How far the job of the statement that runs is; `None` where statements become no jobs.
    pub fn progress(&self) -> Option<watch::Receiver<Progress>> {
        match self {
            Connection::Remote(session) => Some(session.progress()),
            Connection::Local(_) => None,
            #[cfg(test)]
            Connection::Scripted(_) => None,
        }
    }

    /// After a statement that was given up.
    pub async fn clear_cancelled(&self) -> Result<(), SessionError> {
        match self {
            Connection::Local(session) => session.clear_cancelled().await,
            // The service does.
            Connection::Remote(_) => Ok(()),
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
            Connection::Remote(session) => session.setting(key),
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
            Connection::Remote(session) => session.database(),
            #[cfg(test)]
            Connection::Scripted(_) => "default",
        }
    }

    pub async fn completions(&self, prefix: &str) -> Vec<String> {
        match self {
            Connection::Local(session) => session.completions(prefix).await,
            Connection::Remote(session) => session.completions(prefix).await.unwrap_or_default(),
            #[cfg(test)]
            Connection::Scripted(_) => vec![format!("{prefix}_completed")],
        }
    }
}

/// How long a service that was started with its cluster may take to be there, and how often it is looked for.
const SERVICE_PATIENCE: Duration = Duration::from_secs(10);
const SERVICE_PAUSE: Duration = Duration::from_millis(50);

/// The first service that answers, the one that was heard last first.
async fn remote(global: &GlobalArgs, args: &SqlArgs) -> Result<Remote, ConnectError> {
    let environment = find_cluster::submit_environment(global)?;
    let master = environment.master.clone();
    let clients = Clients::open(environment)?;
    let dialer = Dialer::new(clients.client.options().credential.clone());
    let store = ClusterStore::new(clients.client.clone());
    let wanted = OpenSession {
        database: args.database.clone(),
        conf: args.hiveconf.clone(),
        variables: args.hivevar.clone(),
        user: environment::user_name(),
    };
    let started = Instant::now();
    loop {
        let mut last = None;
        let services = registry::services(&store).await;
        let services =
            services.map_err(|source| ConnectError::Registry { master: master.clone(), source })?;
        for service in services.iter().filter(|service| service.seems_alive()) {
            match Remote::open(&dialer, &service.endpoint, wanted.clone()).await {
                Err(RemoteError::Refused(error)) => return Err(ConnectError::Session(error)),
                Err(error) => last = Some(error),
                Ok(remote) => return Ok(remote),
            }
        }
        if started.elapsed() > SERVICE_PATIENCE {
            return Err(last.map_or(ConnectError::NoService { master }, ConnectError::Remote));
        }
        tokio::time::sleep(SERVICE_PAUSE).await;
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
        owner: String::new(),
    })
}

fn standard_warehouse() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("skep/warehouse"))
}
