//! A running master: what is started, in which order, and how it ends.

use crate::{
    MasterError, MasterOptions, clock::Clock, directory::Directory, effects::Effects, limits::INBOX_MAX,
    links::Links, liveness::Liveness, logs::Logs, options::Tuning, owner::Owner, services::Front, storage,
    stored, sweep::Sweep,
};
use skep_hdfs::{
    client::{Client, ClientOptions},
    journal::{Journal, Section},
    namespace::Namespace,
};
use skep_wire::{Credential, Endpoint, Listener, Secret};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Runs a master until it is stopped or cannot go on.
pub async fn run(options: MasterOptions, stop: CancellationToken) -> Result<(), MasterError> {
    Master::start(options, stop).await?.wait().await
}

/// A master that serves.
pub struct Master {
    endpoint: Endpoint,
    secret: Secret,
    owner: JoinHandle<Result<(), MasterError>>,
    server: JoinHandle<()>,
    stop: CancellationToken,
    namespace: Namespace,
    links: Links,
    /// Held for its lock, until the journal is closed.
    _directory: Directory,
}

impl Master {
    /// Binds, restores everything from the journal, and serves. Cancelling `stop` ends it.
    pub async fn start(options: MasterOptions, stop: CancellationToken) -> Result<Master, MasterError> {
        Master::start_with(options, Tuning::DEFAULT, stop).await
    }

    pub(crate) async fn start_with(
        options: MasterOptions,
        tuning: Tuning,
        stop: CancellationToken,
    ) -> Result<Master, MasterError> {
        let directory = Directory::open(&options.data)?;
        let listener = Listener::bind(&options.listen).await;
        let listener =
            listener.map_err(|source| MasterError::Listen { endpoint: options.listen.clone(), source })?;
        let endpoint = listener.endpoint.clone();
        let (journal, mut replays) = Journal::open(&directory.journal)?;
        let clock = Clock::start();
        let restored = stored::restore(clock.now(), replays.remove(&Section::Scheduler).unwrap_or_default())?;
        let (namespace, commands) =
            Namespace::start(journal.clone(), replays.remove(&Section::Namespace).unwrap_or_default())?;
        let (inbox, requests) = mpsc::channel(INBOX_MAX);
        let (orders, carried) = mpsc::channel(INBOX_MAX);
        let (living, alive) = watch::channel(restored.core.living_ids());
        let (links, liveness) = (Links::default(), Liveness::new(inbox.clone(), namespace.clone()));
        let secret = directory.secret.clone();
        let effects = Effects {
            links: links.clone(),
            liveness: liveness.clone(),
            secret: secret.clone(),
            endpoint: endpoint.clone(),
            storage: orders.clone(),
            living,
            provider: None,
            outbox: BTreeMap::new(),
        };
        tokio::spawn(storage::carry_orders(namespace.clone(), carried));
        tokio::spawn(storage::route_commands(links.clone(), commands));
        spawn_until(&stop, storage::watch_facts(namespace.clone(), inbox.clone()));
        spawn_until(&stop, liveness.clone().watch(tuning));
        spawn_until(&stop, Sweep::new(namespace.clone(), inbox.clone(), tuning).run());
        let owner = Owner::new(restored, clock, journal, tuning.snapshot_every_records, effects);
        let owner = tokio::spawn(owner.run(requests, stop.clone()));
        let logs = Logs { links: links.clone(), inbox: inbox.clone(), client: client(&endpoint, &secret) };
        let cluster = directory.cluster;
        let front = Front {
            inbox,
            links: links.clone(),
            liveness,
            namespace: namespace.clone(),
            orders,
            logs,
            living: alive,
            cluster,
            tuning,
            stop: stop.clone(),
        };
        let server = tokio::spawn(listener.serve(secret.clone(), Arc::new(front), stop.clone()));
        tracing::info!(%endpoint, "the master serves");
        Ok(Master { endpoint, secret, owner, server, stop, namespace, links, _directory: directory })
    }

    /// Where it listens: with the port that was free.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Until it was stopped, or cannot make anything durable any more.
    pub async fn wait(self) -> Result<(), MasterError> {
        let Master { mut owner, server, stop, namespace, links, .. } = self;
        let ended = tokio::select! {
            ended = &mut owner => ended,
            () = namespace.failed() => {
                stop.cancel();
                owner.await
            }
        };
        stop.cancel();
        let _ = server.await;
        links.close_all();
        match ended {
            Ok(result) => result,
            Err(error) => Err(MasterError::Stopped(error.to_string())),
        }
    }
}

fn spawn_until(stop: &CancellationToken, work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(stop.clone().run_until_cancelled_owned(work));
}

/// The master reads stored logs as any client would.
fn client(endpoint: &Endpoint, secret: &Secret) -> Client {
    Client::new(ClientOptions {
        master: endpoint.clone(),
        credential: Credential::Cluster(secret.clone()),
        user: "skep".to_owned(),
        host: String::new(),
        worker: None,
        patience: Duration::from_secs(5),
    })
}
