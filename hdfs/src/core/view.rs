//! What readers outside see of the core: storage of the cluster and of each worker.

use super::Core;
use crate::namespace::{NamespaceView, WorkerStorage};

impl Core {
    /// Costs a little for each worker, and nothing for each block.
    pub fn view(&self) -> NamespaceView {
        let takers = self.replicas.takers();
        let storage = self.replicas.workers.iter().map(|(id, worker)| {
            // Were this worker to leave, so many would stay.
            let stayers = takers - usize::from(!worker.draining);
            let storage = WorkerStorage {
                capacity: worker.capacity,
                blocks: worker.blocks.len() as u64,
                bytes_to_move: self.holdings.bytes_to_move(*id, stayers),
                sole_blocks: self.holdings.sole_blocks(*id),
                open_files: worker.writing.len() as u64,
                draining: worker.draining,
            };
            (*id, storage)
        });
        NamespaceView { cluster: Some(self.cluster()), workers: storage.collect() }
    }
}
