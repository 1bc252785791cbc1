//! The services behind the master's one listener, and who may open them.
//!
//! | service | who | what |
//! | --- | --- | --- |
//! | `namespace` | cluster, and jobs while they live: a connection of a job ends with it | files |
//! | `jobs` | cluster | submit, watch, kill, resize ([`clients`]) |
//! | `worker`, `beat` | cluster | the control connection ([`workers`]) and the liveness connection of a worker |
//! | `provider` | cluster | whoever can start and stop workers ([`provider`]) |

mod beats;
mod clients;
mod provider;
mod workers;

use crate::{
    links::Links, liveness::Liveness, logs::Logs, options::Tuning, owner::Request, storage::StorageOrder,
};
use skep_hdfs::{
    namespace::{Namespace, NamespaceService},
    protocol::NAMESPACE_SERVICE,
};
use skep_jobs::{
    model::JobId,
    protocol::{BEAT_SERVICE, JOBS_SERVICE, PROVIDER_SERVICE, WORKER_SERVICE},
};
use skep_wire::{Acceptor, Connection, Identity, Mode, Peer, handshake::Refusal};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// What every service works with.
pub struct Front {
    pub inbox: mpsc::Sender<Request>,
    pub links: Links,
    pub liveness: Liveness,
    pub namespace: Namespace,
    pub orders: mpsc::Sender<StorageOrder>,
    pub logs: Logs,
    pub living: watch::Receiver<BTreeSet<JobId>>,
    pub cluster: u64,
    pub tuning: Tuning,
    pub stop: CancellationToken,
}

impl Acceptor for Front {
    fn admit(&self, service: &str, mode: Mode, identity: &Identity) -> Result<(), Refusal> {
        let service_name = service.to_owned();
        match (service, mode, identity) {
            (NAMESPACE_SERVICE, Mode::Calls, Identity::Job(job)) => {
                let lives = is_living(job, &self.living.borrow());
                if lives { Ok(()) } else { Err(Refusal::JobOver { service: service_name }) }
            }
            (
                NAMESPACE_SERVICE | JOBS_SERVICE | WORKER_SERVICE | BEAT_SERVICE | PROVIDER_SERVICE,
                Mode::Calls,
                Identity::Cluster,
            ) => Ok(()),
            (JOBS_SERVICE | WORKER_SERVICE | BEAT_SERVICE | PROVIDER_SERVICE, _, Identity::Job(_)) => {
                Err(Refusal::Forbidden { service: service_name })
            }
            _ => Err(Refusal::Service { service: service_name }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        let service = connection.service.clone();
        match service.as_str() {
            NAMESPACE_SERVICE => {
                let identity = connection.identity.clone();
                let peer = Peer::start(connection, Arc::new(NamespaceService(self.namespace.clone())));
                tokio::select! {
                    () = peer.closed() => {}
                    () = over(&identity, self.living.clone()) => peer.close(),
                }
            }
            JOBS_SERVICE => Peer::start(connection, Arc::new(clients::JobService(self))).closed().await,
            BEAT_SERVICE => {
                Peer::start(connection, Arc::new(beats::Beats(self.liveness.clone()))).closed().await;
            }
            WORKER_SERVICE => workers::serve(self, connection).await,
            PROVIDER_SERVICE => provider::serve(self, connection).await,
            _ => {}
        }
    }
}

fn is_living(job: &str, living: &BTreeSet<JobId>) -> bool {
    job.parse().is_ok_and(|job: JobId| living.contains(&job))
}

/// Returns when the job that opened a connection is over; never for the cluster's own.
async fn over(identity: &Identity, mut living: watch::Receiver<BTreeSet<JobId>>) {
    match identity {
        Identity::Cluster => std::future::pending().await,
        // An error says that the master ends.
        Identity::Job(job) => drop(living.wait_for(|living| !is_living(job, living)).await),
    }
}
