//! What readers outside see of the core: storage of the cluster and of each worker.

use super::Core;
use crate::namespace::{NamespaceView, WorkerStorage};
use std::collections::BTreeMap;

impl Core {
    pub fn view(&self) -> NamespaceView {
        let mut workers: BTreeMap<_, WorkerStorage> = BTreeMap::new();
        for (id, worker) in &self.replicas.workers {
            let mut storage = WorkerStorage {
                capacity: worker.capacity,
                blocks: worker.blocks.len() as u64,
                open_files: worker.writing.len() as u64,
                draining: worker.draining,
                ..WorkerStorage::default()
            };
            for block in &worker.blocks {
                let Some(facts) = self.durable.blocks.get(block) else { continue };
                let elsewhere = self.replicas.holders(*block).filter(|other| other != id).count();
                let staying = self
                    .replicas
                    .holders(*block)
                    .filter(|other| other != id)
                    .filter(|other| self.replicas.workers.get(other).is_some_and(|worker| !worker.draining))
                    .count();
                // Were this worker to leave, so many replicas would be wanted on those that stay.
                let stayers = self.replicas.takers() - usize::from(!worker.draining);
                let file = self.durable.tree.get(facts.file).and_then(|node| node.file());
                let wanted = file.map_or(1, |file| usize::from(file.replication)).min(stayers).max(1);
                if staying < wanted {
                    storage.bytes_to_move += facts.len_bytes.max(1);
                }
                if elsewhere == 0 {
                    storage.sole_blocks += 1;
                }
            }
            workers.insert(*id, storage);
        }
        NamespaceView { cluster: Some(self.cluster()), workers }
    }

    /// Blocks and nodes: what a view costs.
    pub fn size(&self) -> usize {
        self.durable.blocks.len() + self.durable.tree.node_count()
    }
}
