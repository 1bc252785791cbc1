//! Between the namespace and the scheduler: what is stored where, and commands to those who store it.

use crate::{
    core::event::{Event, StorageFacts, StoredThere},
    scheduler::{Message, Scheduler},
};
use skep_hdfs::{
    WorkerId,
    namespace::{Namespace, NamespaceView},
    protocol::control::BlockCommand,
};
use tokio::sync::mpsc;

/// Tells the scheduler whenever what it must heed has changed.
pub async fn report(namespace: Namespace, scheduler: Scheduler) {
    let mut view = namespace.view();
    let mut told = StorageFacts::default();
    loop {
        let facts = facts(&view.borrow_and_update());
        if facts != told {
            told.clone_from(&facts);
            scheduler.event(Event::Storage(facts)).await;
        }
        if view.changed().await.is_err() {
            return;
        }
    }
}

pub async fn route(mut commands: mpsc::Receiver<(WorkerId, BlockCommand)>, scheduler: Scheduler) {
    while let Some((worker, command)) = commands.recv().await {
        scheduler.send(Message::Blocks { worker, command }).await;
    }
}

fn facts(view: &NamespaceView) -> StorageFacts {
    let there = |storage: &skep_hdfs::namespace::WorkerStorage| StoredThere {
        draining: storage.draining,
        blocks: storage.blocks,
        bytes_to_move: storage.bytes_to_move,
        open_files: storage.open_files,
    };
    StorageFacts {
        workers: view.workers.iter().map(|(worker, storage)| (*worker, there(storage))).collect(),
        safe_core_min: safe_core_min(view),
    }
}

/// The fewest workers, the largest first, that have room for all bytes that are stored now, replicas included; at least
/// one.
fn safe_core_min(view: &NamespaceView) -> u32 {
    let mut rooms: Vec<u64> = view
        .workers
        .values()
        .map(|storage| storage.capacity.used_bytes + storage.capacity.free_bytes)
        .collect();
    rooms.sort_unstable_by(|left, right| right.cmp(left));
    let mut left: u64 = view.workers.values().map(|storage| storage.capacity.used_bytes).sum();
    let mut count = 0;
    for room in rooms {
        count += 1;
        left = left.saturating_sub(room);
        if left == 0 {
            break;
        }
    }
    count.max(1)
}
