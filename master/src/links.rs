//! Control connections of workers, and the provider's: what is told to a worker goes to the connection that it has now, in order.
//!
//! Each connection has a bounded queue and a task that writes it, so that a slow worker holds up nobody. One that falls
//! behind by a whole queue is disconnected: it registers again, and is compared with what is believed.

use crate::{
    core::event::Session,
    limits::{LINK_QUEUE_MAX, PROVIDER_QUEUE_MAX},
};
use serde::Serialize;
use skep_hdfs::WorkerId;
use skep_jobs::protocol::{provider::ProviderOrder, worker::MasterTell};
use skep_wire::Peer;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc;

#[derive(Clone, Default)]
pub struct Links {
    links: Arc<Mutex<BTreeMap<WorkerId, Link>>>,
}

struct Link {
    session: Session,
    peer: Peer,
    queue: mpsc::Sender<MasterTell>,
}

impl Links {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Link>> {
        // The map is whole between any two of its operations.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker registered on this connection; an older one is closed.
    pub fn open(&self, worker: WorkerId, session: Session, peer: Peer) {
        let (queue, messages) = mpsc::channel(LINK_QUEUE_MAX);
        tokio::spawn(carry(peer.clone(), messages));
        let old = self.lock().insert(worker, Link { session, peer, queue });
        if let Some(old) = old {
            old.peer.close();
        }
    }

    pub fn close(&self, worker: WorkerId) {
        if let Some(link) = self.lock().remove(&worker) {
            link.peer.close();
        }
    }

    /// The master ends.
    pub fn close_all(&self) {
        std::mem::take(&mut *self.lock()).into_values().for_each(|link| link.peer.close());
    }

    /// The connection ended by itself. Says whether it was the worker's present one.
    pub fn ended(&self, worker: WorkerId, session: Session) -> bool {
        let mut links = self.lock();
        let current = links.get(&worker).is_some_and(|link| link.session == session);
        if current {
            links.remove(&worker);
        }
        current
    }

    /// Queues messages for the session; drops them if the worker has another one by now.
    pub fn tell(&self, worker: WorkerId, session: Session, tells: impl IntoIterator<Item = MasterTell>) {
        if let Some(link) = self.lock().get(&worker).filter(|link| link.session == session) {
            tells.into_iter().for_each(|tell| link.push(worker, tell));
        }
    }

    /// Queues a message for whatever session the worker has.
    pub fn tell_any(&self, worker: WorkerId, tell: MasterTell) {
        if let Some(link) = self.lock().get(&worker) {
            link.push(worker, tell);
        }
    }

    pub fn peers(&self) -> Vec<(WorkerId, Peer)> {
        self.lock().iter().map(|(worker, link)| (*worker, link.peer.clone())).collect()
    }
}

impl Link {
    fn push(&self, worker: WorkerId, tell: MasterTell) {
        if self.queue.try_send(tell).is_err() && !self.peer.is_closed() {
            tracing::warn!(%worker, "it does not take its messages; disconnecting it");
            self.peer.close();
        }
    }
}

/// Writes what waits. A message that cannot be written ends the connection: whoever is there registers again.
async fn carry<M: Serialize + Sync>(peer: Peer, mut messages: mpsc::Receiver<M>) {
    while let Some(message) = messages.recv().await {
        if let Err(error) = peer.tell(&message).await {
            tracing::info!(remote = peer.remote(), %error, "a message was not written; connection closed");
            return peer.close();
        }
    }
}

/// The connection of whoever can start and stop workers.
pub struct ProviderLink {
    pub session: Session,
    queue: mpsc::Sender<ProviderOrder>,
}

impl ProviderLink {
    pub fn start(session: Session, peer: Peer) -> ProviderLink {
        let (queue, orders) = mpsc::channel(PROVIDER_QUEUE_MAX);
        tokio::spawn(carry(peer, orders));
        ProviderLink { session, queue }
    }

    /// An order that does not fit is given again by the scheduler when nothing comes of it.
    pub fn order(&self, order: ProviderOrder) {
        if self.queue.try_send(order).is_err() {
            tracing::warn!("the provider does not take its orders");
        }
    }
}
