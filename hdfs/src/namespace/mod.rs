//! The thin server around the namespace core: one task owns it, everybody else holds a handle.
//!
//! * [`owner`] is that task: events in, records to the journal, everything else out once those are durable.
//! * [`service`] lets wire's peers call the handle.

mod gate;
mod owner;
mod service;

#[cfg(test)]
mod tests;

pub use service::NamespaceService;

use crate::{
    Epoch, WorkerId,
    core::{
        Core,
        durable::Durable,
        event::{Event, Record},
    },
    journal::{Journal, JournalError, Lsn, Replay},
    limits::NAMESPACE_INBOX,
    protocol::{
        control::{BlockCommand, BlockReport, Capacity, Replica},
        namespace::{ClusterStatus, Location, NamespaceAnswer, NamespaceCall, NamespaceError},
    },
};
use owner::{Message, Owner};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{mpsc, oneshot, watch};

/// Format of snapshots and records; the first byte of each.
const FORMAT: u8 = 2;

/// What readers see, published after batches of events; never a lock on the core.
#[derive(Debug, Clone, Default)]
pub struct NamespaceView {
    pub cluster: Option<ClusterStatus>,
    pub workers: BTreeMap<WorkerId, WorkerStorage>,
}

/// A core worker as the namespace sees it.
#[derive(Debug, Clone, Default)]
pub struct WorkerStorage {
    pub capacity: Capacity,
    pub blocks: u64,
    /// Bytes that must be copied elsewhere before this worker may go: blocks whose other live replicas are fewer than
    /// their file asks for (capped by the workers that stay).
    pub bytes_to_move: u64,
    /// Blocks of which it holds the only good replica.
    pub sole_blocks: u64,
    /// Blocks that writers are sending to it.
    pub open_files: u64,
    pub draining: bool,
}

/// A handle on the running namespace; cheap to clone.
#[derive(Clone)]
pub struct Namespace {
    inbox: mpsc::Sender<Message>,
    view: watch::Receiver<Arc<NamespaceView>>,
}

impl Namespace {
    /// Restores the core and starts its task. Commands to workers come out of the receiver; the master's membership
    /// routes them.
    pub fn start(
        journal: Journal,
        replay: Replay,
    ) -> Result<(Namespace, mpsc::Receiver<(WorkerId, BlockCommand)>), JournalError> {
        let mut newest = Lsn(replay.snapshot.as_ref().map_or(0, |(lsn, _)| *lsn));
        let snapshot = match replay.snapshot {
            Some((lsn, bytes)) => Some(open::<Durable>(lsn, &bytes)?),
            None => None,
        };
        let mut log = Vec::with_capacity(replay.entries.len());
        for (lsn, bytes) in replay.entries {
            newest = newest.max(Lsn(lsn));
            log.push(open::<Record>(lsn, &bytes)?);
        }
        let core = Core::restore(snapshot, log, owner::clock());
        let (inbox, messages) = mpsc::channel(NAMESPACE_INBOX);
        let (publish, view) = watch::channel(Arc::new(core.view()));
        let (commands, routed) = mpsc::channel(NAMESPACE_INBOX);
        tokio::spawn(Owner::new(core, journal, newest, publish, commands).run(messages));
        Ok((Namespace { inbox, view }, routed))
    }

    /// Answered when what it did is durable.
    pub async fn call(&self, call: NamespaceCall) -> NamespaceAnswer {
        let (answer, wait) = oneshot::channel();
        let stopped = || NamespaceError::Unavailable("its namespace has stopped".to_owned());
        self.inbox.send(Message::Call { call, answer }).await.map_err(|_| stopped())?;
        wait.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// A core worker registered (again). `replicas` is its full inventory.
    pub async fn joined(
        &self,
        location: Location,
        epoch: Epoch,
        capacity: Capacity,
        draining: bool,
        replicas: Vec<Replica>,
    ) {
        self.event(Event::Joined { location, epoch, capacity, draining, replicas }).await;
    }

    /// A report of a registered worker. One with an older epoch is dropped.
    pub async fn report(&self, worker: WorkerId, epoch: Epoch, report: BlockReport) {
        self.event(Event::Report { worker, epoch, report }).await;
    }

    /// No new replicas go to a draining worker, and its blocks are copied elsewhere.
    pub async fn draining(&self, worker: WorkerId, draining: bool) {
        self.event(Event::Draining { worker, draining }).await;
    }

    /// What the disks of a registered worker can hold now, as its beats tell: new blocks are placed by it.
    pub async fn capacity(&self, worker: WorkerId, epoch: Epoch, capacity: Capacity) {
        self.event(Event::Capacity { worker, epoch, capacity }).await;
    }

    /// The one way for a worker to be gone.
    pub async fn gone(&self, worker: WorkerId, epoch: Epoch) {
        self.event(Event::Gone { worker, epoch }).await;
    }

    pub fn view(&self) -> watch::Receiver<Arc<NamespaceView>> {
        self.view.clone()
    }

    /// Returns when the namespace can no longer make anything durable: the process must end.
    pub async fn failed(&self) {
        self.inbox.closed().await;
    }

    /// After a failure of the journal events go nowhere: the process is about to end.
    async fn event(&self, event: Event) {
        let _ = self.inbox.send(Message::Event(event)).await;
    }
}

fn seal<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    skep_wire::codec::encode_into(value, &mut bytes);
    bytes
}

fn open<T: serde::de::DeserializeOwned>(lsn: u64, bytes: &[u8]) -> Result<T, JournalError> {
    let failed = |reason| JournalError::Storage { path: format!("namespace record {lsn}"), reason };
    match bytes.split_first() {
        Some((&FORMAT, body)) => {
            skep_wire::codec::decode_stored(body).map_err(|error| failed(error.to_string()))
        }
        Some((format, _)) => Err(failed(format!(
            "it has format {format}, this release reads {FORMAT}: use the release that wrote it"
        ))),
        None => Err(failed("it is empty".to_owned())),
    }
}
