//! Starting a master: its data directory, its journal, its namespace, its scheduler, its port.

use crate::{
    directory::Directory,
    error::MasterError,
    liveness::Liveness,
    outbox::Outboxes,
    scheduler::{Clock, Owner, Scheduler, restore},
    services::{Connections, Services},
    storage,
};
use skep_hdfs::{
    journal::{Journal, Section},
    namespace::Namespace,
};
use skep_wire::{Endpoint, Listener};
use std::{path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone)]
pub struct MasterOptions {
    /// `host:0` takes a free port.
    pub listen: Endpoint,
    pub data: PathBuf,
}

/// A running master.
pub struct Master {
    /// Where it listens.
    pub endpoint: Endpoint,
    scheduler: Scheduler,
    namespace: Namespace,
    stop: CancellationToken,
}

/// Runs a master until `stop`, or until it can no longer make anything durable.
pub async fn run(options: MasterOptions, stop: CancellationToken) -> Result<(), MasterError> {
    Master::start(options, stop).await?.wait().await
}

impl Master {
    /// Returns when it listens.
    pub async fn start(options: MasterOptions, stop: CancellationToken) -> Result<Master, MasterError> {
        let directory = Directory::open(&options.data)?;
        let listener = Listener::bind(&options.listen).await.map_err(|source| MasterError::Listen {
            endpoint: options.listen.clone(),
            source: Arc::new(source),
        })?;
        let (journal, mut replay) = Journal::open(&directory.journal)?;
        let clock = Clock::start();
        let started_ms = clock.now().0;
        let stored = replay.remove(&Section::Namespace).unwrap_or_default();
        let (namespace, commands) = Namespace::start(journal.clone(), stored)?;
        let (core, newest) = restore(clock.now(), replay.remove(&Section::Scheduler).unwrap_or_default())?;
        let outboxes = Outboxes::new(directory.secret.clone(), namespace.clone());
        let scheduler = Owner::start(core, clock, journal, newest, outboxes);
        let liveness = Liveness::new(scheduler.clone(), namespace.clone());
        let endpoint = listener.endpoint.clone();
        let services = Arc::new(Services {
            scheduler: scheduler.clone(),
            namespace: namespace.clone(),
            liveness: liveness.clone(),
            connections: Connections::default(),
            cluster: directory.cluster,
            endpoint: endpoint.clone(),
            started_ms,
        });
        spawn_until(&stop, storage::report(namespace.clone(), scheduler.clone()));
        spawn_until(&stop, storage::route(commands, scheduler.clone()));
        spawn_until(&stop, liveness.watch());
        spawn_until(&stop, listener.serve(directory.secret, services, stop.clone()));
        tracing::info!(%endpoint, data = %options.data.display(), "master listens");
        Ok(Master { endpoint, scheduler, namespace, stop })
    }

    /// Until it is stopped, or fails.
    pub async fn wait(self) -> Result<(), MasterError> {
        tokio::select! {
            () = self.stop.cancelled() => Ok(()),
            () = self.scheduler.ended() => self.failed(),
            () = self.namespace.failed() => self.failed(),
        }
    }

    fn failed(&self) -> Result<(), MasterError> {
        if self.stop.is_cancelled() {
            return Ok(());
        }
        self.stop.cancel();
        Err(MasterError::Stopped)
    }
}

fn spawn_until(stop: &CancellationToken, work: impl Future<Output = ()> + Send + 'static) {
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    });
}
