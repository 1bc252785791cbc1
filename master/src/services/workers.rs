//! The control connection of a worker: it registers with all it has, then tells what happens.

use super::Services;
use crate::{
    core::event::{Event, Joining},
    limits::BEAT_EVERY,
    scheduler::Message,
};
use skep_hdfs::{Epoch, WorkerId, protocol::namespace::Location};
use skep_jobs::protocol::{
    client::Role,
    worker::{RegisterError, Registration, WorkerAnswer, WorkerCall, WorkerReply, WorkerTell},
};
use skep_wire::{Connection, Peer, Service};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

struct Workers {
    services: Arc<Services>,
    who: OnceLock<(WorkerId, Epoch)>,
}

pub async fn serve(services: Arc<Services>, connection: Connection) {
    let workers = Arc::new(Workers { services: Arc::clone(&services), who: OnceLock::new() });
    Peer::start(connection, Arc::clone(&workers)).closed().await;
    if let Some((worker, epoch)) = workers.who.get() {
        services.connections.closed(*worker, *epoch);
        services.liveness.disconnected(*worker, *epoch).await;
    }
}

impl Service for Workers {
    type Call = WorkerCall;
    type Answer = WorkerAnswer;
    type Tell = WorkerTell;

    async fn call(&self, from: &Peer, call: WorkerCall) -> WorkerAnswer {
        let WorkerCall::Register(registration) = call;
        self.register(from, *registration).await
    }

    async fn tell(&self, _from: &Peer, tell: WorkerTell) {
        let Some((worker, epoch)) = self.who.get().copied() else { return };
        let event = match tell {
            WorkerTell::Outcomes(outcomes) => Event::Outcomes { worker, epoch, outcomes },
            WorkerTell::Progress(progress) => Event::Progress { worker, epoch, progress },
            WorkerTell::OutputsLost(outputs) => Event::OutputsLost { worker, epoch, outputs },
            WorkerTell::Leaving { within_ms } => {
                Event::Leaving { worker, epoch, within: Duration::from_millis(within_ms) }
            }
            WorkerTell::Blocks(report) => return self.services.namespace.report(worker, epoch, report).await,
            // The core sees for itself when nothing is left there.
            WorkerTell::Empty => return,
        };
        self.services.scheduler.event(event).await;
    }
}

impl Workers {
    async fn register(&self, from: &Peer, registration: Registration) -> WorkerAnswer {
        let services = &self.services;
        if let Some(theirs) = registration.cluster.filter(|theirs| *theirs != services.cluster) {
            return Err(RegisterError::WrongCluster { ours: services.cluster, theirs });
        }
        let Registration { epoch, role, endpoint, capacity, draining, replicas, .. } = registration;
        let location = Location {
            worker: registration.worker.unwrap_or(WorkerId(0)),
            endpoint: endpoint.clone(),
            host: registration.host,
            socket: Some(registration.socket),
        };
        let joining = Box::new(Joining {
            worker: registration.worker,
            epoch,
            role,
            location: location.clone(),
            process: registration.process,
            slots: registration.slots,
            memory_bytes: registration.memory_bytes,
            draining,
            running: registration.running,
            outcomes: registration.outcomes,
            outputs: registration.outputs,
        });
        let peer = from.clone();
        let joined = services.scheduler.answer(|answer| Message::Join { joining, peer, answer }).await;
        let joined =
            joined.unwrap_or_else(|| Err(RegisterError::Unavailable("it is stopping".to_owned())))?;
        let worker = joined.worker;
        let _ = self.who.set((worker, epoch));
        services.liveness.registered(worker, epoch, endpoint, capacity);
        services.connections.opened(worker, epoch, from.clone());
        if role == Role::Core {
            let location = Location { worker, ..location };
            services.namespace.joined(location, epoch, capacity, draining, replicas).await;
        }
        tracing::info!(%worker, %epoch, ?role, "worker registered");
        let beat_every_ms = u64::try_from(BEAT_EVERY.as_millis()).unwrap_or(u64::MAX);
        Ok(WorkerReply::Registered { worker, cluster: services.cluster, jobs: joined.jobs, beat_every_ms })
    }
}
