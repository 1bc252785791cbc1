//! What goes to workers and to the provider: one bounded queue and one task for each connection, in order.

use crate::{
    core::event::{Header, Session, Tell},
    limits::{LAUNCHES_PER_TELL, OUTBOX_MAX},
};
use skep_hdfs::{WorkerId, namespace::Namespace, protocol::control::BlockCommand};
use skep_jobs::protocol::{
    provider::ProviderOrder,
    worker::{JobHeader, Launch, MasterTell},
};
use skep_wire::{Peer, Secret};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// The connections of registered workers.
pub struct Outboxes {
    secret: Secret,
    namespace: Namespace,
    open: BTreeMap<WorkerId, Outbox>,
}

struct Outbox {
    session: Session,
    peer: Peer,
    queue: mpsc::Sender<MasterTell>,
    /// Launches of the same turn go in one message.
    launches: Vec<Launch>,
}

impl Outbox {
    /// A worker that does not read what it is told is cut off: it registers again with what it has.
    fn push(&mut self, tell: MasterTell) {
        if self.queue.try_send(tell).is_err() {
            tracing::warn!(
                worker = self.peer.remote(),
                "the worker does not take its messages; connection closed"
            );
            self.peer.close();
        }
    }

    fn flush(&mut self) {
        if !self.launches.is_empty() {
            let launches = std::mem::take(&mut self.launches);
            self.push(MasterTell::Launch(launches));
        }
    }
}

impl Outboxes {
    pub fn new(secret: Secret, namespace: Namespace) -> Outboxes {
        Outboxes { secret, namespace, open: BTreeMap::new() }
    }

    pub fn open(&mut self, worker: WorkerId, session: Session, peer: Peer) {
        let (queue, waiting) = mpsc::channel(OUTBOX_MAX);
        tokio::spawn(carry(peer.clone(), waiting));
        let outbox = Outbox { session, peer, queue, launches: Vec::new() };
        if let Some(before) = self.open.insert(worker, outbox) {
            before.peer.close();
        }
    }

    /// What was meant for an older connection goes nowhere.
    pub fn tell(&mut self, worker: WorkerId, session: Session, tell: Tell) {
        let secret = &self.secret;
        let Some(outbox) = self.open.get_mut(&worker).filter(|outbox| outbox.session == session) else {
            return;
        };
        if let Tell::Launch(launch) = tell {
            outbox.launches.push(*launch);
            if outbox.launches.len() >= LAUNCHES_PER_TELL {
                outbox.flush();
            }
            return;
        }
        outbox.flush();
        outbox.push(match tell {
            Tell::Job(header) => MasterTell::Job(Box::new(job_header(secret, &header))),
            Tell::Launch(launch) => MasterTell::Launch(vec![*launch]),
            Tell::Kill { attempts, reason } => MasterTell::Kill { attempts, reason },
            Tell::Noted(attempts) => MasterTell::Noted(attempts),
            Tell::DropOutputs(outputs) => MasterTell::DropOutputs(outputs),
            Tell::JobOver(job) => MasterTell::JobOver(job),
            Tell::Drain(on) => MasterTell::Drain(on),
            Tell::Leave { forget } => MasterTell::Leave { forget },
        });
    }

    pub fn blocks(&mut self, worker: WorkerId, command: BlockCommand) {
        if let Some(outbox) = self.open.get_mut(&worker) {
            outbox.push(MasterTell::Blocks(command));
        }
    }

    /// Sends the launches that gathered.
    pub fn flush(&mut self) {
        self.open.retain(|_, outbox| !outbox.peer.is_closed());
        self.open.values_mut().for_each(Outbox::flush);
    }

    /// Tells the namespace to move what the worker stores, or no longer.
    pub fn storage_drain(&self, worker: WorkerId, draining: bool) {
        let namespace = self.namespace.clone();
        tokio::spawn(async move { namespace.draining(worker, draining).await });
    }
}

fn job_header(secret: &Secret, header: &Header) -> JobHeader {
    let spec = &header.spec;
    JobHeader {
        job: header.job,
        name: spec.name.clone(),
        user: spec.user.clone(),
        program: spec.program.clone(),
        conf: spec.conf.clone(),
        token: secret.token_for(&header.job.to_string()),
        memory_bytes: header.memory_bytes,
    }
}

async fn carry<M: serde::Serialize + Sync>(peer: Peer, mut waiting: mpsc::Receiver<M>) {
    while let Some(message) = waiting.recv().await {
        if peer.tell(&message).await.is_err() {
            return;
        }
    }
}

/// The provider's connection.
pub struct ProviderLink {
    pub session: Session,
    queue: mpsc::Sender<ProviderOrder>,
}

impl ProviderLink {
    pub fn start(session: Session, peer: Peer) -> ProviderLink {
        let (queue, waiting) = mpsc::channel(OUTBOX_MAX);
        tokio::spawn(carry(peer, waiting));
        ProviderLink { session, queue }
    }

    /// An order that does not fit is given again by the core when nothing comes of it.
    pub fn order(&self, order: ProviderOrder) {
        if self.queue.try_send(order).is_err() {
            tracing::warn!("the provider does not take its orders");
        }
    }
}
