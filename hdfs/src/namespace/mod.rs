//! The thin server around the namespace core: one task owns it.

use crate::{
    Epoch, WorkerId,
    journal::{Journal, JournalError, Replay},
    protocol::{
        control::{BlockCommand, BlockReport, Capacity, Replica},
        namespace::{ClusterStatus, Location, NamespaceAnswer, NamespaceCall},
    },
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{mpsc, watch};

/// What readers see, published after each batch of events; never a lock on the core.
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
    /// Open files with a pipeline through it.
    pub open_files: u64,
    pub draining: bool,
}

/// A handle on the running namespace; cheap to clone.
#[derive(Clone)]
pub struct Namespace {}

impl Namespace {
    /// Restores the core and starts its task. Commands to workers come out of the receiver; the master's membership
    /// routes them.
    pub fn start(
        journal: Journal,
        replay: Replay,
    ) -> Result<(Namespace, mpsc::Receiver<(WorkerId, BlockCommand)>), JournalError> {
        let _ = (journal, replay);
        unimplemented!()
    }

    /// Answered when what it did is durable.
    pub async fn call(&self, call: NamespaceCall) -> NamespaceAnswer {
        let _ = call;
        unimplemented!()
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
        let _ = (location, epoch, capacity, draining, replicas);
        unimplemented!()
    }

    /// A report of a registered worker. One with an older epoch is dropped.
    pub async fn report(&self, worker: WorkerId, epoch: Epoch, report: BlockReport) {
        let _ = (worker, epoch, report);
        unimplemented!()
    }

    /// No new replicas go to a draining worker, and its blocks are copied elsewhere.
    pub async fn draining(&self, worker: WorkerId, draining: bool) {
        let _ = (worker, draining);
        unimplemented!()
    }

    /// The one way for a worker to be gone.
    pub async fn gone(&self, worker: WorkerId, epoch: Epoch) {
        let _ = (worker, epoch);
        unimplemented!()
    }

    pub fn view(&self) -> watch::Receiver<Arc<NamespaceView>> {
        unimplemented!()
    }
}
