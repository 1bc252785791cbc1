//! The five conversations of the master, by service name: who may have them, and who serves them.

mod beats;
mod clients;
mod provider;
mod workers;

use crate::{liveness::Liveness, scheduler::Scheduler};
use skep_hdfs::{
    namespace::{Namespace, NamespaceService},
    protocol::NAMESPACE_SERVICE,
};
use skep_jobs::protocol::{BEAT_SERVICE, JOBS_SERVICE, PROVIDER_SERVICE, WORKER_SERVICE};
use skep_wire::{Acceptor, Connection, Endpoint, Identity, Mode, Peer, handshake::Refusal};
use std::sync::Arc;

/// What every conversation needs.
pub struct Services {
    pub scheduler: Scheduler,
    pub namespace: Namespace,
    pub liveness: Liveness,
    pub connections: clients::Connections,
    pub cluster: u64,
    pub endpoint: Endpoint,
    pub started_ms: u64,
}

pub use clients::Connections;

impl Acceptor for Services {
    fn admit(&self, service: &str, mode: Mode, identity: &Identity) -> Result<(), Refusal> {
        let name = service.to_owned();
        let known = [NAMESPACE_SERVICE, JOBS_SERVICE, WORKER_SERVICE, BEAT_SERVICE, PROVIDER_SERVICE];
        if mode != Mode::Calls || !known.contains(&service) {
            return Err(Refusal::Service { service: name });
        }
        match identity {
            Identity::Cluster => Ok(()),
            Identity::Job(_) if service == NAMESPACE_SERVICE => Ok(()),
            Identity::Job(_) => Err(Refusal::Forbidden { service: name }),
        }
    }

    async fn accept(self: Arc<Self>, connection: Connection) {
        match connection.service.as_str() {
            NAMESPACE_SERVICE => {
                let service = NamespaceService(self.namespace.clone());
                Peer::start(connection, Arc::new(service)).closed().await;
            }
            JOBS_SERVICE => Peer::start(connection, Arc::new(clients::Clients(self))).closed().await,
            WORKER_SERVICE => workers::serve(self, connection).await,
            BEAT_SERVICE => {
                Peer::start(connection, Arc::new(beats::Beats(self.liveness.clone()))).closed().await;
            }
            PROVIDER_SERVICE => provider::serve(self, connection).await,
            // Not admitted.
            _ => {}
        }
    }
}
