//! `skep hive`: holds the sessions of a cluster's SQL clients. It stands beside the master and stores nothing itself.

use super::{Failure, Outcome, on_some_threads};
use crate::{
    args::{GlobalArgs, hive::HiveArgs},
    find_cluster,
    signals::{Stop, die_with},
};
use skep_hiveql::{
    catalog::{ClusterStore, PendingWrite},
    service::{
        HIVE_SERVICE, OpenHere, OpenSession,
        registry::{self, ServiceRecord},
        serve_session,
    },
    session::{Session, SessionError, SessionOptions},
    stages::drive::{Afterwards, QueryCluster},
};
use skep_jobs::submit::{JobsClient, Session as Clients, SubmitEnvironment, environment};
use skep_wire::{
    Acceptor, Channel, Connection, Credential, Dialer, Identity, Listener, Mode, handshake::Refusal,
};
use std::{
    num::NonZero,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    thread::{self, available_parallelism},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Connections are accepted here; each session has a thread of its own, which its planning may keep busy.
const THREADS: usize = 1;
/// Statements nest deeply, and so do the plans that they become.
const SESSION_STACK_BYTES: usize = 16 << 20;
/// Of this process's memory that one session's short queries may use.
const SESSION_SHARE: u64 = 8;
/// How long sessions may take to end what they run when the service is told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(8);
const WITHDRAW_PATIENCE: Duration = Duration::from_millis(500);
/// Between looks at jobs of a dead service that are being killed.
const ENDING_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum HiveError {
    #[error("the cluster's keyed store cannot be reached")]
    Registry(#[source] skep_hiveql::catalog::StoreError),
    #[error("cannot start: {0}")]
    Housekeeping(SessionError),
}

pub fn run(global: &GlobalArgs, args: &HiveArgs) -> Outcome {
    if let Some(parent) = args.supervised.parent {
        die_with(parent)?;
    }
    let environment = find_cluster::submit_environment(global)?;
    on_some_threads(THREADS, serve(environment, args))?
}

async fn serve(environment: SubmitEnvironment, args: &HiveArgs) -> Outcome {
    let stop = Stop::on_signals()?;
    let clients = Clients::open(environment.clone())?;
    let Credential::Cluster(secret) = clients.client.options().credential.clone() else {
        return Err("a SQL service needs the secret of its cluster".into());
    };
    let listener = Listener::bind(&args.listen).await?;
    let endpoint = args.advertise.clone().unwrap_or_else(|| listener.endpoint.clone());
    let id = uuid::Uuid::new_v4().simple().to_string();
    let memory_bytes = args.memory.unwrap_or_else(|| skep_worker::machine::memory_bytes() / 4);
    let opener = Opener {
        environment,
        warehouse: args.warehouse.clone(),
        memory_bytes: usize::try_from(memory_bytes / SESSION_SHARE).unwrap_or(usize::MAX),
        owner: format!("{id}/"),
        afterwards: Afterwards::default(),
    };
    let mut record = ServiceRecord::new(id, endpoint.clone(), environment::host_name());
    // Databases and the catalog's layout are made once, before anybody asks for them.
    let own = opener.open(OpenSession { user: clients.environment.user.clone(), ..OpenSession::default() });
    let own = own.await.map_err(HiveError::Housekeeping)?;
    let house = House {
        store: ClusterStore::new(clients.client.clone()),
        dialer: Dialer::new(clients.client.options().credential.clone()),
        jobs: clients.jobs,
        own,
    };
    record.announce(&house.store).await.map_err(HiveError::Registry)?;
    tracing::info!(%endpoint, "serving SQL");
    let front = Arc::new(Front { opener, stop: CancellationToken::new(), sessions: TaskTracker::new() });
    let (sessions, end_sessions) = (front.sessions.clone(), front.stop.clone());
    let serving = tokio::spawn(listener.serve(secret, front, stop.gently.clone()));
    tokio::select! {
        () = stop.asked() => {}
        () = house.keep(&mut record) => {}
    }
    end_sessions.cancel();
    sessions.close();
    // The whole cluster may be stopping: then nobody answers.
    if !matches!(timeout(WITHDRAW_PATIENCE, record.withdraw(&house.store)).await, Ok(Ok(()))) {
        tracing::info!("the cluster still lists this service; clients will find out that it is gone");
    }
    let _ = serving.await;
    let ended = async {
        tokio::select! {
            () = sessions.wait() => {}
            () = stop.now.cancelled() => {}
        }
    };
    if timeout(STOP_PATIENCE, ended).await.is_err() {
        tracing::warn!(
            sessions = sessions.len(),
            "these sessions did not end; the next service ends what they run"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// How far housekeeping came.
enum Tidied {
    All,
    JobsAreEnding,
}

/// What is done beside the sessions.
struct House {
    store: ClusterStore,
    dialer: Dialer,
    jobs: JobsClient,
    own: Session,
}

impl House {
    /// Says that this service lives, and ends jobs and writes of those that do not. A master that is away is waited for.
    async fn keep(&self, record: &mut ServiceRecord) {
        loop {
            let pause = match self.tidy(record).await {
                Ok(Tidied::All) => registry::BEAT,
                Ok(Tidied::JobsAreEnding) => ENDING_PAUSE,
                Err(error) => {
                    tracing::warn!(%error, "housekeeping of the SQL service has to wait");
                    registry::BEAT
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn tidy(&self, record: &mut ServiceRecord) -> Result<Tidied, SessionError> {
        record.announce(&self.store).await.map_err(SessionError::failed)?;
        let living =
            registry::living(&self.store, &self.dialer, record).await.map_err(SessionError::failed)?;
        let is_gone = |owner: &str| !living.iter().any(|service| service.owns(owner));
        // What writes is ended before what it has written is removed.
        if self.kill_jobs(&is_gone).await? {
            return Ok(Tidied::JobsAreEnding);
        }
        self.own.sweep(|write: &PendingWrite| is_gone(&write.session)).await?;
        Ok(Tidied::All)
    }

    /// Whether there were any that are not over yet.
    async fn kill_jobs(&self, is_gone: &impl Fn(&str) -> bool) -> Result<bool, SessionError> {
        let owned = self.jobs.owned().await.map_err(SessionError::failed)?;
        let mut any = false;
        for (job, owner) in owned.into_iter().filter(|(_, owner)| is_gone(owner)) {
            any = true;
            tracing::info!(%job, %owner, "ending a job whose service is gone");
            self.jobs.kill(job, environment::user_name()).await.map_err(SessionError::failed)?;
        }
        Ok(any)
    }
}

/// Makes sessions. Each has clients of its own: what hangs in one hangs in no other.
#[derive(Clone)]
struct Opener {
    environment: SubmitEnvironment,
    warehouse: PathBuf,
    memory_bytes: usize,
    owner: String,
    /// Of one session.
    afterwards: Afterwards,
}

impl OpenHere for Opener {
    async fn open(&self, wanted: OpenSession) -> Result<Session, SessionError> {
        let environment = SubmitEnvironment { user: wanted.user.clone(), ..self.environment.clone() };
        let clients = Clients::open(environment).map_err(SessionError::failed)?;
        let cluster = QueryCluster::new(clients.jobs, clients.stores, wanted.user.clone())
            .with_afterwards(self.afterwards.clone());
        let options = SessionOptions {
            warehouse: self.warehouse.clone(),
            database: wanted.database,
            conf: wanted.conf,
            variables: wanted.variables,
            user: wanted.user,
            partitions: available_parallelism().map_or(1, NonZero::get),
            memory_bytes: self.memory_bytes,
            owner: self.owner.clone(),
        };
        Session::on_cluster(cluster, options).await
    }
}

struct Front {
    opener: Opener,
    stop: CancellationToken,
    sessions: TaskTracker,
}

impl Acceptor for Front {
    fn admit(&self, service: &str, mode: Mode, identity: &Identity) -> Result<(), Refusal> {
        let service_name = service.to_owned();
        match (service, mode, identity) {
            (HIVE_SERVICE, Mode::Exchange, Identity::Cluster) => Ok(()),
            (HIVE_SERVICE, _, Identity::Job(_)) => Err(Refusal::Forbidden { service: service_name }),
            _ => Err(Refusal::Service { service: service_name }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        let (done, over) = oneshot::channel();
        let stop = self.stop.clone();
        let opener = Opener { afterwards: Afterwards::default(), ..self.opener.clone() };
        let token = self.sessions.token();
        let session = thread::Builder::new().name("session".to_owned()).stack_size(SESSION_STACK_BYTES);
        let started = session.spawn(move || {
            let ended = on_own_thread(Channel::new(connection), &opener, &stop);
            if let Err(error) = ended {
                tracing::info!(%error, "a session's connection broke");
            }
            drop(token);
            let _ = done.send(());
        });
        match started {
            Ok(_) => drop(over.await),
            Err(error) => tracing::error!(%error, "no thread for another session"),
        }
    }
}

fn on_own_thread(channel: Channel, opener: &Opener, stop: &CancellationToken) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = serve_session(channel, opener) => ended,
        };
        opener.afterwards.done().await;
        ended
    });
    runtime.shutdown_background();
    Ok(ended?)
}
