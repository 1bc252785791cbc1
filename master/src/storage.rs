//! The master's other tenant: what the namespace must hear of workers, in order, and what it has to say.

use crate::{
    core::event::{Event, StorageFacts, StoredThere},
    limits::STORAGE_FACTS_EVERY,
    links::Links,
    owner::Request,
    requests::{Welcome, location},
};
use skep_hdfs::{
    Epoch, WorkerId,
    namespace::{Namespace, NamespaceView},
    protocol::control::BlockCommand,
};
use skep_jobs::protocol::{
    client::Role,
    worker::{MasterTell, RegisterError, Registration},
};
use tokio::sync::{mpsc, oneshot};

/// For the namespace, in the order of the scheduler's decisions.
pub enum StorageOrder {
    /// Answered to the worker when the namespace has taken its replicas in.
    Joined {
        worker: WorkerId,
        registration: Box<Registration>,
        welcome: Welcome,
        reply: oneshot::Sender<Result<Welcome, RegisterError>>,
    },
    Drain {
        worker: WorkerId,
        draining: bool,
    },
    Gone {
        worker: WorkerId,
        epoch: Epoch,
    },
    /// Answered when all earlier ones were carried out.
    Settle {
        reply: oneshot::Sender<()>,
    },
}

pub async fn carry_orders(namespace: Namespace, mut orders: mpsc::Receiver<StorageOrder>) {
    while let Some(order) = orders.recv().await {
        match order {
            StorageOrder::Joined { worker, registration, welcome, reply } => {
                if registration.role == Role::Core {
                    let location = location(worker, &registration);
                    let Registration { epoch, capacity, replicas, .. } = *registration;
                    namespace.joined(location, epoch, capacity, false, replicas).await;
                }
                let _ = reply.send(Ok(welcome));
            }
            StorageOrder::Drain { worker, draining } => namespace.draining(worker, draining).await,
            StorageOrder::Gone { worker, epoch } => namespace.gone(worker, epoch).await,
            StorageOrder::Settle { reply } => drop(reply.send(())),
        }
    }
}

/// Commands of the namespace go out on the workers' control connections.
pub async fn route_commands(links: Links, mut commands: mpsc::Receiver<(WorkerId, BlockCommand)>) {
    while let Some((worker, command)) = commands.recv().await {
        links.tell_any(worker, MasterTell::Blocks(command));
    }
}

/// Tells the scheduler what keeps workers from leaving, whenever it changed.
pub async fn watch_facts(namespace: Namespace, inbox: mpsc::Sender<Request>) {
    let mut view = namespace.view();
    let mut last = StorageFacts::default();
    loop {
        let facts = facts(&view.borrow_and_update().clone(), 1);
        if facts != last {
            last = facts.clone();
            if inbox.send(Request::Event(Event::Storage(facts))).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(STORAGE_FACTS_EVERY).await;
        if view.changed().await.is_err() {
            return;
        }
    }
}

/// `replication`: what the stored files have at most.
pub fn facts(view: &NamespaceView, replication: u32) -> StorageFacts {
    let stored = view.workers.iter().map(|(worker, storage)| {
        let stored = StoredThere {
            draining: storage.draining,
            blocks: storage.blocks,
            bytes_to_move: storage.bytes_to_move,
            open_files: storage.open_files,
        };
        (*worker, stored)
    });
    StorageFacts { workers: stored.collect(), safe_core_min: safe_core_min(view, replication) }
}

/// The fewest core workers that have the room for all that is stored, and a worker for each replica; but never more than
/// there are, because files were already stored with fewer replicas then.
fn safe_core_min(view: &NamespaceView, replication: u32) -> u32 {
    let staying: Vec<_> = view.workers.values().filter(|storage| !storage.draining).collect();
    let mut room: Vec<u64> =
        staying.iter().map(|storage| storage.capacity.used_bytes + storage.capacity.free_bytes).collect();
    room.sort_unstable_by_key(|bytes| std::cmp::Reverse(*bytes));
    let used: u64 = view.workers.values().map(|storage| storage.capacity.used_bytes).sum();
    let mut sum = 0;
    let fits = room.iter().take_while(|bytes| {
        let short = sum < used;
        sum += **bytes;
        short
    });
    let by_room = fits.count() as u32;
    by_room.max(replication).min(staying.len() as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_hdfs::{namespace::WorkerStorage, protocol::control::Capacity};

    fn view(used: &[u64]) -> NamespaceView {
        let worker = |(index, used): (usize, &u64)| {
            let capacity = Capacity { total_bytes: 100, used_bytes: *used, free_bytes: 100 - used };
            (WorkerId(index as u32), WorkerStorage { capacity, ..WorkerStorage::default() })
        };
        NamespaceView { cluster: None, workers: used.iter().enumerate().map(worker).collect() }
    }

    #[test]
    fn the_safe_minimum_has_room_for_everything_and_a_worker_for_each_replica() {
        assert_eq!(safe_core_min(&view(&[10, 10, 10, 10]), 1), 1);
        assert_eq!(safe_core_min(&view(&[60, 60, 60, 60]), 1), 3);
        assert_eq!(safe_core_min(&view(&[10, 10, 10, 10]), 3), 3);
        assert_eq!(safe_core_min(&view(&[10, 10]), 3), 2);
        assert_eq!(safe_core_min(&view(&[]), 3), 1);
    }
}
